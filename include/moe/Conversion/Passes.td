//===- Passes.td - Conversions between dialects ------------*- tablegen -*-===//
#ifndef MOE_CONVERSION_PASSES_TD
#define MOE_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ConvertONNXToLinalgPass
    : Pass<"convert-onnx-to-linalg", "::mlir::ModuleOp"> {
  let summary = "Lower onnx ops to linalg, tensor, arith, math and scf";
  let description = [{
    The reference lowering: every `onnx` op becomes destination-style loops on
    tensors at any rank, with dynamic and zero dims. Integer shape arithmetic
    becomes scalar `index` arithmetic. What an op demands of its data becomes an
    `rt.require` ahead of it. Unsigned element types become signless.

    An op without a lowering is an error that names it.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
    "::mlir::tensor::TensorDialect", "::moe::rt::RTDialect"
  ];
}

def ConvertMoELayersToKernelsPass
    : Pass<"convert-moe-layers-to-kernels", "::mlir::ModuleOp"> {
  let summary = "Lower routes and experts to gates, dispatches and combines";
  let description = [{
    Runs among `onnx` ops, ahead of their lowering. `moe.route` becomes
    `moe.gate`, which takes in its `moe.renumber` and `moe.slot_sum` where
    nothing else needs the ids ahead of them. `moe.experts` becomes
    `moe.dispatch`, its body over the rows of each expert, and `moe.combine`. A
    body of matrix products with elementwise ops between them becomes
    `moe.grouped_matmul`s; any other is inlined into a loop over the experts.

    Kinds that are not `ffn` are lowered too: ids of zero experts are dropped,
    those of copy and constant experts get rows of their own. Ids that no route
    made are checked.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::moe::MoEDialect", "::moe::onnx::ONNXDialect", "::moe::rt::RTDialect"
  ];
}

def ConvertMoEToLoopsPass : Pass<"convert-moe-to-loops", "::mlir::ModuleOp"> {
  let summary = "Lower gates, dispatches, grouped matmuls, combines to loops";
  let description = [{
    The kernels of `moe` on memrefs become loops. The arithmetic of a gate is
    that of the lowering of the `onnx` ops that it stands for, in the same
    order: the same bits. A token's results do not depend on other tokens.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect",
    "::moe::rt::RTDialect"
  ];
}

def ConvertRTToLLVMPass : Pass<"convert-rt-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Lower what a model asks of its runtime to calls";
  let description = [{
    `rt.weight_ref` on memrefs becomes a call of `moe_rt_weight` with the
    weight's slot, its position among the module's `rt.weight`s; `rt.require`
    becomes a call of `moe_rt_require`, `rt.count` one of `moe_rt_count` with the
    counter's place in the context. The `rt.weight`s and `rt.layer`s themselves
    stay: they are the tables of the artefact.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::moe::rt::RTDialect"];
}

#endif // MOE_CONVERSION_PASSES_TD
