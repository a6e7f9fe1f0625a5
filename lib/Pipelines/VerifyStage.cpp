//===- VerifyStage.cpp - Contracts at stage boundaries --------------------===//
//
// A contract is a list of dialects that may appear and of types that may not.
//
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinTypes.h"
#include "moe/Dialect/MoE/IR/MoE.h"
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
  static constexpr StringLiteral layers[] = {"builtin", "func", "onnx", "rt",
                                             "moe"};
  static constexpr StringLiteral tensor[] = {"builtin", "func",   "rt",
                                             "linalg",  "tensor", "math",
                                             "arith",   "scf",    "moe"};
  static constexpr StringLiteral buffers[] = {"builtin", "func",   "rt",
                                              "linalg",  "memref", "math",
                                              "arith",   "scf",    "moe"};
  static constexpr StringLiteral kernels[] = {"builtin", "func",      "rt",
                                              "vector",  "x86vector", "memref",
                                              "math",    "arith",     "scf"};
  static constexpr StringLiteral llvm[] = {"builtin", "llvm", "rt"};
  switch (stage) {
  case Stage::ONNX:
    return onnx;
  case Stage::MoE:
  case Stage::MoEOpt:
    return layers;
  case Stage::Tensor:
  case Stage::Scheduled:
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

/// What a moe op breaks at a stage, or nothing: layers end where kernels begin,
/// and candidates have been decided.
static StringRef findMoEBreach(Operation *op, Stage stage) {
  if (isa<CandidateOp>(op))
    return "an undecided candidate is left: run moe-verify-raise";
  bool isLayer =
      isa<RouteOp, ExpertsOp, SlotSumOp, RenumberOp, moe::CountOp>(op);
  bool isKernel =
      isa<GateOp, DispatchOp, GroupedMatmulOp, PackOp, CombineOp>(op);
  if (stage <= Stage::MoEOpt && isKernel)
    return "a layer is a kernel already";
  if (stage >= Stage::Tensor && isLayer)
    return "a layer is no kernel yet";
  return "";
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
    if (StringRef breach = findMoEBreach(op, stage); !breach.empty())
      return breaks(breach);
    if (stage >= Stage::LLVM &&
        isa<rt::WeightRefOp, rt::RequireOp, rt::CountOp, rt::NumThreadsOp,
            rt::ParallelOp, rt::ClockOp, rt::RecordOp>(op))
      return breaks("only symbols are left of rt");
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
