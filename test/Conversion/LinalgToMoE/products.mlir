// RUN: moe-opt %s --convert-linalg-to-moe | FileCheck %s

#mk = affine_map<(b, m, k, n) -> (b, m, k)>
#kn = affine_map<(b, m, k, n) -> (b, k, n)>
#nk = affine_map<(b, m, k, n) -> (b, n, k)>
#mn = affine_map<(b, m, k, n) -> (b, m, n)>
#w = affine_map<(b, m, k, n) -> (k, n)>
#wt = affine_map<(b, m, k, n) -> (n, k)>

// CHECK: rt.weight @w.matrix {recipe = [#rt.stack]
// CHECK: rt.weight @t.matrix {recipe = [#rt.transpose<[1, 0]>, #rt.stack]
rt.weight @w {source = [#rt.span<"m.bin", offset = 0, length = 128, hash = 0, tensor<4x8xf32>>]} : tensor<4x8xf32>
rt.weight @t {source = [#rt.span<"m.bin", offset = 128, length = 128, hash = 0, tensor<8x4xf32>>]} : tensor<8x4xf32>

// All leading dims are rows.
// CHECK-LABEL: func.func @leading_dims
// CHECK: tensor.collapse_shape %{{.*}} {{\[}}[0, 1], [2]] : tensor<?x?x4xf32> into tensor<?x4xf32>
// CHECK: moe.grouped_matmul rows(%{{.*}} : tensor<?x4xf32>) offsets(%{{.*}} : tensor<2xi32>) weights(%{{.*}} : tensor<1x4x8xf32>)
// CHECK: tensor.expand_shape %{{.*}} {{\[}}[0, 1], [2]]
func.func @leading_dims(%x: tensor<?x?x4xf32>, %y: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %w = rt.weight_ref @w : tensor<4x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%y : tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %z = linalg.generic {indexing_maps = [#mk, #w, #mn], iterator_types = ["parallel", "parallel", "reduction", "parallel"]} ins(%x, %w : tensor<?x?x4xf32>, tensor<4x8xf32>) outs(%init : tensor<?x?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x?x8xf32>
  return %z : tensor<?x?x8xf32>
}

// CHECK-LABEL: func.func @transposed_weight
// CHECK: rt.weight_ref @t.matrix
// CHECK: moe.grouped_matmul
func.func @transposed_weight(%x: tensor<?x?x4xf32>, %y: tensor<?x?x8xf32>) -> tensor<?x?x8xf32> {
  %zero = arith.constant 0.0 : f32
  %w = rt.weight_ref @t : tensor<8x4xf32>
  %init = linalg.fill ins(%zero : f32) outs(%y : tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %z = linalg.generic {indexing_maps = [#mk, #wt, #mn], iterator_types = ["parallel", "parallel", "reduction", "parallel"]} ins(%x, %w : tensor<?x?x4xf32>, tensor<8x4xf32>) outs(%init : tensor<?x?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x?x8xf32>
  return %z : tensor<?x?x8xf32>
}

// An expert per matrix: the rows of one come after those of the other.
// CHECK-LABEL: func.func @batches
// CHECK: %[[OFFSETS:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<?xi32>)
// CHECK: moe.grouped_matmul rows(%{{.*}} : tensor<?x4xf32>) offsets(%[[OFFSETS]] : tensor<?xi32>) weights(%{{.*}} : tensor<?x4x?xf32>)
func.func @batches(%x: tensor<?x?x4xf32>, %w: tensor<?x?x4xf32>, %y: tensor<?x?x?xf32>) -> tensor<?x?x?xf32> {
  %zero = arith.constant 0.0 : f32
  %init = linalg.fill ins(%zero : f32) outs(%y : tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  %z = linalg.generic {indexing_maps = [#mk, #nk, #mn], iterator_types = ["parallel", "parallel", "reduction", "parallel"]} ins(%x, %w : tensor<?x?x4xf32>, tensor<?x?x4xf32>) outs(%init : tensor<?x?x?xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %b, %a : f32
    %s = arith.addf %p, %sum : f32
    linalg.yield %s : f32
  } -> tensor<?x?x?xf32>
  return %z : tensor<?x?x?xf32>
}

// CHECK-LABEL: func.func @projection
// CHECK-COUNT-2: moe.grouped_matmul
// CHECK: %[[SCORES:.*]] = tensor.insert_slice %{{.*}}[0, 8]
// CHECK: moe.gate scores(%[[SCORES]] : tensor<?x16xf32>)
func.func @projection(%x: tensor<?x4xf32>, %i: tensor<?x2xi32>, %v: tensor<?x2xf32>, %c: tensor<16xi32>) -> tensor<?x2xi32> {
  %w = rt.weight_ref @w : tensor<4x8xf32>
  %0:3 = moe.gate project(%x, %w, %w : tensor<?x4xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {select = #moe.topk<2>} outs(%i, %v, %c : tensor<?x2xi32>, tensor<?x2xf32>, tensor<16xi32>) -> tensor<?x2xi32>, tensor<?x2xf32>, tensor<16xi32>
  return %0#0 : tensor<?x2xi32>
}

// Sums that start elsewhere, other bodies and one computed matrix stay.
// CHECK-LABEL: func.func @others
// CHECK-NOT: moe.grouped_matmul
func.func @others(%x: tensor<?x?x4xf32>, %m: tensor<4x8xf32>, %y: tensor<?x?x8xf32>) -> (tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>) {
  %zero = arith.constant 0.0 : f32
  %w = rt.weight_ref @w : tensor<4x8xf32>
  %init = linalg.fill ins(%zero : f32) outs(%y : tensor<?x?x8xf32>) -> tensor<?x?x8xf32>
  %0 = linalg.generic {indexing_maps = [#mk, #w, #mn], iterator_types = ["parallel", "parallel", "reduction", "parallel"]} ins(%x, %w : tensor<?x?x4xf32>, tensor<4x8xf32>) outs(%y : tensor<?x?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x?x8xf32>
  %1 = linalg.generic {indexing_maps = [#mk, #w, #mn], iterator_types = ["parallel", "parallel", "reduction", "parallel"]} ins(%x, %w : tensor<?x?x4xf32>, tensor<4x8xf32>) outs(%init : tensor<?x?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.subf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x?x8xf32>
  %2 = linalg.generic {indexing_maps = [#mk, #w, #mn], iterator_types = ["parallel", "parallel", "reduction", "parallel"]} ins(%x, %m : tensor<?x?x4xf32>, tensor<4x8xf32>) outs(%init : tensor<?x?x8xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %p = arith.mulf %a, %b : f32
    %s = arith.addf %sum, %p : f32
    linalg.yield %s : f32
  } -> tensor<?x?x8xf32>
  return %0, %1, %2 : tensor<?x?x8xf32>, tensor<?x?x8xf32>, tensor<?x?x8xf32>
}
