//===- Scalars.h - What onnx ops compute on scalars -------------*- C++ -*-===//
//
// The arithmetic of the reference lowering, for other lowerings of the same
// computations: the same ops in the same order give the same bits.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_CONVERSION_ONNXTOLINALG_SCALARS_H
#define MOE_CONVERSION_ONNXTOLINALG_SCALARS_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Operation.h"
#include "moe/Dialect/ONNX/IR/Accumulator.h"

namespace moe::onnx {

mlir::Value addScalars(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs,
                       mlir::Value rhs);
mlir::Value mulScalars(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs,
                       mlir::Value rhs);
/// ONNX max and min: NaN if either is NaN.
mlir::Value maxScalars(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs,
                       mlir::Value rhs, bool isUnsignedType);
mlir::Value minScalars(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs,
                       mlir::Value rhs, bool isUnsignedType);
/// Conversion of a scalar between element types as ONNX `Cast` does it: float
/// to integer truncates, anything to bool is `!= 0`. `from` and `to` are the
/// ONNX (signed or unsigned) types.
mlir::Value castScalar(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                       mlir::Type from, mlir::Type to);

/// 1 / (1 + exp(-x)) without overflow.
mlir::Value emitLogistic(mlir::ImplicitLocOpBuilder &b, mlir::Value x);

/// Whether `op` is elementwise on floats and bools and computes each element by
/// `emitScalar`, without a precondition on the data.
bool hasScalarForm(mlir::Operation *op);

/// One element of the result of `op`, which has a scalar form, from one element
/// of each operand. f16 and bf16 are computed in f32 and rounded.
mlir::Value emitScalar(mlir::ImplicitLocOpBuilder &b, mlir::Operation *op,
                       mlir::ValueRange args);

} // namespace moe::onnx

#endif // MOE_CONVERSION_ONNXTOLINALG_SCALARS_H
