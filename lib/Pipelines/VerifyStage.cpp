//===- VerifyStage.cpp - Contracts at stage boundaries --------------------===//
//
// A contract is a list of dialects that may appear and of types that may not.
//
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "moe/Pipelines/Pipelines.h"

namespace moe {
#define GEN_PASS_DEF_VERIFYSTAGEPASS
#include "moe/Pipelines/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// Dialects that may appear at a stage.
static ArrayRef<StringLiteral> allowedDialects(Stage stage) {
  static constexpr StringLiteral onnx[] = {"builtin", "func", "onnx", "rt"};
  static constexpr StringLiteral tensor[] = {
      "builtin", "func", "rt", "linalg", "tensor", "math", "arith", "scf"};
  static constexpr StringLiteral buffers[] = {
      "builtin", "func", "rt", "linalg", "memref", "math", "arith", "scf"};
  static constexpr StringLiteral kernels[] = {
      "builtin", "func", "rt", "vector", "memref", "math", "arith", "scf"};
  static constexpr StringLiteral llvm[] = {"builtin", "llvm", "rt"};
  switch (stage) {
  case Stage::ONNX:
    return onnx;
  case Stage::Tensor:
    return tensor;
  case Stage::Buffers:
    return buffers;
  case Stage::Kernels:
    return kernels;
  case Stage::LLVM:
  case Stage::Obj:
  case Stage::Lib:
  case Stage::Exe:
    return llvm;
  }
  return {};
}

LogicalResult moe::verifyStage(ModuleOp module, Stage stage) {
  const StageInfo &info = getStageInfo(stage);
  ArrayRef<StringLiteral> dialects = allowedDialects(stage);
  WalkResult result = module.walk<WalkOrder::PreOrder>([&](Operation *op) {
    auto breaks = [&](const Twine &what) {
      op->emitOpError("breaks the contract of stage '")
          << info.name << "': " << what << " (" << info.contract << ")";
      return WalkResult::interrupt();
    };
    if (!llvm::is_contained(dialects, op->getName().getDialectNamespace()))
      return breaks("dialect '" + op->getName().getDialectNamespace() +
                    "' is not allowed");
    if (stage >= Stage::LLVM && isa<rt::WeightRefOp, rt::RequireOp>(op))
      return breaks("only rt.weight is left of rt");
    // Weights name tensor types at every stage.
    if (stage >= Stage::Buffers)
      for (Type type : op->getResultTypes())
        if (isa<TensorType>(type))
          return breaks("a tensor is left");
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

namespace {
struct VerifyStagePass final : moe::impl::VerifyStagePassBase<VerifyStagePass> {
  using Base::Base;

  void runOnOperation() override {
    if (failed(verifyStage(getOperation(), stage)))
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
