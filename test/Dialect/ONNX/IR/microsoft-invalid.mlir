// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @axis(%x: tensor<2x4xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{expected an axis in [-2, 2), but got 2}}
  %0 = onnx.ms.SimplifiedLayerNormalization %x, %g {axis = 2 : i64} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @training(%x: tensor<2x4xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{expected no mean and no inv_std_var: they serve training}}
  %0:2 = onnx.ms.SkipSimplifiedLayerNormalization %x, %x, %g {resultSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<4xf32>) -> (tensor<2x4xf32>, tensor<2xf32>)
  return
}

// -----

func.func @rotary_rank(%x: tensor<8xf32>, %p: tensor<1x1xi64>, %c: tensor<16x4xf32>) {
  // expected-error @+1 {{expected an input of rank 3 or 4, but got 'tensor<8xf32>'}}
  %0 = onnx.ms.RotaryEmbedding %x, %p, %c, %c : (tensor<8xf32>, tensor<1x1xi64>, tensor<16x4xf32>, tensor<16x4xf32>) -> tensor<8xf32>
  return
}
