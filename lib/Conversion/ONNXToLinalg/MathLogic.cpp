//===- MathLogic.cpp - Comparisons, bools and bits on scalars -------------===//
#include "MathScalars.h"

#include <limits>

using namespace mlir;
using namespace moe::onnx;

namespace {
/// A comparison of floats, signed integers, or unsigned integers and bools. NaN
/// compares false.
template <arith::CmpFPredicate floats, arith::CmpIPredicate signedInts,
          arith::CmpIPredicate unsignedInts>
Value emitCompare(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  if (isa<FloatType>(args[0].getType()))
    return compareFloats(b, floats, args[0], args[1]);
  bool isUnsignedType = isUnsigned(originalType(op));
  return compareInts(b, isUnsignedType ? unsignedInts : signedInts, args[0],
                     args[1]);
}

using F = arith::CmpFPredicate;
using I = arith::CmpIPredicate;

template <typename OpTy>
Value emitBits(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return fold<OpTy>(b, args[0], args[1]);
}

Value emitNot(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return fold<arith::XOrIOp>(b, args[0], intConstant(b, args[0].getType(), -1));
}

Value emitBitShift(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value x = args[0], amount = args[1];
  Type type = x.getType();
  unsigned width = type.getIntOrFloatBitWidth();
  // A negative amount is a great unsigned one.
  Value fits = compareInts(b, arith::CmpIPredicate::ult, amount,
                           intConstant(b, type, width));
  Value zero = zeroConstant(b, type);
  Value safe = select(b, fits, amount, zero);
  if (cast<BitShiftOp>(op).getDirection() == ShiftDirection::Left)
    return select(b, fits, fold<arith::ShLIOp>(b, x, safe), zero);
  if (isUnsigned(originalType(op)))
    return select(b, fits, fold<arith::ShRUIOp>(b, x, safe), zero);
  return fold<arith::ShRSIOp>(
      b, x, select(b, fits, amount, intConstant(b, type, width - 1)));
}

Value emitIsNaN(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return compareFloats(b, arith::CmpFPredicate::UNO, args[0], args[0]);
}

Value emitIsInf(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  auto isInf = cast<IsInfOp>(op);
  Value result = intConstant(b, b.getI1Type(), 0);
  auto accept = [&](double infinity) {
    Value equal = compareFloats(b, arith::CmpFPredicate::OEQ, args[0],
                                floatConstant(b, args[0].getType(), infinity));
    result = fold<arith::OrIOp>(b, equal, result);
  };
  if (isInf.getDetectPositive())
    accept(std::numeric_limits<double>::infinity());
  if (isInf.getDetectNegative())
    accept(-std::numeric_limits<double>::infinity());
  return result;
}

const ScalarEntry table[] = {
    {AndOp::getOperationName(), emitBits<arith::AndIOp>},
    {BitShiftOp::getOperationName(), emitBitShift},
    {BitwiseAndOp::getOperationName(), emitBits<arith::AndIOp>},
    {BitwiseNotOp::getOperationName(), emitNot},
    {BitwiseOrOp::getOperationName(), emitBits<arith::OrIOp>},
    {BitwiseXorOp::getOperationName(), emitBits<arith::XOrIOp>},
    {EqualOp::getOperationName(), emitCompare<F::OEQ, I::eq, I::eq>},
    {GreaterOp::getOperationName(), emitCompare<F::OGT, I::sgt, I::ugt>},
    {GreaterOrEqualOp::getOperationName(), emitCompare<F::OGE, I::sge, I::uge>},
    {IsInfOp::getOperationName(), emitIsInf},
    {IsNaNOp::getOperationName(), emitIsNaN},
    {LessOp::getOperationName(), emitCompare<F::OLT, I::slt, I::ult>},
    {LessOrEqualOp::getOperationName(), emitCompare<F::OLE, I::sle, I::ule>},
    {NotOp::getOperationName(), emitNot},
    {OrOp::getOperationName(), emitBits<arith::OrIOp>},
    {XorOp::getOperationName(), emitBits<arith::XOrIOp>},
};
} // namespace

ArrayRef<ScalarEntry> moe::onnx::getLogicScalars() { return table; }
