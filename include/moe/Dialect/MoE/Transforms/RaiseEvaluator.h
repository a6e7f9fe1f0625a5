//===- RaiseEvaluator.h - Runs both sides of candidates ---------*- C++ -*-===//
//
// What `moe-verify-raise` needs of a tool: code that runs. The evaluator is an
// interface of the moe dialect, registered by an extension of the registry; see
// moe/Proof/Proof.h for the one that the tools have.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_MOE_TRANSFORMS_RAISEEVALUATOR_H
#define MOE_DIALECT_MOE_TRANSFORMS_RAISEEVALUATOR_H

#include "mlir/IR/DialectInterface.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "llvm/Support/Error.h"

namespace moe {

/// What running both sides of a candidate showed.
struct RaiseVerdict {
  bool proven = false;
  /// If proven: what ran. Else what differed, or why nothing can be said.
  std::string reason;
};

/// What the proof of one candidate may take.
struct ProofLimits {
  unsigned seconds = 60;
  unsigned memoryMiB = 4096;
};

class RaiseEvaluator : public mlir::DialectInterface::Base<RaiseEvaluator> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RaiseEvaluator)

  explicit RaiseEvaluator(mlir::Dialect *dialect) : Base(dialect) {}

  /// One verdict per candidate, in order. Each is the text that
  /// `isolateCandidate` gives, and all are different. Whatever a candidate
  /// does when it runs, the caller's process goes on.
  virtual llvm::SmallVector<RaiseVerdict>
  evaluate(llvm::ArrayRef<std::string> candidates,
           const ProofLimits &limits) const = 0;
};

/// In place of the model's file in isolated candidates: no file has the name.
constexpr llvm::StringLiteral randomFileName = "random";

/// A module with nothing but this candidate, as text: equal for candidates
/// that differ in names, locations and places of weights only.
///
/// Its one function takes the candidate's rows and returns its results. Weights
/// are `rt.weight`s, recipes included, whose spans are ranges of the file
/// `randomFileName`: they overlap where the model's do, and nowhere else; what
/// does not overlap shares no page.
/// Fails, with a phrase, on an operand that is not made of weights and
/// constants.
llvm::Expected<std::string> isolateCandidate(CandidateOp candidate);

} // namespace moe

#endif // MOE_DIALECT_MOE_TRANSFORMS_RAISEEVALUATOR_H
