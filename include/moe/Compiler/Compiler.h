//===- Compiler.h - A model file in, any stage or artefact out --*- C++ -*-===//
//
// What moe-compile and moe-run share: reading a model, running the pipelines,
// and writing text or an artefact.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_COMPILER_COMPILER_H
#define MOE_COMPILER_COMPILER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "moe/Dialect/MoE/Transforms/WeightStorage.h"
#include "moe/Target/Artefact.h"
#include "llvm/ADT/StringMap.h"

namespace moe {

struct CompilerOptions {
  /// `.onnx`, `.onnxtxt`, or `.mlir` of any text stage.
  std::string input;
  /// Empty: text stages go to standard output.
  std::string output;
  Stage emit = Stage::Exe;
  /// Extents for named dims: `--dim batch=4`.
  llvm::StringMap<int64_t> dims;
  std::string targetCPU = "native";
  std::optional<WeightsMode> weights;
  /// What f32 matrices are rounded to.
  WeightStorage convertWeights = WeightStorage::Unchanged;
  /// Activations meet bf16 weights in bf16, by the CPU's dot product.
  bool bf16Dot = false;
  unsigned optLevel = 3;
  bool sanitizeAddress = sanitizedBuild;
  /// Folder that gets one file of IR per stage; empty: none.
  std::string saveStages;
  /// Folder of the runtime's archives.
  std::string runtimeDir;
  /// Runs count the load of each MoE layer.
  bool instrumentLoad = false;
  /// Runs take the time of each step.
  bool instrumentProfile = false;
  /// A layer that is not raised and proven is an error.
  bool requireRaise = false;
  /// Gets one line per MoE layer; null: nothing is told.
  llvm::raw_ostream *layerLines = nullptr;
};

/// A context with what the compiler needs registered, and no more.
std::unique_ptr<mlir::MLIRContext> createCompilerContext();

/// Compiles `options.input`. Errors are emitted as diagnostics of `context`;
/// nothing is written on failure.
mlir::LogicalResult compile(mlir::MLIRContext &context,
                            const CompilerOptions &options);

/// The folder of the runtime's archives for a tool at `argv0`.
std::string findRuntimeDir(const char *argv0);

/// Prints diagnostics as `error: MESSAGE` with the file, line and ONNX node
/// where they have one, for as long as it lives.
class DiagnosticPrinter {
public:
  explicit DiagnosticPrinter(mlir::MLIRContext &context);

private:
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace moe

#endif // MOE_COMPILER_COMPILER_H
