//===- MathFunctions.cpp - Functions of one scalar ------------------------===//
#include "MathScalars.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// One op of the math dialect.
template <typename OpTy>
Value emitUnary(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return fold<OpTy>(b, args[0]);
}

Value emitAbs(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value x = args[0];
  if (isa<FloatType>(x.getType()))
    return fold<math::AbsFOp>(b, x);
  if (isUnsigned(originalType(op)))
    return x;
  Value zero = zeroConstant(b, x.getType());
  Value isNegative = compareInts(b, arith::CmpIPredicate::slt, x, zero);
  return select(b, isNegative, fold<arith::SubIOp>(b, zero, x), x);
}

Value emitNeg(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  if (isa<FloatType>(args[0].getType()))
    return fold<arith::NegFOp>(b, args[0]);
  return fold<arith::SubIOp>(b, zeroConstant(b, args[0].getType()), args[0]);
}

Value emitSign(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value x = args[0];
  Type type = x.getType();
  Value zero = zeroConstant(b, type), one = numberConstant(b, type, 1);
  if (isa<FloatType>(type)) {
    Value less = compareFloats(b, arith::CmpFPredicate::OLT, x, zero);
    Value greater = compareFloats(b, arith::CmpFPredicate::OGT, x, zero);
    return select(b, greater, one,
                  select(b, less, numberConstant(b, type, -1), x));
  }
  Value differs = compareInts(b, arith::CmpIPredicate::ne, x, zero);
  if (isUnsigned(originalType(op)))
    return select(b, differs, one, zero);
  Value less = compareInts(b, arith::CmpIPredicate::slt, x, zero);
  return select(b, less, numberConstant(b, type, -1),
                select(b, differs, one, zero));
}

Value emitReciprocal(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return fold<arith::DivFOp>(b, floatConstant(b, args[0].getType(), 1),
                             args[0]);
}

const ScalarEntry table[] = {
    {AbsOp::getOperationName(), emitAbs},
    {AcosOp::getOperationName(), emitUnary<math::AcosOp>},
    {AcoshOp::getOperationName(), emitUnary<math::AcoshOp>},
    {AsinOp::getOperationName(), emitUnary<math::AsinOp>},
    {AsinhOp::getOperationName(), emitUnary<math::AsinhOp>},
    {AtanOp::getOperationName(), emitUnary<math::AtanOp>},
    {AtanhOp::getOperationName(), emitUnary<math::AtanhOp>},
    {CeilOp::getOperationName(), emitUnary<math::CeilOp>},
    {CosOp::getOperationName(), emitUnary<math::CosOp>},
    {CoshOp::getOperationName(), emitUnary<math::CoshOp>},
    {ErfOp::getOperationName(), emitUnary<math::ErfOp>},
    {ExpOp::getOperationName(), emitUnary<math::ExpOp>},
    {FloorOp::getOperationName(), emitUnary<math::FloorOp>},
    {LogOp::getOperationName(), emitUnary<math::LogOp>},
    {NegOp::getOperationName(), emitNeg},
    {ReciprocalOp::getOperationName(), emitReciprocal},
    {RoundOp::getOperationName(), emitUnary<math::RoundEvenOp>},
    {SignOp::getOperationName(), emitSign},
    {SinOp::getOperationName(), emitUnary<math::SinOp>},
    {SinhOp::getOperationName(), emitUnary<math::SinhOp>},
    {SqrtOp::getOperationName(), emitUnary<math::SqrtOp>},
    {TanOp::getOperationName(), emitUnary<math::TanOp>},
    {TanhOp::getOperationName(), emitUnary<math::TanhOp>},
};
} // namespace

ArrayRef<ScalarEntry> moe::onnx::getFunctionScalars() { return table; }
