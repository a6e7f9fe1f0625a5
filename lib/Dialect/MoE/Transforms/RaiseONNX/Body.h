//===- Body.h - Expressions as ops ------------------------------*- C++ -*-===//
//
// Writes expressions back as onnx ops: an expert's body on rows [?, F], and
// what is computed per token and slot on [T, k].
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_BODY_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_BODY_H

#include "Match.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace moe::raise {

/// Weights of the body that are stored [out, in] where products read [in, out].
llvm::DenseSet<const Expr *> getTransposed(const Expr *body);

/// The body of `experts`, whose operands are those of `layer` in order, with
/// weights in `transposed` transposed beforehand. Moves the builder.
void emitBody(mlir::OpBuilder &builder, mlir::Location loc,
              const LayerMatch &layer, ExpertsOp experts,
              const llvm::DenseSet<const Expr *> &transposed);

/// A scalar expression of Slot, Row and Number leaves as a tensor [T, k], from
/// the copies in `mapping` of the values that it reads.
mlir::Value emitSlots(mlir::OpBuilder &builder, mlir::Location loc,
                      const Expr *expr, const mlir::IRMapping &mapping,
                      int64_t numSlots);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_BODY_H
