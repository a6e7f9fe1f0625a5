//===- Route.h - How a graph routes, as moe.route ---------------*- C++ -*-===//
//
// From ids and weights back to scores: which of the ops between them moe.route
// says by its attributes. Nothing about experts is looked at.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_ROUTE_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_ROUTE_H

#include "Interpreter.h"
#include "moe/Dialect/MoE/IR/MoE.h"

namespace moe::raise {

/// The parts of a moe.route op, and what of the graph its second result equals.
struct RouteMatch {
  /// [tokens..., N].
  mlir::Value scores;
  /// A value [tokens..., k], null if there is none.
  mlir::Value weights;
  /// What is computed of it and in the route too; null if nothing is.
  const Expr *weightExpr = nullptr;
  SelectAttrInterface select;
  Score score = Score::None;
  ScoreOrder order = ScoreOrder::Before;
  /// Constants [N]: what only selection sees, and what closes columns.
  mlir::Value bias, mask;
  /// A value [tokens..., N] that weights are picked from, where that is neither
  /// the scores nor what they become.
  mlir::Value mix;
  /// Whether the least scores are selected: the greatest of the negated.
  bool isNegated = false;
  GroupsAttr groups;
  ColumnsAttr normalizeOver;
  DenominatorAttr denominator;
  mlir::FloatAttr scale;
};

/// Selections of experts that may be routers: TopK with a constant k below the
/// number of columns, ArgMax, and several ArgMax side by side.
llvm::SmallVector<Selection> findSelections(mlir::Block &block,
                                            const onnx::SymbolicDims &dims);

/// The widest match that ends in a value that `weight`, what the experts' sum
/// reads, is computed from. None if moe.route has no such selection.
std::optional<RouteMatch> matchRoute(Interpreter &interpreter,
                                     const onnx::SymbolicDims &dims,
                                     const Expr *weight);

//===----------------------------------------------------------------------===//
// Parts of a route
//===----------------------------------------------------------------------===//

/// How selection looks at scores: data = groups(score(scores + mask) + bias).
struct ScoringMatch {
  mlir::Value scores;
  /// score(scores + mask).
  mlir::Value scored;
  Score score = Score::None;
  mlir::Value bias, mask;
  GroupsAttr groups;
};
ScoringMatch matchScoring(const Selection &selection,
                          const onnx::SymbolicDims &dims);

/// How weights are made of what the ids pick.
struct MixingMatch {
  /// The values per slot that were picked, and from where: null for TopK's own.
  mlir::Value raw;
  mlir::Value pickedFrom;
  Score score = Score::None;
  ColumnsAttr normalizeOver;
  DenominatorAttr denominator;
  mlir::FloatAttr scale;
};
/// None if `weights` does not end in values that the ids picked.
std::optional<MixingMatch> matchMixing(Interpreter &interpreter,
                                       mlir::Value weights);

/// Whether a divisor is kept off zero by what computes it.
bool isKeptOffZero(mlir::Value divisor);

/// PhiMoE's two rounds; the scores and the threshold, or nothing.
std::optional<std::pair<mlir::Value, mlir::FloatAttr>>
matchSparseMixer(const Selection &selection, mlir::Value weights);

//===----------------------------------------------------------------------===//
// Looking through a graph
//===----------------------------------------------------------------------===//

/// The value behind ops that change nothing: Identity, Cast and Reshape to the
/// same type.
mlir::Value skipIdentities(mlir::Value value);

/// The op that defines what `value` is behind identities, if it is an OpTy.
template <typename OpTy> OpTy getSource(mlir::Value value) {
  return value ? skipIdentities(value).getDefiningOp<OpTy>() : OpTy();
}

/// Whether both are the same behind identities.
bool isSame(mlir::Value lhs, mlir::Value rhs);

/// Whether `axis` is the last dim of `value`, for one axis or a constant list
/// of one.
bool isLastAxis(int64_t axis, mlir::Value value);
bool isLastAxis(mlir::Value axes, mlir::Value value);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_ROUTE_H
