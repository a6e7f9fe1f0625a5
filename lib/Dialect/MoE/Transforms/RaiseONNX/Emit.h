//===- Emit.h - Writing a candidate -----------------------------*- C++ -*-===//
//
// Writes moe.candidate in place of a matched layer's result: the ops that
// computed it, and moe.route + moe.experts.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_EMIT_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_EMIT_H

#include "Match.h"
#include "Route.h"

namespace moe::raise {

/// The candidate, which takes the result's place for all users; or null with
/// the op and reason that stand in the way, and nothing changed.
CandidateOp emitCandidate(Interpreter &interpreter, const LayerMatch &layer,
                          const RouteMatch &route,
                          const onnx::SymbolicDims &dims, Refusal &refusal);

/// Values per slot that a scalar expression reads.
llvm::SmallVector<mlir::Value> getSlotValues(const Expr *expr);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_EMIT_H
