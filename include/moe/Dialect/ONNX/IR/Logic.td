//===- Logic.td - Comparisons, bool and bitwise operators --*- tablegen -*-===//
#ifndef MOE_DIALECT_ONNX_IR_LOGIC_TD
#define MOE_DIALECT_ONNX_IR_LOGIC_TD

include "moe/Dialect/ONNX/IR/Math.td"

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

/// A op B of one element type, as bool.
class ONNX_CompareOp<string mnemonic, int since, string what, string semantics,
                     Type tensor>
    : ONNX_ElementwiseOp<mnemonic, [AllElementTypesMatch<["A", "B"]>]> {
  let summary = what;
  let description = "ONNX `" # mnemonic # "` (" # since # "). " # semantics #
      "\n\nExample:\n```mlir\n%c = onnx." # mnemonic #
      " %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xi1>\n```\n";
  let arguments = (ins tensor:$A, tensor:$B);
  let results = (outs ONNX_BoolTensor:$C);
}

def ONNX_EqualOp : ONNX_CompareOp<"Equal", 19, "A == B",
    "NaN equals nothing.", ONNX_Tensor>;
def ONNX_GreaterOp : ONNX_CompareOp<"Greater", 13, "A > B",
    "False if either is NaN.", ONNX_NumericTensor>;
def ONNX_GreaterOrEqualOp : ONNX_CompareOp<"GreaterOrEqual", 16, "A >= B",
    "False if either is NaN.", ONNX_NumericTensor>;
def ONNX_LessOp : ONNX_CompareOp<"Less", 13, "A < B",
    "False if either is NaN.", ONNX_NumericTensor>;
def ONNX_LessOrEqualOp : ONNX_CompareOp<"LessOrEqual", 16, "A <= B",
    "False if either is NaN.", ONNX_NumericTensor>;

def ONNX_IsInfOp : ONNX_ElementwiseOp<"IsInf"> {
  let summary = "Whether X is infinite";
  let description = [{
    ONNX `IsInf` (20). `detect_negative` and `detect_positive` say which of the
    infinities count.

    Example:
    ```mlir
    %y = onnx.IsInf %x {detect_negative = 0 : i64} : (tensor<?x4xf32>) -> tensor<?x4xi1>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$X,
      DefaultValuedAttr<I64Attr, "1">:$detect_negative,
      DefaultValuedAttr<I64Attr, "1">:$detect_positive);
  let results = (outs ONNX_BoolTensor:$Y);
}

def ONNX_IsNaNOp : ONNX_ElementwiseOp<"IsNaN"> {
  let summary = "Whether X is not a number";
  let description = [{
    ONNX `IsNaN` (20).

    Example:
    ```mlir
    %y = onnx.IsNaN %x : (tensor<?x4xf32>) -> tensor<?x4xi1>
    ```
  }];
  let arguments = (ins ONNX_FloatTensor:$X);
  let results = (outs ONNX_BoolTensor:$Y);
}

//===----------------------------------------------------------------------===//
// Bools
//===----------------------------------------------------------------------===//

class ONNX_BoolBinaryOp<string mnemonic, int since, string what>
    : ONNX_BinaryOp<mnemonic, since, what, "", ONNX_BoolTensor, "A", "B", "C",
                    "i1">;
def ONNX_AndOp : ONNX_BoolBinaryOp<"And", 7, "A and B">;
def ONNX_OrOp : ONNX_BoolBinaryOp<"Or", 7, "A or B">;
def ONNX_XorOp : ONNX_BoolBinaryOp<"Xor", 7, "A or B, not both">;
def ONNX_NotOp : ONNX_UnaryOp<"Not", 1, "Not X", "", ONNX_BoolTensor, "X", "Y",
                              "i1">;

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

class ONNX_BitBinaryOp<string mnemonic, int since, string what>
    : ONNX_BinaryOp<mnemonic, since, what, "", ONNX_IntTensor, "A", "B", "C",
                    "i32">;
def ONNX_BitwiseAndOp : ONNX_BitBinaryOp<"BitwiseAnd", 18, "Bits of A and B">;
def ONNX_BitwiseOrOp : ONNX_BitBinaryOp<"BitwiseOr", 18, "Bits of A or B">;
def ONNX_BitwiseXorOp : ONNX_BitBinaryOp<"BitwiseXor", 18,
    "Bits that differ between A and B">;
def ONNX_BitwiseNotOp : ONNX_UnaryOp<"BitwiseNot", 18, "Bits of X inverted", "",
    ONNX_IntTensor, "X", "Y", "i32">;

def ONNX_BitShiftOp : ONNX_ElementwiseOp<"BitShift",
    [SameOperandsAndResultElementType]> {
  let summary = "X shifted by Y bits";
  let description = [{
    ONNX `BitShift` (28). A shift to the right keeps the sign of a signed
    integer. An amount that is negative or at least the type's width gives 0, or
    -1 for a negative integer shifted to the right.

    Example:
    ```mlir
    %z = onnx.BitShift %x, %y {direction = #onnx.shift<LEFT>} : (tensor<?x4xui8>, tensor<4xui8>) -> tensor<?x4xui8>
    ```
  }];
  let arguments = (ins ONNX_IntTensor:$X, ONNX_IntTensor:$Y,
      ONNX_ShiftDirectionAttr:$direction);
  let results = (outs ONNX_IntTensor:$Z);
}

#endif // MOE_DIALECT_ONNX_IR_LOGIC_TD
