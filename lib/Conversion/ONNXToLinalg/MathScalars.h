//===- MathScalars.h - Elementwise ops on scalars ---------------*- C++ -*-===//
//
// What each elementwise onnx op computes for one element. Math.cpp puts it into
// loops, or unrolls it over small integer tensors, so emitters fold what they
// can.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_MATHSCALARS_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_MATHSCALARS_H

#include "Lowering.h"

namespace moe::onnx {

/// Computes one element. `op` gives attributes and the original (signed or
/// unsigned) types; `args` are signless scalars in operand order.
using ScalarFn = mlir::Value (*)(mlir::ImplicitLocOpBuilder &b,
                                 mlir::Operation *op, mlir::ValueRange args);

/// How f16 and bf16 operands reach the emitter.
enum class Narrow {
  Widen, ///< as f32; an f32 result is rounded at the end
  Keep,  ///< as they are: nothing is computed
};

struct ScalarEntry {
  llvm::StringLiteral name;
  ScalarFn emit;
  Narrow narrow = Narrow::Widen;
};

llvm::ArrayRef<ScalarEntry> getArithmeticScalars();
llvm::ArrayRef<ScalarEntry> getActivationScalars();
llvm::ArrayRef<ScalarEntry> getFunctionScalars();
llvm::ArrayRef<ScalarEntry> getLogicScalars();

/// The element type of an operand before conversion.
inline mlir::Type originalType(mlir::Operation *op, unsigned operand = 0) {
  return elementType(op->getOperand(operand));
}

/// A constant of a float or integer type.
inline mlir::Value numberConstant(mlir::ImplicitLocOpBuilder &b,
                                  mlir::Type type, double value) {
  if (mlir::isa<mlir::FloatType>(type))
    return floatConstant(b, type, value);
  return intConstant(b, type, static_cast<int64_t>(value));
}

/// An OpTy, or the constant that it folds to.
template <typename OpTy, typename... Args>
mlir::Value fold(mlir::ImplicitLocOpBuilder &b, Args &&...args) {
  return b.createOrFold<OpTy>(std::forward<Args>(args)...);
}

inline mlir::Value compareInts(mlir::ImplicitLocOpBuilder &b,
                               mlir::arith::CmpIPredicate predicate,
                               mlir::Value lhs, mlir::Value rhs) {
  return fold<mlir::arith::CmpIOp>(b, predicate, lhs, rhs);
}

inline mlir::Value compareFloats(mlir::ImplicitLocOpBuilder &b,
                                 mlir::arith::CmpFPredicate predicate,
                                 mlir::Value lhs, mlir::Value rhs) {
  return fold<mlir::arith::CmpFOp>(b, predicate, lhs, rhs);
}

inline mlir::Value select(mlir::ImplicitLocOpBuilder &b, mlir::Value condition,
                          mlir::Value ifTrue, mlir::Value ifFalse) {
  return fold<mlir::arith::SelectOp>(b, condition, ifTrue, ifFalse);
}

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_MATHSCALARS_H
