//===- ShapeSlice.cpp - onnx.Slice ----------------------------------------===//
//
// Starts, ends, axes and steps may all be known only at run time; what is
// constant folds. Positive constant steps give a tensor.extract_slice, a view.
//
//===----------------------------------------------------------------------===//
#include "ShapeUtils.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// One dim of a slice: the operands first, the clamped start and the number of
/// indices after `resolve`.
struct DimSlice {
  OpFoldResult start, end, step, size;
};
} // namespace

/// min(max(value, low), high), for low <= high + 1.
static OpFoldResult clampIndex(LoweringBuilder &b, OpFoldResult value,
                               int64_t low, OpFoldResult high) {
  if (value == high)
    return value;
  value = foldIndex<arith::MaxSIOp>(b, value, b.getIndexAttr(low));
  if (isZeroInteger(value) && isMadeOfExtents(high))
    return value;
  return foldIndex<arith::MinSIOp>(b, value, high);
}

/// How many indices a step of positive size makes in a distance.
static OpFoldResult countSteps(LoweringBuilder &b, OpFoldResult distance,
                               OpFoldResult step, bool mayBeNegative) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  if (isOneInteger(step))
    return mayBeNegative ? foldIndex<arith::MaxSIOp>(b, distance, zero)
                         : distance;
  OpFoldResult count = addExtents(
      b, foldIndex<arith::DivUIOp>(b, subExtents(b, distance, one), step), one);
  return select(b, compare(b, arith::CmpIPredicate::sgt, distance, zero), count,
                zero);
}

/// Clamps start and end of a dim and counts its indices.
static void resolve(LoweringBuilder &b, DimSlice &dim, OpFoldResult extent) {
  OpFoldResult zero = b.getIndexAttr(0);
  OpFoldResult last = subExtents(b, extent, b.getIndexAttr(1));
  OpFoldResult start = wrapIndex(b, dim.start, extent);
  OpFoldResult end = wrapIndex(b, dim.end, extent);
  OpFoldResult upStart = clampIndex(b, start, 0, extent);
  OpFoldResult upEnd = clampIndex(b, end, 0, extent);
  // From a start that is 0, or to the very end, no distance is negative.
  bool mayBeNegative = !isZeroInteger(upStart) && upEnd != extent;
  std::optional<int64_t> step = getConstantIntValue(dim.step);
  if (step && *step > 0) {
    dim.start = upStart;
    dim.size =
        countSteps(b, subExtents(b, upEnd, upStart), dim.step, mayBeNegative);
    return;
  }
  // Downwards, an empty dim has the start -1: no index.
  OpFoldResult downStart = foldIndex<arith::MinSIOp>(
      b, foldIndex<arith::MaxSIOp>(b, start, zero), last);
  OpFoldResult downEnd = foldIndex<arith::MinSIOp>(
      b, foldIndex<arith::MaxSIOp>(b, end, b.getIndexAttr(-1)), last);
  Value isUp = compare(b, arith::CmpIPredicate::sgt, dim.step, zero);
  dim.start = select(b, isUp, upStart, downStart);
  OpFoldResult distance = select(b, isUp, subExtents(b, upEnd, upStart),
                                 subExtents(b, downStart, downEnd));
  OpFoldResult stride =
      select(b, isUp, dim.step, subExtents(b, zero, dim.step));
  if (!step) // a step of 0 has ended the run; the division must not trap
    stride = foldIndex<arith::MaxUIOp>(b, stride, b.getIndexAttr(1));
  dim.size = countSteps(b, distance, stride, /*mayBeNegative=*/true);
}

namespace {
/// onnx.Slice %x, %starts, %ends
///   -> tensor.extract_slice, for constant positive steps
///   or linalg.generic that reads %x[start + index * step]
///   or tensor.from_elements of scalars
struct LowerSlice : public LoweringPattern<SliceOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(SliceOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData();
    Extents from = extentsOf(b, data);
    FailureOr<SmallVector<DimSlice>> dims = readDims(op, adaptor, b, from);
    if (failed(dims))
      return failure();
    Extents offsets, sizes, strides;
    bool isView = true;
    for (auto [dim, extent] : llvm::zip_equal(*dims, from)) {
      resolve(b, dim, extent);
      offsets.push_back(dim.start);
      sizes.push_back(dim.size);
      strides.push_back(dim.step);
      std::optional<int64_t> step = getConstantIntValue(dim.step);
      isView &= step && *step > 0;
    }
    FailureOr<Extents> refined =
        refineExtents(b, op, sizes, op.getOutput().getType());
    if (failed(refined))
      return failure();
    if (std::optional<SmallVector<Value>> elements =
            pickScalars(b, data, *dims))
      return SmallVector<Value>{
          fromScalars(b, elements->size(), *elements, elementType(data))};
    if (isView && *refined == from &&
        llvm::all_of(strides,
                     [](OpFoldResult step) { return isOneInteger(step); }))
      return SmallVector<Value>{data};
    if (isView)
      return SmallVector<Value>{
          extractSlice(b, data, offsets, *refined, strides)};
    return SmallVector<Value>{readEach(
        b, data, *refined,
        [&](ImplicitLocOpBuilder &inner, int64_t dim, OpFoldResult index) {
          return addExtents(inner, offsets[dim],
                            mulExtents(inner, index, strides[dim]));
        })};
  }

private:
  /// The scalars of a slice with constant bounds of a vector that stays scalar.
  static std::optional<SmallVector<Value>>
  pickScalars(LoweringBuilder &b, Value data, ArrayRef<DimSlice> dims) {
    if (dims.size() != 1)
      return std::nullopt;
    std::optional<int64_t> start = getConstantIntValue(dims[0].start);
    std::optional<int64_t> step = getConstantIntValue(dims[0].step);
    std::optional<int64_t> size = getConstantIntValue(dims[0].size);
    std::optional<SmallVector<Value>> scalars = scalarElements(b, data);
    if (!start || !step || !size || !scalars)
      return std::nullopt;
    SmallVector<Value> elements;
    for (int64_t i = 0; i < *size; ++i)
      elements.push_back((*scalars)[*start + i * *step]);
    return elements;
  }

  /// The operands, per dim of the data.
  static FailureOr<SmallVector<DimSlice>> readDims(SliceOp op, Adaptor adaptor,
                                                   LoweringBuilder &b,
                                                   const Extents &from) {
    std::optional<Extents> starts = indexElements(b, adaptor.getStarts());
    std::optional<Extents> ends = indexElements(b, adaptor.getEnds());
    if (!starts && ends)
      starts = indexElements(b, adaptor.getStarts(), ends->size());
    if (!starts)
      return op.emitOpError("expected starts of static length, but got ")
             << op.getStarts().getType();
    int64_t count = starts->size(), rank = from.size();
    if (!ends)
      ends = indexElements(b, adaptor.getEnds(), count);
    Extents axes, steps(count, b.getIndexAttr(1));
    for (int64_t i = 0; i < count; ++i)
      axes.push_back(b.getIndexAttr(i));
    if (adaptor.getAxes())
      axes = *indexElements(b, adaptor.getAxes(), count);
    if (adaptor.getSteps())
      steps = *indexElements(b, adaptor.getSteps(), count);

    SmallVector<DimSlice> dims;
    for (OpFoldResult extent : from)
      dims.push_back({b.getIndexAttr(0), extent, b.getIndexAttr(1), {}});
    for (int64_t i = 0; i < count; ++i) {
      OpFoldResult start = (*starts)[i], end = (*ends)[i], step = steps[i];
      if (isZeroInteger(step))
        return op.emitOpError("expected steps other than 0");
      require(b, compare(b, arith::CmpIPredicate::ne, step, b.getIndexAttr(0)),
              "steps must not be 0");
      FailureOr<OpFoldResult> axis = readAxis(b, op, axes[i], rank);
      if (failed(axis))
        return failure();
      for (auto [k, dim] : llvm::enumerate(dims)) {
        Value isThis =
            compare(b, arith::CmpIPredicate::eq, *axis, b.getIndexAttr(k));
        dim.start = select(b, isThis, start, dim.start);
        dim.end = select(b, isThis, end, dim.end);
        dim.step = select(b, isThis, step, dim.step);
      }
    }
    return dims;
  }
};
} // namespace

void moe::onnx::populateShapeSlicePatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerSlice>(converter, patterns.getContext());
}
