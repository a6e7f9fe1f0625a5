//===- Internal.h - Parts of artefact emission ------------------*- C++ -*-===//
#ifndef MOE_LIB_TARGET_INTERNAL_H
#define MOE_LIB_TARGET_INTERNAL_H

#include "moe/Dialect/RT/IR/RT.h"
#include "moe/Target/Artefact.h"

#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace moe {

/// DLPack's code and width of an element type.
struct DType {
  int32_t code;
  int32_t bits;
};
DType getDType(mlir::Type type);
/// The name of an element type in JSON descriptions: `float32`, `bool`.
std::string getDTypeName(mlir::Type type);

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// One finished weight in the artefact's data.
struct PlacedWeight {
  rt::WeightOp op;
  uint64_t size = 0;
  /// From the start of the file or of the embedded data; unused if deferred.
  uint64_t offset = 0;
  /// XXH3-64 of the finished bytes; 0 if deferred.
  uint64_t hash = 0;
};

struct WeightsImage {
  WeightsMode mode = WeightsMode::Embed;
  llvm::SmallVector<PlacedWeight> weights;
  /// Bytes of the whole data file (safetensors) or embedded data.
  uint64_t size = 0;
};

/// Decides the mode and lays out the weights of `module`: offsets are 64-byte
/// aligned, page-aligned for weights of a page and more. Fails on overflow.
mlir::FailureOr<WeightsImage> layOutWeights(mlir::ModuleOp module,
                                            const ArtefactOptions &options);

/// Executes every recipe and writes the data to `path`: plain bytes to embed,
/// or a safetensors file. Fills in the hashes.
mlir::LogicalResult writeWeights(WeightsImage &image, llvm::StringRef modelDir,
                                 llvm::StringRef path);

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

/// The machine that code is generated for, or null after an error at `loc`. It
/// lacks those features of the CPU that no model has instructions of.
std::unique_ptr<llvm::TargetMachine>
createTargetMachine(mlir::Location loc, llvm::StringRef cpu, unsigned optLevel);

/// The features of a machine that a run must check, as "+avx2,+fma".
std::string getRequiredFeatures(const llvm::TargetMachine &machine);

/// LLVM IR of the functions and globals of `module` (not of its rt ops).
std::unique_ptr<llvm::Module> translate(mlir::ModuleOp module,
                                        llvm::LLVMContext &context,
                                        llvm::TargetMachine &machine);

/// Adds `moe_model_descriptor`. Embedded data is taken from `embeddedPath` by
/// the assembler; `weightsFile` is the name of a file beside the artefact.
void addModelDescriptor(llvm::Module &module, rt::EntryOp entry,
                        const WeightsImage &image,
                        const ArtefactOptions &options,
                        llvm::StringRef features, llvm::StringRef embeddedPath,
                        llvm::StringRef weightsFile);

/// Optimises and writes an object file.
mlir::LogicalResult emitObject(mlir::Location loc, llvm::Module &module,
                               llvm::TargetMachine &machine,
                               const ArtefactOptions &options,
                               llvm::StringRef path);

/// Links `object` and the runtime into `path`; the linker's messages go to a
/// file beside it.
mlir::LogicalResult link(mlir::Location loc, llvm::StringRef object,
                         const ArtefactOptions &options, llvm::StringRef path);

/// The C header of a library, as text.
std::string makeHeader(rt::EntryOp entry, const ArtefactOptions &options);

} // namespace moe

#endif // MOE_LIB_TARGET_INTERNAL_H
