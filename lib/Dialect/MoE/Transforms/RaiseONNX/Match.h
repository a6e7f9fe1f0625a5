//===- Match.h - A layer of experts in a graph ------------------*- C++ -*-===//
//
// From what the interpreter says of values to the layer's parts: which value is
// the weighted sum over slots, what every expert computes, with which weights.
// How ids and weights are made is not looked at; see Route.h.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_MATCH_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_MATCH_H

#include "Reach.h"
#include "moe/Dialect/MoE/IR/MoE.h"

namespace moe::raise {

/// y[t] = sum over slots s of weight(t, s) * body(t, expert of (t, s)).
struct LayerMatch {
  mlir::Value result;
  /// Scalars of Slot, Row and Number leaves; `weight` may be null for 1,
  /// `inputWeight` (of the first of `rows`, ahead of the body) for none.
  const Expr *weight = nullptr;
  const Expr *inputWeight = nullptr;
  /// Over rows, weights by Selector::Index, and constants.
  const Expr *body = nullptr;
  /// Values [tokens..., features...] and the nodes of the body that they are.
  llvm::SmallVector<std::pair<const Expr *, mlir::Value>> rows;
  /// Weight nodes of the body, with one row per column that has weights.
  llvm::SmallVector<const Expr *> stacked;
  /// Constants that all experts share.
  llvm::SmallVector<const Expr *> shared;
  /// A weight node with one row per constant expert, or null.
  const Expr *constants = nullptr;
  llvm::SmallVector<ExpertRun> runs;
  /// A value [tokens..., H] that the sum is added to, or null.
  mlir::Value base;

  int64_t getCount(ExpertKind kind) const {
    int64_t count = 0;
    for (const ExpertRun &run : runs)
      count += run.kind == kind ? run.count : 0;
    return count;
  }
};

/// The layer that belongs to the interpreter's selection. Without one `refusal`
/// says why, or has no op if nothing looks like experts.
std::optional<LayerMatch> matchLayer(Interpreter &interpreter,
                                     Refusal &refusal);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_MATCH_H
