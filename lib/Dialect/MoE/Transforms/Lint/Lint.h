//===- Lint.h - Graphs that compute what nobody meant -----------*- C++ -*-===//
//
// Shared by the checks of `moe-lint`. Each looks at a whole module of onnx ops
// and tells what it finds; a check that is not sure stays silent.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_LINT_LINT_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_LINT_LINT_H

#include "mlir/IR/BuiltinOps.h"
#include "moe/Dialect/MoE/Analysis/Selection.h"
#include "moe/Dialect/ONNX/IR/Constants.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

#include <optional>

namespace moe {

/// Counts that were data of one example input.
void lintFrozenRouting(mlir::ModuleOp module);
/// Experts that a graph selects but does not have.
void lintMissingExperts(mlir::ModuleOp module);
/// Probabilities of probabilities.
void lintDoubleSoftmax(mlir::ModuleOp module);
/// Nodes that runtimes disagree about.
void lintProviderDependent(mlir::ModuleOp module);

//===----------------------------------------------------------------------===//
// What values are
//===----------------------------------------------------------------------===//

/// `axis` of a tensor, counted from the front.
int64_t normalizeAxis(int64_t axis, mlir::Value value);

/// The value behind ops that neither change nor leave out an element.
mlir::Value peelViews(mlir::Value value);

/// "0, 2, 3"
std::string listInts(llvm::ArrayRef<int64_t> values);

} // namespace moe

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_LINT_LINT_H
