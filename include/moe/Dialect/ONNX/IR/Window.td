//===- Window.td - Convolution, pooling, resizing ----------*- tablegen -*-===//
//
// Ops that slide a window over spatial dims: dims 0 and 1 are batch and
// channel, the rest are spatial. Attributes have one entry per spatial dim,
// `pads` all begins and then all ends; absent, strides and dilations are 1 and
// pads 0. With `auto_pad` SAME_* the result has ceil(extent / stride) elements
// and the padding is split evenly, the odd one at the end (UPPER) or at the
// begin (LOWER).
//
// Sums of f16 and bf16 are accumulated in f32 and rounded once.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_WINDOW_TD
#define MOE_DIALECT_ONNX_IR_WINDOW_TD

include "moe/Dialect/ONNX/IR/ONNXEnums.td"
include "moe/Dialect/ONNX/IR/ONNXInterfaces.td"

/// The attributes that Conv, ConvInteger, QLinearConv and the pools share.
defvar ONNX_WindowArguments = (ins
    DefaultValuedAttr<ONNX_AutoPadAttr, "AutoPad::NotSet">:$auto_pad,
    OptionalAttr<DenseI64ArrayAttr>:$dilations,
    OptionalAttr<DenseI64ArrayAttr>:$pads,
    OptionalAttr<DenseI64ArrayAttr>:$strides);

defvar ONNX_ConvArguments = !con(ONNX_WindowArguments, (ins
    DefaultValuedAttr<I64Attr, "1">:$group,
    OptionalAttr<DenseI64ArrayAttr>:$kernel_shape));

defvar ONNX_PoolArguments = !con(ONNX_WindowArguments, (ins
    DenseI64ArrayAttr:$kernel_shape,
    DefaultValuedAttr<I64Attr, "0">:$ceil_mode));

//===----------------------------------------------------------------------===//
// Convolution
//===----------------------------------------------------------------------===//

def ONNX_ConvOp : ONNX_PureOp<"Conv", [SameOperandsAndResultElementType]> {
  let summary = "Convolution over any number of spatial dims";
  let description = [{
    ONNX `Conv` (22): `X` is [N, C, spatial...], `W` [M, C / group, kernel...],
    `B` [M]. Outside of `X` are zeros.

    Example:
    ```mlir
    %y = onnx.Conv %x, %w, %b {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x3x8x8xf32>, tensor<4x3x3x3xf32>, tensor<4xf32>) -> tensor<?x4x8x8xf32>
    ```
  }];
  let arguments = !con((ins ONNX_FloatTensor:$X, ONNX_FloatTensor:$W,
      Optional<ONNX_FloatTensor>:$B), ONNX_ConvArguments);
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat = [{
    $X `,` $W (`,` $B^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def ONNX_ConvTransposeOp : ONNX_PureOp<"ConvTranspose",
    [SameOperandsAndResultElementType]> {
  let summary = "Transposed convolution";
  let description = [{
    ONNX `ConvTranspose` (22): `X` is [N, C, spatial...], `W`
    [C, M / group, kernel...]; each element of `X` adds its multiple of the
    kernel to the result at `stride` times its place. `output_shape` overrides
    `pads`; the padding that it needs is split as `auto_pad` says.

    Example:
    ```mlir
    %y = onnx.ConvTranspose %x, %w {strides = array<i64: 2>} : (tensor<1x2x4xf32>, tensor<2x3x2xf32>) -> tensor<1x3x8xf32>
    ```
  }];
  let arguments = !con((ins ONNX_FloatTensor:$X, ONNX_FloatTensor:$W,
      Optional<ONNX_FloatTensor>:$B), ONNX_ConvArguments, (ins
      OptionalAttr<DenseI64ArrayAttr>:$output_padding,
      OptionalAttr<DenseI64ArrayAttr>:$output_shape));
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat = [{
    $X `,` $W (`,` $B^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Pooling
//===----------------------------------------------------------------------===//

def ONNX_MaxPoolOp : ONNX_PureOp<"MaxPool"> {
  let summary = "Maximum of each window";
  let description = [{
    ONNX `MaxPool` (22). Padding never wins. `Indices` are the places of the
    maxima in the flat `X`, in row-major order, or with `storage_order` 1 with
    spatial dims in column-major order; of equal maxima the first. A window
    with a NaN has the maximum NaN. With `ceil_mode` a last, partial window
    counts if it starts inside of the padded input.

    Example:
    ```mlir
    %y, %i = onnx.MaxPool %x {kernel_shape = array<i64: 2, 2>, strides = array<i64: 2, 2>} : (tensor<?x3x8x8xf32>) -> (tensor<?x3x4x4xf32>, tensor<?x3x4x4xi64>)
    ```
  }];
  let arguments = !con((ins ONNX_NumericTensor:$X), ONNX_PoolArguments, (ins
      DefaultValuedAttr<I64Attr, "0">:$storage_order));
  let results = (outs ONNX_NumericTensor:$Y, Optional<ONNX_I64Tensor>:$Indices);
  let assemblyFormat = "$X attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def ONNX_AveragePoolOp : ONNX_PureOp<"AveragePool",
    [SameOperandsAndResultElementType]> {
  let summary = "Mean of each window";
  let description = [{
    ONNX `AveragePool` (22). Padding counts as zeros if `count_include_pad`,
    else not; what `ceil_mode` adds beyond the padding never counts.

    Example:
    ```mlir
    %y = onnx.AveragePool %x {kernel_shape = array<i64: 2>} : (tensor<1x3x8xf32>) -> tensor<1x3x7xf32>
    ```
  }];
  let arguments = !con((ins ONNX_FloatTensor:$X), ONNX_PoolArguments, (ins
      DefaultValuedAttr<I64Attr, "0">:$count_include_pad));
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat = "$X attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def ONNX_LpPoolOp : ONNX_PureOp<"LpPool", [SameOperandsAndResultElementType]> {
  let summary = "Lp norm of each window";
  let description = [{
    ONNX `LpPool` (22): `(sum |x|^p)^(1/p)`.

    Example:
    ```mlir
    %y = onnx.LpPool %x {kernel_shape = array<i64: 2>, p = 3 : i64} : (tensor<1x3x8xf32>) -> tensor<1x3x7xf32>
    ```
  }];
  let arguments = !con((ins ONNX_FloatTensor:$X), ONNX_PoolArguments, (ins
      DefaultValuedAttr<I64Attr, "2">:$p));
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat = "$X attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

class ONNX_GlobalPoolOp<string mnemonic> : ONNX_PureOp<mnemonic,
    [SameOperandsAndResultElementType]> {
  let arguments = (ins ONNX_FloatTensor:$X);
  let results = (outs ONNX_FloatTensor:$Y);
  let assemblyFormat = "$X attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def ONNX_GlobalAveragePoolOp : ONNX_GlobalPoolOp<"GlobalAveragePool"> {
  let summary = "Mean over all spatial dims";
  let description = [{
    ONNX `GlobalAveragePool` (22).

    Example:
    ```mlir
    %y = onnx.GlobalAveragePool %x : (tensor<?x3x8x8xf32>) -> tensor<?x3x1x1xf32>
    ```
  }];
}

def ONNX_GlobalMaxPoolOp : ONNX_GlobalPoolOp<"GlobalMaxPool"> {
  let summary = "Maximum over all spatial dims";
  let description = [{
    ONNX `GlobalMaxPool` (22). NaN if any is NaN.

    Example:
    ```mlir
    %y = onnx.GlobalMaxPool %x : (tensor<?x3x8x8xf32>) -> tensor<?x3x1x1xf32>
    ```
  }];
}

def ONNX_GlobalLpPoolOp : ONNX_GlobalPoolOp<"GlobalLpPool"> {
  let summary = "Lp norm over all spatial dims";
  let description = [{
    ONNX `GlobalLpPool` (22): `(sum |x|^p)^(1/p)`.

    Example:
    ```mlir
    %y = onnx.GlobalLpPool %x : (tensor<?x3x8x8xf32>) -> tensor<?x3x1x1xf32>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$X,
      DefaultValuedAttr<I64Attr, "2">:$p);
}

//===----------------------------------------------------------------------===//
// Resizing
//===----------------------------------------------------------------------===//

def ONNX_ResizeOp : ONNX_PureOp<"Resize", [AttrSizedOperandSegments,
    AllElementTypesMatch<["X", "Y"]>]> {
  let summary = "Interpolation of a tensor at other extents";
  let description = [{
    ONNX `Resize` (19), of the dims `axes` (absent: all), by `scales` or to
    `sizes`. Interpolation is separable, computed in f32 (f64 on f64), and
    clamped to the edge, except that `exclude_outside` drops and renormalises
    the weights outside and `tf_crop_and_resize` gives `extrapolation_value`
    outside. Integers are rounded to nearest even and saturate. `antialias` is
    not supported.

    Example:
    ```mlir
    %y = onnx.Resize %x sizes %n {axes = array<i64: 2>, mode = #onnx.resize_mode<linear>} : (tensor<1x3x8xf32>, tensor<1xi64>) -> tensor<1x3x?xf32>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$X, Optional<ONNX_FloatTensor>:$roi,
      Optional<ONNX_FloatTensor>:$scales, Optional<ONNX_I64Tensor>:$sizes,
      DefaultValuedAttr<I64Attr, "0">:$antialias,
      OptionalAttr<DenseI64ArrayAttr>:$axes,
      DefaultValuedAttr<ONNX_CoordinateModeAttr, "CoordinateMode::HalfPixel">
          :$coordinate_transformation_mode,
      DefaultValuedAttr<F32Attr, "-0.75f">:$cubic_coeff_a,
      DefaultValuedAttr<I64Attr, "0">:$exclude_outside,
      DefaultValuedAttr<F32Attr, "0.0f">:$extrapolation_value,
      DefaultValuedAttr<ONNX_AspectPolicyAttr, "AspectPolicy::Stretch">
          :$keep_aspect_ratio_policy,
      DefaultValuedAttr<ONNX_ResizeModeAttr, "ResizeMode::Nearest">:$mode,
      DefaultValuedAttr<ONNX_NearestModeAttr, "NearestMode::RoundPreferFloor">
          :$nearest_mode);
  let results = (outs ONNX_NumericTensor:$Y);
  let assemblyFormat = [{
    $X (`roi` $roi^)? (`scales` $scales^)? (`sizes` $sizes^)? attr-dict
        `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif // MOE_DIALECT_ONNX_IR_WINDOW_TD
