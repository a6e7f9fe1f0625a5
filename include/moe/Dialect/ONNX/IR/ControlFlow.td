//===- ControlFlow.td - ONNX operators with regions --------*- tablegen -*-===//
//
// A graph attribute is a region of one block: the block's arguments are the
// graph's inputs, its `onnx.Yield` gives the outputs. Regions see the values
// around them, as ONNX's scopes do.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_CONTROLFLOW_TD
#define MOE_DIALECT_ONNX_IR_CONTROLFLOW_TD

include "moe/Dialect/ONNX/IR/ONNXEnums.td"
include "moe/Dialect/ONNX/IR/ONNXInterfaces.td"

def ONNX_YieldOp : ONNX_Op<"Yield", [Pure, ReturnLike, Terminator,
    ParentOneOf<["IfOp", "LoopOp", "ScanOp"]>]> {
  let summary = "Outputs of a graph attribute";
  let description = [{
    Ends the regions of `onnx.If`, `onnx.Loop` and `onnx.Scan` with the outputs
    of the ONNX graph that the region holds.

    Example:
    ```mlir
    %y = onnx.If %c then {
      onnx.Yield %a : tensor<2xf32>
    } else {
      onnx.Yield %b : tensor<2xf32>
    } : (tensor<i1>) -> tensor<2xf32>
    ```
  }];
  let arguments = (ins Variadic<ONNX_Tensor>:$operands);
  let assemblyFormat = "attr-dict ($operands^ `:` type($operands))?";
}

class ONNX_RegionOp<string mnemonic, list<Trait> traits = []>
    : ONNX_Op<mnemonic, !listconcat([SingleBlock, RecursiveMemoryEffects,
          RecursivelySpeculatable], traits)> {
  let hasVerifier = 1;
}

def ONNX_IfOp : ONNX_RegionOp<"If", [NoRegionArguments]> {
  let summary = "One of two graphs, by a condition";
  let description = [{
    ONNX `If` (25). `cond` has one element. The branches' outputs may be known
    more precisely than the results, but have their ranks: a result of a rank
    that depends on the data has no type here.

    Example:
    ```mlir
    %y = onnx.If %c then {
      onnx.Yield %a : tensor<2xf32>
    } else {
      onnx.Yield %b : tensor<?xf32>
    } : (tensor<i1>) -> tensor<?xf32>
    ```
  }];
  let arguments = (ins ONNX_BoolTensor:$cond);
  let results = (outs Variadic<ONNX_Tensor>:$outputs);
  let regions = (region SizedRegion<1>:$then_branch,
      SizedRegion<1>:$else_branch);
  let assemblyFormat = [{
    $cond `then` $then_branch `else` $else_branch attr-dict
        `:` functional-type(operands, results)
  }];
  let hasCanonicalizeMethod = 1;
}

def ONNX_LoopOp : ONNX_RegionOp<"Loop", [AttrSizedOperandSegments]> {
  let summary = "A counted loop with a condition";
  let description = [{
    ONNX `Loop` (25). The body takes the iteration number, the condition and
    the carried values, and yields the next condition, the next carried values
    and one slice per scan output. It runs while the iteration number is below
    `M` (absent: without limit) and the condition holds (absent: true).
    Results are the last carried values, then the scan outputs: the slices
    along a new first dim. Slices of one scan output must have equal shapes;
    without any iteration its dynamic dims are 0.

    Carried values keep their rank; a dim that changes is dynamic in the
    body's argument and in the result.

    Example:
    ```mlir
    %last, %all = onnx.Loop M %m carried %x {
    ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
      %next = onnx.Add %v, %v : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      onnx.Yield %c, %next, %next : tensor<i1>, tensor<4xf32>, tensor<4xf32>
    } : (tensor<i64>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>)
    ```
  }];
  let arguments = (ins Optional<ONNX_I64Tensor>:$M,
      Optional<ONNX_BoolTensor>:$cond, Variadic<ONNX_Tensor>:$v_initial);
  let results = (outs Variadic<ONNX_Tensor>:$v_final_and_scan_outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    (`M` $M^)? (`cond` $cond^)? (`carried` $v_initial^)? $body attr-dict
        `:` functional-type(operands, results)
  }];
}

def ONNX_ScanOp : ONNX_RegionOp<"Scan"> {
  let summary = "A loop over slices of tensors";
  let description = [{
    ONNX `Scan` (25). The last `num_scan_inputs` operands are cut into slices
    along `scan_input_axes` (default 0), last slice first where
    `scan_input_directions` is 1. The body takes the states and one slice of
    each, and yields the next states and one slice per scan output. Results are
    the last states, then the slices along a new dim `scan_output_axes`
    (default 0), last slice first where `scan_output_directions` is 1. Scanned
    extents must be equal.

    Example:
    ```mlir
    %sum, %sums = onnx.Scan %zero, %rows {num_scan_inputs = 1 : i64} body {
    ^bb0(%s: tensor<4xf32>, %row: tensor<4xf32>):
      %next = onnx.Add %s, %row : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
      onnx.Yield %next, %next : tensor<4xf32>, tensor<4xf32>
    } : (tensor<4xf32>, tensor<?x4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>)
    ```
  }];
  let arguments = (ins
      Variadic<ONNX_Tensor>:$initial_state_and_scan_inputs,
      I64Attr:$num_scan_inputs,
      OptionalAttr<DenseI64ArrayAttr>:$scan_input_axes,
      OptionalAttr<DenseI64ArrayAttr>:$scan_input_directions,
      OptionalAttr<DenseI64ArrayAttr>:$scan_output_axes,
      OptionalAttr<DenseI64ArrayAttr>:$scan_output_directions);
  let results = (outs Variadic<ONNX_Tensor>:$final_state_and_scan_outputs);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $initial_state_and_scan_inputs attr-dict `body` $body
        `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    /// Operands ahead of the scan inputs, results ahead of the scan outputs.
    int64_t getNumStates() {
      return static_cast<int64_t>(getNumOperands()) -
             static_cast<int64_t>(getNumScanInputs());
    }
  }];
}

#endif // MOE_DIALECT_ONNX_IR_CONTROLFLOW_TD
