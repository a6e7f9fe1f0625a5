//===- IndexingGather.cpp - Gather, GatherElements, GatherND --------------===//
//
// Each checks its indices in a pass of their own, then reads in the result's
// order, so that the innermost loop walks memory contiguously where the data
// does.
//
//===----------------------------------------------------------------------===//
#include "ShapeUtils.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// onnx.Gather %x, %i
///   -> linalg.generic ins(%i) { tensor.extract %x[..., element, ...] }
///   or tensor.extract_slice for one index
///   or tensor.from_elements of scalars
struct LowerGather : public LoweringPattern<GatherOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(GatherOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData(), indices = adaptor.getIndices();
    Extents from = extentsOf(b, data), picks = extentsOf(b, indices);
    int64_t axis = normalizeAxis(op.getAxis(), from.size());
    Extents extents(ArrayRef<OpFoldResult>(from).take_front(axis));
    llvm::append_range(extents, picks);
    llvm::append_range(extents,
                       ArrayRef<OpFoldResult>(from).drop_front(axis + 1));
    FailureOr<Extents> refined =
        refineExtents(b, op, std::move(extents), op.getOutput().getType());
    if (failed(refined))
      return failure();
    OpFoldResult extent = from[axis];
    requireIndices(b, indices, extent, "gathered");

    std::optional<SmallVector<Value>> scalars = scalarElements(b, indices);
    if (scalars && elementType(data).isInteger() && from.size() == 1 &&
        picks.size() <= 1)
      return gatherScalars(b, data, *scalars, picks.size());
    if (scalars && scalars->size() == 1) {
      OpFoldResult at = wrapIndex(b, toExtent(b, scalars->front()), extent);
      Value slice = sliceDim(b, data, axis, at, b.getIndexAttr(1));
      return SmallVector<Value>{reshapeTo(b, slice, *refined)};
    }
    int64_t rank = refined->size(), numPicks = picks.size();
    SmallVector<AffineExpr> pickDims;
    for (int64_t i = 0; i < numPicks; ++i)
      pickDims.push_back(b.getAffineDimExpr(axis + i));
    return SmallVector<Value>{
        indexed(b, indices, AffineMap::get(rank, 0, pickDims, b.getContext()),
                *refined, elementType(data),
                [&](ImplicitLocOpBuilder &inner, ValueRange elements,
                    ValueRange loop) -> Value {
                  SmallVector<Value> source(loop.take_front(axis));
                  source.push_back(toIndex(inner, elements[0], extent));
                  llvm::append_range(source, loop.drop_front(axis + numPicks));
                  return tensor::ExtractOp::create(inner, data, source);
                })};
  }

private:
  /// Each element of a vector of integers, as a scalar.
  static SmallVector<Value> gatherScalars(LoweringBuilder &b, Value data,
                                          ArrayRef<Value> indices,
                                          int64_t indexRank) {
    std::optional<SmallVector<Value>> scalars = scalarElements(b, data);
    OpFoldResult extent = extentOf(b, data, 0);
    SmallVector<Value> elements;
    for (Value index : indices) {
      OpFoldResult at = wrapIndex(b, toExtent(b, index), extent);
      std::optional<int64_t> constant = getConstantIntValue(at);
      if (scalars && constant && *constant >= 0 &&
          *constant < static_cast<int64_t>(scalars->size()))
        elements.push_back((*scalars)[*constant]);
      else
        elements.push_back(
            b.createOrFold<tensor::ExtractOp>(data, indexValue(b, at)));
    }
    SmallVector<int64_t> shape(indexRank, indices.size());
    return {fromScalars(b, shape, elements, elementType(data))};
  }
};

/// onnx.GatherElements %x, %i
///   -> linalg.generic ins(%i) { tensor.extract %x[..., element, ...] }
struct LowerGatherElements : public LoweringPattern<GatherElementsOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(GatherElementsOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData(), indices = adaptor.getIndices();
    Extents from = extentsOf(b, data);
    int64_t rank = from.size(), axis = normalizeAxis(op.getAxis(), rank);
    FailureOr<Extents> extents =
        refineExtents(b, op, extentsOf(b, indices), op.getOutput().getType());
    if (failed(extents))
      return failure();
    requireInside(b, *extents, from, axis);
    requireIndices(b, indices, from[axis], "gathered");
    return SmallVector<Value>{indexed(
        b, indices, b.getMultiDimIdentityMap(rank), *extents, elementType(data),
        [&](ImplicitLocOpBuilder &inner, ValueRange elements,
            ValueRange loop) -> Value {
          SmallVector<Value> source(loop);
          source[axis] = toIndex(inner, elements[0], from[axis]);
          return tensor::ExtractOp::create(inner, data, source);
        })};
  }
};

/// onnx.GatherND %x, %i
///   -> linalg.generic { tensor.extract %x[%i[..., 0], %i[..., 1], ...] }
struct LowerGatherND : public LoweringPattern<GatherNDOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(GatherNDOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData(), indices = adaptor.getIndices();
    Extents from = extentsOf(b, data), tuples = extentsOf(b, indices);
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    int64_t batchDims = op.getBatchDims();
    int64_t numLoops = tuples.size() - 1;
    // The verifier has compared the ranks: the tuples' length follows.
    int64_t length = static_cast<int64_t>(from.size()) + numLoops - batchDims -
                     type.getRank();
    int64_t tail = batchDims + length;
    for (int64_t i = 0; i < batchDims; ++i)
      requireEqual(b, tuples[i], from[i],
                   "data and indices must have one extent of batch dim " +
                       Twine(i));
    Extents extents(ArrayRef<OpFoldResult>(tuples).drop_back());
    llvm::append_range(extents, ArrayRef<OpFoldResult>(from).drop_front(tail));
    FailureOr<Extents> refined = refineExtents(b, op, std::move(extents), type);
    if (failed(refined))
      return failure();
    auto indexed = ArrayRef<OpFoldResult>(from).slice(batchDims, length);
    requireTuples(b, indices, indexed, "gathered");
    return SmallVector<Value>{
        generate(b, *refined, elementType(data),
                 [&](ImplicitLocOpBuilder &inner, ValueRange loop) -> Value {
                   SmallVector<Value> source(loop.take_front(batchDims));
                   llvm::append_range(
                       source, readTuple(inner, indices,
                                         loop.take_front(numLoops), indexed));
                   llvm::append_range(source, loop.drop_front(numLoops));
                   return tensor::ExtractOp::create(inner, data, source);
                 })};
  }
};
} // namespace

void moe::onnx::populateIndexingGatherPatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerGather, LowerGatherElements, LowerGatherND>(
      converter, patterns.getContext());
}
