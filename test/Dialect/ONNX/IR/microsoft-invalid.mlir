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

// -----

func.func @scale_rank(%x: tensor<4xf32>, %g: tensor<2x4xf32>) {
  // expected-error @+1 {{expected a scale that broadcasts to X, but got 'tensor<2x4xf32>'}}
  %0 = onnx.ms.SimplifiedLayerNormalization %x, %g : (tensor<4xf32>, tensor<2x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @skip_rank(%x: tensor<4xf32>, %s: tensor<2x4xf32>, %g: tensor<4xf32>) {
  // expected-error @+1 {{expected a skip that broadcasts to the input, but got 'tensor<2x4xf32>' and 'tensor<4xf32>'}}
  %0 = onnx.ms.SkipSimplifiedLayerNormalization %x, %s, %g {resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<4xf32>, tensor<2x4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @skip_gamma(%x: tensor<2x4xf32>, %g: tensor<1x4xf32>) {
  // expected-error @+1 {{expected vectors for the last dim, but got 'tensor<1x4xf32>'}}
  %0 = onnx.ms.SkipSimplifiedLayerNormalization %x, %x, %g {resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<2x4xf32>, tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @rotary_caches(%x: tensor<1x2x8xf32>, %p: tensor<1x2xi64>, %c: tensor<4xf32>) {
  // expected-error @+1 {{expected caches of rank 2, but got 'tensor<4xf32>' and 'tensor<4xf32>'}}
  %0 = onnx.ms.RotaryEmbedding %x, %p, %c, %c : (tensor<1x2x8xf32>, tensor<1x2xi64>, tensor<4xf32>, tensor<4xf32>) -> tensor<1x2x8xf32>
  return
}

// -----

func.func @rotary_positions(%x: tensor<1x2x8xf32>, %p: tensor<1x1x2xi64>, %c: tensor<16x4xf32>) {
  // expected-error @+1 {{expected position_ids of rank 1 or 2, but got 'tensor<1x1x2xi64>'}}
  %0 = onnx.ms.RotaryEmbedding %x, %p, %c, %c : (tensor<1x2x8xf32>, tensor<1x1x2xi64>, tensor<16x4xf32>, tensor<16x4xf32>) -> tensor<1x2x8xf32>
  return
}

// -----

func.func @rotary_scale(%x: tensor<1x2x8xf32>, %p: tensor<1x2xi64>, %c: tensor<16x4xf32>) {
  // expected-error @+1 {{expected scale = 1 and is_packed_batching = 0}}
  %0 = onnx.ms.RotaryEmbedding %x, %p, %c, %c {scale = 2.0 : f32} : (tensor<1x2x8xf32>, tensor<1x2xi64>, tensor<16x4xf32>, tensor<16x4xf32>) -> tensor<1x2x8xf32>
  return
}

// -----

func.func @rotary_packed(%x: tensor<1x2x8xf32>, %p: tensor<1x2xi64>, %c: tensor<16x4xf32>) {
  // expected-error @+1 {{expected scale = 1 and is_packed_batching = 0}}
  %0 = onnx.ms.RotaryEmbedding %x, %p, %c, %c {is_packed_batching = 1 : i64} : (tensor<1x2x8xf32>, tensor<1x2xi64>, tensor<16x4xf32>, tensor<16x4xf32>) -> tensor<1x2x8xf32>
  return
}

// -----

func.func @rotary_heads(%x: tensor<1x2x8xf32>, %p: tensor<1x2xi64>, %c: tensor<16x4xf32>) {
  // expected-error @+1 {{expected num_heads with rotary_embedding_dim on an input of rank 3}}
  %0 = onnx.ms.RotaryEmbedding %x, %p, %c, %c {rotary_embedding_dim = 4 : i64} : (tensor<1x2x8xf32>, tensor<1x2xi64>, tensor<16x4xf32>, tensor<16x4xf32>) -> tensor<1x2x8xf32>
  return
}
