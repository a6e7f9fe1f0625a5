//===- Dispatch.cpp - Loops of moe.dispatch and moe.combine ---------------===//
#include "Loops.h"

using namespace mlir;
using namespace moe;

using Predicate = arith::CmpIPredicate;

/// offsets[0] = cursor[0] = 0; offsets[e + 1] = cursor[e] + counts[e]
/// for t, s: e = ids[t, s]; if (e >= 0) r = cursor[e]++, slots[r] = t k + s
void moe::lowerDispatch(DispatchOp op, LoopBuilder &b) {
  Workspace workspace(b);
  Value zero = b.index(0), one = b.index(1), zero32 = b.i32(0);
  Value experts = b.extent(op.getCounts(), 0);
  Value cursor = workspace.buffer(b.staticExtent(op.getCounts(), 0), experts,
                                  b.getI32Type());
  b.store(zero32, op.getOffsets(), zero);
  b.fold(zero, experts, zero32, [&](Value e, Value sum) {
    b.store(sum, cursor, e);
    Value next = b.add(sum, b.load(op.getCounts(), e));
    b.store(next, op.getOffsets(), b.add(e, one));
    return next;
  });

  Value tokens = b.extent(op.getIds(), 0), slots = b.extent(op.getIds(), 1);
  b.forEach(zero, tokens, [&](Value t) {
    Value first = b.mul(t, slots);
    b.forEach(zero, slots, [&](Value s) {
      Value id = b.load(op.getIds(), {t, s});
      Value isSlot = b.compare(Predicate::sge, id, zero32);
      auto branch = scf::IfOp::create(b, b.getI32Type(), isSlot, true);
      {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(branch.thenBlock());
        Value e = b.toIndex(id), row = b.load(cursor, e);
        b.store(b.add(row, b.i32(1)), cursor, e);
        b.store(b.toI32(b.add(first, s)), op.getSlots(), b.toIndex(row));
        scf::YieldOp::create(b, row);
        b.setInsertionPointToStart(branch.elseBlock());
        scf::YieldOp::create(b, b.i32(-1));
      }
      b.store(branch.getResult(0), op.getRows(), {t, s});
    });
  });
  workspace.release();
}

/// Columns that are summed at a time, on the stack.
static constexpr int64_t combineColumns = 1024;

/// for t, columns: sum = 0
///   for s: r = rows[t, s]; if (r >= 0) sum += weights[t, s] * values[r]
///   for each term: sum += coefficients[t] * terms[t]
///   out[t] = sum
void moe::lowerCombine(CombineOp op, LoopBuilder &b) {
  Workspace workspace(b);
  Type element = b.elementOf(op.getOut());
  Type wide = onnx::accumulatorType(element);
  int64_t known = b.staticExtent(op.getOut(), 1);
  bool isWhole = known != ShapedType::kDynamic && known <= combineColumns;
  Value sums = workspace.buffer(isWhole ? known : combineColumns, wide);
  Value zero = b.index(0);
  Value tokens = b.extent(op.getOut(), 0), hidden = b.extent(op.getOut(), 1);
  Value slots = b.extent(op.getRows(), 1);
  auto addRow = [&](Value begin, Value width, Value factor,
                    function_ref<Value(Value)> load) {
    b.forEach(zero, width, [&](Value j) {
      Value value = b.narrow(load(b.add(begin, j)), wide);
      if (factor)
        value = b.mul(factor, value);
      b.store(b.add(b.load(sums, j), value), sums, j);
    });
  };
  auto combineRange = [&](Value t, Value begin, Value width) {
    b.forEach(zero, width,
              [&](Value j) { b.store(b.number(wide, 0), sums, j); });
    b.forEach(zero, slots, [&](Value s) {
      Value row = b.load(op.getRows(), {t, s});
      b.ifTrue(b.compare(Predicate::sge, row, b.i32(0)), [&] {
        Value r = b.toIndex(row), factor;
        if (op.getWeights())
          factor = b.narrow(b.load(op.getWeights(), {t, s}), wide);
        addRow(begin, width, factor,
               [&](Value j) { return b.load(op.getValues(), {r, j}); });
      });
    });
    for (auto [coefficients, term] :
         llvm::zip_equal(op.getCoefficients(), op.getTerms())) {
      Value factor = b.narrow(b.load(coefficients, t), wide);
      Value rows = term;
      bool isVector = cast<MemRefType>(rows.getType()).getRank() == 1;
      addRow(begin, width, factor, [&](Value j) {
        return isVector ? b.load(rows, j) : b.load(rows, {t, j});
      });
    }
    b.forEach(zero, width, [&](Value j) {
      b.store(b.narrow(b.load(sums, j), element), op.getOut(),
              {t, b.add(begin, j)});
    });
  };
  b.forEach(zero, tokens, [&](Value t) {
    if (isWhole)
      return combineRange(t, zero, hidden);
    b.forEach(
        zero, hidden,
        [&](Value begin) {
          Value width = arith::MinSIOp::create(b, b.sub(hidden, begin),
                                               b.index(combineColumns));
          combineRange(t, begin, width);
        },
        combineColumns);
  });
  workspace.release();
}
