//===- Microsoft.td - Operators of com.microsoft -----------*- tablegen -*-===//
//
// Fused operators that exporters and ONNX Runtime's optimiser write, after
// ONNX Runtime's ContribOperators.md. `onnx.ms.X` is `com.microsoft::X`.
// Normalisations are computed in f32, f64 on f64, and rounded once.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_MICROSOFT_TD
#define MOE_DIALECT_ONNX_IR_MICROSOFT_TD

include "moe/Dialect/ONNX/IR/ONNXEnums.td"
include "moe/Dialect/ONNX/IR/ONNXInterfaces.td"

/// One float tensor to one of its shape.
class ONNX_MSUnaryOp<string mnemonic>
    : ONNX_PureOp<"ms." # mnemonic, [SameOperandsAndResultElementType]> {
  let arguments = (ins ONNX_FloatTensor:$X);
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat = "$X attr-dict `:` functional-type(operands, results)";
}

def ONNX_MSGeluOp : ONNX_MSUnaryOp<"Gelu"> {
  let summary = "x / 2 * (1 + erf(x / sqrt(2)))";
  let description = [{
    `com.microsoft::Gelu` (1).

    Example:
    ```mlir
    %y = onnx.ms.Gelu %x : (tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
}

def ONNX_MSQuickGeluOp : ONNX_MSUnaryOp<"QuickGelu"> {
  let summary = "x * sigmoid(alpha * x)";
  let description = [{
    `com.microsoft::QuickGelu` (1).

    Example:
    ```mlir
    %y = onnx.ms.QuickGelu %x {alpha = 1.000000e+00 : f32} : (tensor<?xf32>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$X,
      DefaultValuedAttr<F32Attr, "1.702f">:$alpha);
}

def ONNX_MSFastGeluOp : ONNX_PureOp<"ms.FastGelu",
    [SameOperandsAndResultElementType]> {
  let summary = "Gelu by tanh, of X + bias";
  let description = [{
    `com.microsoft::FastGelu` (1), with `x = X + bias`:
    `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))`.

    Example:
    ```mlir
    %y = onnx.ms.FastGelu %x, %bias : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$X, Optional<ONNX_FloatTensor>:$bias);
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat = [{
    $X (`,` $bias^)? attr-dict `:` functional-type(operands, results)
  }];
}

def ONNX_MSBiasGeluOp : ONNX_PureOp<"ms.BiasGelu",
    [SameOperandsAndResultElementType]> {
  let summary = "Gelu of A + B";
  let description = [{
    `com.microsoft::BiasGelu` (1): `onnx.ms.Gelu` of `A + B`, where `B` is one
    row.

    Example:
    ```mlir
    %y = onnx.ms.BiasGelu %x, %bias : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$A, ONNX_FloatTensor:$B);
  let results = (outs ONNX_FloatTensor:$C);
  let assemblyFormat =
      "$A `,` $B attr-dict `:` functional-type(operands, results)";
}

def ONNX_MSSimplifiedLayerNormalizationOp
    : ONNX_PureOp<"ms.SimplifiedLayerNormalization"> {
  let summary = "X / sqrt(mean(X^2) + epsilon) * scale";
  let description = [{
    `com.microsoft::SimplifiedLayerNormalization` (1): the mean is over the dims
    from `axis` on.

    Example:
    ```mlir
    %y = onnx.ms.SimplifiedLayerNormalization %x, %scale : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$X, ONNX_FloatTensor:$scale,
      DefaultValuedAttr<I64Attr, "-1">:$axis,
      DefaultValuedAttr<F32Attr, "1e-5f">:$epsilon,
      DefaultValuedAttr<I64Attr, "1">:$stash_type);
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat =
      "$X `,` $scale attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def ONNX_MSSkipSimplifiedLayerNormalizationOp
    : ONNX_PureOp<"ms.SkipSimplifiedLayerNormalization",
          [AttrSizedResultSegments, SameOperandsElementType]> {
  let summary = "Root mean square normalisation of input + skip + bias";
  let description = [{
    `com.microsoft::SkipSimplifiedLayerNormalization` (1), with
    `x = input + skip + bias`: `x / sqrt(mean(x^2) + epsilon) * gamma` along the
    last dim. `input_skip_bias_sum` is `x`; `mean` and `inv_std_var` serve
    training and must be absent.

    Example:
    ```mlir
    %y, %sum = onnx.ms.SkipSimplifiedLayerNormalization %x, %skip, %gamma {resultSegmentSizes = array<i32: 1, 0, 0, 1>} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$input, ONNX_FloatTensor:$skip,
      ONNX_FloatTensor:$gamma, Optional<ONNX_FloatTensor>:$bias,
      DefaultValuedAttr<F32Attr, "1e-5f">:$epsilon);
  let results = (outs ONNX_FloatTensor:$output,
      Optional<ONNX_FloatTensor>:$mean, Optional<ONNX_FloatTensor>:$inv_std_var,
      Optional<ONNX_FloatTensor>:$input_skip_bias_sum);
  let assemblyFormat = [{
    $input `,` $skip `,` $gamma (`,` $bias^)? attr-dict
        `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def ONNX_MSSkipLayerNormalizationOp
    : ONNX_PureOp<"ms.SkipLayerNormalization",
          [AttrSizedOperandSegments, AttrSizedResultSegments,
           SameOperandsElementType]> {
  let summary = "Layer normalisation of input + skip + bias";
  let description = [{
    `com.microsoft::SkipLayerNormalization` (1), with `x = input + skip + bias`:
    `(x - mean(x)) / sqrt(variance(x) + epsilon) * gamma + beta` along the last
    dim. `input_skip_bias_sum` is `x`; `mean` and `inv_std_var` serve training
    and must be absent.

    Example:
    ```mlir
    %y = onnx.ms.SkipLayerNormalization %x, %skip, %gamma beta %beta {resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$input, ONNX_FloatTensor:$skip,
      ONNX_FloatTensor:$gamma, Optional<ONNX_FloatTensor>:$beta,
      Optional<ONNX_FloatTensor>:$bias,
      DefaultValuedAttr<F32Attr, "1e-5f">:$epsilon);
  let results = (outs ONNX_FloatTensor:$output,
      Optional<ONNX_FloatTensor>:$mean, Optional<ONNX_FloatTensor>:$inv_std_var,
      Optional<ONNX_FloatTensor>:$input_skip_bias_sum);
  let assemblyFormat = [{
    $input `,` $skip `,` $gamma (`beta` $beta^)? (`bias` $bias^)? attr-dict
        `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def ONNX_MSFusedMatMulOp : ONNX_PureOp<"ms.FusedMatMul",
    [SameOperandsAndResultElementType]> {
  let summary = "alpha times a matrix product of transposed operands";
  let description = [{
    `com.microsoft::FusedMatMul` (1): `onnx.MatMul` of `A'` and `B'` times
    `alpha`. `transA` swaps the last two dims of `A`; `transBatchA` moves the
    first dim of `A` to the place before its last one, ahead of that. `B`
    alike. Operands of rank 1 are not transposed.

    Example:
    ```mlir
    %y = onnx.ms.FusedMatMul %a, %b {alpha = 5.000000e-01 : f32, transB = 1 : i64} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$A, ONNX_FloatTensor:$B,
      DefaultValuedAttr<F32Attr, "1.0f">:$alpha,
      DefaultValuedAttr<I64Attr, "0">:$transA,
      DefaultValuedAttr<I64Attr, "0">:$transB,
      DefaultValuedAttr<I64Attr, "0">:$transBatchA,
      DefaultValuedAttr<I64Attr, "0">:$transBatchB);
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat =
      "$A `,` $B attr-dict `:` functional-type(operands, results)";
}

def ONNX_MSRotaryEmbeddingOp : ONNX_PureOp<"ms.RotaryEmbedding"> {
  let summary = "Rotation of the halves or pairs of each head";
  let description = [{
    `com.microsoft::RotaryEmbedding` (1). `input` is [batch, sequence, hidden]
    (then `num_heads` or the width of the caches says what a head is) or
    [batch, head, sequence, head size]. The first `rotary_embedding_dim` (0:
    all) elements of a head are rotated by the angles of the token's position;
    element `i` pairs with `i + half`, or with its neighbour if `interleaved`.
    `position_ids` is [batch, sequence], or one offset to which a token's place
    in the sequence is added. Positions outside of the caches end the run.

    Example:
    ```mlir
    %y = onnx.ms.RotaryEmbedding %x, %pos, %cos, %sin : (tensor<?x4x?x8xf32>, tensor<?x?xi64>, tensor<16x4xf32>, tensor<16x4xf32>) -> tensor<?x4x?x8xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$input, ONNX_I64Tensor:$position_ids,
      ONNX_FloatTensor:$cos_cache, ONNX_FloatTensor:$sin_cache,
      DefaultValuedAttr<I64Attr, "0">:$interleaved,
      DefaultValuedAttr<I64Attr, "0">:$num_heads,
      DefaultValuedAttr<I64Attr, "0">:$rotary_embedding_dim,
      DefaultValuedAttr<F32Attr, "1.0f">:$scale,
      DefaultValuedAttr<I64Attr, "0">:$is_packed_batching);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = [{
    $input `,` $position_ids `,` $cos_cache `,` $sin_cache attr-dict
        `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def ONNX_MSMoEOp : ONNX_PureOp<"ms.MoE",
    [AttrSizedOperandSegments, SameOperandsAndResultElementType]> {
  let summary = "A Mixture-of-Experts layer behind its router";
  let description = [{
    `com.microsoft::MoE` (1): `input` is [T, H] or [B, S, H] with T = B S,
    `router_probs` [T, E] holds logits in spite of its name. Row by row:

    1. p = softmax of the row of logits, over all E columns;
    2. the `k` greatest p are selected, of equal ones the greatest index first;
       NaN counts as greatest, as in `onnx.TopK`;
    3. a selected expert has the weight p, with `normalize_routing_weights`
       divided by the sum of the selected p;
    4. with `use_sparse_mixer` (k = 2, not normalised) both are SparseMixer's
       instead: twice the argmax (of equal ones the least index) of the logits z,
       the second time without the first one, and its softmax over the columns j
       with (max - z_j) / max(|z_j|, max) <= 0.02;
    5. an expert computes h = W1 x + b1, a = activation(h), W2 a + b2; the result
       is the sum of the selected ones times their weights, in that order.

    Weights stand [out, in] per expert: `fc1_experts_weights` [E, I, H],
    `fc2_experts_weights` [E, H, I]. The activations: `relu`, `silu`,
    `identity`, `gelu` (by tanh), `swiglu`: gate * sigmoid(activation_alpha *
    gate) * (linear + activation_beta), with gate <= `swiglu_limit` and linear
    in +-`swiglu_limit` where it is given. `swiglu_fusion` says where gate and
    linear are: 1: even and odd elements of h, 2: its halves (W1 is [E, 2 I, H]
    in both cases), 0: h and h3 = W3 x + b3. With another activation W3, b3
    multiply it: a = activation(h) * h3.

    On f16 and bf16 the router computes in f32, and so is the weighted sum, which
    is rounded once; experts round after each step.

    What ONNX Runtime's providers (1.31) do differs: the CPU's has no W3, no
    `swiglu_fusion` but 1, no bf16, ignores `use_sparse_mixer`, and returns
    wrong values on f16 without `normalize_routing_weights`; it gives a row of
    zeros where a softmax is NaN, which here gives NaN. `moe-lint` names nodes
    that run on both with different values.

    Example:
    ```mlir
    %y = onnx.ms.MoE %x router %logits fc1 %w1 bias1 %b1 fc2 %w2 {activation_type = #onnx.activation<silu>, k = 2 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x16x8xf32>, tensor<4x16xf32>, tensor<4x8x16xf32>) -> tensor<?x8xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$input, ONNX_FloatTensor:$router_probs,
      ONNX_FloatTensor:$fc1_experts_weights,
      Optional<ONNX_FloatTensor>:$fc1_experts_bias,
      ONNX_FloatTensor:$fc2_experts_weights,
      Optional<ONNX_FloatTensor>:$fc2_experts_bias,
      Optional<ONNX_FloatTensor>:$fc3_experts_weights,
      Optional<ONNX_FloatTensor>:$fc3_experts_bias,
      DefaultValuedAttr<ONNX_ExpertActivationAttr,
          "::moe::onnx::ExpertActivation::Relu">:$activation_type,
      DefaultValuedAttr<I64Attr, "1">:$k,
      DefaultValuedAttr<I64Attr, "0">:$normalize_routing_weights,
      DefaultValuedAttr<I64Attr, "0">:$use_sparse_mixer,
      DefaultValuedAttr<I64Attr, "0">:$swiglu_fusion,
      DefaultValuedAttr<F32Attr, "1.0f">:$activation_alpha,
      DefaultValuedAttr<F32Attr, "0.0f">:$activation_beta,
      OptionalAttr<F32Attr>:$swiglu_limit);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = [{
    $input `router` $router_probs
    `fc1` $fc1_experts_weights (`bias1` $fc1_experts_bias^)?
    `fc2` $fc2_experts_weights (`bias2` $fc2_experts_bias^)?
    (`fc3` $fc3_experts_weights^)? (`bias3` $fc3_experts_bias^)?
    attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// E, and the width I of what fc2 reads.
    int64_t getNumExperts() {
      return getFc2ExpertsWeights().getType().getDimSize(0);
    }
    int64_t getInnerSize() {
      return getFc2ExpertsWeights().getType().getDimSize(2);
    }
    /// Whether fc1 holds gate and linear part of swiglu.
    bool isFused() {
      return getActivationType() == ExpertActivation::Swiglu &&
             getSwigluFusion() != 0;
    }
  }];
}

#endif // MOE_DIALECT_ONNX_IR_MICROSOFT_TD
