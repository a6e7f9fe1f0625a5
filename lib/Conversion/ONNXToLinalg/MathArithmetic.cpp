//===- MathArithmetic.cpp - Arithmetic on scalars -------------------------===//
//
// Integer division never traps: the pattern checks that no divisor is 0, and
// the emitters keep -1 away from the least integer.
//
//===----------------------------------------------------------------------===//
#include "MathScalars.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
Value emitAdd(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return addScalars(b, args[0], args[1]);
}

Value emitSub(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  if (isa<FloatType>(args[0].getType()))
    return fold<arith::SubFOp>(b, args[0], args[1]);
  return fold<arith::SubIOp>(b, args[0], args[1]);
}

Value emitMul(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return mulScalars(b, args[0], args[1]);
}

/// `rhs`, or 1 where it is -1: the quotient by -1 overflows for the least
/// integer, which traps.
Value withoutMinusOne(ImplicitLocOpBuilder &b, Value rhs, Value &isMinusOne) {
  Type type = rhs.getType();
  isMinusOne =
      compareInts(b, arith::CmpIPredicate::eq, rhs, intConstant(b, type, -1));
  return select(b, isMinusOne, intConstant(b, type, 1), rhs);
}

Value emitDiv(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value lhs = args[0], rhs = args[1];
  if (isa<FloatType>(lhs.getType()))
    return fold<arith::DivFOp>(b, lhs, rhs);
  if (isUnsigned(originalType(op)))
    return fold<arith::DivUIOp>(b, lhs, rhs);
  Value isMinusOne;
  Value safe = withoutMinusOne(b, rhs, isMinusOne);
  Value negated = fold<arith::SubIOp>(b, zeroConstant(b, lhs.getType()), lhs);
  return select(b, isMinusOne, negated, fold<arith::DivSIOp>(b, lhs, safe));
}

Value emitFloatMod(ImplicitLocOpBuilder &b, Value lhs, Value rhs, bool floor) {
  Value remainder = fold<arith::RemFOp>(b, lhs, rhs);
  if (!floor)
    return remainder;
  Value zero = zeroConstant(b, lhs.getType());
  auto isNegative = [&](Value value) {
    return compareFloats(b, arith::CmpFPredicate::OLT, value, zero);
  };
  Value differ = fold<arith::XOrIOp>(b, isNegative(remainder), isNegative(rhs));
  Value moved =
      select(b, differ, fold<arith::AddFOp>(b, remainder, rhs), remainder);
  Value isZero = compareFloats(b, arith::CmpFPredicate::OEQ, remainder, zero);
  return select(b, isZero, fold<math::CopySignOp>(b, zero, rhs), moved);
}

Value emitMod(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value lhs = args[0], rhs = args[1];
  bool floor = cast<ModOp>(op).getFmod() == 0;
  if (isa<FloatType>(lhs.getType()))
    return emitFloatMod(b, lhs, rhs, floor);
  if (isUnsigned(originalType(op)))
    return fold<arith::RemUIOp>(b, lhs, rhs);
  // The remainder by 1 is that by -1: 0.
  Value isMinusOne;
  Value remainder =
      fold<arith::RemSIOp>(b, lhs, withoutMinusOne(b, rhs, isMinusOne));
  if (!floor)
    return remainder;
  Value zero = zeroConstant(b, lhs.getType());
  auto isNegative = [&](Value value) {
    return compareInts(b, arith::CmpIPredicate::slt, value, zero);
  };
  Value differ = fold<arith::XOrIOp>(b, isNegative(remainder), isNegative(rhs));
  Value isInexact = compareInts(b, arith::CmpIPredicate::ne, remainder, zero);
  Value moves = fold<arith::AndIOp>(b, differ, isInexact);
  return select(b, moves, fold<arith::AddIOp>(b, remainder, rhs), remainder);
}

/// base ** exponent by repeated squaring, wrapping around:
///   while (e != 0) { if (e & 1) r *= x; x *= x; e >>= 1; }
Value emitIntPow(ImplicitLocOpBuilder &b, Value base, Value exponent) {
  Type type = base.getType();
  Value one = intConstant(b, type, 1);
  Value zero = intConstant(b, type, 0);
  Value exponentZero = zeroConstant(b, exponent.getType());
  Value exponentOne = intConstant(b, exponent.getType(), 1);
  Value isNegative =
      compareInts(b, arith::CmpIPredicate::slt, exponent, exponentZero);
  Value count = select(b, isNegative, exponentZero, exponent);
  auto loop = scf::WhileOp::create(
      b, TypeRange{type, type, exponent.getType()},
      ValueRange{one, base, count},
      [&](OpBuilder &nested, Location loc, ValueRange values) {
        Value more = arith::CmpIOp::create(
            nested, loc, arith::CmpIPredicate::ne, values[2], exponentZero);
        scf::ConditionOp::create(nested, loc, more, values);
      },
      [&](OpBuilder &nested, Location loc, ValueRange values) {
        ImplicitLocOpBuilder inner(loc, nested);
        Value bit =
            arith::TruncIOp::create(inner, inner.getI1Type(), values[2]);
        Value product = arith::MulIOp::create(inner, values[0], values[1]);
        Value result = arith::SelectOp::create(inner, bit, product, values[0]);
        Value square = arith::MulIOp::create(inner, values[1], values[1]);
        Value rest = arith::ShRUIOp::create(inner, values[2], exponentOne);
        scf::YieldOp::create(inner, ValueRange{result, square, rest});
      });
  // A negative exponent: ±1 keep their size, the rest truncates to 0.
  Value minusOne = intConstant(b, type, -1);
  Value isOdd = fold<arith::TruncIOp>(b, b.getI1Type(), exponent);
  Value ofMinusOne = select(b, isOdd, minusOne, one);
  Value isOne = compareInts(b, arith::CmpIPredicate::eq, base, one);
  Value isMinusOne = compareInts(b, arith::CmpIPredicate::eq, base, minusOne);
  Value reciprocal =
      select(b, isOne, one, select(b, isMinusOne, ofMinusOne, zero));
  return select(b, isNegative, reciprocal, loop.getResult(0));
}

/// Whether every element of the onnx value is the constant 2.
bool isConstantTwo(Value value) {
  DenseElementsAttr elements;
  if (!matchPattern(value, m_Constant(&elements)) || !elements.isSplat())
    return false;
  if (isa<FloatType>(elements.getElementType()))
    return elements.getSplatValue<APFloat>().isExactlyValue(2.0);
  return elements.getSplatValue<APInt>() == 2;
}

Value emitPow(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Type baseType = originalType(op), exponentType = originalType(op, 1);
  bool floatBase = isa<FloatType>(baseType);
  if (floatBase && isConstantTwo(op->getOperand(1)))
    return fold<arith::MulFOp>(b, args[0], args[0]);
  if (!floatBase && !isa<FloatType>(exponentType))
    return emitIntPow(b, args[0],
                      castScalar(b, args[1], exponentType, b.getI64Type()));
  // Narrow floats have been widened: the operand's type is the scalar's.
  Type computeType = b.getF32Type();
  if (args[0].getType().isF64() || args[1].getType().isF64() || !floatBase)
    computeType = b.getF64Type();
  auto toFloat = [&](Value value, Type original) {
    Type from = isa<FloatType>(original) ? value.getType() : original;
    return castScalar(b, value, from, computeType);
  };
  Value power = fold<math::PowFOp>(b, toFloat(args[0], baseType),
                                   toFloat(args[1], exponentType));
  return castScalar(b, power, computeType,
                    floatBase ? args[0].getType() : baseType);
}

template <Value (*combine)(ImplicitLocOpBuilder &, Value, Value, bool)>
Value emitExtremum(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value result = args[0];
  for (Value arg : args.drop_front())
    result = combine(b, result, arg, isUnsigned(originalType(op)));
  return result;
}

Value emitSum(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  Value result = args[0];
  for (Value arg : args.drop_front())
    result = addScalars(b, result, arg);
  return result;
}

Value emitMean(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Value sum = emitSum(b, op, args);
  return fold<arith::DivFOp>(b, sum,
                             floatConstant(b, sum.getType(), args.size()));
}

Value emitClip(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  auto clip = cast<ClipOp>(op);
  bool isUnsignedType = isUnsigned(originalType(op));
  Value result = args[0];
  if (clip.getMin())
    result = maxScalars(b, result, args[1], isUnsignedType);
  if (clip.getMax())
    result = minScalars(b, result, args.back(), isUnsignedType);
  return result;
}

Value emitWhere(ImplicitLocOpBuilder &b, Operation *, ValueRange args) {
  return select(b, args[0], args[1], args[2]);
}

Value emitCast(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  return castScalar(b, args[0], originalType(op),
                    elementType(op->getResult(0)));
}

Value emitBitCast(ImplicitLocOpBuilder &b, Operation *op, ValueRange args) {
  Type from = args[0].getType(), to = elementType(op->getResult(0));
  if (auto integer = dyn_cast<IntegerType>(to))
    to = b.getIntegerType(integer.getWidth());
  if (from == to)
    return args[0];
  // A bool is a byte of 0 or 1.
  if (from.isInteger(1))
    return fold<arith::ExtUIOp>(b, to, args[0]);
  if (to.isInteger(1))
    return compareInts(b, arith::CmpIPredicate::ne, args[0],
                       zeroConstant(b, from));
  return fold<arith::BitcastOp>(b, to, args[0]);
}

const ScalarEntry table[] = {
    {AddOp::getOperationName(), emitAdd},
    {BitCastOp::getOperationName(), emitBitCast, Narrow::Keep},
    {CastOp::getOperationName(), emitCast, Narrow::Keep},
    {ClipOp::getOperationName(), emitClip},
    {DivOp::getOperationName(), emitDiv},
    {MaxOp::getOperationName(), emitExtremum<maxScalars>},
    {MeanOp::getOperationName(), emitMean},
    {MinOp::getOperationName(), emitExtremum<minScalars>},
    {ModOp::getOperationName(), emitMod},
    {MulOp::getOperationName(), emitMul},
    {PowOp::getOperationName(), emitPow},
    {SubOp::getOperationName(), emitSub},
    {SumOp::getOperationName(), emitSum},
    {WhereOp::getOperationName(), emitWhere, Narrow::Keep},
};
} // namespace

ArrayRef<ScalarEntry> moe::onnx::getArithmeticScalars() { return table; }
