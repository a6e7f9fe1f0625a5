//===- Combine.cpp - The kernel of moe.combine ----------------------------===//
//
//   on each thread, for its share of the tokens, for some vectors of columns:
//     sums = 0
//     for s: r = rows[t, s]; if (r >= 0) sums += weights[t, s] * values[r]
//     for each term: sums += coefficients[t] * terms[t]
//     out[t] = sums
//
// Sums stay in registers; each takes its slots in order, as the reference loops
// do: the same bits.
//
//===----------------------------------------------------------------------===//
#include "Kernels.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// Elements that make a thread worth waking.
static constexpr int64_t elementsPerThread = 1 << 15;
/// Vectors of sums side by side: each row is read by whole lines.
static constexpr int64_t sumVectors = 4;

namespace {
class CombineBuilder {
public:
  CombineBuilder(CombineOp op, int64_t lanes)
      : op(op), lanes(lanes), b(op.getLoc(), op),
        element(b.elementOf(op.getOut())),
        wide(onnx::accumulatorType(element)) {}

  void build() {
    Value tokens = b.extent(op.getOut(), 0);
    hidden = b.extent(op.getOut(), 1);
    slots = b.extent(op.getRows(), 1);
    Value parts = b.add(slots, b.index(op.getTerms().size()));
    Value elements = b.mul(tokens, b.mul(parts, hidden));
    b.parallel(tokens, elements, elementsPerThread,
               [&](Value begin, Value end) {
                 b.forEach(begin, end, [&](Value t) {
                   token = t;
                   emitToken();
                 });
               });
  }

private:
  using State = KernelBuilder::State;
  using Columns = KernelBuilder::Columns;

  void emitToken() {
    b.forEachVector(hidden, lanes, sumVectors, {},
                    [&](const Columns &columns, ValueRange) {
                      emitColumns(columns);
                      return State();
                    });
  }

  void emitColumns(const Columns &columns) {
    Value zeros = b.splat(b.number(wide, 0), lanes);
    State sums = b.foldAll(b.index(0), slots, State(columns.vectors, zeros),
                           [&](Value slot, ValueRange now) {
                             return addSlot(columns, slot, now);
                           });
    for (auto [coefficients, term] :
         llvm::zip_equal(op.getCoefficients(), op.getTerms())) {
      Value factor = b.narrow(b.load(coefficients, token), wide);
      bool isVector = cast<MemRefType>(term.getType()).getRank() == 1;
      sums = addRow(columns, factor, term,
                    isVector ? ValueRange() : ValueRange(token), sums);
    }
    for (auto [i, sum] : llvm::enumerate(sums)) {
      Value result = b.narrow(sum, element);
      SmallVector<Value> at{token, placeOf(columns, i)};
      if (columns.mask)
        b.storeVector(result, op.getOut(), at, columns.mask);
      else
        b.storeVector(result, op.getOut(), at);
    }
  }

  /// A slot that is null adds nothing, and its row is not read.
  State addSlot(const Columns &columns, Value slot, ValueRange sums) {
    Value row = b.load(op.getRows(), {token, slot});
    Value isTaken = b.compare(arith::CmpIPredicate::sge, row, b.i32(0));
    auto branch = scf::IfOp::create(b, sums.getTypes(), isTaken,
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    Value factor;
    if (op.getWeights())
      factor = b.narrow(b.load(op.getWeights(), {token, slot}), wide);
    Value r = b.toIndex(row);
    scf::YieldOp::create(b, addRow(columns, factor, op.getValues(), r, sums));
    b.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(b, sums);
    return llvm::to_vector(ValueRange(branch.getResults()));
  }

  /// sums + factor * memref[outer]; a null factor is 1
  State addRow(const Columns &columns, Value factor, Value memref,
               ValueRange outer, ValueRange sums) {
    Value factors = factor ? b.splat(factor, lanes) : Value();
    State next;
    for (auto [i, sum] : llvm::enumerate(sums)) {
      SmallVector<Value> at(outer);
      at.push_back(placeOf(columns, i));
      Value part = columns.mask ? b.loadVector(memref, at, lanes, columns.mask)
                                : b.loadVector(memref, at, lanes);
      part = b.narrow(part, wide);
      if (factors)
        part = b.mul(factors, part);
      next.push_back(b.add(sum, part));
    }
    return next;
  }

  Value placeOf(const Columns &columns, int64_t vector) {
    return b.add(columns.at, b.index(vector * lanes));
  }

  CombineOp op;
  int64_t lanes;
  KernelBuilder b;
  Type element, wide;
  Value hidden, slots, token;
};
} // namespace

void cpu::buildCombine(CombineOp op, int64_t lanes) {
  CombineBuilder(op, lanes).build();
}
