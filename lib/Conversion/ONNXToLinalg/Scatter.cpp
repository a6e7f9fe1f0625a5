//===- Scatter.cpp - ScatterElements, ScatterND, TensorScatter ------------===//
//
// Sequential loops over the updates in row-major order, so that duplicate
// indices give the same result each time. The copy of the data is the
// bufferisation's: none where the data has no other reader.
//
//===----------------------------------------------------------------------===//
#include "ShapeUtils.h"

using namespace mlir;
using namespace moe::onnx;

/// What `update` makes of the element that is there.
static Value reduce(ImplicitLocOpBuilder &b, ScatterReduction reduction,
                    Value element, Value update, bool isUnsignedType) {
  switch (reduction) {
  case ScatterReduction::None:
    return update;
  case ScatterReduction::Add:
    if (element.getType().isInteger(1))
      return arith::OrIOp::create(b, element, update);
    return addScalars(b, element, update);
  case ScatterReduction::Mul:
    return mulScalars(b, element, update);
  case ScatterReduction::Max:
    return maxScalars(b, element, update, isUnsignedType);
  case ScatterReduction::Min:
    return minScalars(b, element, update, isUnsignedType);
  }
  return update;
}

/// Reduces each update into `data` at the place that `locate` gives for its
/// indices.
static Value
scatter(LoweringBuilder &b, Value data, Value updates,
        ScatterReduction reduction, bool isUnsignedType,
        function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, ValueRange)>
            locate) {
  return sequentialLoops(
      b, extentsOf(b, updates), data,
      [&](ImplicitLocOpBuilder &inner, ValueRange loop,
          ValueRange carried) -> SmallVector<Value> {
        SmallVector<Value> at = locate(inner, loop);
        Value value = tensor::ExtractOp::create(inner, updates, loop);
        if (reduction != ScatterReduction::None) {
          Value element = tensor::ExtractOp::create(inner, carried[0], at);
          value = reduce(inner, reduction, element, value, isUnsignedType);
        }
        return {tensor::InsertOp::create(inner, value, carried[0], at)};
      })[0];
}

namespace {
/// onnx.ScatterElements %x, %i, %u
///   -> scf.for nest { tensor.insert %u[...] into %x[..., %i[...], ...] }
struct LowerScatterElements : public LoweringPattern<ScatterElementsOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ScatterElementsOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData(), indices = adaptor.getIndices();
    Value updates = adaptor.getUpdates();
    Extents extents = extentsOf(b, data), picks = extentsOf(b, indices);
    Extents rows = extentsOf(b, updates);
    int64_t rank = extents.size(), axis = normalizeAxis(op.getAxis(), rank);
    for (auto [pick, row] : llvm::zip_equal(picks, rows))
      requireEqual(b, pick, row, "indices and updates must have one shape");
    requireInside(b, picks, extents, axis);
    requireIndices(b, indices, extents[axis], "scattered");
    return SmallVector<Value>{
        scatter(b, data, updates, op.getReduction(),
                isUnsigned(getElementTypeOrSelf(op.getData())),
                [&](ImplicitLocOpBuilder &inner, ValueRange loop) {
                  SmallVector<Value> at(loop);
                  Value index = tensor::ExtractOp::create(inner, indices, loop);
                  at[axis] = toIndex(inner, index, extents[axis]);
                  return at;
                })};
  }
};

/// onnx.ScatterND %x, %i, %u
///   -> scf.for nest { tensor.insert %u[p, q] into %x[%i[p, 0], ..., q] }
struct LowerScatterND : public LoweringPattern<ScatterNDOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ScatterNDOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData(), indices = adaptor.getIndices();
    Value updates = adaptor.getUpdates();
    Extents extents = extentsOf(b, data), tuples = extentsOf(b, indices);
    Extents rows = extentsOf(b, updates);
    int64_t numTuples = tuples.size() - 1;
    int64_t length = static_cast<int64_t>(extents.size()) + numTuples -
                     static_cast<int64_t>(rows.size());
    for (auto [i, row] : llvm::enumerate(rows)) {
      int64_t dim = i;
      requireEqual(
          b, row,
          dim < numTuples ? tuples[dim] : extents[length + dim - numTuples],
          "dim " + Twine(dim) + " of the updates must be that of the " +
              (dim < numTuples ? "indices" : "data"));
    }
    auto indexed = ArrayRef<OpFoldResult>(extents).take_front(length);
    requireTuples(b, indices, indexed, "scattered");
    return SmallVector<Value>{scatter(
        b, data, updates, op.getReduction(),
        isUnsigned(getElementTypeOrSelf(op.getData())),
        [&](ImplicitLocOpBuilder &inner, ValueRange loop) {
          SmallVector<Value> at =
              readTuple(inner, indices, loop.take_front(numTuples), indexed);
          llvm::append_range(at, loop.drop_front(numTuples));
          return at;
        })};
  }
};

/// onnx.TensorScatter %cache, %u, %w
///   -> scf.for nest { tensor.insert %u[b, i] into %cache[b, %w[b] + i] }
struct LowerTensorScatter : public LoweringPattern<TensorScatterOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(TensorScatterOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getPastCache(), updates = adaptor.getUpdate();
    Value starts = adaptor.getWriteIndices();
    Extents extents = extentsOf(b, data), rows = extentsOf(b, updates);
    int64_t rank = extents.size(), axis = normalizeAxis(op.getAxis(), rank);
    for (int64_t i = 0; i < rank; ++i)
      if (i != axis)
        requireEqual(b, rows[i], extents[i],
                     "dim " + Twine(i) + " of the update must be the cache's");
    Value count = indexValue(b, rows[axis]);
    Value extent = indexValue(b, extents[axis]);
    require(b, compare(b, arith::CmpIPredicate::sle, rows[axis], extents[axis]),
            "the update must fit into the cache");
    bool isLinear = op.getMode() == CacheMode::Linear;
    if (starts) {
      requireEqual(b, extentOf(b, starts, 0), extents[0],
                   "write_indices must have one element per batch entry");
      // In a cache of `extent` rows, linear writing starts so that it fits.
      Value last = isLinear ? arith::SubIOp::create(b, extent, count)
                            : indexConstant(b, INT64_MAX - (int64_t(1) << 62));
      require(b,
              allOf(b, starts,
                    [&](ImplicitLocOpBuilder &inner, Value start) {
                      OpFoldResult at = toExtent(inner, start);
                      return both(
                          inner,
                          compare(inner, arith::CmpIPredicate::sge, at,
                                  inner.getIndexAttr(0)),
                          compare(inner, arith::CmpIPredicate::sle, at, last));
                    }),
              isLinear ? "write_indices must be in [0, extent - written rows]"
                       : "write_indices must be in [0, 2^62)");
    }
    return SmallVector<Value>{scatter(
        b, data, updates, ScatterReduction::None, /*isUnsignedType=*/false,
        [&](ImplicitLocOpBuilder &inner, ValueRange loop) {
          SmallVector<Value> at(loop);
          if (!starts)
            return at;
          Value start = tensor::ExtractOp::create(inner, starts, loop[0]);
          OpFoldResult position =
              addExtents(inner, toExtent(inner, start), at[axis]);
          if (!isLinear)
            position = foldIndex<arith::RemUIOp>(inner, position, extent);
          at[axis] = indexValue(inner, position);
          return at;
        })};
  }
};
} // namespace

void moe::onnx::populateScatterPatterns(const LoweringTypeConverter &converter,
                                        RewritePatternSet &patterns) {
  patterns.add<LowerScatterElements, LowerScatterND, LowerTensorScatter>(
      converter, patterns.getContext());
}
