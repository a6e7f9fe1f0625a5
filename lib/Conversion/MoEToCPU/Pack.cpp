//===- Pack.cpp - The kernel of moe.pack ----------------------------------===//
//
// Panels of matrices [E, K, N] are copies of w columns of each row. Of [E, N,
// K] they are transposes: squares of w x w go through registers, the rest one
// by one.
//
//===----------------------------------------------------------------------===//
#include "Kernels.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// Elements that make a thread worth waking.
static constexpr int64_t elementsPerThread = 1 << 14;

namespace {
class PackBuilder {
public:
  explicit PackBuilder(PackOp op) : op(op), b(op.getLoc(), op) {}

  void build() {
    Value to = op.getPanels();
    lanes = KernelBuilder::staticExtent(to, 3);
    Value numPanels = b.extent(to, 1);
    inner = b.extent(to, 2);
    columns = b.extent(op.getMatrices(), op.getTransposed() ? 1 : 2);
    Value all = b.mul(b.extent(to, 0), numPanels);
    Value elements = b.mul(all, b.mul(inner, b.index(lanes)));
    b.parallel(all, elements, elementsPerThread, [&](Value begin, Value end) {
      b.forEach(begin, end, [&](Value i) {
        matrix = b.div(i, numPanels);
        panel = b.rem(i, numPanels);
        op.getTransposed() ? emitTransposed() : emitCopy();
      });
    });
  }

private:
  /// Columns of the panel that the matrix has.
  Value countColumns() {
    Value first = b.mul(panel, b.index(lanes));
    return b.min(b.sub(columns, first), b.index(lanes));
  }

  void emitCopy() {
    Value first = b.mul(panel, b.index(lanes));
    Value mask =
        vector::CreateMaskOp::create(b, VectorType::get({lanes}, b.getI1Type()),
                                     ValueRange{b.sub(columns, first)});
    b.forEach(b.index(0), inner, [&](Value k) {
      Value row =
          b.loadVector(op.getMatrices(), {matrix, k, first}, lanes, mask);
      b.storeVector(row, op.getPanels(), {matrix, panel, k, b.index(0)});
    });
  }

  void emitTransposed() {
    Value first = b.mul(panel, b.index(lanes));
    Value held = countColumns();
    Value isWhole = b.compare(arith::CmpIPredicate::eq, held, b.index(lanes));
    Value squares = b.sub(inner, b.rem(inner, b.index(lanes)));
    squares = b.select(isWhole, squares, b.index(0));
    b.forEach(
        b.index(0), squares, [&](Value k) { emitSquare(first, k); }, lanes);
    Value zero = b.number(b.elementOf(op.getPanels()), 0);
    b.forEach(squares, inner, [&](Value k) {
      b.forEach(b.index(0), held, [&](Value c) {
        Value element = b.load(op.getMatrices(), {matrix, b.add(first, c), k});
        b.store(element, op.getPanels(), {matrix, panel, k, c});
      });
      b.forEach(held, b.index(lanes), [&](Value c) {
        b.store(zero, op.getPanels(), {matrix, panel, k, c});
      });
    });
  }

  /// Rows [first, first + w), products [k, k + w): each round of shuffles swaps
  /// halves of pairs of rows that lie `distance` apart.
  void emitSquare(Value first, Value k) {
    SmallVector<Value> rows;
    for (int64_t c = 0; c < lanes; ++c)
      rows.push_back(b.loadVector(
          op.getMatrices(), {matrix, b.add(first, b.index(c)), k}, lanes));
    for (int64_t distance = lanes / 2; distance > 0; distance /= 2) {
      SmallVector<int64_t> low, high;
      for (int64_t i = 0; i < lanes; ++i) {
        bool isUpper = i & distance;
        low.push_back(isUpper ? lanes + i - distance : i);
        high.push_back(isUpper ? lanes + i : i + distance);
      }
      for (int64_t r = 0; r < lanes; ++r) {
        if (r & distance)
          continue;
        Value upper = rows[r], lower = rows[r + distance];
        rows[r] = vector::ShuffleOp::create(b, upper, lower, low);
        rows[r + distance] = vector::ShuffleOp::create(b, upper, lower, high);
      }
    }
    for (auto [i, row] : llvm::enumerate(rows))
      b.storeVector(row, op.getPanels(),
                    {matrix, panel, b.add(k, b.index(i)), b.index(0)});
  }

  PackOp op;
  KernelBuilder b;
  int64_t lanes = 0;
  Value inner, columns, matrix, panel;
};
} // namespace

void cpu::buildPack(PackOp op) { PackBuilder(op).build(); }
