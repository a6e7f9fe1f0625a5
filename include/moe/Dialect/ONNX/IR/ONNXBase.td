//===- ONNXBase.td - The onnx dialect, its types and bases -*- tablegen -*-===//
#ifndef MOE_DIALECT_ONNX_IR_ONNXBASE_TD
#define MOE_DIALECT_ONNX_IR_ONNXBASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/IR/EnumAttr.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def ONNX_Dialect : Dialect {
  let name = "onnx";
  let cppNamespace = "::moe::onnx";
  let summary = "ONNX operators in their newest form, on ranked tensors";
  let description = [{
    Each op is one ONNX operator of the newest opset that the compiler knows,
    with ONNX's own name, operand names and attribute names, so that a reader of
    the ONNX specification knows it. `onnx.ms.X` is `com.microsoft::X`.

    What differs from the file:

    * types are builtin ranked tensors, dims may be dynamic; `bool` is `i1`,
      signed integers are signless, unsigned ones are `ui8`..`ui64`;
    * a dtype attribute (`Cast.to`) is the result's element type;
    * strings with a closed set of values are enums (`#onnx.reduction<add>`);
    * optional operands are absent rather than empty names.

    What ONNX leaves open, the op says: how ties and NaN are ordered, in which
    type a sum is accumulated, what an index out of range does.
  }];
  let useDefaultAttributePrinterParser = 1;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

def ONNX_Bool : TypeAlias<I1, "bool">;
def ONNX_SInt : AnyTypeOf<[I8, I16, I32, I64], "signed integer">;
def ONNX_UInt : AnyTypeOf<[UI8, UI16, UI32, UI64], "unsigned integer">;
def ONNX_Int : AnyTypeOf<[ONNX_SInt, ONNX_UInt], "integer">;
def ONNX_Float : AnyTypeOf<[F16, BF16, F32, F64], "float">;
def ONNX_Numeric : AnyTypeOf<[ONNX_Int, ONNX_Float], "number">;
def ONNX_Element : AnyTypeOf<[ONNX_Bool, ONNX_Numeric], "number or bool">;

def ONNX_BoolTensor : RankedTensorOf<[ONNX_Bool]>;
def ONNX_IntTensor : RankedTensorOf<[ONNX_Int]>;
def ONNX_FloatTensor : RankedTensorOf<[ONNX_Float]>;
def ONNX_NumericTensor : RankedTensorOf<[ONNX_Numeric]>;
def ONNX_Tensor : RankedTensorOf<[ONNX_Element]>;
/// Indices, axes and shapes.
def ONNX_I64Tensor : RankedTensorOf<[I64]>;
def ONNX_IndexTensor : RankedTensorOf<[I32, I64]>;

//===----------------------------------------------------------------------===//
// Bases
//===----------------------------------------------------------------------===//

/// An ONNX operator. Preconditions on data (an index in range) are the
/// lowering's to check, so ops are free of side effects here.
class ONNX_Op<string mnemonic, list<Trait> traits = []>
    : Op<ONNX_Dialect, mnemonic, traits>;

class ONNX_PureOp<string mnemonic, list<Trait> traits = []>
    : ONNX_Op<mnemonic, !listconcat([Pure], traits)>;

/// An enum attribute `#onnx.<attrMnemonic><case>` for an ONNX string attribute.
class ONNX_EnumAttr<EnumAttrInfo info, string attrMnemonic>
    : EnumAttr<ONNX_Dialect, info, attrMnemonic>;

#endif // MOE_DIALECT_ONNX_IR_ONNXBASE_TD
