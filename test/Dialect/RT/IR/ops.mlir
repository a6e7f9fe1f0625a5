// RUN: moe-opt %s --verify-roundtrip | FileCheck %s

// CHECK: rt.weight @plain {source = [#rt.span<"m.onnx", offset = 512, length = 64, hash = 7, tensor<4x4xf32>>]} : tensor<4x4xf32>
rt.weight @plain {source = [#rt.span<"m.onnx", offset = 512, length = 64, hash = 7, tensor<4x4xf32>>]} : tensor<4x4xf32>

// CHECK: rt.weight @"layers.0/w"
// CHECK-SAME: recipe = [#rt.transpose<[1, 0]>, #rt.stack, #rt.cast<bf16>]
// CHECK-SAME: tensor<2x8x2xbf16>
rt.weight @"layers.0/w" {
  source = [#rt.span<"data/m.bin", offset = 0, length = 64, hash = 0, tensor<2x8xf32>>,
            #rt.span<"data/m.bin", offset = 64, length = 64, hash = 0, tensor<2x8xf32>>],
  recipe = [#rt.transpose<[1, 0]>, #rt.stack, #rt.cast<bf16>]} : tensor<2x8x2xbf16>

// Three panels of 16 columns, the last one padded.
// CHECK: rt.weight @panels
// CHECK-SAME: recipe = [#rt.stack, #rt.pack<16>]
// CHECK-SAME: tensor<2x3x4x16xf32>
rt.weight @panels {
  source = [#rt.span<"m.bin", offset = 0, length = 528, hash = 0, tensor<4x33xf32>>,
            #rt.span<"m.bin", offset = 528, length = 528, hash = 0, tensor<4x33xf32>>],
  recipe = [#rt.stack, #rt.pack<16>]} : tensor<2x3x4x16xf32>
// CHECK: rt.weight @pairs
// CHECK-SAME: recipe = [#rt.cast<bf16>, #rt.pack<16, pairs = 2>]
// CHECK-SAME: tensor<3x3x16x2xbf16>
rt.weight @pairs {
  source = [#rt.span<"m.bin", offset = 0, length = 660, hash = 0, tensor<5x33xf32>>],
  recipe = [#rt.cast<bf16>, #rt.pack<16, pairs = 2>]} : tensor<3x3x16x2xbf16>
// One row is no group.
// CHECK: rt.weight @single
// CHECK-SAME: recipe = [#rt.pack<16>]
rt.weight @single {
  source = [#rt.span<"m.bin", offset = 0, length = 660, hash = 0, tensor<5x33xf32>>],
  recipe = [#rt.pack<16, pairs = 1>]} : tensor<3x5x16xf32>
// CHECK: rt.weight @no_columns
// CHECK-SAME: tensor<0x4x16xf32>
rt.weight @no_columns {
  source = [#rt.span<"m.bin", offset = 0, length = 0, hash = 0, tensor<4x0xf32>>],
  recipe = [#rt.pack<16>]} : tensor<0x4x16xf32>

// Empty tensors and scalars are weights too.
rt.weight @empty {source = [#rt.span<"m.onnx", offset = 0, length = 0, hash = 0, tensor<0x4xui8>>]} : tensor<0x4xui8>
rt.weight @scalar {source = [#rt.span<"m.onnx", offset = 0, length = 1, hash = 0, tensor<i1>>]} : tensor<i1>

// CHECK-LABEL: func @weights
func.func @weights() -> (tensor<4x4xf32>, memref<4x4xf32>, tensor<0x4xi8>) {
  // CHECK: rt.weight_ref @plain : tensor<4x4xf32>
  %t = rt.weight_ref @plain : tensor<4x4xf32>
  // CHECK: rt.weight_ref @plain : memref<4x4xf32>
  %m = rt.weight_ref @plain : memref<4x4xf32>
  // Lowering made the elements signless.
  %s = rt.weight_ref @empty : tensor<0x4xi8>
  return %t, %m, %s : tensor<4x4xf32>, memref<4x4xf32>, tensor<0x4xi8>
}

// CHECK-LABEL: func @require
func.func @require(%c: i1) {
  // CHECK: rt.require %{{.*}}, "indices must be in [0, 8)" at "/layers.0/Gather"
  rt.require %c, "indices must be in [0, 8)" at "/layers.0/Gather"
  return
}

// CHECK: func private @interface(tensor<?x4xi8> {rt.dims = ["T", ""], rt.name = "x", rt.type = tensor<?x4xui8>})
// CHECK-SAME: -> (tensor<?x4xf32> {rt.dims = ["T", ""], rt.name = "y"})
func.func private @interface(%x: tensor<?x4xi8> {rt.name = "x", rt.dims = ["T", ""], rt.type = tensor<?x4xui8>})
    -> (tensor<?x4xf32> {rt.name = "y", rt.dims = ["T", ""]})

// CHECK: rt.entry @main
// CHECK-SAME: inputs [#rt.value<"x", tensor<?x4xf32>, ["T", ""]>]
// CHECK-SAME: outputs [#rt.value<"y", tensor<i1>, []>]
rt.entry @main
  inputs [#rt.value<"x", tensor<?x4xf32>, ["T", ""]>]
  outputs [#rt.value<"y", tensor<i1>, []>]

// CHECK: rt.layer @layers.0.moe {counted, experts = 8 : i64, null_experts = 4 : i64, slots = 3 : i64}
rt.layer @layers.0.moe {counted, experts = 8 : i64, null_experts = 4 : i64, slots = 3 : i64}
// CHECK: rt.layer @shared {experts = 1 : i64, null_experts = 0 : i64, slots = 1 : i64}
rt.layer @shared {experts = 1 : i64, null_experts = 0 : i64, slots = 1 : i64}

// CHECK-LABEL: func @count
func.func @count(%n: index, %e: index) {
  // CHECK: rt.count @layers.0.moe tokens by %{{.*}}
  rt.count @layers.0.moe tokens by %n
  // CHECK: rt.count @layers.0.moe expert_flops by %{{.*}}
  rt.count @layers.0.moe expert_flops by %n
  // CHECK: rt.count @layers.0.moe expert_slots of %{{.*}} by %{{.*}}
  rt.count @layers.0.moe expert_slots of %e by %n
  return
}

// CHECK-LABEL: func.func @parallel
func.func @parallel(%out: memref<?xindex>) {
  // CHECK: %[[N:.*]] = rt.num_threads
  %n = rt.num_threads
  // CHECK: rt.parallel %[[I:.*]] below %[[N]] {
  // CHECK-NEXT: memref.store %[[I]]
  rt.parallel %i below %n {
    memref.store %i, %out[%i] : memref<?xindex>
  }
  // CHECK: rt.parallel %{{.*}} below %[[N]] attributes {test.named} {
  rt.parallel %i below %n attributes {test.named} {
  }
  return
}

// CHECK: rt.timer @layers.0.moe_gate gate at "layers.0.moe/gate" of @layers.0.moe
rt.timer @layers.0.moe_gate gate at "layers.0.moe/gate" of @layers.0.moe
// CHECK: rt.timer @norm reduction at "/norm"
rt.timer @norm reduction at "/norm"

// CHECK-LABEL: func.func @time
func.func @time(%n: index) {
  // CHECK: %[[START:.*]] = rt.clock
  %start = rt.clock
  // CHECK: rt.record @norm since %[[START]]{{$}}
  rt.record @norm since %start
  // CHECK: rt.record @norm since %[[START]] flops %{{.*}} bytes %{{.*}}
  rt.record @norm since %start flops %n bytes %n
  // CHECK: rt.record @norm since %[[START]] bytes %{{.*}}
  rt.record @norm since %start bytes %n
  return
}
