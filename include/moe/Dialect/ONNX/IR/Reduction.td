//===- Reduction.td - Reductions, scans and sorts ----------*- tablegen -*-===//
//
// f16 and bf16 are accumulated in f32 and rounded once at the end of the op;
// sums run in the order of indices.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_REDUCTION_TD
#define MOE_DIALECT_ONNX_IR_REDUCTION_TD

include "moe/Dialect/ONNX/IR/ONNXEnums.td"
include "moe/Dialect/ONNX/IR/ONNXInterfaces.td"

//===----------------------------------------------------------------------===//
// Reductions over axes
//===----------------------------------------------------------------------===//

class ONNX_ReduceOp<string mnemonic, int since, string what, string semantics,
                    Type tensor>
    : ONNX_PureOp<mnemonic,
          [ONNX_ReduceOpInterface, AllElementTypesMatch<["data", "reduced"]>]> {
  let summary = what;
  let description = "ONNX `" # mnemonic # "` (" # since # "). " # semantics # [{

    Reduces the dims of `axes`, each in [-rank, rank); absent or empty axes mean
    all of them, or none with `noop_with_empty_axes = 1`. `keepdims = 1` leaves
    extents of 1. Axes that are not constant are checked when the model runs.

    Constraints:
    * reduce_c1: constant axes are in [-rank, rank), each named once;
    * reduce_c2: the result has the rank that axes and `keepdims` give.

    Example:
    ```mlir
    }] # "%r = onnx." # mnemonic # [{ %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins tensor:$data, Optional<ONNX_I64Tensor>:$axes,
      DefaultValuedAttr<I64Attr, "1">:$keepdims,
      DefaultValuedAttr<I64Attr, "0">:$noop_with_empty_axes);
  let results = (outs tensor:$reduced);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
}

def ONNX_ReduceL1Op : ONNX_ReduceOp<"ReduceL1", 18, "Sum of absolute values",
    "0 of nothing.", ONNX_NumericTensor>;
def ONNX_ReduceL2Op : ONNX_ReduceOp<"ReduceL2", 18,
    "Square root of the sum of squares",
    "0 of nothing. Of integers, the truncated root.", ONNX_NumericTensor>;
def ONNX_ReduceLogSumOp : ONNX_ReduceOp<"ReduceLogSum", 28,
    "Logarithm of the sum", "-inf of nothing.", ONNX_FloatTensor>;
def ONNX_ReduceLogSumExpOp : ONNX_ReduceOp<"ReduceLogSumExp", 28,
    "Logarithm of the sum of exponentials",
    "-inf of nothing. The greatest element is subtracted first, so that nothing "
    "overflows.", ONNX_FloatTensor>;
def ONNX_ReduceMaxOp : ONNX_ReduceOp<"ReduceMax", 20, "Greatest element",
    "NaN if any is NaN; -inf, or the least value of the type, of nothing. Of "
    "bools, whether any holds.", ONNX_Tensor>;
def ONNX_ReduceMeanOp : ONNX_ReduceOp<"ReduceMean", 18, "Mean",
    "NaN of no floats, 0 of no integers. Of integers, the truncated quotient.",
    ONNX_NumericTensor>;
def ONNX_ReduceMinOp : ONNX_ReduceOp<"ReduceMin", 20, "Least element",
    "NaN if any is NaN; +inf, or the greatest value of the type, of nothing. Of "
    "bools, whether all hold.", ONNX_Tensor>;
def ONNX_ReduceProdOp : ONNX_ReduceOp<"ReduceProd", 18, "Product",
    "1 of nothing.", ONNX_NumericTensor>;
def ONNX_ReduceSumOp : ONNX_ReduceOp<"ReduceSum", 13, "Sum", "0 of nothing.",
    ONNX_NumericTensor>;
def ONNX_ReduceSumSquareOp : ONNX_ReduceOp<"ReduceSumSquare", 18,
    "Sum of squares", "0 of nothing.", ONNX_NumericTensor>;

class ONNX_ArgOp<string mnemonic, string what> : ONNX_PureOp<mnemonic> {
  let summary = "Index of the " # what # " element along an axis";
  let description = "ONNX `" # mnemonic # "` (13). Of equal elements the first, "
      "or the last with `select_last_index = 1`. A NaN wins against any number. "
      "An axis of extent 0 ends the run with an error." # [{

    Constraints:
    * arg_c1: `axis` is in [-rank, rank);
    * arg_c2: the result has the rank that `keepdims` gives.

    Example:
    ```mlir
    }] # "%r = onnx." # mnemonic # [{ %x {axis = 1 : i64, keepdims = 0 : i64} : (tensor<?x4xf32>) -> tensor<?xi64>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$data,
      DefaultValuedAttr<I64Attr, "0">:$axis,
      DefaultValuedAttr<I64Attr, "1">:$keepdims,
      DefaultValuedAttr<I64Attr, "0">:$select_last_index);
  let results = (outs ONNX_I64Tensor:$reduced);
  let assemblyFormat = "$data attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def ONNX_ArgMaxOp : ONNX_ArgOp<"ArgMax", "greatest">;
def ONNX_ArgMinOp : ONNX_ArgOp<"ArgMin", "least">;

//===----------------------------------------------------------------------===//
// Normalisation along one axis
//===----------------------------------------------------------------------===//

/// Each line of `axis` becomes a line of the same extent.
class ONNX_LineOp<string mnemonic, int since, string what, string semantics,
                  dag attributes = (ins)>
    : ONNX_PureOp<mnemonic, [SameOperandsAndResultElementType]> {
  let summary = what;
  let description = "ONNX `" # mnemonic # "` (" # since # "). " # semantics # [{

    Constraint line_c1: `axis` is in [-rank, rank), and the result has the
    operand's shape.

    Example:
    ```mlir
    }] # "%y = onnx." # mnemonic # [{ %x {axis = 0 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = !con((ins ONNX_FloatTensor:$input,
      DefaultValuedAttr<I64Attr, "-1">:$axis), attributes);
  let results = (outs ONNX_FloatTensor:$output);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def ONNX_SoftmaxOp : ONNX_LineOp<"Softmax", 13,
    "exp(x) / sum of exp(x) along an axis",
    "The greatest element is subtracted first. A line with NaN or +inf, or of "
    "-inf only, gives NaN.">;
def ONNX_LogSoftmaxOp : ONNX_LineOp<"LogSoftmax", 13,
    "Logarithm of the softmax along an axis",
    "Computed as (x - max) - log(sum of exp(x - max)).">;
def ONNX_HardmaxOp : ONNX_LineOp<"Hardmax", 13,
    "1 at the first greatest element along an axis, 0 elsewhere",
    "The first NaN counts as the greatest.">;
def ONNX_LpNormalizationOp : ONNX_LineOp<"LpNormalization", 22,
    "x / Lp norm along an axis",
    "`p` is 1 or 2 (constraint lp_c1). A norm of 0 gives 0.",
    (ins DefaultValuedAttr<I64Attr, "2">:$p)>;

//===----------------------------------------------------------------------===//
// Scans
//===----------------------------------------------------------------------===//

class ONNX_CumulativeOp<string mnemonic, int since, string what>
    : ONNX_PureOp<mnemonic, [AllTypesMatch<["x", "y"]>]> {
  let summary = "Running " # what # " along an axis";
  let description = "ONNX `" # mnemonic # "` (" # since # "). " # [{`exclusive = 1`
    leaves out the element itself, `reverse = 1` runs from the end. `axis` is
    an operand, in [-rank, rank), which is checked when the model runs.

    Constraint cumulative_c1: the operand has a rank of at least 1, and `axis` one
    element.

    Example:
    ```mlir
    }] # "%y = onnx." # mnemonic # [{ %x, %axis {exclusive = 1 : i64} : (tensor<?x4xf32>, tensor<i64>) -> tensor<?x4xf32>
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$x, ONNX_IndexTensor:$axis,
      DefaultValuedAttr<I64Attr, "0">:$exclusive,
      DefaultValuedAttr<I64Attr, "0">:$reverse);
  let results = (outs ONNX_NumericTensor:$y);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def ONNX_CumSumOp : ONNX_CumulativeOp<"CumSum", 14, "sum">;
def ONNX_CumProdOp : ONNX_CumulativeOp<"CumProd", 26, "product">;

//===----------------------------------------------------------------------===//
// Selection
//===----------------------------------------------------------------------===//

def ONNX_TopKOp : ONNX_PureOp<"TopK",
    [AllElementTypesMatch<["X", "Values"]>]> {
  let summary = "The K greatest or least elements along an axis";
  let description = [{
    ONNX `TopK` (24). Sorted in any case, which `sorted = 0` allows too. Of equal
    elements the one with the lowest index comes first. NaN is greater than any
    number. `K` in [0, extent of the axis] is checked when the model runs.

    Constraints:
    * topk_c1: `axis` is in [-rank, rank);
    * topk_c2: `K` has one element;
    * topk_c3: both results have the shape of `X` but for the extent of `axis`.

    Example:
    ```mlir
    %v, %i = onnx.TopK %x, %k {largest = 0 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x?xf32>, tensor<?x?xi64>)
    ```
  }];
  let arguments = (ins ONNX_NumericTensor:$X, ONNX_I64Tensor:$K,
      DefaultValuedAttr<I64Attr, "-1">:$axis,
      DefaultValuedAttr<I64Attr, "1">:$largest,
      DefaultValuedAttr<I64Attr, "1">:$sorted);
  let results = (outs ONNX_NumericTensor:$Values, ONNX_I64Tensor:$Indices);
  let assemblyFormat =
      "operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

#endif // MOE_DIALECT_ONNX_IR_REDUCTION_TD
