//===- MathActivation.cpp - Activation functions on scalars ---------------===//
#include "MathScalars.h"

using namespace mlir;
using namespace moe::onnx;

Value moe::onnx::emitLogistic(ImplicitLocOpBuilder &b, Value x) {
  // e = exp(-|x|) <= 1: 1 / (1 + e), or e / (1 + e) for a negative x.
  Type type = x.getType();
  Value one = floatConstant(b, type, 1);
  Value e =
      fold<math::ExpOp>(b, fold<arith::NegFOp>(b, fold<math::AbsFOp>(b, x)));
  Value isNegative =
      compareFloats(b, arith::CmpFPredicate::OLT, x, zeroConstant(b, type));
  return fold<arith::DivFOp>(b, select(b, isNegative, e, one),
                             fold<arith::AddFOp>(b, one, e));
}

namespace {
/// A float attribute as a constant of the scalar's type.
Value attribute(ImplicitLocOpBuilder &b, Value x, const APFloat &value) {
  return floatConstant(b, x.getType(), value.convertToDouble());
}

/// `ifNegative` where x < 0, else (NaN included) x.
Value unlessNegative(ImplicitLocOpBuilder &b, Value x, Value ifNegative) {
  Value zero = zeroConstant(b, x.getType());
  Value isNegative = compareFloats(b, arith::CmpFPredicate::OLT, x, zero);
  return select(b, isNegative, ifNegative, x);
}

Value emitElu(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value x = args[0];
  Value alpha = attribute(b, x, cast<EluOp>(op).getAlpha());
  return unlessNegative(
      b, x, fold<arith::MulFOp>(b, alpha, fold<math::ExpM1Op>(b, x)));
}

Value emitGelu(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value x = args[0];
  Type type = x.getType();
  auto constant = [&](double value) { return floatConstant(b, type, value); };
  auto mul = [&](Value lhs, Value rhs) {
    return fold<arith::MulFOp>(b, lhs, rhs);
  };
  Value inner;
  if (cast<GeluOp>(op).getApproximate() == GeluApproximation::Tanh) {
    // tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))
    Value cube = mul(mul(x, x), x);
    Value sum = fold<arith::AddFOp>(b, x, mul(constant(0.044715), cube));
    inner = fold<math::TanhOp>(b, mul(constant(0.79788456080286536), sum));
  } else {
    // erf(x / sqrt(2))
    inner = fold<math::ErfOp>(b, mul(x, constant(0.70710678118654752)));
  }
  return mul(mul(constant(0.5), x), fold<arith::AddFOp>(b, constant(1), inner));
}

Value emitHardSigmoid(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  auto hard = cast<HardSigmoidOp>(op);
  Value x = args[0];
  Value line = fold<arith::AddFOp>(
      b, fold<arith::MulFOp>(b, attribute(b, x, hard.getAlpha()), x),
      attribute(b, x, hard.getBeta()));
  Value low = fold<arith::MaximumFOp>(b, line, zeroConstant(b, x.getType()));
  return fold<arith::MinimumFOp>(b, low, floatConstant(b, x.getType(), 1));
}

Value emitLeakyRelu(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value alpha = attribute(b, args[0], cast<LeakyReluOp>(op).getAlpha());
  return unlessNegative(b, args[0], fold<arith::MulFOp>(b, alpha, args[0]));
}

Value emitPRelu(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value x = args[0];
  Value product = mulScalars(b, x, args[1]);
  if (isa<FloatType>(x.getType()))
    return unlessNegative(b, x, product);
  if (isUnsigned(originalType(op)))
    return x;
  Value isNegative = compareInts(b, arith::CmpIPredicate::slt, x,
                                 zeroConstant(b, x.getType()));
  return select(b, isNegative, product, x);
}

Value emitRelu(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return maxScalars(b, args[0], zeroConstant(b, args[0].getType()),
                    /*isUnsignedType=*/false);
}

Value emitSigmoid(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return emitLogistic(b, args[0]);
}

Value emitSoftplus(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  Value x = args[0];
  Value e =
      fold<math::ExpOp>(b, fold<arith::NegFOp>(b, fold<math::AbsFOp>(b, x)));
  Value positive = fold<arith::MaximumFOp>(b, x, zeroConstant(b, x.getType()));
  return fold<arith::AddFOp>(b, positive, fold<math::Log1pOp>(b, e));
}

Value emitSwish(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value x = args[0];
  Value scaled =
      fold<arith::MulFOp>(b, attribute(b, x, cast<SwishOp>(op).getAlpha()), x);
  return fold<arith::MulFOp>(b, x, emitLogistic(b, scaled));
}

const ScalarEntry table[] = {
    {EluOp::getOperationName(), emitElu},
    {GeluOp::getOperationName(), emitGelu},
    {HardSigmoidOp::getOperationName(), emitHardSigmoid},
    {LeakyReluOp::getOperationName(), emitLeakyRelu},
    {PReluOp::getOperationName(), emitPRelu},
    {ReluOp::getOperationName(), emitRelu},
    {SigmoidOp::getOperationName(), emitSigmoid},
    {SoftplusOp::getOperationName(), emitSoftplus},
    {SwishOp::getOperationName(), emitSwish},
};
} // namespace

ArrayRef<ScalarEntry> moe::onnx::getActivationScalars() { return table; }
