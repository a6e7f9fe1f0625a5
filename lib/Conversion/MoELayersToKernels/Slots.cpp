//===- Slots.cpp - Loops over ids that no gate makes ----------------------===//
#include "Layers.h"
#include "moe/Conversion/ONNXToLinalg/Scalars.h"

using namespace mlir;
using namespace moe;

using I = arith::CmpIPredicate;

namespace {
/// What a body of loops computes from, and gives for, its carried values.
using LoopBody = function_ref<SmallVector<Value>(LayerBuilder &b, Value index,
                                                 ValueRange state)>;

/// for (i = lower; i < upper; ++i) state = body(i, state)
SmallVector<Value> loop(LayerBuilder &b, Value lower, Value upper,
                        ValueRange init, LoopBody body) {
  auto op = scf::ForOp::create(
      b, lower, upper, b.index(1), init,
      [&](OpBuilder &nested, Location loc, Value i, ValueRange state) {
        LayerBuilder inner(loc, nested);
        scf::YieldOp::create(inner, body(inner, i, state));
      });
  return SmallVector<Value>(op.getResults());
}

/// The same over all slots of ids [T, k], in order; `body` gets the indices.
SmallVector<Value>
forEachSlot(LayerBuilder &b, Value ids, ValueRange init,
            function_ref<SmallVector<Value>(LayerBuilder &b, ValueRange at,
                                            ValueRange state)>
                body) {
  Value zero = b.index(0);
  Value tokens = b.indexValue(b.extent(ids, 0));
  Value slots = b.indexValue(b.extent(ids, 1));
  return loop(b, zero, tokens, init,
              [&](LayerBuilder &outer, Value t, ValueRange state) {
                return loop(outer, zero, slots, state,
                            [&](LayerBuilder &inner, Value s, ValueRange now) {
                              return body(inner, {t, s}, now);
                            });
              });
}

/// Whether an id is in [-1, count).
Value isInRange(LayerBuilder &b, Value id, int64_t count) {
  return arith::AndIOp::create(
      b, arith::CmpIOp::create(b, I::sge, id, b.i32(-1)),
      arith::CmpIOp::create(b, I::slt, id, b.i32(count)));
}

/// Ends the run unless all ids are in [-1, count).
void requireInRange(LayerBuilder &b, Value ids, int64_t count) {
  Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
  Value fits =
      forEachSlot(b, ids, yes,
                  [&](LayerBuilder &inner, ValueRange at,
                      ValueRange state) -> SmallVector<Value> {
                    Value fit = isInRange(inner, inner.extract(ids, at), count);
                    return {arith::AndIOp::create(inner, state[0], fit)};
                  })[0];
  b.require(fits, "ids of experts must be in [-1, " + Twine(count) + ")");
}

Value emitIf(LayerBuilder &b, Value condition,
             function_ref<Value(LayerBuilder &)> then,
             function_ref<Value(LayerBuilder &)> otherwise) {
  auto op = scf::IfOp::create(
      b, condition,
      [&](OpBuilder &nested, Location loc) {
        LayerBuilder inner(loc, nested);
        scf::YieldOp::create(inner, then(inner));
      },
      [&](OpBuilder &nested, Location loc) {
        LayerBuilder inner(loc, nested);
        scf::YieldOp::create(inner, otherwise(inner));
      });
  return op.getResult(0);
}
} // namespace

Value moe::countSlots(LayerBuilder &b, Value ids, int64_t count) {
  requireInRange(b, ids, count);
  Value zeros =
      linalg::FillOp::create(b, b.i32(0),
                             b.empty({b.getIndexAttr(count)}, b.getI32Type()))
          .getResult(0);
  if (!count)
    return zeros;
  return forEachSlot(
      b, ids, zeros,
      [&](LayerBuilder &inner, ValueRange at,
          ValueRange state) -> SmallVector<Value> {
        Value id = inner.extract(ids, at);
        Value isSlot = arith::CmpIOp::create(inner, I::sge, id, inner.i32(0));
        // An id of -1 adds 0 to the first count.
        Value e =
            inner.toIndex(arith::MaxSIOp::create(inner, id, inner.i32(0)));
        Value more = arith::ExtUIOp::create(inner, inner.getI32Type(), isSlot);
        Value next =
            arith::AddIOp::create(inner, inner.extract(state[0], e), more);
        return {tensor::InsertOp::create(inner, next, state[0], e)};
      })[0];
}

Value moe::lookUpIds(LayerBuilder &b, Value ids, ArrayRef<int32_t> table) {
  requireInRange(b, ids, table.size());
  // One entry ahead for -1.
  SmallVector<int32_t> values{-1};
  llvm::append_range(values, table);
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())},
                                    b.getI32Type());
  Value entries = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, ArrayRef(values)));
  Value found =
      b.generate({b.extent(ids, 0), b.extent(ids, 1)}, b.getI32Type(),
                 [&](LayerBuilder &inner, ValueRange at) {
                   Value id = inner.extract(ids, at);
                   Value entry = arith::AddIOp::create(inner, id, inner.i32(1));
                   return inner.extract(entries, inner.toIndex(entry));
                 });
  return b.createOrFold<tensor::CastOp>(ids.getType(), found);
}

/// sums[t] = sum over s, in order, of the weights of ids in the range
void moe::lowerSlotSum(SlotSumOp op) {
  LayerBuilder b(op);
  Type type = elementOf(op.getWeights()), wide = onnx::accumulatorType(type);
  ColumnsAttr columns = op.getColumns();
  Value zero = b.index(0), slots = b.indexValue(b.extent(op.getIds(), 1));
  Value sums = b.generate(
      {b.extent(op.getIds(), 0)}, type, [&](LayerBuilder &row, ValueRange t) {
        Value none = arith::ConstantOp::create(row, row.getZeroAttr(wide));
        Value sum = loop(
            row, zero, slots, none,
            [&](LayerBuilder &inner, Value s,
                ValueRange state) -> SmallVector<Value> {
              Value id = inner.extract(op.getIds(), {t[0], s});
              Value isIn = arith::AndIOp::create(
                  inner,
                  arith::CmpIOp::create(inner, I::sge, id,
                                        inner.i32(columns.getBegin())),
                  arith::CmpIOp::create(inner, I::slt, id,
                                        inner.i32(columns.getEnd())));
              Value weight = onnx::castScalar(
                  inner, inner.extract(op.getWeights(), {t[0], s}), type, wide);
              Value more = arith::AddFOp::create(inner, state[0], weight);
              return {arith::SelectOp::create(inner, isIn, more, state[0])};
            })[0];
        return onnx::castScalar(row, sum, wide, type);
      });
  op.replaceAllUsesWith(
      b.createOrFold<tensor::CastOp>(op.getSums().getType(), sums));
  op.erase();
}

/// newIds[t, s] = table[ids[t, s]], or -1 where an earlier slot has it
/// newWeights[t, s] = the sum of weights of slots from s on that have it
void moe::lowerRenumber(RenumberOp op) {
  LayerBuilder b(op);
  Value ids = op.getIds(), weights = op.getWeights();
  Type type = elementOf(weights), wide = onnx::accumulatorType(type);
  SmallVector<OpFoldResult> extents{b.extent(ids, 0), b.extent(ids, 1)};
  Value zero = b.index(0), slots = b.indexValue(extents[1]);
  Value mapped = lookUpIds(b, ids, op.getTable());
  Value newIds = b.generate(
      extents, b.getI32Type(), [&](LayerBuilder &row, ValueRange at) {
        Value id = row.extract(mapped, at);
        return loop(row, zero, at[1], id,
                    [&](LayerBuilder &inner, Value s,
                        ValueRange state) -> SmallVector<Value> {
                      Value other = inner.extract(mapped, {at[0], s});
                      Value isSame =
                          arith::CmpIOp::create(inner, I::eq, other, id);
                      return {arith::SelectOp::create(inner, isSame,
                                                      inner.i32(-1), state[0])};
                    })[0];
      });
  Value newWeights =
      b.generate(extents, type, [&](LayerBuilder &row, ValueRange at) {
        Value id = row.extract(mapped, at);
        Value isSlot = arith::CmpIOp::create(row, I::sge, id, row.i32(0));
        Value own = onnx::castScalar(row, row.extract(weights, at), type, wide);
        Value next = arith::AddIOp::create(row, at[1], row.index(1));
        Value sum = loop(
            row, next, slots, own,
            [&](LayerBuilder &inner, Value s,
                ValueRange state) -> SmallVector<Value> {
              Value other = inner.extract(mapped, {at[0], s});
              Value joins = arith::AndIOp::create(
                  inner, isSlot,
                  arith::CmpIOp::create(inner, I::eq, other, id));
              return {emitIf(
                  inner, joins,
                  [&](LayerBuilder &then) -> Value {
                    Value more = onnx::castScalar(
                        then, then.extract(weights, {at[0], s}), type, wide);
                    Value total = onnx::castScalar(
                        then, arith::AddFOp::create(then, state[0], more), wide,
                        type);
                    return onnx::castScalar(then, total, type, wide);
                  },
                  [&](LayerBuilder &) { return state[0]; })};
            })[0];
        return onnx::castScalar(row, sum, wide, type);
      });
  op.getNewIds().replaceAllUsesWith(
      b.createOrFold<tensor::CastOp>(op.getNewIds().getType(), newIds));
  op.getNewWeights().replaceAllUsesWith(
      b.createOrFold<tensor::CastOp>(op.getNewWeights().getType(), newWeights));
  op.erase();
}
