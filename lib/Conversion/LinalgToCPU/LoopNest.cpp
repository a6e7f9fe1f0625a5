//===- LoopNest.cpp - How a linalg op walks memory ------------------------===//
#include "LoopNest.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

FailureOr<LoopNest> LoopNest::analyze(linalg::LinalgOp op, int64_t lanes) {
  LoopNest nest(op);
  nest.extents = op.getStaticLoopRanges();
  if (failed(nest.collectOperands()))
    return failure();
  nest.collectLoops();
  if (failed(nest.chooseVectorLoop(lanes)))
    return failure();
  return nest;
}

//===----------------------------------------------------------------------===//
// Analysis
//===----------------------------------------------------------------------===//

LogicalResult LoopNest::collectOperands() {
  for (OpOperand &use : op->getOpOperands()) {
    NestOperand &operand = operands.emplace_back();
    operand.value = use.get();
    operand.isOutput = op.isDpsInit(&use);
    operand.isScalar = op.isScalar(&use);
    operand.dimOf.assign(op.getNumLoops(), -1);
    if (operand.isScalar)
      continue;
    auto type = dyn_cast<MemRefType>(use.get().getType());
    if (!type || !type.isStrided() ||
        !type.getElementType().isIntOrIndexOrFloat())
      return failure();
    AffineMap map = op.getMatchingIndexingMap(&use);
    for (auto [dim, expr] : llvm::enumerate(map.getResults())) {
      if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
        operand.constants.push_back(constant.getValue());
        continue;
      }
      operand.constants.push_back(0);
      auto loop = dyn_cast<AffineDimExpr>(expr);
      if (!loop || operand.dimOf[loop.getPosition()] != -1)
        return failure();
      operand.dimOf[loop.getPosition()] = static_cast<int64_t>(dim);
    }
  }
  return success();
}

/// Whether every operand passes dims `outer` and `inner` as if they were one.
bool LoopNest::isOneStride(unsigned outer, unsigned inner) const {
  return llvm::all_of(operands, [&](const NestOperand &operand) {
    int64_t first = operand.dimOf[outer], second = operand.dimOf[inner];
    if (first == -1 || second == -1)
      return first == second;
    MemRefType type = operand.getType();
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(type.getStridesAndOffset(strides, offset)))
      return false;
    if (ShapedType::isStatic(strides[first]) &&
        ShapedType::isStatic(strides[second]) &&
        ShapedType::isStatic(type.getDimSize(second)))
      return strides[first] == strides[second] * type.getDimSize(second);
    if (!type.getLayout().isIdentity() || first > second)
      return false;
    // Neighbours, but for dims of one element.
    return llvm::all_of(type.getShape().slice(first + 1, second - first - 1),
                        [](int64_t extent) { return extent == 1; });
  });
}

void LoopNest::collectLoops() {
  llvm::SmallDenseSet<unsigned> isIndexed;
  op->getRegion(0).walk(
      [&](linalg::IndexOp index) { isIndexed.insert(index.getDim()); });
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  for (unsigned dim = 0; dim < kinds.size(); ++dim) {
    if (extents[dim] == 1)
      continue;
    NestLoop *last = loops.empty() ? nullptr : &loops.back();
    if (last && last->kind == kinds[dim] && !isIndexed.contains(dim) &&
        !isIndexed.contains(last->dims.back()) &&
        isOneStride(last->dims.back(), dim)) {
      last->dims.push_back(dim);
      last->extent = ShapedType::isDynamic(last->extent) ||
                             ShapedType::isDynamic(extents[dim])
                         ? ShapedType::kDynamic
                         : last->extent * extents[dim];
      continue;
    }
    loops.push_back({kinds[dim], {dim}, extents[dim]});
  }
}

std::optional<unsigned> LoopNest::findLoop(unsigned dim) const {
  for (auto [i, loop] : llvm::enumerate(loops))
    if (llvm::is_contained(loop.dims, dim))
      return i;
  return std::nullopt;
}

int64_t LoopNest::getStride(const NestOperand &operand, unsigned loop) const {
  int64_t dim = operand.dimOf[loops[loop].dims.back()];
  if (operand.isScalar || dim == -1)
    return 0;
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(operand.getType().getStridesAndOffset(strides, offset)))
    return ShapedType::kDynamic;
  return strides[dim];
}

int64_t LoopNest::score(unsigned loop) const {
  int64_t total = 0;
  for (const NestOperand &operand : operands) {
    int64_t stride = getStride(operand, loop);
    if (stride == 1)
      total += 2;
    else if (stride != 0)
      total -= operand.isOutput ? 8 : 4;
  }
  return total;
}

LogicalResult LoopNest::chooseVectorLoop(int64_t lanes) {
  if (loops.empty())
    return failure();
  for (unsigned loop = 1; loop < loops.size(); ++loop)
    if (score(loop) >= score(vectorLoop))
      vectorLoop = loop;
  const NestLoop &chosen = loops[vectorLoop];
  // A few elements are not worth a tree of sums.
  if (!chosen.isParallel() && ShapedType::isStatic(chosen.extent) &&
      chosen.extent < lanes / 2)
    return failure();
  // Functions pay for elements that are read one by one.
  bool isCostly = false;
  op->getRegion(0).walk([&](Operation *inner) {
    isCostly |= isa<math::MathDialect>(inner->getDialect());
  });
  return success(score(vectorLoop) > (isCostly ? -16 : 0) || isTurningCopy());
}

bool LoopNest::isTurningCopy() {
  Value yielded = op->getRegion(0).front().getTerminator()->getOperand(0);
  if (operands.size() != 2 || hasReduction() ||
      yielded != op->getRegion(0).getArgument(0) || operands[0].isScalar)
    return false;
  auto findContiguous = [&](const NestOperand &operand) {
    return llvm::find_if(
        llvm::seq<unsigned>(0, loops.size()),
        [&](unsigned loop) { return getStride(operand, loop) == 1; });
  };
  auto end = llvm::seq<unsigned>(0, loops.size()).end();
  auto in = findContiguous(operands[0]), out = findContiguous(operands[1]);
  if (in == end || out == end || *in == *out || !isMoving(operands[0], *out))
    return false;
  turnedLoop = *in;
  vectorLoop = *out;
  return true;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value LoopNest::emitExtent(KernelBuilder &b, unsigned loop) const {
  Value total = b.index(1);
  for (unsigned dim : loops[loop].dims) {
    Value extent;
    if (ShapedType::isStatic(extents[dim])) {
      extent = b.index(extents[dim]);
    } else {
      const NestOperand *holder =
          llvm::find_if(operands, [&](const NestOperand &operand) {
            return operand.dimOf[dim] != -1;
          });
      extent = b.extent(holder->value, holder->dimOf[dim]);
    }
    total = b.mul(total, extent);
  }
  return total;
}

Value LoopNest::emitStride(KernelBuilder &b, const NestOperand &operand,
                           unsigned loop) const {
  if (int64_t known = getStride(operand, loop); ShapedType::isStatic(known))
    return b.index(known);
  int64_t dim = operand.dimOf[loops[loop].dims.back()];
  MemRefType type = operand.getType();
  if (type.getLayout().isIdentity()) {
    Value stride = b.index(1);
    for (int64_t inner = dim + 1; inner < type.getRank(); ++inner)
      stride = b.mul(stride, b.extent(operand.value, inner));
    return stride;
  }
  auto metadata = memref::ExtractStridedMetadataOp::create(b, operand.value);
  return metadata.getStrides()[dim];
}

/// A memref of any layout -> one of its elements in a row, and the offset of
/// the constants that index it.
std::pair<Value, Value> LoopNest::emitFlat(KernelBuilder &b,
                                           const NestOperand &operand) const {
  MemRefType type = operand.getType();
  Value first = b.index(0);
  bool isIdentity = type.getLayout().isIdentity();
  if (isIdentity &&
      llvm::all_of(operand.constants,
                   [](int64_t constant) { return constant == 0; }) &&
      type.getRank() > 0)
    return {b.flatten(operand.value), first};
  auto metadata = memref::ExtractStridedMetadataOp::create(b, operand.value);
  SmallVector<Value> sizes(metadata.getSizes()), strides(metadata.getStrides());
  Value size = b.index(1);
  for (auto [dim, constant] : llvm::enumerate(operand.constants)) {
    first = b.add(first, b.mul(b.index(constant), strides[dim]));
    size = b.add(size, b.mul(b.sub(sizes[dim], b.index(1)), strides[dim]));
  }
  int64_t dynamic = ShapedType::kDynamic;
  auto layout = StridedLayoutAttr::get(b.getContext(), dynamic, {1});
  auto flat = MemRefType::get({dynamic}, type.getElementType(), layout,
                              type.getMemorySpace());
  Value view = memref::ReinterpretCastOp::create(
      b, flat, metadata.getBaseBuffer(), metadata.getOffset(), ValueRange{size},
      ValueRange(), ArrayRef<int64_t>{dynamic}, ArrayRef<int64_t>{dynamic},
      ArrayRef<int64_t>{1});
  return {view, first};
}
