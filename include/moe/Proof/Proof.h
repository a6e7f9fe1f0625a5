//===- Proof.h - Runs both sides of a candidate -----------------*- C++ -*-===//
//
// The RaiseEvaluator of the tools. `moe-verify-raise` runs in a compiler; the
// code of a candidate runs in `moe-prove`, a program beside it that it spawns:
// code that crashes, hangs or takes all memory ends that process only.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_PROOF_PROOF_H
#define MOE_PROOF_PROOF_H

#include "mlir/IR/BuiltinOps.h"
#include "moe/Dialect/MoE/Transforms/RaiseEvaluator.h"

namespace moe {

/// Gives the moe dialect an evaluator that spawns `moe-prove`, which is looked
/// for beside the running program. A context without the dialect gets none.
void registerRaiseEvaluator(mlir::DialectRegistry &registry);

/// Bytes of `limits` that are for weights. They lie in files in memory, which
/// no limit of a process counts.
inline uint64_t getWeightMemory(const ProofLimits &limits) {
  return (uint64_t(limits.memoryMiB) << 20) / 5;
}

/// What `moe-prove` does with one module of `isolateCandidate`, in this
/// process: compiles both sides for this CPU, runs them on the same inputs and
/// compares. `folder` is for its files. `tell` hears what is about to happen,
/// in words that go on "while ..."; runs stop growing when half of the time is
/// over.
RaiseVerdict proveCandidate(mlir::ModuleOp module, llvm::StringRef folder,
                            const ProofLimits &limits,
                            llvm::function_ref<void(llvm::StringRef)> tell);

} // namespace moe

#endif // MOE_PROOF_PROOF_H
