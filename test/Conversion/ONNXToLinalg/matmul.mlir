// RUN: moe-opt %s --convert-onnx-to-linalg --canonicalize | FileCheck %s

// The innermost loop is n, which is contiguous in B and in the result.
// CHECK-DAG: #[[$A:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d2)>
// CHECK-DAG: #[[$B:.*]] = affine_map<(d0, d1, d2, d3) -> (d2, d3)>
// CHECK-DAG: #[[$Y:.*]] = affine_map<(d0, d1, d2, d3) -> (d0, d1, d3)>

// CHECK-LABEL: @batched
//       CHECK: linalg.generic
//  CHECK-SAME:   indexing_maps = [#[[$A]], #[[$B]], #[[$Y]]]
//  CHECK-SAME:   ["parallel", "parallel", "reduction", "parallel"]
func.func @batched(%a: tensor<?x2x3xf32>, %b: tensor<3x4xf32>) -> tensor<?x2x4xf32> {
  %0 = onnx.MatMul %a, %b : (tensor<?x2x3xf32>, tensor<3x4xf32>) -> tensor<?x2x4xf32>
  return %0 : tensor<?x2x4xf32>
}

// Inner dims that only a run knows are compared.
// CHECK-LABEL: @dynamic_inner
//       CHECK: rt.require %{{.*}}, "inner dims of a matrix product must be equal"
func.func @dynamic_inner(%a: tensor<2x?xf32>, %b: tensor<3x4xf32>) -> tensor<2x4xf32> {
  %0 = onnx.MatMul %a, %b : (tensor<2x?xf32>, tensor<3x4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// bf16 is accumulated in f32.
// CHECK-LABEL: @half
//       CHECK: linalg.fill {{.*}} -> tensor<2x4xf32>
//       CHECK: arith.extf
//       CHECK: arith.addf {{.*}} : f32
//       CHECK: arith.truncf
func.func @half(%a: tensor<2x3xbf16>, %b: tensor<3x4xbf16>) -> tensor<2x4xbf16> {
  %0 = onnx.MatMul %a, %b : (tensor<2x3xbf16>, tensor<3x4xbf16>) -> tensor<2x4xbf16>
  return %0 : tensor<2x4xbf16>
}

// A transposed B is copied, so that n stays contiguous.
// CHECK-LABEL: @gemm
//       CHECK: linalg.transpose {{.*}} permutation = [1, 0]
//       CHECK: linalg.generic
//       CHECK: linalg.generic
func.func @gemm(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>, %c: tensor<4xf32>) -> tensor<2x4xf32> {
  %0 = onnx.Gemm %a, %b, %c {transB = 1 : i64} : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %0 : tensor<2x4xf32>
}

// Three operands are multiplied pairwise from the left.
// CHECK-LABEL: @chain
//       CHECK: linalg.generic
//  CHECK-SAME:   ["parallel", "reduction", "parallel"]
//       CHECK: linalg.generic
//  CHECK-SAME:   ["parallel", "reduction", "parallel"]
func.func @chain(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>, %c: tensor<4x5xf32>) -> tensor<2x5xf32> {
  %0 = onnx.Einsum %a, %b, %c {equation = "ij,jk,kl->il"} : (tensor<2x3xf32>, tensor<3x4xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return %0 : tensor<2x5xf32>
}
