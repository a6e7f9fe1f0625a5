//===- Reachability.h - Columns that no token can select --------*- C++ -*-===//
#ifndef MOE_DIALECT_MOE_ANALYSIS_REACHABILITY_H
#define MOE_DIALECT_MOE_ANALYSIS_REACHABILITY_H

#include "moe/Dialect/MoE/IR/MoE.h"
#include "llvm/ADT/SmallBitVector.h"

namespace moe {

/// The columns of a route that some row of finite scores may select, given its
/// constant mask and bias; all of them where these tell nothing. Empty if the
/// number of columns is not known.
llvm::SmallBitVector findReachableColumns(RouteOp route);

} // namespace moe

#endif // MOE_DIALECT_MOE_ANALYSIS_REACHABILITY_H
