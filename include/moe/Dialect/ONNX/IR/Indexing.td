//===- Indexing.td - ONNX operators that index by data -----*- tablegen -*-===//
//
// Gathers, scatters and selections. Indices are data: each op says their range;
// an index out of range ends the run before anything is read or written.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_INDEXING_TD
#define MOE_DIALECT_ONNX_IR_INDEXING_TD

include "moe/Dialect/ONNX/IR/ONNXEnums.td"
include "moe/Dialect/ONNX/IR/ONNXInterfaces.td"

class ONNX_IndexingOp<string mnemonic, list<Trait> traits = []>
    : ONNX_PureOp<mnemonic, traits> {
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Gathers
//===----------------------------------------------------------------------===//

def ONNX_GatherOp : ONNX_IndexingOp<"Gather",
    [AllElementTypesMatch<["data", "output"]>]> {
  let summary = "Slices of one dim, picked by index";
  let description = [{
    ONNX `Gather` (13): out[p..., i..., q...] = data[p..., indices[i...], q...].
    Indices are in [-s, s-1] for the extent s of `axis`; negative ones count
    from its end.

    Example:
    ```mlir
    %0 = onnx.Gather %x, %ids
        : (tensor<256x128xf32>, tensor<?x?xi64>) -> tensor<?x?x128xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, ONNX_IndexTensor:$indices,
      DefaultValuedAttr<I64Attr, "0">:$axis);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat =
      "$data `,` $indices attr-dict `:` functional-type(operands, results)";
}

def ONNX_GatherElementsOp : ONNX_IndexingOp<"GatherElements",
    [AllElementTypesMatch<["data", "output"]>]> {
  let summary = "Elements of one dim, picked by an index each";
  let description = [{
    ONNX `GatherElements` (13): for axis 1,
    out[i, j, k] = data[i, indices[i, j, k], k]. The result has the shape of
    `indices`, which exceeds that of `data` in no other dim. Indices are in
    [-s, s-1]; negative ones count from the end.

    Example:
    ```mlir
    %0 = onnx.GatherElements %x, %i {axis = 1 : i64}
        : (tensor<?x8xf32>, tensor<?x2xi64>) -> tensor<?x2xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, ONNX_IndexTensor:$indices,
      DefaultValuedAttr<I64Attr, "0">:$axis);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat =
      "$data `,` $indices attr-dict `:` functional-type(operands, results)";
}

def ONNX_GatherNDOp : ONNX_IndexingOp<"GatherND",
    [AllElementTypesMatch<["data", "output"]>]> {
  let summary = "Slices, picked by index tuples";
  let description = [{
    ONNX `GatherND` (13). The last dim of `indices` holds tuples that index the
    dims of `data` behind the `batch_dims` first ones, which both share. Indices
    are in [-s, s-1] of their dim; negative ones count from its end.

    Example:
    ```mlir
    %0 = onnx.GatherND %x, %i
        : (tensor<?x8x4xf32>, tensor<?x2xi64>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, ONNX_I64Tensor:$indices,
      DefaultValuedAttr<I64Attr, "0">:$batch_dims);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat =
      "$data `,` $indices attr-dict `:` functional-type(operands, results)";
}

//===----------------------------------------------------------------------===//
// Scatters
//===----------------------------------------------------------------------===//

def ONNX_ScatterElementsOp : ONNX_IndexingOp<"ScatterElements",
    [AllElementTypesMatch<["data", "output", "updates"]>]> {
  let summary = "Writes elements of one dim, an index each";
  let description = [{
    ONNX `ScatterElements` (18): a copy of `data` where, for axis 1,
    out[i, indices[i, j, k], k] is reduced with updates[i, j, k]. Updates apply
    one after the other in row-major order, so duplicate indices are
    deterministic, and the last one stays without a reduction. Sums accumulate
    in the element type; max and min give NaN if either side is NaN; on bool,
    add is `or` and mul is `and`. Indices are in [-s, s-1].

    Example:
    ```mlir
    %0 = onnx.ScatterElements %x, %i, %u {axis = 1 : i64, reduction = #onnx.reduction<add>}
        : (tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x8xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, ONNX_IndexTensor:$indices,
      ONNX_Tensor:$updates, DefaultValuedAttr<I64Attr, "0">:$axis,
      DefaultValuedAttr<ONNX_ScatterReductionAttr,
                        "::moe::onnx::ScatterReduction::None">:$reduction);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = [{
    $data `,` $indices `,` $updates attr-dict `:`
    functional-type(operands, results)
  }];
}

def ONNX_ScatterNDOp : ONNX_IndexingOp<"ScatterND",
    [AllElementTypesMatch<["data", "output", "updates"]>]> {
  let summary = "Writes slices, an index tuple each";
  let description = [{
    ONNX `ScatterND` (18): a copy of `data` where
    out[indices[p...], q...] is reduced with updates[p..., q...]; order,
    reductions and ranges as for `onnx.ScatterElements`.

    Example:
    ```mlir
    %0 = onnx.ScatterND %x, %i, %u {reduction = #onnx.reduction<add>}
        : (tensor<?x8xf32>, tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<?x8xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$data, ONNX_I64Tensor:$indices,
      ONNX_Tensor:$updates,
      DefaultValuedAttr<ONNX_ScatterReductionAttr,
                        "::moe::onnx::ScatterReduction::None">:$reduction);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = [{
    $data `,` $indices `,` $updates attr-dict `:`
    functional-type(operands, results)
  }];
}

def ONNX_TensorScatterOp : ONNX_IndexingOp<"TensorScatter",
    [AllElementTypesMatch<["past_cache", "present_cache", "update"]>]> {
  let summary = "Writes rows of a cache at one position per batch entry";
  let description = [{
    ONNX `TensorScatter` (24): a copy of `past_cache` where, for each batch
    entry b (dim 0), the indices write_indices[b], write_indices[b] + 1, ... of
    `axis` hold `update`. Without `write_indices` writing starts at 0. `linear`
    ends the run where a position is past the end; `circular` wraps around.
    Write indices are not negative.

    Example:
    ```mlir
    %0 = onnx.TensorScatter %cache, %rows, %at {mode = #onnx.cache_mode<circular>}
        : (tensor<?x4x8x5xf32>, tensor<?x4x2x5xf32>, tensor<?xi64>)
        -> tensor<?x4x8x5xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$past_cache, ONNX_Tensor:$update,
      Optional<ONNX_I64Tensor>:$write_indices,
      DefaultValuedAttr<I64Attr, "-2">:$axis,
      DefaultValuedAttr<ONNX_CacheModeAttr,
                        "::moe::onnx::CacheMode::Linear">:$mode);
  let results = (outs ONNX_Tensor:$present_cache);
  let assemblyFormat = [{
    $past_cache `,` $update (`,` $write_indices^)? attr-dict `:`
    functional-type(operands, results)
  }];
}

//===----------------------------------------------------------------------===//
// Selections
//===----------------------------------------------------------------------===//

def ONNX_NonZeroOp : ONNX_IndexingOp<"NonZero"> {
  let summary = "The indices of the elements that are not 0";
  let description = [{
    ONNX `NonZero` (13). Column c of the result is the index of the c-th such
    element in row-major order. NaN is not 0, -0.0 is. A scalar gives a result
    without rows.

    Example:
    ```mlir
    %0 = onnx.NonZero %x : (tensor<?x8xi1>) -> tensor<2x?xi64>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$X);
  let results = (outs ONNX_I64Tensor:$Y);
  let assemblyFormat = "$X attr-dict `:` functional-type(operands, results)";
}

def ONNX_OneHotOp : ONNX_IndexingOp<"OneHot",
    [AllElementTypesMatch<["values", "output"]>]> {
  let summary = "A new dim that holds the on value at the index, else the off value";
  let description = [{
    ONNX `OneHot` (28). `values` is [off, on]. `depth` is the new dim's extent.
    Indices in [-depth, -1] count from its end; an index outside of
    [-depth, depth-1] gives off values only. Indices and depth of a float type
    are truncated.

    Example:
    ```mlir
    %0 = onnx.OneHot %ids, %depth, %values
        : (tensor<?xi64>, tensor<i64>, tensor<2xf32>) -> tensor<?x?xf32>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$indices, ONNX_NumericTensor:$depth,
      ONNX_Tensor:$values, DefaultValuedAttr<I64Attr, "-1">:$axis);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat = [{
    $indices `,` $depth `,` $values attr-dict `:`
    functional-type(operands, results)
  }];
}

def ONNX_CompressOp : ONNX_IndexingOp<"Compress",
    [AllElementTypesMatch<["input", "output"]>]> {
  let summary = "The slices of one dim whose condition holds";
  let description = [{
    ONNX `Compress` (28). Without `axis` the input is read as one row.
    `condition` may be shorter than the dim: what it lacks does not hold; a
    condition past the dim's end is not looked at.

    Example:
    ```mlir
    %0 = onnx.Compress %x, %c {axis = 0 : i64}
        : (tensor<?x8xf32>, tensor<?xi1>) -> tensor<?x8xf32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input, ONNX_BoolTensor:$condition,
      OptionalAttr<I64Attr>:$axis);
  let results = (outs ONNX_Tensor:$output);
  let assemblyFormat =
      "$input `,` $condition attr-dict `:` functional-type(operands, results)";
}

#endif // MOE_DIALECT_ONNX_IR_INDEXING_TD
