//===- GateMath.cpp - Arithmetic on the rows of a gate --------------------===//
#include "Gate.h"

#include <limits>

using namespace mlir;
using namespace moe;

using F = arith::CmpFPredicate;

static constexpr double infinity = std::numeric_limits<double>::infinity();

Value RowMath::constant(double value) { return b.widen(b.number(type, value)); }

void RowMath::fill(const Row &row, function_ref<Value(Value)> value) {
  b.forEach(b.index(0), row.size,
            [&](Value j) { b.store(round(value(j)), row.memory, j); });
}

Value RowMath::greatest(const Row &row) {
  return b.fold(b.index(0), row.size, b.number(wide, -infinity),
                [&](Value j, Value best) {
                  return onnx::maxScalars(b, best, b.load(row.memory, j),
                                          /*isUnsignedType=*/false);
                });
}

Value RowMath::argGreatest(const Row &row) {
  Value zero = b.index(0);
  auto loop = scf::ForOp::create(b, zero, row.size, b.index(1),
                                 ValueRange{b.number(wide, -infinity), zero});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value best = loop.getRegionIterArg(0), at = loop.getRegionIterArg(1);
  Value element = b.load(row.memory, loop.getInductionVar());
  Value isNaN = b.compare(F::UNO, element, element);
  Value bestIsNumber = b.compare(F::ORD, best, best);
  Value takes =
      arith::OrIOp::create(b, b.compare(F::OGT, element, best),
                           arith::AndIOp::create(b, isNaN, bestIsNumber));
  Value next = arith::SelectOp::create(b, takes, element, best);
  Value index = arith::SelectOp::create(b, takes, loop.getInductionVar(), at);
  scf::YieldOp::create(b, ValueRange{next, index});
  return loop.getResult(1);
}

void RowMath::softmax(const Row &row, const Row &out) {
  Value top = greatest(row);
  Value sum = b.fold(
      b.index(0), row.size, b.number(wide, 0), [&](Value j, Value partial) {
        Value distance = round(b.sub(b.load(row.memory, j), top));
        Value power = round(math::ExpOp::create(b, distance));
        b.store(power, out.memory, j);
        return b.add(partial, power);
      });
  sum = round(sum);
  fill(out, [&](Value j) -> Value {
    return arith::DivFOp::create(b, b.load(out.memory, j), sum);
  });
}

void RowMath::sigmoid(const Row &row, const Row &out) {
  fill(out,
       [&](Value j) { return onnx::emitLogistic(b, b.load(row.memory, j)); });
}

void RowMath::score(Score kind, const Row &row, const Row &out) {
  if (kind == Score::Softmax)
    softmax(row, out);
  if (kind == Score::Sigmoid)
    sigmoid(row, out);
}

/// Whether `lhs`, which comes later in the row, stands ahead of `rhs`. NaN is
/// greater than numbers and equal to NaN.
Value RowMath::standsAhead(Value lhs, Value rhs, Tie tie) {
  if (tie == Tie::LowestIndex)
    return arith::AndIOp::create(b, b.compare(F::UGT, lhs, rhs),
                                 b.compare(F::ORD, rhs, rhs));
  // lhs >= rhs, or lhs is NaN.
  return arith::OrIOp::create(b, b.compare(F::OGE, lhs, rhs),
                              b.compare(F::UNO, lhs, lhs));
}

/// for i < count: element = value(i)
///   if (i < k || element stands ahead of the list's last)
///     j = min(i, k - 1)
///     while (j > 0 && element stands ahead of list[j - 1])
///       list[j] = list[j - 1], --j
///     list[j] = element
void RowMath::select(Value count, function_ref<Value(Value)> value,
                     const BestList &list, Tie tie) {
  Value zero = b.index(0), one = b.index(1);
  Value k = b.index(list.size), last = b.index(list.size - 1);
  b.forEach(zero, count, [&](Value i) {
    Value element = value(i);
    Value isOpen = b.compare(arith::CmpIPredicate::ult, i, k);
    // What stands last in an open list is not looked at.
    Value beats = standsAhead(element, b.load(list.values, last), tie);
    b.ifTrue(arith::OrIOp::create(b, isOpen, beats), [&] {
      Value end = arith::MinUIOp::create(b, i, last);
      auto shift = scf::WhileOp::create(b, TypeRange{b.getIndexType()}, end);
      {
        OpBuilder::InsertionGuard guard(b);
        Block *before = b.createBlock(
            &shift.getBefore(), {}, TypeRange{b.getIndexType()}, {b.getLoc()});
        Value j = before->getArgument(0);
        Value isInner = b.compare(arith::CmpIPredicate::ugt, j, zero);
        // The place ahead; place 0 has none, and is not looked at.
        Value ahead = b.sub(arith::MaxUIOp::create(b, j, one), one);
        Value moves = arith::AndIOp::create(
            b, isInner, standsAhead(element, b.load(list.values, ahead), tie));
        scf::ConditionOp::create(b, moves, j);
        Block *after = b.createBlock(&shift.getAfter(), {},
                                     TypeRange{b.getIndexType()}, {b.getLoc()});
        Value to = after->getArgument(0), from = b.sub(to, one);
        b.store(b.load(list.values, from), list.values, to);
        b.store(b.load(list.indices, from), list.indices, to);
        scf::YieldOp::create(b, from);
      }
      Value place = shift.getResult(0);
      b.store(element, list.values, place);
      b.store(b.toI32(i), list.indices, place);
    });
  });
}
