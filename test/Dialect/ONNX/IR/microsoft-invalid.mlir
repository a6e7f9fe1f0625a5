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

// -----

func.func @moe_rank(%x: tensor<8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected an input of rank 2 or 3, but got 'tensor<8xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 : (tensor<8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<8xf32>
  return
}

// -----

func.func @moe_result(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected a result of the input's type, but got 'tensor<?x6xf32>' and 'tensor<?x8xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x6xf32>
  return
}

// -----

func.func @moe_router_rank(%x: tensor<?x8xf32>, %z: tensor<?x?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected router_probs of rank 2, but got 'tensor<?x?x4xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 : (tensor<?x8xf32>, tensor<?x?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_fc2(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<?x8x6xf32>) {
  // expected-error @+1 {{expected fc2_experts_weights of static extents [experts, hidden, inner], but got 'tensor<?x8x6xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<?x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_hidden(%x: tensor<?x9xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected an input of rows of 8 elements, but got 'tensor<?x9xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 : (tensor<?x9xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x9xf32>
  return
}

// -----

func.func @moe_columns(%x: tensor<?x8xf32>, %z: tensor<?x6xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected router_probs with a column for each of 4 experts, but got 'tensor<?x6xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 : (tensor<?x8xf32>, tensor<?x6xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_k(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected k in [1, 4], but got 5}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 {k = 5 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_mixer_k(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected k = 2 with use_sparse_mixer, but got 1}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 {use_sparse_mixer = 1 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_mixer_norm(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected normalize_routing_weights = 0 with use_sparse_mixer: its weights are final}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 {k = 2 : i64, normalize_routing_weights = 1 : i64, use_sparse_mixer = 1 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_fusion(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected swiglu_fusion in [0, 2], but got 3}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 {swiglu_fusion = 3 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_fusion_relu(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected activation_type = swiglu with swiglu_fusion = 1, but got relu}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 {swiglu_fusion = 1 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_fused_fc3(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x12x8xf32>, %w2: tensor<4x8x6xf32>, %fc3: tensor<4x6x8xf32>) {
  // expected-error @+1 {{expected no fc3_experts_weights with swiglu_fusion = 1: fc1 holds both parts}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 fc3 %fc3 {activation_type = #onnx.activation<swiglu>, swiglu_fusion = 1 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x12x8xf32>, tensor<4x8x6xf32>, tensor<4x6x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_no_fc3(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected fc3_experts_weights with swiglu and swiglu_fusion = 0}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 {activation_type = #onnx.activation<swiglu>} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_bias3(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>, %bias3: tensor<4x6xf32>) {
  // expected-error @+1 {{expected fc3_experts_weights with fc3_experts_bias}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 bias3 %bias3 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>, tensor<4x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_limit(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected swiglu_limit >= 0, but got -1}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 {swiglu_limit = -1.0 : f32} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_fc1(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x8x6xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected fc1_experts_weights of shape 4x6x8, but got 'tensor<4x8x6xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x8x6xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_fc1_fused(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected fc1_experts_weights of shape 4x12x8, but got 'tensor<4x6x8xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 {activation_type = #onnx.activation<swiglu>, swiglu_fusion = 1 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_b1(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %b1: tensor<4x6x1xf32>, %w2: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected fc1_experts_bias of shape 4x6, but got 'tensor<4x6x1xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 bias1 %b1 fc2 %w2 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x6x1xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_b2(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>, %bias2: tensor<4x6xf32>) {
  // expected-error @+1 {{expected fc2_experts_bias of shape 4x8, but got 'tensor<4x6xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 bias2 %bias2 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>, tensor<4x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_fc3(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>, %fc3: tensor<4x8x6xf32>) {
  // expected-error @+1 {{expected fc3_experts_weights of shape 4x6x8, but got 'tensor<4x8x6xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 fc3 %fc3 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return
}

// -----

func.func @moe_b3(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>, %fc3: tensor<4x6x8xf32>, %bias3: tensor<4x8xf32>) {
  // expected-error @+1 {{expected fc3_experts_bias of shape 4x6, but got 'tensor<4x8xf32>'}}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 fc3 %fc3 bias3 %bias3 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>, tensor<4x6x8xf32>, tensor<4x8xf32>) -> tensor<?x8xf32>
  return
}
