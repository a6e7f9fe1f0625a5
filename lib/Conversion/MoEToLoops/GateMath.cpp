//===- GateMath.cpp - Arithmetic on the rows of a gate --------------------===//
#include "Gate.h"

#include <limits>

using namespace mlir;
using namespace moe;

using F = arith::CmpFPredicate;

static constexpr double infinity = std::numeric_limits<double>::infinity();

Value RowMath::constant(double value) { return b.widen(b.number(type, value)); }

//===----------------------------------------------------------------------===//
// Chunks: single elements
//===----------------------------------------------------------------------===//

Value RowMath::placeOf(const Row &row, Value j) {
  return row.begin ? b.add(row.begin, j) : j;
}

Value RowMath::load(Value memref, ValueRange outer, const RowChunk &chunk) {
  SmallVector<Value> at(outer);
  at.push_back(chunk.at);
  return b.widen(b.load(memref, at));
}

void RowMath::forEachChunk(const Row &row,
                           function_ref<void(const RowChunk &)> body) {
  b.forEach(b.index(0), row.size, [&](Value j) { body({j, Value()}); });
}

Value RowMath::reduce(const Row &row, Reduction kind, ChunkFn value) {
  return b.fold(b.index(0), row.size, getIdentity(kind),
                [&](Value j, Value state) {
                  return combine(kind, state, value({j, Value()}));
                });
}

Value RowMath::reduceToAll(const Row &row, Reduction kind, ChunkFn value) {
  return reduce(row, kind, value);
}

Value RowMath::load(const Row &row, const RowChunk &chunk) {
  return b.load(row.memory, placeOf(row, chunk.at));
}

void RowMath::store(Value value, const Row &row, const RowChunk &chunk) {
  b.store(value, row.memory, placeOf(row, chunk.at));
}

Value RowMath::getIdentity(Reduction kind) {
  return b.number(wide, kind == Reduction::Sum ? 0 : -infinity);
}

Value RowMath::combine(Reduction kind, Value lhs, Value rhs) {
  switch (kind) {
  case Reduction::Sum:
    return b.add(lhs, rhs);
  case Reduction::Greatest:
    return arith::MaximumFOp::create(b, lhs, rhs);
  case Reduction::GreatestNumber:
    return arith::SelectOp::create(b, b.compare(F::OGT, rhs, lhs), rhs, lhs);
  }
  return Value();
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void RowMath::fill(const Row &row, ChunkFn value) {
  forEachChunk(row, [&](const RowChunk &chunk) {
    store(round(value(chunk)), row, chunk);
  });
}

void RowMath::fillEach(const Row &row, function_ref<Value(Value)> value) {
  b.forEach(b.index(0), row.size, [&](Value j) {
    b.store(round(value(j)), row.memory, placeOf(row, j));
  });
}

Value RowMath::greatest(const Row &row) {
  return reduce(row, Reduction::Greatest,
                [&](const RowChunk &chunk) { return load(row, chunk); });
}

Value RowMath::argGreatest(const Row &row) {
  Value zero = b.index(0);
  auto loop = scf::ForOp::create(b, zero, row.size, b.index(1),
                                 ValueRange{b.number(wide, -infinity), zero});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value best = loop.getRegionIterArg(0), at = loop.getRegionIterArg(1);
  Value element = b.load(row.memory, placeOf(row, loop.getInductionVar()));
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
  // A NaN need not be the greatest: it makes the sum NaN, and all with it.
  Value top =
      reduceToAll(row, Reduction::GreatestNumber,
                  [&](const RowChunk &chunk) { return load(row, chunk); });
  Value sum = reduceToAll(row, Reduction::Sum, [&](const RowChunk &chunk) {
    Value distance = round(b.sub(load(row, chunk), top));
    Value power = round(math::ExpOp::create(b, distance));
    store(power, out, chunk);
    return power;
  });
  sum = round(sum);
  fill(out, [&](const RowChunk &chunk) -> Value {
    return arith::DivFOp::create(b, load(out, chunk), sum);
  });
}

void RowMath::sigmoid(const Row &row, const Row &out) {
  fill(out, [&](const RowChunk &chunk) {
    return onnx::emitLogistic(b, load(row, chunk));
  });
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

/// for i < size: element = row[i]
///   if (i < k || element stands ahead of the list's last)
///     j = min(i, k - 1)
///     while (j > 0 && element stands ahead of list[j - 1])
///       list[j] = list[j - 1], --j
///     list[j] = element
void RowMath::select(const Row &row, const BestList &list, Tie tie) {
  Value zero = b.index(0), one = b.index(1);
  Value k = b.index(list.size), last = b.index(list.size - 1);
  b.forEach(zero, row.size, [&](Value i) {
    Value element = b.load(row.memory, placeOf(row, i));
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
