//===- Shape.td - ONNX operators on shapes and layout ------*- tablegen -*-===//
//
// Ops that move elements without computing on them, and those that make
// shapes. Extents of results come from operands at run time where the type says
// `?`; a static result dim that contradicts them ends the run.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_SHAPE_TD
#define MOE_DIALECT_ONNX_IR_SHAPE_TD

include "moe/Dialect/ONNX/IR/ONNXEnums.td"
include "moe/Dialect/ONNX/IR/ONNXInterfaces.td"

/// An op of the shape family: result elements are operand elements.
class ONNX_LayoutOp<string mnemonic, list<Trait> traits = []>
    : ONNX_PureOp<mnemonic, traits> {
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Making tensors
//===----------------------------------------------------------------------===//

def ONNX_ConstantOp : ONNX_PureOp<"Constant", [ConstantLike,
    AllTypesMatch<["value", "output"]>]> {
  let summary = "A small constant";
  let description = [{
    ONNX `Constant` and initialisers of at most 1 KiB. Bigger ones are
    `rt.weight`s.

    Example:
    ```mlir
    %0 = onnx.Constant dense<[1, 2]> : tensor<2xi64>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}

def ONNX_ConstantOfShapeOp : ONNX_LayoutOp<"ConstantOfShape"> {
  let summary = "A tensor of a run-time shape, filled with one value";
  let description = [{
    ONNX `ConstantOfShape` (25). `input` holds the extents, none negative.
    `value` has one element; without it the result is filled with 0.

    Example:
    ```mlir
    %0 = onnx.ConstantOfShape %shape {value = dense<1> : tensor<1xi64>}
        : (tensor<2xi64>) -> tensor<?x?xi64>
    ```
  }];
  let arguments = (ins ONNX_I64Tensor:$input, OptionalAttr<ElementsAttr>:$value);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def ONNX_RangeOp : ONNX_LayoutOp<"Range"> {
  let summary = "start, start + delta, ... up to but without limit";
  let description = [{
    ONNX `Range` (27). The result has max(ceil((limit - start) / delta), 0)
    elements; element i is start + i * delta, for f16 and bf16 computed in the
    type that `stash_type` names (1: f32, 11: f64) and rounded once. The number
    of elements of a float range is computed in f64. `delta` must not be 0.

    Example:
    ```mlir
    %0 = onnx.Range %start, %limit, %delta
        : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<?xi64>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$start, ONNX_NumericTensor:$limit,
      ONNX_NumericTensor:$delta,
      DefaultValuedAttr<I64Attr, "1">:$stash_type);
  let results = (outs ONNX_NumericTensor:$output);
  let assemblyFormat = [{
    $start `,` $limit `,` $delta attr-dict `:`
    functional-type(operands, results)
  }];
}

def ONNX_EyeLikeOp : ONNX_LayoutOp<"EyeLike"> {
  let summary = "1 on the k-th diagonal of a matrix of the input's shape";
  let description = [{
    ONNX `EyeLike` (22). Element [i, j] is 1 where j - i = k and 0 elsewhere.
    ONNX's `dtype` is the result's element type.

    Example:
    ```mlir
    %0 = onnx.EyeLike %x {k = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf64>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input, DefaultValuedAttr<I64Attr, "0">:$k);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Asking for shapes
//===----------------------------------------------------------------------===//

def ONNX_ShapeOp : ONNX_LayoutOp<"Shape"> {
  let summary = "The extents of dims [start, end) as a tensor";
  let description = [{
    ONNX `Shape` (25). Negative `start` and `end` count from the rank; both are
    clamped to [0, rank]. Without `end` all dims from `start` on.

    Example:
    ```mlir
    %0 = onnx.Shape %x {start = 1 : i64} : (tensor<?x?x4xf32>) -> tensor<2xi64>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data,
      DefaultValuedAttr<I64Attr, "0">:$start, OptionalAttr<I64Attr>:$end);
  let results = (outs ONNX_I64Tensor:$shape);
  let assemblyFormat = "$data attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    /// First dim and one past the last dim, clamped to [0, rank].
    std::pair<int64_t, int64_t> getDimRange();
  }];
}

def ONNX_SizeOp : ONNX_LayoutOp<"Size"> {
  let summary = "The number of elements";
  let description = [{
    ONNX `Size` (25).

    Example:
    ```mlir
    %0 = onnx.Size %x : (tensor<?x?x4xf32>) -> tensor<i64>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data);
  let results = (outs ONNX_I64Tensor:$size);
  let assemblyFormat = "$data attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Same elements in the same order
//===----------------------------------------------------------------------===//

def ONNX_IdentityOp : ONNX_LayoutOp<"Identity",
    [AllElementTypesMatch<["input", "output"]>]> {
  let summary = "The input";
  let description = [{
    ONNX `Identity` (25). Folds away where the types are equal.

    Example:
    ```mlir
    %0 = onnx.Identity %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def ONNX_ReshapeOp : ONNX_LayoutOp<"Reshape",
    [AllElementTypesMatch<["data", "reshaped"]>]> {
  let summary = "The same elements in row-major order under another shape";
  let description = [{
    ONNX `Reshape` (25). In `shape`, 0 stands for the extent of the same dim of
    `data` (unless `allowzero` is 1: then it is the extent 0), and at most one
    -1 for what is left. The run ends unless the number of elements is kept.

    Example:
    ```mlir
    %s = onnx.Constant dense<[0, -1, 128]> : tensor<3xi64>
    %0 = onnx.Reshape %x, %s
        : (tensor<?x?xf32>, tensor<3xi64>) -> tensor<?x?x128xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, ONNX_I64Tensor:$shape,
      DefaultValuedAttr<I64Attr, "0">:$allowzero);
  let results = (outs ONNX_Tensor:$reshaped);
  let assemblyFormat =
      "$data `,` $shape attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def ONNX_FlattenOp : ONNX_LayoutOp<"Flatten",
    [AllElementTypesMatch<["input", "output"]>]> {
  let summary = "A matrix: dims before `axis` times dims from it on";
  let description = [{
    ONNX `Flatten` (25). `axis` is in [-rank, rank]; an empty product is 1.

    Example:
    ```mlir
    %0 = onnx.Flatten %x {axis = 2 : i64} : (tensor<?x3x4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input,
      DefaultValuedAttr<I64Attr, "1">:$axis);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def ONNX_SqueezeOp : ONNX_LayoutOp<"Squeeze",
    [AllElementTypesMatch<["data", "squeezed"]>]> {
  let summary = "Removes dims of extent 1";
  let description = [{
    ONNX `Squeeze` (25). Without `axes` all dims whose static extent is 1 go.
    The run ends unless the dims that go have extent 1.

    Example:
    ```mlir
    %axes = onnx.Constant dense<[-1]> : tensor<1xi64>
    %0 = onnx.Squeeze %x, %axes : (tensor<?x1xf32>, tensor<1xi64>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, Optional<ONNX_I64Tensor>:$axes);
  let results = (outs ONNX_Tensor:$squeezed);
  let assemblyFormat = [{
    $data (`,` $axes^)? attr-dict `:` functional-type(operands, results)
  }];
  let hasFolder = 1;
}

def ONNX_UnsqueezeOp : ONNX_LayoutOp<"Unsqueeze",
    [AllElementTypesMatch<["data", "expanded"]>]> {
  let summary = "Adds dims of extent 1";
  let description = [{
    ONNX `Unsqueeze` (25). `axes` are dims of the result, negative ones count
    from its rank, in any order.

    Example:
    ```mlir
    %axes = onnx.Constant dense<[0, -1]> : tensor<2xi64>
    %0 = onnx.Unsqueeze %x, %axes
        : (tensor<?xf32>, tensor<2xi64>) -> tensor<1x?x1xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, ONNX_I64Tensor:$axes);
  let results = (outs ONNX_Tensor:$expanded);
  let assemblyFormat =
      "$data `,` $axes attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Moving elements
//===----------------------------------------------------------------------===//

def ONNX_TransposeOp : ONNX_LayoutOp<"Transpose",
    [AllElementTypesMatch<["data", "transposed"]>]> {
  let summary = "Permutes dims: dim i of the result is dim perm[i] of the data";
  let description = [{
    ONNX `Transpose` (25). Without `perm` the dims are reversed.

    Example:
    ```mlir
    %0 = onnx.Transpose %x {perm = array<i64: 1, 0>}
        : (tensor<?x4xf32>) -> tensor<4x?xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data,
      OptionalAttr<DenseI64ArrayAttr>:$perm);
  let results = (outs ONNX_Tensor:$transposed);
  let assemblyFormat = "$data attr-dict `:` functional-type(operands, results)";
  let extraClassDeclaration = [{
    /// `perm`, or the reversal where it is absent.
    ::llvm::SmallVector<int64_t> getPermutation();
  }];
  let hasFolder = 1;
}

def ONNX_ConcatOp : ONNX_LayoutOp<"Concat"> {
  let summary = "Joins tensors along one dim";
  let description = [{
    ONNX `Concat` (13). All other extents are equal, or the run ends.

    Example:
    ```mlir
    %0 = onnx.Concat %x, %y {axis = -1 : i64}
        : (tensor<?x4xf32>, tensor<?x2xf32>) -> tensor<?x6xf32>
    ```
  }];
  let arguments = (ins Variadic<ONNX_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs ONNX_Tensor:$concat_result);
  let assemblyFormat =
      "$inputs attr-dict `:` functional-type(operands, results)";
}

def ONNX_SplitOp : ONNX_LayoutOp<"Split"> {
  let summary = "Cuts a tensor along one dim";
  let description = [{
    ONNX `Split` (18). `split` holds the extents of the results, whose sum is
    that of the dim. Without it the dim is cut into `num_outputs` chunks of
    ceil(extent / num_outputs), the last ones smaller.

    Example:
    ```mlir
    %0:2 = onnx.Split %x {axis = 1 : i64, num_outputs = 2 : i64}
        : (tensor<?x7xf32>) -> (tensor<?x4xf32>, tensor<?x3xf32>)
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input, Optional<ONNX_I64Tensor>:$split,
      OptionalAttr<I64Attr>:$num_outputs,
      DefaultValuedAttr<I64Attr, "0">:$axis);
  let results = (outs Variadic<ONNX_Tensor>:$outputs);
  let assemblyFormat = [{
    $input (`,` $split^)? attr-dict `:` functional-type(operands, results)
  }];
}

def ONNX_SliceOp : ONNX_LayoutOp<"Slice", [AttrSizedOperandSegments,
    AllElementTypesMatch<["data", "output"]>]> {
  let summary = "Every steps[i]-th index from starts[i] to ends[i] of each axis";
  let description = [{
    ONNX `Slice` (13). Negative starts and ends count from the extent. They are
    clamped to [0, extent] for positive steps; to [0, extent - 1] and
    [-1, extent - 1] for negative ones. `axes` defaults to the first dims,
    `steps` to 1. A step of 0 ends the run. No operand needs to be constant.

    Example:
    ```mlir
    %0 = onnx.Slice %x, %starts, %ends axes(%axes) steps(%steps)
        : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>,
           tensor<1xi64>) -> tensor<?x?xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, ONNX_IndexTensor:$starts,
      ONNX_IndexTensor:$ends, Optional<ONNX_IndexTensor>:$axes,
      Optional<ONNX_IndexTensor>:$steps);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = [{
    $data `,` $starts `,` $ends (`axes` `(` $axes^ `)`)?
    (`steps` `(` $steps^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def ONNX_ExpandOp : ONNX_LayoutOp<"Expand",
    [AllElementTypesMatch<["input", "output"]>]> {
  let summary = "Broadcasts with a run-time shape";
  let description = [{
    ONNX `Expand` (13). Both sides stretch: where `shape` has 1, the result has
    the input's extent.

    Example:
    ```mlir
    %0 = onnx.Expand %x, %shape
        : (tensor<4x1xf32>, tensor<3xi64>) -> tensor<?x4x?xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input, ONNX_I64Tensor:$shape);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat =
      "$input `,` $shape attr-dict `:` functional-type(operands, results)";
}

def ONNX_TileOp : ONNX_LayoutOp<"Tile",
    [AllElementTypesMatch<["input", "output"]>]> {
  let summary = "Repeats a tensor along each dim";
  let description = [{
    ONNX `Tile` (13). `repeats` has one element per dim, none negative.

    Example:
    ```mlir
    %0 = onnx.Tile %x, %repeats
        : (tensor<2x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input, ONNX_I64Tensor:$repeats);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat =
      "$input `,` $repeats attr-dict `:` functional-type(operands, results)";
}

def ONNX_PadOp : ONNX_LayoutOp<"Pad", [AttrSizedOperandSegments,
    AllElementTypesMatch<["data", "output"]>]> {
  let summary = "Adds elements around a tensor, or cuts them off";
  let description = [{
    ONNX `Pad` (25). `pads` holds the counts before each of `axes`, then those
    behind; negative counts cut off. `constant` fills with `constant_value`
    (default 0), `edge` repeats the last element, `reflect` mirrors at it,
    `wrap` continues with the other end. A dim of extent 0 can be padded by
    `constant` only.

    Example:
    ```mlir
    %0 = onnx.Pad %x, %pads axes(%axes) {mode = #onnx.pad_mode<edge>}
        : (tensor<?x8xf32>, tensor<2xi64>, tensor<1xi64>) -> tensor<?x?xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, ONNX_I64Tensor:$pads,
      Optional<ONNX_Tensor>:$constant_value, Optional<ONNX_IndexTensor>:$axes,
      DefaultValuedAttr<ONNX_PadModeAttr, "::moe::onnx::PadMode::Constant">:$mode);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = [{
    $data `,` $pads (`value` `(` $constant_value^ `)`)?
    (`axes` `(` $axes^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
}

def ONNX_DepthToSpaceOp : ONNX_LayoutOp<"DepthToSpace",
    [AllElementTypesMatch<["input", "output"]>]> {
  let summary = "Moves channels to blocks of pixels";
  let description = [{
    ONNX `DepthToSpace` (28): [N, C, H, W] to [N, C / b^2, H * b, W * b]. With
    `DCR` the block's row and column are the channel's outermost digits, with
    `CRD` the innermost ones.

    Example:
    ```mlir
    %0 = onnx.DepthToSpace %x {blocksize = 2 : i64}
        : (tensor<?x8x3x5xf32>) -> tensor<?x2x6x10xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input, I64Attr:$blocksize,
      DefaultValuedAttr<ONNX_DepthModeAttr, "::moe::onnx::DepthMode::DCR">:$mode);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def ONNX_SpaceToDepthOp : ONNX_LayoutOp<"SpaceToDepth",
    [AllElementTypesMatch<["input", "output"]>]> {
  let summary = "Moves blocks of pixels to channels";
  let description = [{
    ONNX `SpaceToDepth` (28): [N, C, H, W] to [N, C * b^2, H / b, W / b], the
    inverse of `DepthToSpace` of the same `mode`. The run ends unless `b`
    divides H and W.

    Example:
    ```mlir
    %0 = onnx.SpaceToDepth %x {blocksize = 2 : i64}
        : (tensor<?x2x6x10xf32>) -> tensor<?x8x3x5xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input, I64Attr:$blocksize,
      DefaultValuedAttr<ONNX_DepthModeAttr, "::moe::onnx::DepthMode::DCR">:$mode);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def ONNX_TriluOp : ONNX_LayoutOp<"Trilu",
    [AllElementTypesMatch<["input", "output"]>]> {
  let summary = "The upper or lower triangle of each matrix, 0 elsewhere";
  let description = [{
    ONNX `Trilu` (14) on the last two dims. With `upper` = 1 the elements
    [i, j] with j >= i + k stay, else those with j <= i + k.

    Example:
    ```mlir
    %0 = onnx.Trilu %x, %k {upper = 0 : i64}
        : (tensor<?x4x4xf32>, tensor<i64>) -> tensor<?x4x4xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input, Optional<ONNX_I64Tensor>:$k,
      DefaultValuedAttr<I64Attr, "1">:$upper);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = [{
    $input (`,` $k^)? attr-dict `:` functional-type(operands, results)
  }];
}

def ONNX_ReverseSequenceOp : ONNX_LayoutOp<"ReverseSequence",
    [AllElementTypesMatch<["input", "Y"]>]> {
  let summary = "Reverses the first elements of each sequence of a batch";
  let description = [{
    ONNX `ReverseSequence` (28). The first `sequence_lens[b]` elements along
    `time_axis` are reversed, the others stay. Lengths are in [0, extent].

    Example:
    ```mlir
    %0 = onnx.ReverseSequence %x, %lens {batch_axis = 0 : i64, time_axis = 1 : i64}
        : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input, ONNX_I64Tensor:$sequence_lens,
      DefaultValuedAttr<I64Attr, "1">:$batch_axis,
      DefaultValuedAttr<I64Attr, "0">:$time_axis);
  let results = (outs ONNX_Tensor:$Y);
  let assemblyFormat = [{
    $input `,` $sequence_lens attr-dict `:`
    functional-type(operands, results)
  }];
}

#endif // MOE_DIALECT_ONNX_IR_SHAPE_TD
