//===- Stage.h - The stages of the compiler ---------------------*- C++ -*-===//
//
// The one table of stages. It drives `--emit=`, `--help`, the documentation,
// the pipelines and their tests.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_PIPELINES_STAGE_H
#define MOE_PIPELINES_STAGE_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace moe {

/// Forms of a model on its way from a file to an artefact, in order.
enum class Stage {
  ONNX,
  MoE,
  MoEOpt,
  Tensor,
  Scheduled,
  Buffers,
  Kernels,
  LLVM,
  Obj,
  Lib,
  Exe
};

/// One row of the table.
struct StageInfo {
  Stage stage;
  /// As written in `--emit=`.
  llvm::StringLiteral name;
  /// Dialects at this stage; empty for artefacts.
  llvm::StringLiteral dialects;
  /// What holds at this stage, in words. `verifyStage` checks it.
  llvm::StringLiteral contract;
};

/// All stages, in order.
llvm::ArrayRef<StageInfo> getStages();

/// The row of a stage, or the stage of a name.
const StageInfo &getStageInfo(Stage stage);
std::optional<Stage> parseStage(llvm::StringRef name);

/// Whether a stage is MLIR text rather than an artefact.
inline bool isTextStage(Stage stage) { return stage <= Stage::LLVM; }

/// The values of an option that takes a stage, a modifier like `cl::values`.
struct StageValues {
  /// Whether artefacts are no values.
  bool onlyText = false;

  template <typename OptionT> void apply(OptionT &option) const {
    for (const StageInfo &info : getStages())
      if (!onlyText || isTextStage(info.stage))
        option.getParser().addLiteralOption(info.name, info.stage,
                                            info.contract);
  }
};

/// Checks the contract of a text stage; the first op that breaks it is
/// reported.
mlir::LogicalResult verifyStage(mlir::ModuleOp module, Stage stage);

} // namespace moe

#endif // MOE_PIPELINES_STAGE_H
