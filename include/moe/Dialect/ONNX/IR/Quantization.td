//===- Quantization.td - Quantised tensors and products ----*- tablegen -*-===//
//
// A quantised element q stands for `(q - zero_point) * scale`. Quantising
// divides in f32 (f64 on f64), rounds to nearest even, and saturates; NaN gives
// the least value. Integer products are accumulated in i32 and wrap around.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_QUANTIZATION_TD
#define MOE_DIALECT_ONNX_IR_QUANTIZATION_TD

include "moe/Dialect/ONNX/IR/Window.td"

def ONNX_Quantized : AnyTypeOf<[I8, UI8, I16, UI16], "8- or 16-bit integer">;
def ONNX_QuantizedTensor : RankedTensorOf<[ONNX_Quantized]>;
def ONNX_ByteTensor : RankedTensorOf<[I8, UI8]>;
def ONNX_I32Tensor : RankedTensorOf<[I32]>;

def ONNX_QuantizeLinearOp : ONNX_PureOp<"QuantizeLinear"> {
  let summary = "saturate(round(x / y_scale) + y_zero_point)";
  let description = [{
    ONNX `QuantizeLinear` (28) to integers of 8 or 16 bits. One scale, one per
    index of `axis` (rank 1), or one per block of `block_size` along `axis`
    (rank of `x`). The quotient is rounded to the type of `y_scale`, or f32 with
    `precision` 1, before it is rounded to an integer.

    Example:
    ```mlir
    %y = onnx.QuantizeLinear %x, %scale, %zero {axis = 0 : i64} : (tensor<2x?xf32>, tensor<2xf32>, tensor<2xui8>) -> tensor<2x?xui8>
    ```
  }];
  let arguments = (ins
      RankedTensorOf<[F16, BF16, F32, F64, I32]>:$x,
      ONNX_FloatTensor:$y_scale, Optional<ONNX_QuantizedTensor>:$y_zero_point,
      DefaultValuedAttr<I64Attr, "1">:$axis,
      DefaultValuedAttr<I64Attr, "0">:$block_size,
      DefaultValuedAttr<I64Attr, "0">:$precision,
      DefaultValuedAttr<I64Attr, "1">:$saturate);
  let results = (outs ONNX_QuantizedTensor:$y);
  let assemblyFormat = [{
    $x `,` $y_scale (`,` $y_zero_point^)? attr-dict
        `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def ONNX_DequantizeLinearOp : ONNX_PureOp<"DequantizeLinear"> {
  let summary = "(x - x_zero_point) * x_scale";
  let description = [{
    ONNX `DequantizeLinear` (28) of integers of 8, 16 or 32 bits. Scales are as
    in `onnx.QuantizeLinear`. Computed in f32 (f64 for an f64 result), then
    rounded once.

    Example:
    ```mlir
    %y = onnx.DequantizeLinear %x, %scale {axis = 0 : i64, block_size = 2 : i64} : (tensor<4x?xi8>, tensor<2x?xf32>) -> tensor<4x?xf32>
    ```
  }];
  let arguments = (ins
      RankedTensorOf<[I8, UI8, I16, UI16, I32]>:$x,
      ONNX_FloatTensor:$x_scale,
      Optional<RankedTensorOf<[I8, UI8, I16, UI16, I32]>>:$x_zero_point,
      DefaultValuedAttr<I64Attr, "1">:$axis,
      DefaultValuedAttr<I64Attr, "0">:$block_size);
  let results = (outs ONNX_FloatTensor:$y);
  let assemblyFormat = [{
    $x `,` $x_scale (`,` $x_zero_point^)? attr-dict
        `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def ONNX_MatMulIntegerOp : ONNX_PureOp<"MatMulInteger",
    [AttrSizedOperandSegments]> {
  let summary = "Matrix product of bytes in i32";
  let description = [{
    ONNX `MatMulInteger` (10): `onnx.MatMul` of `A - a_zero_point` and
    `B - b_zero_point`. A zero point is one value, one per row of `A`
    ([M] or [..., M, 1]) or one per column of `B` ([N] or [..., 1, N]).

    Example:
    ```mlir
    %y = onnx.MatMulInteger %a, %b a_zero_point %z : (tensor<?x3xui8>, tensor<3x4xi8>, tensor<ui8>) -> tensor<?x4xi32>
    ```
  }];
  let arguments = (ins ONNX_ByteTensor:$A, ONNX_ByteTensor:$B,
      Optional<ONNX_ByteTensor>:$a_zero_point,
      Optional<ONNX_ByteTensor>:$b_zero_point);
  let results = (outs ONNX_I32Tensor:$Y);
  let assemblyFormat = [{
    $A `,` $B (`a_zero_point` $a_zero_point^)? (`b_zero_point` $b_zero_point^)?
        attr-dict `:` functional-type(operands, results)
  }];
}

def ONNX_QLinearMatMulOp : ONNX_PureOp<"QLinearMatMul"> {
  let summary = "Matrix product of quantised tensors";
  let description = [{
    ONNX `QLinearMatMul` (21): the product of `a - a_zero_point` and
    `b - b_zero_point` in i32, times `a_scale * b_scale / y_scale` in f32,
    quantised. Scales and zero points of `a` are one value or one per row, those
    of `b` one value or one per column, those of `y` one value.

    Example:
    ```mlir
    %y = onnx.QLinearMatMul %a, %as, %az, %b, %bs, %bz, %ys, %yz : (tensor<?x3xui8>, tensor<f32>, tensor<ui8>, tensor<3x4xi8>, tensor<f32>, tensor<i8>, tensor<f32>, tensor<ui8>) -> tensor<?x4xui8>
    ```
  }];
  let arguments = (ins ONNX_ByteTensor:$a, ONNX_FloatTensor:$a_scale,
      ONNX_ByteTensor:$a_zero_point, ONNX_ByteTensor:$b,
      ONNX_FloatTensor:$b_scale, ONNX_ByteTensor:$b_zero_point,
      ONNX_FloatTensor:$y_scale, ONNX_ByteTensor:$y_zero_point);
  let results = (outs ONNX_ByteTensor:$y);
  let assemblyFormat = [{
    operands attr-dict `:` functional-type(operands, results)
  }];
}

def ONNX_ConvIntegerOp : ONNX_PureOp<"ConvInteger",
    [AttrSizedOperandSegments]> {
  let summary = "Convolution of bytes in i32";
  let description = [{
    ONNX `ConvInteger` (10): `onnx.Conv` of `x - x_zero_point` and
    `w - w_zero_point`; `w_zero_point` is one value or one per output channel.

    Example:
    ```mlir
    %y = onnx.ConvInteger %x, %w x_zero_point %z : (tensor<1x1x3x3xui8>, tensor<1x1x2x2xui8>, tensor<ui8>) -> tensor<1x1x2x2xi32>
    ```
  }];
  let arguments = !con((ins ONNX_ByteTensor:$x, ONNX_ByteTensor:$w,
      Optional<ONNX_ByteTensor>:$x_zero_point,
      Optional<ONNX_ByteTensor>:$w_zero_point), ONNX_ConvArguments);
  let results = (outs ONNX_I32Tensor:$y);
  let assemblyFormat = [{
    $x `,` $w (`x_zero_point` $x_zero_point^)? (`w_zero_point` $w_zero_point^)?
        attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def ONNX_QLinearConvOp : ONNX_PureOp<"QLinearConv"> {
  let summary = "Convolution of quantised tensors";
  let description = [{
    ONNX `QLinearConv` (10): `onnx.ConvInteger` plus `B`, times
    `x_scale * w_scale / y_scale` in f32, quantised. Scale and zero point of `w`
    are one value or one per output channel.

    Example:
    ```mlir
    %y = onnx.QLinearConv %x, %xs, %xz, %w, %ws, %wz, %ys, %yz : (tensor<1x1x3x3xui8>, tensor<f32>, tensor<ui8>, tensor<1x1x1x1xui8>, tensor<1xf32>, tensor<1xui8>, tensor<f32>, tensor<ui8>) -> tensor<1x1x3x3xui8>
    ```
  }];
  let arguments = !con((ins ONNX_ByteTensor:$x, ONNX_FloatTensor:$x_scale,
      ONNX_ByteTensor:$x_zero_point, ONNX_ByteTensor:$w,
      ONNX_FloatTensor:$w_scale, ONNX_ByteTensor:$w_zero_point,
      ONNX_FloatTensor:$y_scale, ONNX_ByteTensor:$y_zero_point,
      Optional<ONNX_I32Tensor>:$B), ONNX_ConvArguments);
  let results = (outs ONNX_ByteTensor:$y);
  let assemblyFormat = [{
    operands attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // MOE_DIALECT_ONNX_IR_QUANTIZATION_TD
