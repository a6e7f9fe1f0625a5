//===- GroupedMatmul.cpp - Loops of moe.grouped_matmul --------------------===//
//
//   for each expert, for each block of columns, for each block of its rows:
//     sums = 0
//     for a few k at a time: for each column n of the block:
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

using namespace mlir;
using namespace moe;

/// Columns, rows and products of a block. Sums of a block, 256 x 4 floats for
/// each operand of weights, fit the first cache.
static constexpr int64_t blockColumns = 256;
static constexpr int64_t blockRows = 4;
static constexpr int64_t blockProducts = 4;

namespace {
class MatmulEmitter {
public:
  MatmulEmitter(GroupedMatmulOp matmul, LoopBuilder &builder)
      : op(matmul), b(builder), workspace(builder, matmul) {}

  void emit() {
    zero = b.index(0);
    int64_t known = b.staticExtent(op.getOut(), 1);
    Value columns = b.extent(op.getOut(), 1);
    Value experts = b.sub(b.extent(op.getOffsets(), 0), b.index(1));
    for (Value weights : op.getWeights()) {
      Type wide = onnx::accumulatorType(b.elementOf(weights));
      SmallVector<Value> &ofRows = sums.emplace_back();
      for (int64_t i = 0; i < blockRows; ++i)
        ofRows.push_back(workspace.buffer(blockColumns, wide));
    }
    b.forEach(zero, experts, [&](Value e) {
      expert = e;
      Value begin = b.toIndex(b.load(op.getOffsets(), e));
      Value end = b.toIndex(b.load(op.getOffsets(), b.add(e, b.index(1))));
      b.forEach(
          zero, columns,
          [&](Value block) {
            first = block;
            width = b.index(blockColumns);
            if (known == ShapedType::kDynamic || known % blockColumns)
              width = arith::MinSIOp::create(b, b.sub(columns, first), width);
            emitRows(begin, end);
          },
          blockColumns);
    });
    workspace.release();
  }

private:
  /// Rows [begin, end), in blocks and then one by one.
  void emitRows(Value begin, Value end) {
    Value count = b.sub(end, begin);
    Value rest = arith::RemUIOp::create(b, count, b.index(blockRows));
    Value middle = b.sub(end, rest);
    b.forEach(
        begin, middle, [&](Value r) { emitBlock(r, blockRows); }, blockRows);
    b.forEach(middle, end, [&](Value r) { emitBlock(r, 1); });
    if (op.getCounter())
      countFlops(count);
  }

  /// Adds what the loops over `rows` rows ran: 2 K for each sum.
  void countFlops(Value rows) {
    Value sumsPerRow = b.mul(width, b.index(op.getWeights().size()));
    Value flopsPerSum = b.mul(b.extent(op.getRows(), 1), b.index(2));
    rt::CountOp::create(b, *op.getCounter(), rt::Counter::ExpertFlops,
                        /*expert=*/Value(),
                        b.mul(rows, b.mul(sumsPerRow, flopsPerSum)));
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

    Value inner = b.extent(op.getRows(), 1);
    Value rest = b.createOrFold<arith::RemUIOp>(inner, b.index(blockProducts));
    Value middle = b.sub(inner, rest);
    b.forEach(
        zero, middle, [&](Value k) { emitProducts(sources, k, blockProducts); },
        blockProducts);
    b.forEach(middle, inner, [&](Value k) { emitProducts(sources, k, 1); });

    for (int64_t i = 0; i < count; ++i)
      b.forEach(zero, width, [&](Value n) {
        emitEpilogue(i, rows[i], slots.empty() ? Value() : slots[i], n);
      });
  }

  /// sums[i][n] += x[sources[i]][k] * w[k][n], then k + 1, ..., for all n.
  void emitProducts(ArrayRef<Value> sources, Value k, int64_t count) {
    SmallVector<Value> at;
    SmallVector<SmallVector<Value>> factors(sources.size());
    for (int64_t j = 0; j < count; ++j) {
      at.push_back(b.add(k, b.index(j)));
      for (auto [i, source] : llvm::enumerate(sources))
        factors[i].push_back(
            b.widen(b.load(op.getRows(), {source, at.back()})));
    }
    b.forEach(zero, width, [&](Value n) {
      for (auto [w, weights] : llvm::enumerate(op.getWeights())) {
        Value column = columnOf(w, b.add(first, n));
        SmallVector<Value> elements;
        for (Value position : at)
          elements.push_back(
              b.widen(b.load(weights, {expert, position, column})));
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
    Block &block = op.getEpilogue().front();
    IRMapping mapping;
    mapping.map(block.getArguments(), arguments);
    for (Operation &inner : block.without_terminator())
      b.clone(inner, mapping);
    Value result =
        mapping.lookupOrDefault(block.getTerminator()->getOperand(0));
    b.store(result, op.getOut(), {r, column});
  }

  GroupedMatmulOp op;
  LoopBuilder &b;
  Workspace workspace;
  Value zero, expert;
  Value first, width;                   ///< of the block of columns
  SmallVector<SmallVector<Value>> sums; ///< per operand of weights and row
};
} // namespace

void moe::lowerGroupedMatmul(GroupedMatmulOp op, LoopBuilder &b) {
  MatmulEmitter(op, b).emit();
}
