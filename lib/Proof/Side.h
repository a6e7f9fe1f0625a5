//===- Side.h - One side of a candidate, compiled ---------------*- C++ -*-===//
#ifndef MOE_LIB_PROOF_SIDE_H
#define MOE_LIB_PROOF_SIDE_H

#include "Array.h"
#include "Weights.h"
#include "mlir/IR/BuiltinOps.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Runtime/MoERuntime.h"

#include <memory>

namespace llvm::orc {
class LLJIT;
} // namespace llvm::orc

namespace moe {

/// Code of one region of a candidate in this process. It takes the rows and
/// gives what the region yields; the weights are fixed when it is compiled.
class Side {
public:
  /// Compiles `region`, which is of the candidate in `module`, through the
  /// pipelines that models take, with `weights`, which outlive it. `folder` is
  /// for the object file `name`.
  static llvm::Expected<std::unique_ptr<Side>>
  compile(mlir::ModuleOp module, mlir::Region &region, RandomWeights &weights,
          llvm::StringRef folder, llvm::StringRef name, unsigned optLevel,
          uint64_t memoryLimit);
  ~Side();

  struct Outcome {
    moe_status status;
    /// If the status is not MOE_OK.
    std::string message;
    std::vector<Array> outputs;
  };
  Outcome run(llvm::MutableArrayRef<Array> rows);

private:
  Side();
  /// Links an object file into this process and makes a context of its model.
  llvm::Error load(llvm::StringRef object, uint64_t memoryLimit);

  std::unique_ptr<llvm::orc::LLJIT> jit;
  moe_context *context = nullptr;
  llvm::SmallVector<std::pair<mlir::RankedTensorType, const void *>> weights;
  llvm::SmallVector<mlir::Type> outputTypes;
};

} // namespace moe

#endif // MOE_LIB_PROOF_SIDE_H
