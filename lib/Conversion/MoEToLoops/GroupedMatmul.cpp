//===- GroupedMatmul.cpp - Loops of moe.grouped_matmul --------------------===//
//
//   for each expert, for each block of columns, for each block of its rows:
//     sums = 0
//     for each matrix, for a few k at a time, for each column n of the block:
//       for each row: sums[row][n] += x[row][k] * w[k][n] + ..., in the order
//       of k
//     the epilogue of each row
//
// Innermost are columns, contiguous in the matrix, for LLVM to vectorise.
// Blocks of rows read each matrix element once for several rows, and several k
// at a time keep a sum in a register between their products. Neither changes
// what is added to a sum in which order: the number of rows never shows in a
// result.
//
//===----------------------------------------------------------------------===//
#include "Loops.h"

#include "mlir/IR/IRMapping.h"
#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;

/// Columns and products of a block.
static constexpr int64_t blockColumns = 128;
static constexpr int64_t blockProducts = 4;
static constexpr int64_t cacheLineBits = 64 * 8;
/// Rows of a block: as many as are left of the greatest that fit.
static constexpr int64_t blockRows[] = {8, 4, 2, 1};

namespace {
class MatmulEmitter {
public:
  MatmulEmitter(GroupedMatmulOp matmul, LoopBuilder &builder)
      : op(matmul), b(builder), workspace(builder) {}

  void emit() {
    zero = b.index(0);
    int64_t known = b.staticExtent(op.getOut(), 1);
    Value columns = b.extent(op.getOut(), 1);
    Value experts = b.sub(b.extent(op.getOffsets(), 0), b.index(1));
    for (Value weights : op.getWeights()) {
      Type wide = onnx::accumulatorType(b.elementOf(weights));
      SmallVector<Value> &ofRows = sums.emplace_back();
      for (int64_t i = 0; i < blockRows[0]; ++i)
        ofRows.push_back(workspace.buffer(blockColumns, wide));
    }
    findPasses();
    b.forEach(zero, experts, [&](Value e) {
      expert = e;
      Value begin = b.toIndex(b.load(op.getOffsets(), e));
      Value end = b.toIndex(b.load(op.getOffsets(), b.add(e, b.index(1))));
      b.forEach(
          zero, columns,
          [&](Value column) {
            first = column;
            width = b.index(blockColumns);
            if (known == ShapedType::kDynamic || known % blockColumns)
              width = arith::MinSIOp::create(b, b.sub(columns, first), width);
            findNext(experts, columns);
            emitRows(begin, end);
          },
          blockColumns);
    });
    workspace.release();
  }

private:
  /// Operands of weights one by one, so that the sums of a pass fit the first
  /// cache; but alternate columns of one matrix are read together.
  void findPasses() {
    for (unsigned i = 0; i < op.getWeights().size(); ++i) {
      bool joins = i > 0 && op.getColumnStride(i) > 1 &&
                   op.getWeights()[i] == op.getWeights()[i - 1];
      if (!joins)
        passes.emplace_back();
      passes.back().push_back(i);
    }
  }

  /// Rows [begin, end), in ever smaller blocks.
  void emitRows(Value begin, Value end) {
    SmallVector<Value> ends;
    numBlocks = zero;
    Value from = begin;
    for (int64_t count : blockRows) {
      Value size = b.index(count), left = b.sub(end, from);
      ends.push_back(b.sub(end, arith::RemUIOp::create(b, left, size)));
      numBlocks = b.add(numBlocks, arith::DivUIOp::create(b, left, size));
      from = ends.back();
    }
    // A remainder may be computed ahead of the loops that need it.
    numBlocks = arith::MaxUIOp::create(b, numBlocks, b.index(1));
    Value done = zero, rowsRun = zero;
    for (auto [rowCount, until] : llvm::zip_equal(blockRows, ends)) {
      int64_t count = rowCount;
      Value size = b.index(count), start = begin, before = done;
      rowsRun = b.fold(
          begin, until, rowsRun,
          [&](Value r, Value run) {
            Value here = arith::DivUIOp::create(b, b.sub(r, start), size);
            block = b.add(before, here);
            emitBlock(r, count);
            return b.add(run, size);
          },
          count);
      done = b.add(done, arith::DivUIOp::create(b, b.sub(until, begin), size));
      begin = until;
    }
    countFlops(rowsRun);
  }

  /// Adds what the rows' columns took, of products and sums, to the layer's
  /// counter.
  void countFlops(Value rowsRun) {
    std::optional<StringRef> counter = op.getCounter();
    if (!counter)
      return;
    Value perColumn =
        b.mul(b.extent(op.getRows(), 1), b.index(2 * op.getWeights().size()));
    Value flops = b.mul(b.mul(rowsRun, width), perColumn);
    rt::CountOp::create(b, *counter, rt::Counter::ExpertFlops,
                        /*expert=*/Value(), flops);
  }

  /// Where the matrices are read next: the next columns, or the next expert.
  void findNext(Value experts, Value columns) {
    Value next = b.add(first, b.index(blockColumns));
    Value isInside = b.compare(arith::CmpIPredicate::ult, next, columns);
    lastColumn = b.sub(columns, b.index(1));
    nextFirst = arith::SelectOp::create(b, isInside, next, zero);
    Value last = b.sub(experts, b.index(1));
    Value other = arith::MinUIOp::create(b, b.add(expert, b.index(1)), last);
    nextExpert = arith::SelectOp::create(b, isInside, expert, other);
  }

  /// The block of columns in rows [r, r + count).
  void emitBlock(Value r, int64_t count) {
    SmallVector<Value> rows, slots, sources;
    for (int64_t i = 0; i < count; ++i) {
      rows.push_back(b.add(r, b.index(i)));
      sources.push_back(rows.back());
      if (op.getSlots())
        slots.push_back(b.toIndex(b.load(op.getSlots(), rows.back())));
      if (std::optional<int64_t> perRow = op.getSlotsPerRow())
        sources.back() =
            arith::DivUIOp::create(b, slots.back(), b.index(*perRow));
    }
    for (ArrayRef<Value> ofRows : sums)
      for (Value sum : ofRows.take_front(count))
        b.forEach(zero, width, [&](Value n) {
          b.store(b.number(b.elementOf(sum), 0), sum, n);
        });

    for (ArrayRef<unsigned> pass : passes)
      emitPass(pass, sources);

    for (int64_t i = 0; i < count; ++i)
      b.forEach(zero, width, [&](Value n) {
        emitEpilogue(i, rows[i], slots.empty() ? Value() : slots[i], n);
      });
  }

  /// All products of rows with the operands of weights in `pass`.
  void emitPass(ArrayRef<unsigned> pass, ArrayRef<Value> sources) {
    Value inner = b.extent(op.getRows(), 1);
    Value rest = b.createOrFold<arith::RemUIOp>(inner, b.index(blockProducts));
    Value middle = b.sub(inner, rest);
    b.forEach(
        zero, middle,
        [&](Value k) { emitProducts(pass, sources, k, blockProducts); },
        blockProducts);
    b.forEach(middle, inner,
              [&](Value k) { emitProducts(pass, sources, k, 1); });
  }

  /// sums[i][n] += x[sources[i]][k] * w[k][n], then k + 1, ..., for all n.
  void emitProducts(ArrayRef<unsigned> pass, ArrayRef<Value> sources, Value k,
                    int64_t count) {
    SmallVector<Value> at;
    SmallVector<SmallVector<Value>> factors(sources.size());
    for (int64_t j = 0; j < count; ++j) {
      at.push_back(b.add(k, b.index(j)));
      for (auto [i, source] : llvm::enumerate(sources))
        factors[i].push_back(
            b.widen(b.load(op.getRows(), {source, at.back()})));
    }
    if (count > 1)
      emitPrefetch(pass, at);
    b.forEach(zero, width, [&](Value n) {
      for (unsigned w : pass) {
        Value column = columnOf(w, b.add(first, n));
        SmallVector<Value> elements;
        for (Value position : at)
          elements.push_back(b.widen(
              b.load(op.getWeights()[w], placeOf(w, position, column))));
        for (size_t i = 0; i < sources.size(); ++i) {
          Value memory = sums[w][i], sum = b.load(memory, n);
          for (auto [factor, element] : llvm::zip_equal(factors[i], elements))
            sum =
                b.add(sum, b.mul(b.narrow(factor, element.getType()), element));
          b.store(sum, memory, n);
        }
      }
    });
  }

  /// Asks for a part of what is read next, at the same k: each block of rows
  /// for its share, so that memory is busy all the time.
  void emitPrefetch(ArrayRef<unsigned> pass, ArrayRef<Value> at) {
    Value group =
        b.createOrFold<arith::DivUIOp>(at.front(), b.index(blockProducts));
    Value turn = arith::RemUIOp::create(b, group, numBlocks);
    b.ifTrue(b.compare(arith::CmpIPredicate::eq, turn, block), [&] {
      for (unsigned w : pass) {
        Value weights = op.getWeights()[w];
        int64_t line =
            cacheLineBits / b.elementOf(weights).getIntOrFloatBitWidth();
        for (Value k : at)
          b.forEach(
              zero, width,
              [&](Value n) {
                Value column =
                    arith::MinUIOp::create(b, b.add(nextFirst, n), lastColumn);
                column = columnOf(w, column);
                memref::PrefetchOp::create(b, weights,
                                           placeOf(w, k, column, nextExpert),
                                           /*isWrite=*/false,
                                           /*localityHint=*/2,
                                           /*isDataCache=*/true);
              },
              line);
      }
    });
  }

  /// Where element [of, k, column] of operand i of weights lies.
  SmallVector<Value> placeOf(unsigned i, Value k, Value column, Value of) {
    if (!op.isPacked(i))
      return {of, k, column};
    Value lanes = b.extent(op.getWeights()[i], 3);
    Value panel = b.createOrFold<arith::DivUIOp>(column, lanes);
    Value lane = b.createOrFold<arith::RemUIOp>(column, lanes);
    int64_t pairs = op.getPairs(i);
    if (pairs == 1)
      return {of, panel, k, lane};
    Value step = b.createOrFold<arith::DivUIOp>(k, b.index(pairs));
    return {of, panel, step, lane,
            b.createOrFold<arith::RemUIOp>(k, b.index(pairs))};
  }
  SmallVector<Value> placeOf(unsigned i, Value k, Value column) {
    return placeOf(i, k, column, expert);
  }

  /// The column of operand i of weights that column n of out sums.
  Value columnOf(unsigned i, Value n) {
    int64_t stride = op.getColumnStride(i), offset = op.getColumnOffset(i);
    if (stride != 1)
      n = b.mul(n, b.index(stride));
    return offset ? b.add(n, b.index(offset)) : n;
  }

  void emitEpilogue(int64_t i, Value r, Value slot, Value n) {
    Value column = b.add(first, n);
    SmallVector<Value> arguments;
    for (ArrayRef<Value> ofRows : sums)
      arguments.push_back(b.load(ofRows[i], n));
    for (Value columns : op.getColumns())
      arguments.push_back(b.load(columns, {expert, column}));
    for (Value values : op.getSlotValues())
      arguments.push_back(b.load(values, slot));
    Block &epilogue = op.getEpilogue().front();
    IRMapping mapping;
    mapping.map(epilogue.getArguments(), arguments);
    for (Operation &inner : epilogue.without_terminator())
      b.clone(inner, mapping);
    Value result =
        mapping.lookupOrDefault(epilogue.getTerminator()->getOperand(0));
    b.store(result, op.getOut(), {r, column});
  }

  GroupedMatmulOp op;
  LoopBuilder &b;
  Workspace workspace;
  Value zero, expert;
  Value first, width;                      ///< of the block of columns
  Value nextExpert, nextFirst, lastColumn; ///< the same of what is read next
  Value block, numBlocks;                  ///< of rows
  SmallVector<SmallVector<unsigned>> passes;
  SmallVector<SmallVector<Value>> sums; ///< per operand of weights and row
};
} // namespace

void moe::lowerGroupedMatmul(GroupedMatmulOp op, LoopBuilder &b) {
  MatmulEmitter(op, b).emit();
}
