//===- Artefact.h - From the llvm stage to files ----------------*- C++ -*-===//
//
// Objects, shared libraries and executables of a model at stage `llvm`, with
// their weights.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_TARGET_ARTEFACT_H
#define MOE_TARGET_ARTEFACT_H

#include "mlir/IR/BuiltinOps.h"
#include "moe/Dialect/MoE/Transforms/VectorISA.h"
#include "moe/Pipelines/Stage.h"
#include "llvm/Support/Compiler.h"

#include <string>

namespace moe {

/// A compiler built with AddressSanitizer has a runtime that is instrumented:
/// it instruments what it generates too, and links by clang.
constexpr bool sanitizedBuild = LLVM_ADDRESS_SANITIZER_BUILD;

/// Where the finished weights of an artefact lie.
enum class WeightsMode {
  /// Inside the object.
  Embed,
  /// In one `.safetensors` file beside the artefact.
  Beside,
  /// In the model's own files: recipes run when the artefact is loaded.
  Deferred
};

/// Weights up to this size are embedded unless another mode is asked for.
constexpr uint64_t embedLimitBytes = uint64_t(64) << 20;

struct ArtefactOptions {
  /// Obj, Lib or Exe.
  Stage emit = Stage::Exe;
  /// The file to write. A library's header and weights lie beside it.
  std::string output;
  /// Folder that the spans of `rt.weight`s are relative to.
  std::string modelDir;
  /// Name of the model in descriptions.
  std::string modelName;
  /// An LLVM CPU name, or `native`.
  std::string targetCPU = "native";
  /// None: embed up to embedLimitBytes, else beside.
  std::optional<WeightsMode> weights;
  /// 0 to 3, as LLVM's.
  unsigned optLevel = 3;
  /// Instruments the generated code with AddressSanitizer.
  bool sanitizeAddress = sanitizedBuild;
  /// Folder of the runtime's archives (`libmoe_rt.a`, ...).
  std::string runtimeDir;
};

/// The vector instructions of a CPU, by its LLVM name or `native`, that kernels
/// are known for. Fails after an error at `loc` where LLVM does not know it.
mlir::FailureOr<VectorISA> findVectorISA(mlir::Location loc,
                                         llvm::StringRef cpu);

/// Writes the artefact whole or not at all. On failure an error is emitted and
/// no output is left. `module` keeps the contract of Stage::LLVM.
mlir::LogicalResult emitArtefact(mlir::ModuleOp module,
                                 const ArtefactOptions &options);

} // namespace moe

#endif // MOE_TARGET_ARTEFACT_H
