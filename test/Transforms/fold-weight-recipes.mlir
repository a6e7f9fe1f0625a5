// RUN: moe-opt %s --moe-fold-weight-recipes | FileCheck %s

#a = #rt.span<"m.onnx", offset = 0, length = 64, hash = 0, tensor<2x8xf32>>
#b = #rt.span<"m.onnx", offset = 64, length = 64, hash = 0, tensor<2x8xf32>>
#c = #rt.span<"m.onnx", offset = 128, length = 64, hash = 0, tensor<2x8xf32>>
// CHECK: rt.weight @a.transposed.stacked
// CHECK-SAME: recipe = [#rt.transpose<[1, 0]>, #rt.stack]
// CHECK-SAME: source = [#rt.span<"m.onnx", offset = 0, {{.*}}>>, #rt.span<"m.onnx", offset = 64, {{.*}}>>]
// CHECK-SAME: : tensor<2x8x2xf32>
rt.weight @a {source = [#a]} : tensor<2x8xf32>
// CHECK: rt.weight @b {source = [#rt.span<"m.onnx", offset = 64
rt.weight @b {source = [#b]} : tensor<2x8xf32>
// CHECK: rt.weight @only.transposed
// CHECK-SAME: recipe = [#rt.transpose<[1, 0]>]
rt.weight @only {source = [#c]} : tensor<2x8xf32>
// Neither unused nor replaced weights are left.
// CHECK-NOT: rt.weight @
rt.weight @unused {source = [#b]} : tensor<2x8xf32>

// Sources keep the order of the operands; @b stays for its other user.
// CHECK-LABEL: func @stack
// CHECK-DAG: %[[W:.+]] = rt.weight_ref @a.transposed.stacked
// CHECK-DAG: %[[O:.+]] = rt.weight_ref @b :
// CHECK: return %[[W]], %[[O]]
func.func @stack() -> (tensor<2x8x2xf32>, tensor<2x8xf32>) {
  %axes = onnx.Constant dense<0> : tensor<1xi64>
  %a = rt.weight_ref @a : tensor<2x8xf32>
  %b = rt.weight_ref @b : tensor<2x8xf32>
  %at = onnx.Transpose %a : (tensor<2x8xf32>) -> tensor<8x2xf32>
  %bt = onnx.Transpose %b {perm = array<i64: 1, 0>} : (tensor<2x8xf32>) -> tensor<8x2xf32>
  %au = onnx.Unsqueeze %at, %axes : (tensor<8x2xf32>, tensor<1xi64>) -> tensor<1x8x2xf32>
  %bu = onnx.Unsqueeze %bt, %axes : (tensor<8x2xf32>, tensor<1xi64>) -> tensor<1x8x2xf32>
  %w = onnx.Concat %au, %bu {axis = 0 : i64} : (tensor<1x8x2xf32>, tensor<1x8x2xf32>) -> tensor<2x8x2xf32>
  return %w, %b : tensor<2x8x2xf32>, tensor<2x8xf32>
}

// CHECK-LABEL: func @cast
// CHECK-NEXT: rt.weight_ref @b.cast : tensor<2x8xbf16>
func.func @cast() -> tensor<2x8xbf16> {
  %b = rt.weight_ref @b : tensor<2x8xf32>
  %c = onnx.Cast %b : (tensor<2x8xf32>) -> tensor<2x8xbf16>
  return %c : tensor<2x8xbf16>
}

// CHECK-LABEL: func @constants
// CHECK: onnx.Constant dense<{{\[\[\[}}1.000000e+00, 3.000000e+00], [2.000000e+00, 4.000000e+00]], {{\[\[}}5.000000e+00, 5.000000e+00], [5.000000e+00, 5.000000e+00]]]> : tensor<2x2x2xf32>
// CHECK-NEXT: return
func.func @constants() -> tensor<2x2x2xf32> {
  %axes = onnx.Constant dense<0> : tensor<1xi64>
  %a = onnx.Constant dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
  %b = onnx.Constant dense<5.0> : tensor<2x2xf32>
  %at = onnx.Transpose %a : (tensor<2x2xf32>) -> tensor<2x2xf32>
  %au = onnx.Unsqueeze %at, %axes : (tensor<2x2xf32>, tensor<1xi64>) -> tensor<1x2x2xf32>
  %bu = onnx.Unsqueeze %b, %axes : (tensor<2x2xf32>, tensor<1xi64>) -> tensor<1x2x2xf32>
  %w = onnx.Concat %au, %bu {axis = 0 : i64} : (tensor<1x2x2xf32>, tensor<1x2x2xf32>) -> tensor<2x2x2xf32>
  return %w : tensor<2x2x2xf32>
}

// Not along a new dim: stays.
// CHECK-LABEL: func @side_by_side
// CHECK: onnx.Concat
func.func @side_by_side() -> tensor<4x8xf32> {
  %b = rt.weight_ref @b : tensor<2x8xf32>
  %w = onnx.Concat %b, %b {axis = 0 : i64} : (tensor<2x8xf32>, tensor<2x8xf32>) -> tensor<4x8xf32>
  return %w : tensor<4x8xf32>
}

// A linear layer of PyTorch: the weight is turned once, not in each run.
// CHECK-LABEL: func @gemm
// CHECK: %[[W:.+]] = rt.weight_ref @only.transposed : tensor<8x2xf32>
// CHECK: onnx.Gemm %{{.+}}, %[[W]] :
func.func @gemm(%x: tensor<?x8xf32>) -> tensor<?x2xf32> {
  %w = rt.weight_ref @only : tensor<2x8xf32>
  %y = onnx.Gemm %x, %w {transB = 1 : i64} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Two layers with one weight share what is made of it.
// CHECK-LABEL: func @shared
// CHECK: %[[V:.+]] = rt.weight_ref @only.transposed :
// CHECK: onnx.Gemm %{{.+}}, %[[V]] :
// CHECK: %[[W:.+]] = rt.weight_ref @only.transposed :
// CHECK: onnx.Gemm %{{.+}}, %[[W]] {
func.func @shared(%x: tensor<8x8xf32>) -> tensor<8x2xf32> {
  %w = rt.weight_ref @only : tensor<2x8xf32>
  %y = onnx.Gemm %x, %w {transB = 1 : i64} : (tensor<8x8xf32>, tensor<2x8xf32>) -> tensor<8x2xf32>
  %p = onnx.Gemm %x, %w {transB = 1 : i64, alpha = 2.0 : f32} : (tensor<8x8xf32>, tensor<2x8xf32>) -> tensor<8x2xf32>
  %z = onnx.Add %y, %p : (tensor<8x2xf32>, tensor<8x2xf32>) -> tensor<8x2xf32>
  return %z : tensor<8x2xf32>
}

// Of a weight that is read as it is, too, there would be two.
// CHECK-LABEL: func @tied
// CHECK: onnx.Gemm {{.*}}transB
func.func @tied(%x: tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<2x8xf32>) {
  %w = rt.weight_ref @b : tensor<2x8xf32>
  %y = onnx.Gemm %x, %w {transB = 1 : i64} : (tensor<?x8xf32>, tensor<2x8xf32>) -> tensor<?x2xf32>
  return %y, %w : tensor<?x2xf32>, tensor<2x8xf32>
}
