//===- MicrosoftMoE.h - What onnx.ms.MoE means, in plain ops ----*- C++ -*-===//
//
// The meaning of com.microsoft::MoE written as ordinary onnx ops: its routing,
// and one expert on some rows. The reference lowering and raising share it.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_MICROSOFTMOE_H
#define MOE_DIALECT_ONNX_IR_MICROSOFTMOE_H

#include "moe/Dialect/ONNX/IR/ONNX.h"

namespace moe::onnx {

/// (max - z) / max(|z|, max) of columns that SparseMixer keeps.
inline constexpr float sparseMixerThreshold = 0.02f;

/// Rows [B, S, H] as [B S, H]; those of rank 2 as they are.
mlir::Value flattenTokens(mlir::Value rows, mlir::OpBuilder &builder,
                          mlir::Location loc);
/// `flat` in the shape of `rows`.
mlir::Value spreadTokens(mlir::Value flat, mlir::Value rows,
                         mlir::OpBuilder &builder, mlir::Location loc);

/// Which experts tokens take, in the order of their sum.
struct MoERouting {
  mlir::Value ids;     ///< [T, k], i64
  mlir::Value weights; ///< [T, k], f32 for logits of up to 32 bits
};

/// The routing of `op` for `logits` [T, E].
MoERouting expandRouting(MSMoEOp op, mlir::Value logits,
                         mlir::OpBuilder &builder);

/// Logits as the router computes with them: in f32 on f16 and bf16.
mlir::Value widenLogits(mlir::Value logits, mlir::OpBuilder &builder,
                        mlir::Location loc);

/// Weights of one expert, or of all, by the op's names; null where the op has
/// none.
struct MoEWeights {
  mlir::Value fc1, bias1, fc2, bias2, fc3, bias3;
};

/// How matrices stand.
enum class MatrixForm { InOut, OutIn };

/// What the expert with `weights` computes on `rows` [R, H].
mlir::Value expandExpert(MSMoEOp op, mlir::Value rows,
                         const MoEWeights &weights, MatrixForm form,
                         mlir::OpBuilder &builder, mlir::Location loc);

} // namespace moe::onnx

#endif // MOE_DIALECT_ONNX_IR_MICROSOFTMOE_H
