//===- Math.td - Elementwise ONNX operators ----------------*- tablegen -*-===//
//
// Arithmetic. Activation.td and Logic.td hold the other elementwise ops, on the
// base classes of this file.
//
// All of them: operands broadcast (ONNX "Broadcasting"); f16 and bf16 are
// computed in f32 and rounded once at the end of the op.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_MATH_TD
#define MOE_DIALECT_ONNX_IR_MATH_TD

include "moe/Dialect/ONNX/IR/ONNXEnums.td"
include "moe/Dialect/ONNX/IR/ONNXInterfaces.td"

class ONNX_ElementwiseOp<string mnemonic, list<Trait> traits = []>
    : ONNX_PureOp<mnemonic,
                  !listconcat([ONNX_ElementwiseOpInterface], traits)> {
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}

/// One operand, one result of the same element type. `what` is the summary,
/// `semantics` what ONNX leaves open or what surprises.
class ONNX_UnaryOp<string mnemonic, int since, string what, string semantics,
                   Type tensor, string operand, string result, string example>
    : ONNX_ElementwiseOp<mnemonic, [SameOperandsAndResultElementType]> {
  let summary = what;
  let description = "ONNX `" # mnemonic # "` (" # since # "). " # semantics #
      "\n\nExample:\n```mlir\n%r = onnx." # mnemonic # " %x : (tensor<?x4x" #
      example # ">) -> tensor<?x4x" # example # ">\n```\n";
  let arguments = !dag(ins, [tensor], [operand]);
  let results = !dag(outs, [tensor], [result]);
}

class ONNX_FloatUnaryOp<string mnemonic, int since, string what,
                        string semantics = "", string operand = "input",
                        string result = "output">
    : ONNX_UnaryOp<mnemonic, since, what, semantics, ONNX_FloatTensor, operand,
                   result, "f32">;

/// A op B; the result has the operands' element type.
class ONNX_BinaryOp<string mnemonic, int since, string what, string semantics,
                    Type tensor, string lhs = "A", string rhs = "B",
                    string result = "C", string example = "f32">
    : ONNX_ElementwiseOp<mnemonic, [SameOperandsAndResultElementType]> {
  let summary = what;
  let description = "ONNX `" # mnemonic # "` (" # since # "). " # semantics #
      "\n\nExample:\n```mlir\n%c = onnx." # mnemonic # " %a, %b : (tensor<?x4x" #
      example # ">, tensor<4x" # example # ">) -> tensor<?x4x" # example #
      ">\n```\n";
  let arguments = !dag(ins, [tensor, tensor], [lhs, rhs]);
  let results = !dag(outs, [tensor], [result]);
}

/// f(data_0, data_1, ...), at least one operand.
class ONNX_VariadicOp<string mnemonic, int since, string what, string semantics,
                      Type tensor, string result>
    : ONNX_ElementwiseOp<mnemonic, [SameOperandsAndResultElementType]> {
  let summary = what;
  let description = "ONNX `" # mnemonic # "` (" # since # "). " # semantics #
      "\n\nExample:\n```mlir\n%c = onnx." # mnemonic # " %a, %b : (tensor<?x4xf32>, "
      "tensor<4xf32>) -> tensor<?x4xf32>\n```\n";
  let arguments = !dag(ins, [Variadic<tensor>], ["data_0"]);
  let results = !dag(outs, [tensor], [result]);
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

def ONNX_AddOp : ONNX_BinaryOp<"Add", 14, "A + B", "Integers wrap around.",
    ONNX_NumericTensor>;
def ONNX_SubOp : ONNX_BinaryOp<"Sub", 14, "A - B", "Integers wrap around.",
    ONNX_NumericTensor>;
def ONNX_MulOp : ONNX_BinaryOp<"Mul", 14, "A * B", "Integers wrap around.",
    ONNX_NumericTensor>;
def ONNX_DivOp : ONNX_BinaryOp<"Div", 14, "A / B",
    "Integers truncate towards zero; the least one divided by -1 wraps around. "
    "An integer divisor of 0 ends the run with an error.",
    ONNX_NumericTensor>;

def ONNX_ModOp : ONNX_ElementwiseOp<"Mod", [SameOperandsAndResultElementType]> {
  let summary = "Remainder of A / B";
  let description = [{
    ONNX `Mod` (28). `fmod = 0` rounds the quotient down, so that the result has
    the sign of `B`; `fmod = 1` truncates it as C's `fmod` does, so that the
    result has the sign of `A`. An integer divisor of 0 ends the run with an
    error, a float one gives NaN.

    Constraint mod_c1: `fmod` is 0 or 1.

    Example:
    ```mlir
    %c = onnx.Mod %a, %b {fmod = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$A, ONNX_NumericTensor:$B,
      DefaultValuedAttr<I64Attr, "0">:$fmod);
  let results = (outs ONNX_NumericTensor:$C);
  let hasVerifier = 1;
}

def ONNX_PowOp : ONNX_ElementwiseOp<"Pow", [AllElementTypesMatch<["X", "Z"]>]> {
  let summary = "X to the power of Y";
  let description = [{
    ONNX `Pow` (15). The result has the element type of `X`, whatever that of
    `Y`. Of two integers: exact, wrapping around; a negative exponent gives the
    truncated reciprocal (0, or ±1 for a base of ±1). Of a float and an integer,
    in either order: computed in floats, then cast as `onnx.Cast` does.

    Example:
    ```mlir
    %z = onnx.Pow %x, %y : (tensor<?x4xf32>, tensor<i64>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$X, ONNX_NumericTensor:$Y);
  let results = (outs ONNX_NumericTensor:$Z);
}

//===----------------------------------------------------------------------===//
// Any number of operands
//===----------------------------------------------------------------------===//

def ONNX_MaxOp : ONNX_VariadicOp<"Max", 13, "Greatest of the operands",
    "NaN if any operand is NaN.", ONNX_NumericTensor, "max">;
def ONNX_MinOp : ONNX_VariadicOp<"Min", 13, "Least of the operands",
    "NaN if any operand is NaN.", ONNX_NumericTensor, "min">;
def ONNX_MeanOp : ONNX_VariadicOp<"Mean", 13, "Mean of the operands",
    "The sum from left to right, divided by the number of operands.",
    ONNX_FloatTensor, "mean">;
def ONNX_SumOp : ONNX_VariadicOp<"Sum", 13, "Sum of the operands",
    "Added from left to right.", ONNX_FloatTensor, "sum">;

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

def ONNX_AbsOp : ONNX_UnaryOp<"Abs", 13, "Absolute value",
    "The least signed integer stays as it is.", ONNX_NumericTensor, "X", "Y",
    "f32">;
def ONNX_NegOp : ONNX_UnaryOp<"Neg", 13, "-X",
    "The least signed integer stays as it is.",
    RankedTensorOf<[ONNX_SInt, ONNX_Float]>, "X", "Y", "f32">;
def ONNX_SignOp : ONNX_UnaryOp<"Sign", 13, "-1, 0 or 1",
    "Zeros and NaN give themselves.", ONNX_NumericTensor, "input", "output",
    "f32">;

def ONNX_AcosOp : ONNX_FloatUnaryOp<"Acos", 22, "Arc cosine">;
def ONNX_AcoshOp : ONNX_FloatUnaryOp<"Acosh", 22, "Inverse hyperbolic cosine">;
def ONNX_AsinOp : ONNX_FloatUnaryOp<"Asin", 22, "Arc sine">;
def ONNX_AsinhOp : ONNX_FloatUnaryOp<"Asinh", 22, "Inverse hyperbolic sine">;
def ONNX_AtanOp : ONNX_FloatUnaryOp<"Atan", 22, "Arc tangent">;
def ONNX_AtanhOp : ONNX_FloatUnaryOp<"Atanh", 22, "Inverse hyperbolic tangent">;
def ONNX_CosOp : ONNX_FloatUnaryOp<"Cos", 22, "Cosine">;
def ONNX_CoshOp : ONNX_FloatUnaryOp<"Cosh", 22, "Hyperbolic cosine">;
def ONNX_ErfOp : ONNX_FloatUnaryOp<"Erf", 13, "Error function">;
def ONNX_ExpOp : ONNX_FloatUnaryOp<"Exp", 13, "e to the power of the input">;
def ONNX_LogOp : ONNX_FloatUnaryOp<"Log", 13, "Natural logarithm",
    "-inf of 0, NaN of a negative number.">;
def ONNX_SinOp : ONNX_FloatUnaryOp<"Sin", 22, "Sine">;
def ONNX_SinhOp : ONNX_FloatUnaryOp<"Sinh", 22, "Hyperbolic sine">;
def ONNX_TanOp : ONNX_FloatUnaryOp<"Tan", 22, "Tangent">;
def ONNX_TanhOp : ONNX_FloatUnaryOp<"Tanh", 13, "Hyperbolic tangent">;

def ONNX_CeilOp : ONNX_FloatUnaryOp<"Ceil", 13, "Rounded up", "", "X", "Y">;
def ONNX_FloorOp : ONNX_FloatUnaryOp<"Floor", 13, "Rounded down", "", "X", "Y">;
def ONNX_ReciprocalOp : ONNX_FloatUnaryOp<"Reciprocal", 13, "1 / X", "", "X",
    "Y">;
def ONNX_RoundOp : ONNX_FloatUnaryOp<"Round", 22, "Nearest integer",
    "Halves go to the even neighbour.", "X", "Y">;
def ONNX_SqrtOp : ONNX_FloatUnaryOp<"Sqrt", 13, "Square root",
    "NaN of a negative number.", "X", "Y">;

//===----------------------------------------------------------------------===//
// Conversion and selection
//===----------------------------------------------------------------------===//

def ONNX_CastOp : ONNX_ElementwiseOp<"Cast"> {
  let summary = "Conversion to the result's element type";
  let description = [{
    ONNX `Cast` (28). Float to float rounds to nearest even, integer to integer
    drops the high bits, anything to bool is `!= 0` (NaN is true).

    ONNX leaves a float that the integer type does not hold undefined. Here the
    float is truncated to 64 bits first, then its high bits are dropped, so that
    -1.0 gives 255 as `ui8`; NaN and floats that 64 bits do not hold give the
    low bits of the least `i64`.

    A cast to the same type, and a cast back from a type that holds every value
    of the first, fold away.

    Example:
    ```mlir
    %y = onnx.Cast %x : (tensor<?x4xf32>) -> tensor<?x4xi32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input);
  let results = (outs ONNX_Tensor:$output);
  let hasFolder = 1;
}

def ONNX_BitCastOp : ONNX_ElementwiseOp<"BitCast"> {
  let summary = "The same bits as another element type";
  let description = [{
    ONNX `BitCast` (26). A bool has 8 bits: 0, or 1 for true; any other byte
    becomes true.

    Constraint bitcast_c1: both element types have the same number of bits.

    Example:
    ```mlir
    %y = onnx.BitCast %x : (tensor<?x4xf32>) -> tensor<?x4xi32>
    ```
  }];
  let arguments = (ins ONNX_Tensor:$input);
  let results = (outs ONNX_Tensor:$output);
  let hasVerifier = 1;
}

def ONNX_ClipOp : ONNX_ElementwiseOp<"Clip",
    [AttrSizedOperandSegments, SameOperandsAndResultElementType]> {
  let summary = "min(max(input, min), max)";
  let description = [{
    ONNX `Clip` (13). An absent bound does not limit. Where `min` is greater than
    `max` the result is `max`. NaN stays NaN.

    Constraint clip_c1: bounds have one element.

    Example:
    ```mlir
    %y = onnx.Clip %x min(%low : tensor<f32>) max(%high : tensor<f32>) : (tensor<?x4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$input,
      Optional<ONNX_NumericTensor>:$min, Optional<ONNX_NumericTensor>:$max);
  let results = (outs ONNX_NumericTensor:$output);
  let assemblyFormat = [{
    $input (`min` `(` $min^ `:` type($min) `)`)?
    (`max` `(` $max^ `:` type($max) `)`)?
    attr-dict `:` functional-type($input, $output)
  }];
  let hasVerifier = 1;
}

def ONNX_WhereOp : ONNX_ElementwiseOp<"Where",
    [AllElementTypesMatch<["X", "Y", "output"]>]> {
  let summary = "X where the condition holds, else Y";
  let description = [{
    ONNX `Where` (16). All three operands broadcast.

    Example:
    ```mlir
    %z = onnx.Where %c, %x, %y : (tensor<?x1xi1>, tensor<4xf32>, tensor<f32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_BoolTensor:$condition, ONNX_Tensor:$X,
      ONNX_Tensor:$Y);
  let results = (outs ONNX_Tensor:$output);
}

#endif // MOE_DIALECT_ONNX_IR_MATH_TD
