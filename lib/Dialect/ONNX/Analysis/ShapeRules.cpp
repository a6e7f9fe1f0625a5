//===- ShapeRules.cpp - Extents of ops that move elements -----------------===//
#include "DimWalk.h"

#include <limits>

using namespace mlir;
using namespace moe::onnx;

// An integer this big stands for "to the end": no extent reaches it.
static constexpr int64_t endOfDim = int64_t(1) << 62;

/// Constant axes in [0, rank), in the order given, or nothing.
static std::optional<SmallVector<int64_t>> axesOf(Value axes, int64_t rank,
                                                  DimWalk &walk) {
  std::optional<SmallVector<int64_t>> constants = walk.constantsOf(axes);
  if (!constants)
    return std::nullopt;
  for (int64_t &axis : *constants) {
    axis = normalizeAxis(axis, rank);
    if (axis < 0 || axis >= rank)
      return std::nullopt;
  }
  return constants;
}

/// Elements go on as they are, if both tensors are followed.
static void forwardElements(Value from, Value to, DimWalk &walk) {
  if (std::optional<DimExprs> elements = walk.elementsOf(from))
    walk.setElements(to, *elements);
}

/// The result has the first operand's extents.
static void inferSame(Operation *op, DimWalk &walk) {
  for (Value result : op->getResults())
    walk.setDims(result, walk.dimsOf(op->getOperand(0)));
}

//===----------------------------------------------------------------------===//
// The same elements in the same order
//===----------------------------------------------------------------------===//

static void inferIdentity(IdentityOp op, DimWalk &walk) {
  inferSame(op, walk);
  forwardElements(op.getInput(), op.getOutput(), walk);
}

static void inferReshape(ReshapeOp op, DimWalk &walk) {
  DimContext &context = walk.getContext();
  DimExprs from = walk.dimsOf(op.getData());
  DimExprs dims;
  if (std::optional<DimExprs> shape = walk.elementsOf(op.getShape())) {
    dims = *shape;
    int64_t rest = -1;
    bool hasUnknown = false;
    DimExpr others = context.getConstant(1);
    for (auto [i, dim] : llvm::enumerate(dims)) {
      if (dim.isConstant(-1)) {
        hasUnknown |= rest >= 0;
        rest = i;
        continue;
      }
      if (dim.isConstant(0) && !op.getAllowzero() && i < from.size())
        dim = from[i];
      // What may be negative may stand for the rest.
      if (!dim.isNonNegative()) {
        dim = DimExpr();
        hasUnknown = true;
        continue;
      }
      others = others * dim;
    }
    if (rest >= 0) {
      DimExpr total = productOf(context, from);
      dims[rest] = hasUnknown ? DimExpr() : total.divideExactly(others);
      std::optional<int64_t> divisor = others.getConstant();
      if (!hasUnknown && !dims[rest] && divisor)
        dims[rest] = context.getFloorDiv(total, *divisor);
    }
  }
  walk.setDims(op.getReshaped(), dims);
  forwardElements(op.getData(), op.getReshaped(), walk);
}

static void inferFlatten(FlattenOp op, DimWalk &walk) {
  DimExprs from = walk.dimsOf(op.getInput());
  ArrayRef<DimExpr> dims(from);
  int64_t axis = normalizeAxis(op.getAxis(), from.size());
  walk.setDims(op.getOutput(),
               {productOf(walk.getContext(), dims.take_front(axis)),
                productOf(walk.getContext(), dims.drop_front(axis))});
}

static void inferSqueeze(SqueezeOp op, DimWalk &walk) {
  DimExprs from = walk.dimsOf(op.getData());
  auto type = cast<RankedTensorType>(op.getData().getType());
  std::optional<SmallVector<int64_t>> axes;
  if (op.getAxes()) {
    axes = axesOf(op.getAxes(), from.size(), walk);
  } else {
    axes.emplace();
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (type.getDimSize(i) == 1)
        axes->push_back(i);
  }
  DimExprs dims;
  if (axes)
    for (auto [i, dim] : llvm::enumerate(from))
      if (!llvm::is_contained(*axes, i))
        dims.push_back(dim);
  walk.setDims(op.getSqueezed(), dims);
  forwardElements(op.getData(), op.getSqueezed(), walk);
}

static void inferUnsqueeze(UnsqueezeOp op, DimWalk &walk) {
  DimExprs from = walk.dimsOf(op.getData());
  size_t rank = cast<RankedTensorType>(op.getExpanded().getType()).getRank();
  DimExprs dims;
  auto axes = axesOf(op.getAxes(), rank, walk);
  if (axes && axes->size() + from.size() == rank) {
    dims.assign(rank, DimExpr());
    for (int64_t axis : *axes)
      dims[axis] = walk.constant(1);
    auto next = from.begin();
    for (DimExpr &dim : dims)
      if (!dim && next != from.end())
        dim = *next++;
  }
  walk.setDims(op.getExpanded(), dims);
  forwardElements(op.getData(), op.getExpanded(), walk);
}

//===----------------------------------------------------------------------===//
// Moving elements
//===----------------------------------------------------------------------===//

static void inferTranspose(TransposeOp op, DimWalk &walk) {
  DimExprs from = walk.dimsOf(op.getData());
  DimExprs dims;
  for (int64_t axis : op.getPermutation())
    dims.push_back(from[axis]);
  walk.setDims(op.getTransposed(), dims);
  if (dims.size() <= 1)
    forwardElements(op.getData(), op.getTransposed(), walk);
}

static void inferConcat(ConcatOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getInputs().front());
  int64_t axis = normalizeAxis(op.getAxis(), dims.size());
  for (Value input : op.getInputs().drop_front())
    for (auto [i, next] : llvm::enumerate(walk.dimsOf(input)))
      dims[i] = static_cast<int64_t>(i) == axis ? dims[i] + next
                                                : pickKnown(dims[i], next);
  walk.setDims(op.getConcatResult(), dims);
  if (dims.size() != 1)
    return;
  DimExprs elements;
  for (Value input : op.getInputs()) {
    std::optional<DimExprs> next = walk.elementsOf(input);
    if (!next)
      return;
    llvm::append_range(elements, *next);
  }
  walk.setElements(op.getConcatResult(), elements);
}

static void inferSplit(SplitOp op, DimWalk &walk) {
  DimExprs from = walk.dimsOf(op.getInput());
  int64_t axis = normalizeAxis(op.getAxis(), from.size());
  int64_t count = op.getNumResults();
  DimExprs sizes(count);
  std::optional<int64_t> extent = from[axis].getConstant();
  if (op.getSplit()) {
    std::optional<DimExprs> split = walk.elementsOf(op.getSplit());
    if (split && split->size() == sizes.size())
      sizes = *split;
    // The sizes add up to the extent: the last one is what the others leave, so
    // that joining the parts gives the extent again.
    if (sizes.back() && !sizes.back().isFromArguments()) {
      sizes.back() = from[axis];
      for (DimExpr size : ArrayRef(sizes).drop_back())
        sizes.back() = sizes.back() - size;
    }
  } else if (extent) {
    int64_t chunk = (*extent + count - 1) / count;
    for (int64_t i = 0; i < count; ++i)
      sizes[i] =
          walk.constant(std::clamp<int64_t>(*extent - i * chunk, 0, chunk));
  } else {
    sizes.assign(count, from[axis].divideExactly(walk.constant(count)));
  }
  std::optional<DimExprs> elements;
  if (from.size() == 1)
    elements = walk.elementsOf(op.getInput());
  int64_t offset = 0;
  for (auto [result, size] : llvm::zip_equal(op.getResults(), sizes)) {
    DimExprs dims = from;
    dims[axis] = size;
    walk.setDims(result, dims);
    std::optional<int64_t> length = size.getConstant();
    if (!elements || !length || *length < 0 ||
        offset + *length > static_cast<int64_t>(elements->size())) {
      elements = std::nullopt;
      continue;
    }
    walk.setElements(result,
                     DimExprs(ArrayRef(*elements).slice(offset, *length)));
    offset += *length;
  }
}

//===----------------------------------------------------------------------===//
// Slice
//===----------------------------------------------------------------------===//

/// A start or end in [0, extent], or null where its sign is not known.
static DimExpr clampIndex(DimExpr index, DimExpr extent) {
  DimContext &context = extent.getContext();
  DimExpr zero = context.getConstant(0);
  std::optional<int64_t> constant = index.getConstant();
  if (constant && *constant >= endOfDim)
    return extent;
  if (constant && *constant <= -endOfDim)
    return zero;
  if (constant && *constant < 0)
    return context.getMax(extent + *constant, zero);
  if (!index.isNonNegative())
    return DimExpr();
  return context.getMin(index, extent);
}

/// The extent of data[start:end:step]; null where it is not known.
static DimExpr sliceExtent(DimExpr extent, DimExpr start, DimExpr end,
                           int64_t step) {
  DimContext &context = extent.getContext();
  if (step < 0) {
    // x[::-1] only.
    bool isWhole = step == -1 && start.isConstant(-1) &&
                   end.getConstant().value_or(0) <= -endOfDim;
    return isWhole ? extent : DimExpr();
  }
  DimExpr first = clampIndex(start, extent), last = clampIndex(end, extent);
  if (!first || !last || step == 0)
    return DimExpr();
  DimExpr zero = context.getConstant(0);
  DimExpr length;
  if (last == extent && start.getConstant().value_or(0) < 0)
    // extent - max(extent - n, 0)
    length = context.getMin(context.getConstant(-*start.getConstant()), extent);
  else if (last == extent)
    // extent - min(start, extent)
    length = context.getMax(extent - start, zero);
  else
    length = context.getMax(last - first, zero);
  return step == 1 ? length : context.getFloorDiv(length + (step - 1), step);
}

static void inferSlice(SliceOp op, DimWalk &walk) {
  DimExprs from = walk.dimsOf(op.getData());
  std::optional<DimExprs> starts = walk.elementsOf(op.getStarts());
  std::optional<DimExprs> ends = walk.elementsOf(op.getEnds());
  std::optional<SmallVector<int64_t>> axes;
  if (op.getAxes())
    axes = axesOf(op.getAxes(), from.size(), walk);
  else if (starts)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, starts->size()));
  if (!axes) {
    walk.setDims(op.getOutput(), {});
    return;
  }
  // Steps that are not known are 0 here: no rule knows them.
  SmallVector<int64_t> steps(axes->size(), op.getSteps() ? 0 : 1);
  if (op.getSteps())
    if (auto constants = walk.constantsOf(op.getSteps());
        constants && constants->size() == steps.size())
      steps = *constants;
  bool isKnown = starts && ends && starts->size() == axes->size() &&
                 ends->size() == axes->size();
  DimExprs dims = from;
  for (auto [i, axis] : llvm::enumerate(*axes))
    if (axis < static_cast<int64_t>(dims.size()))
      dims[axis] =
          isKnown ? sliceExtent(from[axis], (*starts)[i], (*ends)[i], steps[i])
                  : DimExpr();
  walk.setDims(op.getOutput(), dims);

  // Elements of a vector.
  std::optional<int64_t> count =
      dims.size() == 1 ? dims[0].getConstant() : std::nullopt;
  if (!count || axes->size() != 1)
    return;
  std::optional<DimExprs> elements = walk.elementsOf(op.getData());
  std::optional<int64_t> start =
      steps[0] < 0
          ? std::optional<int64_t>(from[0].getConstant().value_or(0) - 1)
          : clampIndex((*starts)[0], from[0]).getConstant();
  if (!elements || !start)
    return;
  DimExprs picked;
  for (int64_t i = 0; i < *count; ++i) {
    int64_t index = *start + i * steps[0];
    if (index < 0 || index >= static_cast<int64_t>(elements->size()))
      return;
    picked.push_back((*elements)[index]);
  }
  walk.setElements(op.getOutput(), picked);
}

//===----------------------------------------------------------------------===//
// Repeating and padding
//===----------------------------------------------------------------------===//

static void inferExpand(ExpandOp op, DimWalk &walk) {
  DimExprs from = walk.dimsOf(op.getInput());
  std::optional<DimExprs> shape = walk.elementsOf(op.getShape());
  if (!shape) {
    walk.setDims(op.getOutput(), {});
    return;
  }
  size_t rank = std::max(from.size(), shape->size());
  DimExprs dims(rank, walk.constant(1));
  for (const DimExprs &operand : {from, *shape})
    for (auto [dim, next] :
         llvm::zip(llvm::reverse(dims), llvm::reverse(operand)))
      dim = walk.getContext().getBroadcast(dim, next);
  walk.setDims(op.getOutput(), dims);
  if (walk.elementsOf(op.getInput()))
    if (std::optional<int64_t> count =
            productOf(walk.getContext(), dims).getConstant();
        count && *count >= 0 && *count <= SymbolicDims::maxElements)
      if (DimExpr element = walk.scalarOf(op.getInput()))
        walk.setElements(op.getOutput(), DimExprs(*count, element));
}

static void inferTile(TileOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getInput());
  std::optional<DimExprs> repeats = walk.elementsOf(op.getRepeats());
  if (repeats && repeats->size() == dims.size())
    for (auto [dim, repeat] : llvm::zip_equal(dims, *repeats))
      dim = dim * repeat;
  else
    dims.clear();
  walk.setDims(op.getOutput(), dims);
}

static void inferPad(PadOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getData());
  std::optional<DimExprs> pads = walk.elementsOf(op.getPads());
  std::optional<SmallVector<int64_t>> axes;
  if (op.getAxes())
    axes = axesOf(op.getAxes(), dims.size(), walk);
  else
    axes = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
  if (!pads || !axes || pads->size() != 2 * axes->size()) {
    walk.setDims(op.getOutput(), {});
    return;
  }
  for (auto [i, axis] : llvm::enumerate(*axes))
    dims[axis] = dims[axis] + (*pads)[i] + (*pads)[axes->size() + i];
  walk.setDims(op.getOutput(), dims);
}

static void inferDepthToSpace(DepthToSpaceOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getInput());
  int64_t block = op.getBlocksize();
  if (dims.size() != 4 || block <= 0)
    return;
  DimExpr size = walk.constant(block);
  dims[1] = dims[1].divideExactly(size * size);
  dims[2] = dims[2] * size;
  dims[3] = dims[3] * size;
  walk.setDims(op.getOutput(), dims);
}

static void inferSpaceToDepth(SpaceToDepthOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getInput());
  int64_t block = op.getBlocksize();
  if (dims.size() != 4 || block <= 0)
    return;
  DimExpr size = walk.constant(block);
  dims[1] = dims[1] * size * size;
  dims[2] = walk.getContext().getFloorDiv(dims[2], block);
  dims[3] = walk.getContext().getFloorDiv(dims[3], block);
  walk.setDims(op.getOutput(), dims);
}

void moe::onnx::addShapeRules(DimRules &rules, MLIRContext *context) {
  addDimRules<EyeLikeOp, ReverseSequenceOp, ScatterElementsOp, ScatterNDOp,
              TensorScatterOp, TriluOp>(rules, context, inferSame);
  addDimRule<IdentityOp, inferIdentity>(rules, context);
  addDimRule<ReshapeOp, inferReshape>(rules, context);
  addDimRule<FlattenOp, inferFlatten>(rules, context);
  addDimRule<SqueezeOp, inferSqueeze>(rules, context);
  addDimRule<UnsqueezeOp, inferUnsqueeze>(rules, context);
  addDimRule<TransposeOp, inferTranspose>(rules, context);
  addDimRule<ConcatOp, inferConcat>(rules, context);
  addDimRule<SplitOp, inferSplit>(rules, context);
  addDimRule<SliceOp, inferSlice>(rules, context);
  addDimRule<ExpandOp, inferExpand>(rules, context);
  addDimRule<TileOp, inferTile>(rules, context);
  addDimRule<PadOp, inferPad>(rules, context);
  addDimRule<DepthToSpaceOp, inferDepthToSpace>(rules, context);
  addDimRule<SpaceToDepthOp, inferSpaceToDepth>(rules, context);
}
