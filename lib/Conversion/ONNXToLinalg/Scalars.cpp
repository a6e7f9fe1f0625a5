//===- Scalars.cpp - Arithmetic on elements -------------------------------===//
#include "Lowering.h"

#include <limits>

using namespace mlir;
using namespace moe::onnx;

Value moe::onnx::addScalars(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isa<FloatType>(lhs.getType()))
    return arith::AddFOp::create(b, lhs, rhs);
  return b.createOrFold<arith::AddIOp>(lhs, rhs);
}

Value moe::onnx::mulScalars(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isa<FloatType>(lhs.getType()))
    return arith::MulFOp::create(b, lhs, rhs);
  return b.createOrFold<arith::MulIOp>(lhs, rhs);
}

Value moe::onnx::maxScalars(ImplicitLocOpBuilder &b, Value lhs, Value rhs,
                            bool isUnsignedType) {
  if (isa<FloatType>(lhs.getType()))
    return arith::MaximumFOp::create(b, lhs, rhs);
  if (isUnsignedType)
    return arith::MaxUIOp::create(b, lhs, rhs);
  return b.createOrFold<arith::MaxSIOp>(lhs, rhs);
}

Value moe::onnx::minScalars(ImplicitLocOpBuilder &b, Value lhs, Value rhs,
                            bool isUnsignedType) {
  if (isa<FloatType>(lhs.getType()))
    return arith::MinimumFOp::create(b, lhs, rhs);
  if (isUnsignedType)
    return arith::MinUIOp::create(b, lhs, rhs);
  return b.createOrFold<arith::MinSIOp>(lhs, rhs);
}

/// A float truncated to 64 bits, then to those of `to`. NaN and what 64 bits do
/// not hold give the least i64: a conversion out of range would be poison.
static Value castFloatToInt(ImplicitLocOpBuilder &b, Value value, Type to) {
  if (value.getType().getIntOrFloatBitWidth() < 32)
    value = arith::ExtFOp::create(b, b.getF32Type(), value);
  Type type = value.getType();
  const double limit = 9223372036854775808.0; // 2^63
  auto isIn = [&](double low, double high) -> Value {
    Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, value,
                                        floatConstant(b, type, low));
    Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, value,
                                        floatConstant(b, type, high));
    return arith::AndIOp::create(b, above, below);
  };
  Value zero = zeroConstant(b, type);
  Value fits = isIn(-limit, limit);
  Value safe = arith::SelectOp::create(b, fits, value, zero);
  Value wide = arith::FPToSIOp::create(b, b.getI64Type(), safe);
  Value least =
      intConstant(b, b.getI64Type(), std::numeric_limits<int64_t>::min());
  Value result = arith::SelectOp::create(b, fits, wide, least);
  if (to.isUnsignedInteger(64)) {
    Value isHigh = isIn(limit, 2 * limit);
    Value high = arith::SelectOp::create(b, isHigh, value, zero);
    result = arith::SelectOp::create(
        b, isHigh, arith::FPToUIOp::create(b, b.getI64Type(), high), result);
  }
  Type target = toSignless(to);
  if (target == result.getType())
    return result;
  return arith::TruncIOp::create(b, target, result);
}

Value moe::onnx::castScalar(ImplicitLocOpBuilder &b, Value value, Type from,
                            Type to) {
  Type target = toSignless(to);
  if (to.isInteger(1)) {
    Value zero = zeroConstant(b, value.getType());
    if (isa<FloatType>(from))
      return arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, value, zero);
    return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ne, value, zero);
  }
  unsigned fromWidth = from.getIntOrFloatBitWidth();
  unsigned toWidth = to.getIntOrFloatBitWidth();
  if (isa<FloatType>(from) && isa<FloatType>(to)) {
    if (fromWidth == toWidth && from != to) // f16 <-> bf16
      return arith::TruncFOp::create(
          b, target, arith::ExtFOp::create(b, b.getF32Type(), value));
    if (fromWidth < toWidth)
      return arith::ExtFOp::create(b, target, value);
    if (from.isF64() && to.isBF16()) {
      value = arith::TruncFOp::create(b, b.getF32Type(), value);
      fromWidth = 32;
    }
    if (fromWidth > toWidth)
      return arith::TruncFOp::create(b, target, value);
    return value;
  }
  if (isa<FloatType>(from))
    return castFloatToInt(b, value, to);
  if (isa<FloatType>(to)) {
    // Narrow floats go through f32: only its rounding to them is expanded.
    Type wide = toWidth < 32 ? b.getF32Type() : target;
    Value result = isUnsigned(from)
                       ? arith::UIToFPOp::create(b, wide, value).getResult()
                       : arith::SIToFPOp::create(b, wide, value).getResult();
    return castScalar(b, result, wide, to);
  }
  if (fromWidth < toWidth)
    return isUnsigned(from) ? b.createOrFold<arith::ExtUIOp>(target, value)
                            : b.createOrFold<arith::ExtSIOp>(target, value);
  if (fromWidth > toWidth)
    return b.createOrFold<arith::TruncIOp>(target, value);
  return value;
}
