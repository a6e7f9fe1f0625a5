//===- RowCopy.cpp - Rows as micro-kernels read them ----------------------===//
#include "RowCopy.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// Elements between copied rows beyond a block of products: rows a power of two
/// apart would compete for the same lines of the first cache. A vector fits
/// there.
static constexpr int64_t rowPadding = 16;

RowCopy::RowCopy(GroupedMatmulOp op, KernelBuilder &b)
    : op(op), schedule(cast<CPUScheduleAttr>(op.getScheduleAttr())), b(b),
      lanes(schedule.getLanes()), stride(schedule.getKBlock() + rowPadding) {
  Value weights = op.getWeights().front();
  bool hasPairs = schedule.getKStep() > 1;
  auto stored = cast<FloatType>(b.elementOf(weights));
  element = hasPairs ? stored : cast<FloatType>(onnx::accumulatorType(stored));
  inner = hasPairs ? b.extent(op.getRows(), 1) : b.extent(weights, 2);
  numBlocks = b.ceilDiv(inner, b.index(schedule.getKBlock()));
}

void RowCopy::allocate(Value numThreads) {
  perThread = b.mul(numBlocks, b.index(schedule.getRowBlock() * stride));
  memory = memref::AllocOp::create(
      b, MemRefType::get({ShapedType::kDynamic}, element),
      ValueRange{b.mul(numThreads, perThread)});
}

void RowCopy::release() { memref::DeallocOp::create(b, memory); }

void RowCopy::enter(Value thread) { at = b.mul(thread, perThread); }

Value RowCopy::placeOf(Value block, Value row) {
  Value ofBlock = b.mul(block, b.index(schedule.getRowBlock() * stride));
  return b.add(b.add(at, ofBlock), b.mul(row, b.index(stride)));
}

Value RowCopy::sizeOf(Value block) {
  int64_t most = schedule.getKBlock();
  std::optional<int64_t> known = getConstantIntValue(inner);
  if (known && *known % most == 0)
    return b.index(most);
  Value done = b.mul(block, b.index(most));
  return b.min(b.sub(inner, done), b.index(most));
}

void RowCopy::emit(Value begin, Value count) {
  b.forEach(b.index(0), count, [&](Value i) {
    Value source = b.add(begin, i);
    if (op.getSlots() && op.getSlotsPerRow()) {
      Value slot = b.toIndex(b.load(op.getSlots(), source));
      source = b.div(slot, b.index(*op.getSlotsPerRow()));
    }
    emitRow(source, i);
  });
}

void RowCopy::emitRow(Value source, Value row) {
  b.forEach(b.index(0), numBlocks, [&](Value block) {
    Value first = b.mul(block, b.index(schedule.getKBlock()));
    Value to = placeOf(block, row);
    Value size = sizeOf(block);
    Value rest = b.rem(size, b.index(lanes)), whole = b.sub(size, rest);
    b.forEach(
        b.index(0), whole,
        [&](Value k) {
          Value from =
              b.loadVector(op.getRows(), {source, b.add(first, k)}, lanes);
          b.storeVector(convert(from), memory, {b.add(to, k)});
        },
        lanes);
    emitRest(source, b.add(first, whole), b.add(to, whole), rest);
  });
}

/// The last `count` elements, fewer than a vector.
void RowCopy::emitRest(Value source, Value from, Value to, Value count) {
  if (schedule.getKStep() == 1) {
    b.forEach(b.index(0), count, [&](Value k) {
      Value value = b.load(op.getRows(), {source, b.add(from, k)});
      b.store(b.widen(value), memory, b.add(to, k));
    });
    return;
  }
  b.ifTrue(b.compare(arith::CmpIPredicate::ne, count, b.index(0)), [&] {
    Value mask = vector::CreateMaskOp::create(
        b, VectorType::get({lanes}, b.getI1Type()), ValueRange{count});
    Value values = b.loadVector(op.getRows(), {source, from}, lanes, mask);
    b.storeVector(convert(values), memory, to);
  });
}

Value RowCopy::convert(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  if (type.getElementType() == element)
    return vector;
  Value wide = b.widenVector(vector);
  return element.isBF16() ? b.roundToBF16(wide) : wide;
}
