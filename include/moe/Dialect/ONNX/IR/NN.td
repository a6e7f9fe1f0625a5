//===- NN.td - Contractions and normalisations -------------*- tablegen -*-===//
//
// Matrix products, Einsum, and the normalisations that ONNX gives no function
// body. Those with a body (LayerNormalization, Softmax, ...) are expanded by
// the importer.
//
// Sums of f16 and bf16 are accumulated in f32 and rounded once; all others in
// their own type. The order of a sum is the order of its indices.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_NN_TD
#define MOE_DIALECT_ONNX_IR_NN_TD

include "moe/Dialect/ONNX/IR/ONNXEnums.td"
include "moe/Dialect/ONNX/IR/ONNXInterfaces.td"

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

def ONNX_MatMulOp : ONNX_PureOp<"MatMul", [SameOperandsAndResultElementType]> {
  let summary = "Matrix product as numpy.matmul has it";
  let description = [{
    ONNX `MatMul` (13): `Y[..., i, j] = sum_k A[..., i, k] * B[..., k, j]`.
    Leading dims broadcast. An operand of rank 1 is a row (A) or a column (B),
    and its dim is missing in the result. Integers wrap around.

    Example:
    ```mlir
    %y = onnx.MatMul %a, %b : (tensor<?x2x3xf32>, tensor<3x4xf32>) -> tensor<?x2x4xf32>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$A, ONNX_NumericTensor:$B);
  let results = (outs ONNX_NumericTensor:$Y);
  let assemblyFormat =
      "$A `,` $B attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def ONNX_GemmOp : ONNX_PureOp<"Gemm", [SameOperandsAndResultElementType]> {
  let summary = "alpha * A' * B' + beta * C";
  let description = [{
    ONNX `Gemm` (13). `A'` is `A`, transposed if `transA`; `B'` alike. `C`
    broadcasts to the result. On integers alpha and beta must be whole numbers.

    Example:
    ```mlir
    %y = onnx.Gemm %a, %b, %c {alpha = 5.000000e-01 : f32, transB = 1 : i64} : (tensor<?x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$A, ONNX_NumericTensor:$B,
      Optional<ONNX_NumericTensor>:$C,
      DefaultValuedAttr<F32Attr, "1.0f">:$alpha,
      DefaultValuedAttr<F32Attr, "1.0f">:$beta,
      DefaultValuedAttr<I64Attr, "0">:$transA,
      DefaultValuedAttr<I64Attr, "0">:$transB);
  let results = (outs ONNX_NumericTensor:$Y);
  let assemblyFormat = [{
    $A `,` $B (`,` $C^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def ONNX_EinsumOp : ONNX_PureOp<"Einsum", [SameOperandsAndResultElementType]> {
  let summary = "Sum of products in the notation of numpy.einsum";
  let description = [{
    ONNX `Einsum` (28). `equation` has one term of letters per operand, and
    optionally `->` and the result's letters. A letter that the result lacks is
    summed over; `...` stands for leading dims that broadcast; a letter that
    occurs twice in a term takes the diagonal. Without `->` the result has the
    letters that occur once, in alphabetical order, after the ellipsis.
    Products are formed pairwise from the left.

    Example:
    ```mlir
    %y = onnx.Einsum %a, %b {equation = "bij,bjk->bik"} : (tensor<2x3x4xf32>, tensor<2x4x5xf32>) -> tensor<2x3x5xf32>
    ```
  }];
  let arguments = (ins Variadic<ONNX_NumericTensor>:$Inputs,
      StrAttr:$equation);
  let results = (outs ONNX_NumericTensor:$Output);
  let assemblyFormat =
      "$Inputs attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Normalisations
//===----------------------------------------------------------------------===//

def ONNX_BatchNormalizationOp : ONNX_PureOp<"BatchNormalization",
    [AttrSizedResultSegments, AllElementTypesMatch<["X", "Y"]>]> {
  let summary = "(X - mean) / sqrt(var + epsilon) * scale + B per channel";
  let description = [{
    ONNX `BatchNormalization` (15). Dim 1 is the channel; a rank-1 `X` has one
    channel. With `training_mode` the mean and the population variance are
    those of `X`, and the running ones are results:
    `running = input * momentum + current * (1 - momentum)`. Computed in f32,
    f64 on f64.

    Example:
    ```mlir
    %y = onnx.BatchNormalization %x, %scale, %b, %mean, %var : (tensor<?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x3x4xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$X, ONNX_FloatTensor:$scale,
      ONNX_FloatTensor:$B, ONNX_FloatTensor:$input_mean,
      ONNX_FloatTensor:$input_var,
      DefaultValuedAttr<F32Attr, "1e-5f">:$epsilon,
      DefaultValuedAttr<F32Attr, "0.9f">:$momentum,
      DefaultValuedAttr<I64Attr, "0">:$training_mode);
  let results = (outs ONNX_FloatTensor:$Y,
      Optional<ONNX_FloatTensor>:$running_mean,
      Optional<ONNX_FloatTensor>:$running_var);
  let assemblyFormat = [{
    $X `,` $scale `,` $B `,` $input_mean `,` $input_var attr-dict
        `:` functional-type(operands, $Y)
        (`running` type($running_mean)^ `,` type($running_var))?
  }];
  let hasVerifier = 1;
}

def ONNX_InstanceNormalizationOp : ONNX_PureOp<"InstanceNormalization",
    [SameOperandsAndResultElementType]> {
  let summary = "Normalisation of each channel of each instance";
  let description = [{
    ONNX `InstanceNormalization` (22):
    `(x - mean) / sqrt(variance + epsilon) * scale + B`, mean and population
    variance over all dims but the first two. Computed in f32, f64 on f64.

    Example:
    ```mlir
    %y = onnx.InstanceNormalization %x, %scale, %b : (tensor<2x3x?xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x?xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$input, ONNX_FloatTensor:$scale,
      ONNX_FloatTensor:$B, DefaultValuedAttr<F32Attr, "1e-5f">:$epsilon);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = [{
    $input `,` $scale `,` $B attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def ONNX_LRNOp : ONNX_PureOp<"LRN", [SameOperandsAndResultElementType]> {
  let summary = "Local response normalisation over channels";
  let description = [{
    ONNX `LRN` (13): `x / (bias + alpha / size * s)^beta`, where `s` sums the
    squares of the channels `[c - floor((size - 1) / 2),
    c + ceil((size - 1) / 2)]` that exist. Computed in f32, f64 on f64.

    Example:
    ```mlir
    %y = onnx.LRN %x {size = 3 : i64} : (tensor<?x8x4x4xf32>) -> tensor<?x8x4x4xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$X,
      DefaultValuedAttr<F32Attr, "1e-4f">:$alpha,
      DefaultValuedAttr<F32Attr, "0.75f">:$beta,
      DefaultValuedAttr<F32Attr, "1.0f">:$bias, I64Attr:$size);
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat = "$X attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def ONNX_DropoutOp : ONNX_PureOp<"Dropout", [AttrSizedOperandSegments,
    AllElementTypesMatch<["data", "output"]>]> {
  let summary = "Identity, with an all-true mask";
  let description = [{
    ONNX `Dropout` (22) at inference: `training_mode` is absent or constant
    false, or `ratio` is constant 0. Anything else has no lowering: this
    compiler draws no random numbers.

    Example:
    ```mlir
    %y, %mask = onnx.Dropout %x : (tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xi1>)
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$data,
      Optional<ONNX_FloatTensor>:$ratio,
      Optional<ONNX_BoolTensor>:$training_mode,
      OptionalAttr<I64Attr>:$seed);
  let results = (outs ONNX_FloatTensor:$output,
      Optional<ONNX_BoolTensor>:$mask);
  let assemblyFormat = [{
    $data (`ratio` $ratio^)? (`training_mode` $training_mode^)? attr-dict
        `:` functional-type(operands, results)
  }];
}

#endif // MOE_DIALECT_ONNX_IR_NN_TD
