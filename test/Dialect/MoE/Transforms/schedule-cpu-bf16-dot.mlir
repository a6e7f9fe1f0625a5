// Products with bf16 weights take the CPU's dot product where that is asked for,
// and others are as before.

// RUN: moe-opt %s --moe-schedule-cpu="isa=avx512bf16 bf16-dot" | FileCheck %s
// RUN: moe-opt %s --moe-schedule-cpu=isa=avx512bf16 | FileCheck %s --check-prefix=PLAIN
// RUN: not moe-opt %s --moe-schedule-cpu="isa=avx512 bf16-dot" 2>&1 | FileCheck %s --check-prefix=LESSER -DISA=avx512
// RUN: not moe-opt %s --moe-schedule-cpu="isa=avx2 bf16-dot" 2>&1 | FileCheck %s --check-prefix=LESSER -DISA=avx2
// RUN: not moe-opt %s --moe-schedule-cpu=bf16-dot 2>&1 | FileCheck %s --check-prefix=LESSER -DISA=none

// LESSER: error: bf16-dot expects an isa with a dot product of bf16, avx512bf16, but got [[ISA]]
// PLAIN-NOT: k_step

// Five products are three pairs.
// CHECK: rt.weight @narrow.panels
// CHECK-SAME: recipe = [#rt.pack<16, pairs = 2>]
// CHECK-SAME: : tensor<2x1x3x16x2xbf16>
rt.weight @narrow {source = [#rt.span<"m.onnx", offset = 0, length = 320, hash = 0, tensor<2x5x16xbf16>>]} : tensor<2x5x16xbf16>
// CHECK: rt.weight @wide.panels
// CHECK-SAME: #rt.pack<16>
rt.weight @wide {source = [#rt.span<"m.onnx", offset = 320, length = 640, hash = 0, tensor<2x5x16xf32>>]} : tensor<2x5x16xf32>
// CHECK: rt.weight @half.panels
// CHECK-SAME: #rt.pack<16>
rt.weight @half {source = [#rt.span<"m.onnx", offset = 960, length = 320, hash = 0, tensor<2x5x16xf16>>]} : tensor<2x5x16xf16>

// CHECK-LABEL: func.func @steps
func.func @steps(%x: tensor<?x5xf32>, %o: tensor<3xi32>, %y0: tensor<?x16xf32>, %computed: tensor<2x5x16xbf16>)
    -> (tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>) {
  %narrow = rt.weight_ref @narrow : tensor<2x5x16xbf16>
  %wide = rt.weight_ref @wide : tensor<2x5x16xf32>
  %half = rt.weight_ref @half : tensor<2x5x16xf16>
  // A block of pairs has the bytes of a block of f32.
  // CHECK: moe.grouped_matmul
  // CHECK-SAME: tensor<2x1x3x16x2xbf16>, tensor<2x1x3x16x2xbf16>
  // CHECK-SAME: k_block = 512
  // CHECK-SAME: k_step = 2
  %0 = moe.grouped_matmul rows(%x : tensor<?x5xf32>) offsets(%o : tensor<3xi32>)
      weights(%narrow, %narrow : tensor<2x5x16xbf16>, tensor<2x5x16xbf16>) outs(%y0 : tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%a: f32, %b: f32):
    %s = arith.mulf %a, %b : f32
    moe.yield %s : f32
  }
  // CHECK-NOT: k_step
  %1 = moe.grouped_matmul rows(%x : tensor<?x5xf32>) offsets(%o : tensor<3xi32>)
      weights(%wide : tensor<2x5x16xf32>) outs(%y0 : tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  %2 = moe.grouped_matmul rows(%x : tensor<?x5xf32>) offsets(%o : tensor<3xi32>)
      weights(%half : tensor<2x5x16xf16>) outs(%y0 : tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  // Matrices that are computed have no pairs.
  %3 = moe.grouped_matmul rows(%x : tensor<?x5xf32>) offsets(%o : tensor<3xi32>)
      weights(%computed : tensor<2x5x16xbf16>) outs(%y0 : tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %0, %1, %2, %3 : tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>, tensor<?x16xf32>
}
