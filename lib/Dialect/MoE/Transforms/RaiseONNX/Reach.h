//===- Reach.h - What the ids of experts lead to ----------------*- C++ -*-===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_REACH_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_REACH_H

#include "Interpreter.h"
#include "llvm/ADT/SmallSet.h"

namespace moe::raise {

/// What an expression and all below it are made of.
struct Contents {
  bool hasExpertWeight = false;
  bool hasSlot = false;
  bool hasRow = false;
  bool hasSelection = false;
  bool hasIds = false;
};
Contents getContents(const Expr *root);

/// Why a graph that uses a selection as a layer would is none.
struct Refusal {
  mlir::Operation *op = nullptr;
  std::string reason;
};

/// What forward reachability from the ids found.
struct Reached {
  /// Values that may be a layer's result, in order.
  llvm::SmallVector<mlir::Value> candidates;
  /// The first op that breaks off what experts compute, what integers made of
  /// the ids say, and anything else that reads them.
  Refusal refusal, ofIntegers, ofIds;
  /// Columns that have a mask each.
  llvm::SmallDenseSet<unsigned> masked;
};
Reached reachForward(Interpreter &interpreter);

/// What the ids are for, however that is written.
struct ExpertUse {
  /// They pick experts.
  bool picksExperts = false;
  /// They decide on what another selection sees: they are ids of groups.
  bool feedsSelection = false;
};
ExpertUse findExpertUse(Interpreter &interpreter);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_REACH_H
