//===- ONNXInterfaces.td - What onnx ops have in common ----*- tablegen -*-===//
#ifndef MOE_DIALECT_ONNX_IR_ONNXINTERFACES_TD
#define MOE_DIALECT_ONNX_IR_ONNXINTERFACES_TD

include "mlir/IR/OpBase.td"

def ONNX_ElementwiseOpInterface : OpInterface<"ElementwiseOpInterface"> {
  let cppNamespace = "::moe::onnx";
  let description = [{
    The op has one result; its element at an index depends only on the
    operands' elements at that index, after multidirectional broadcasting
    (ONNX "Broadcasting"): shapes are aligned at their last dims, and a dim of
    extent 1 stretches.
  }];
  let verify = [{
    return ::moe::onnx::verifyBroadcast($_op);
  }];
}

def ONNX_ReduceOpInterface : OpInterface<"ReduceOpInterface"> {
  let cppNamespace = "::moe::onnx";
  let description = [{
    The op reduces dims of its first operand, `data`, chosen by its second one,
    `axes` (see `onnx.ReduceSum`).
  }];
  let methods = [
    InterfaceMethod<"The axes operand, or null", "::mlir::Value", "getAxes">,
    InterfaceMethod<"1 where reduced dims stay as extents of 1", "int64_t",
                    "getKeepdims">,
    InterfaceMethod<"1 where absent or empty axes reduce nothing", "int64_t",
                    "getNoopWithEmptyAxes">,
  ];
  let verify = [{
    return ::moe::onnx::verifyReduction($_op);
  }];
}

#endif // MOE_DIALECT_ONNX_IR_ONNXINTERFACES_TD
