//===- RTAttrs.td - Where weights come from ----------------*- tablegen -*-===//
//
// Sources and recipe steps of `rt.weight`.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_RT_IR_RTATTRS_TD
#define MOE_DIALECT_RT_IR_RTATTRS_TD

include "moe/Dialect/RT/IR/RTDialect.td"
include "moe/Dialect/RT/IR/RTInterfaces.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/CommonAttrConstraints.td"

class RT_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<RT_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

def RT_SpanAttr : RT_Attr<"Span", "span"> {
  let summary = "A byte range of a file that holds one row-major tensor";
  let description = [{
    `file` is relative to the folder of the model and does not leave it. `hash` is XXH3-64 of the
    bytes; 0 means that it was not recorded. Bytes are little-endian.

    Example:
    ```mlir
    #rt.span<"model.onnx", offset = 512, length = 64, hash = 7,
             tensor<4x4xf32>>
    ```
  }];
  let parameters = (ins StringRefParameter<"file">:$file, "uint64_t":$offset,
      "uint64_t":$length, "uint64_t":$hash,
      "::mlir::RankedTensorType":$type);
  let assemblyFormat = [{
    `<` $file `,` `offset` `=` $offset `,` `length` `=` $length `,`
        `hash` `=` $hash `,` $type `>`
  }];
  let genVerifyDecl = 1;
}

def RT_SpanArrayAttr : TypedArrayAttrBase<RT_SpanAttr, "array of #rt.span">;

def RT_StackAttr : RT_Attr<"Stack", "stack",
    [DeclareAttrInterfaceMethods<RT_RecipeStepAttrInterface>]> {
  let summary = "All tensors so far along a new leading dim";
  let description = [{ `tensor<AxBxT>` times N gives `tensor<NxAxBxT>`. }];
}

def RT_TransposeAttr : RT_Attr<"Transpose", "transpose",
    [DeclareAttrInterfaceMethods<RT_RecipeStepAttrInterface>]> {
  let summary = "Each tensor with permuted dims";
  let description = [{
    Dim i of the result is dim `permutation[i]` of the source, as in
    `linalg.transpose`.
  }];
  let parameters = (ins ArrayRefParameter<"int64_t">:$permutation);
  let assemblyFormat = "`<` `[` $permutation `]` `>`";
}

def RT_CastAttr : RT_Attr<"Cast", "cast",
    [DeclareAttrInterfaceMethods<RT_RecipeStepAttrInterface>]> {
  let summary = "Each tensor in another element type";
  let description = [{
    Floats round to nearest even; float to integer rounds towards zero.
  }];
  let parameters = (ins "::mlir::Type":$elementType);
  let assemblyFormat = "`<` $elementType `>`";
}

def RT_PackAttr : RT_Attr<"Pack", "pack",
    [DeclareAttrInterfaceMethods<RT_RecipeStepAttrInterface>]> {
  let summary = "Each tensor's columns as panels that matmul kernels stream";
  let description = [{
    `tensor<AxKxN>` gives `tensor<AxPxKxw>` with w = `width` and P = ceil(N / w):
    element [a, p, k, c] is [a, k, p w + c], or 0 where that is no column. It is
    `linalg.pack` of the last dim by w, with panels ahead of rows and 0 as
    padding. Any number of dims may stand ahead of K.

    With `pairs` = r it gives `tensor<AxPxQxwxr>`, Q = ceil(K / r): each column's
    rows in groups of r that lie together, as dot products of bf16 (r = 2) take
    them. Element [a, p, q, c, i] is [a, q r + i, p w + c], or 0.

    A tensor is packed once.

    Examples: `#rt.pack<16>`, `#rt.pack<16, pairs = 2>`.
  }];
  let parameters = (ins "int64_t":$width,
      DefaultValuedParameter<"int64_t", "1">:$pairs);
  let skipDefaultBuilders = 1;
  let builders = [AttrBuilder<(ins "int64_t":$width,
      CArg<"int64_t", "1">:$pairs), "return $_get($_ctxt, width, pairs);">];
  let assemblyFormat = "`<` $width (`,` `pairs` `=` $pairs^)? `>`";
  let genVerifyDecl = 1;
}

def RT_RecipeArrayAttr
    : TypedArrayAttrBase<RT_RecipeStepAttrInterface, "array of recipe steps">;

def RT_ValueAttr : RT_Attr<"Value", "value"> {
  let summary = "An input or output of a model: name, type and names of dims";
  let description = [{
    Example:
    ```mlir
    #rt.value<"input_ids", tensor<?x?xi64>, ["batch", "sequence"]>
    ```
  }];
  let parameters = (ins StringRefParameter<"name">:$name,
      "::mlir::RankedTensorType":$type, "::mlir::ArrayAttr":$dimNames);
  let assemblyFormat = "`<` $name `,` $type `,` $dimNames `>`";
  let genVerifyDecl = 1;
}

def RT_ValueArrayAttr : TypedArrayAttrBase<RT_ValueAttr, "array of #rt.value">;

#endif // MOE_DIALECT_RT_IR_RTATTRS_TD
