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

def ConvertRTToLLVMPass : Pass<"convert-rt-to-llvm", "::mlir::ModuleOp"> {
  let summary = "Lower weight references and preconditions to runtime calls";
  let description = [{
    `rt.weight_ref` on memrefs becomes a call of `moe_rt_weight` with the
    weight's slot, its position among the module's `rt.weight`s; `rt.require`
    becomes a call of `moe_rt_require`. The `rt.weight`s themselves stay: they
    are the table of the artefact.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::moe::rt::RTDialect"];
}

#endif // MOE_CONVERSION_PASSES_TD
