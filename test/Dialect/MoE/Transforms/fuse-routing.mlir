// RUN: moe-opt %s --moe-fuse-routing | FileCheck %s
// RUN: moe-opt %s --moe-fuse-routing --remark-format=emitRemark --remarks-filter=".*" -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK

// AdaMoE's router: true and null columns side by side.
// CHECK-LABEL: func @two_products
// CHECK-NEXT: moe.route project(%arg0, %arg1, %arg2 : tensor<?x8xf32>, tensor<8x4xf32>, tensor<8x4xf32>) {select = #moe.topk<2>}
func.func @two_products(%x: tensor<?x8xf32>, %a: tensor<8x4xf32>, %b: tensor<8x4xf32>)
    -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  %0 = onnx.MatMul %x, %a : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %1 = onnx.MatMul %x, %b : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %s = onnx.Concat %0, %1 {axis = -1 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  %i, %w = moe.route scores(%s : tensor<?x8xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  return %i, %w : tensor<?x2xi32>, tensor<?x2xf32>
}

// A bias of the projection is added before all else.
// CHECK-LABEL: func @gemm
// CHECK-NEXT: %[[W:.+]] = onnx.Transpose %arg1 {perm = array<i64: 1, 0>}
// CHECK-NEXT: moe.route project(%arg0, %[[W]] : tensor<?x8xf32>, tensor<8x4xf32>) mask(%arg2 : tensor<4xf32>)
func.func @gemm(%x: tensor<?x8xf32>, %w: tensor<4x8xf32>, %b: tensor<4xf32>)
    -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  %s = onnx.Gemm %x, %w, %b {transB = 1 : i64} : (tensor<?x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  %i, %p = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  return %i, %p : tensor<?x2xi32>, tensor<?x2xf32>
}

// MoE++ passes scores on to the next layer: they stay.
// CHECK-LABEL: func @another_use
// CHECK: moe.route scores
// REMARK: routing is not fused: its scores have another use
func.func @another_use(%x: tensor<?x8xf32>, %a: tensor<8x4xf32>)
    -> (tensor<?x2xi32>, tensor<?x4xf32>) {
  %s = onnx.MatMul %x, %a : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  return %i, %s : tensor<?x2xi32>, tensor<?x4xf32>
}

// Scores may be anything (cosine, distance, an MLP): those stay too.
// CHECK-LABEL: func @no_product
// CHECK: moe.route scores
// REMARK: routing is not fused: its scores are no product of rows and a matrix
func.func @no_product(%x: tensor<?x8xf32>) -> tensor<?x2xi32> {
  %s = onnx.Tanh %x : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %i, %w = moe.route scores(%s : tensor<?x8xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  return %i : tensor<?x2xi32>
}
