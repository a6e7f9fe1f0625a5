//===- IndexingSelect.cpp - NonZero, OneHot, Compress ---------------------===//
//
// NonZero and Compress count first, so that the result is made at its size,
// then fill in row-major order.
//
//===----------------------------------------------------------------------===//
#include "ShapeUtils.h"

using namespace mlir;
using namespace moe::onnx;

/// Whether a scalar is not 0; NaN is not.
static Value isNonZero(ImplicitLocOpBuilder &b, Value scalar) {
  if (scalar.getType().isInteger(1))
    return scalar;
  return castScalar(b, scalar, scalar.getType(), b.getI1Type());
}

/// How many elements of `tensor` are not 0, as an index.
static Value countNonZero(LoweringBuilder &b, Value tensor) {
  return foldElements(
      b, tensor, indexConstant(b, 0),
      [](ImplicitLocOpBuilder &inner, Value element, Value count) -> Value {
        Value one = arith::IndexCastUIOp::create(inner, inner.getIndexType(),
                                                 isNonZero(inner, element));
        return arith::AddIOp::create(inner, count, one);
      });
}

/// Writes into column c of `into` what `column` gives for the index of the
/// c-th element of `tensor` that is not 0, in row-major order.
static Value fillColumns(LoweringBuilder &b, Value tensor, Value into,
                         function_ref<Value(ImplicitLocOpBuilder &, Value into,
                                            Value column, ValueRange indices)>
                             insertColumn) {
  Value zero = indexConstant(b, 0), one = indexConstant(b, 1);
  return sequentialLoops(
      b, extentsOf(b, tensor), {into, zero},
      [&](ImplicitLocOpBuilder &inner, ValueRange indices,
          ValueRange carried) -> SmallVector<Value> {
        Value element = tensor::ExtractOp::create(inner, tensor, indices);
        auto choice = scf::IfOp::create(
            inner, isNonZero(inner, element),
            [&](OpBuilder &nested, Location loc) {
              ImplicitLocOpBuilder then(loc, nested);
              Value filled =
                  insertColumn(then, carried[0], carried[1], indices);
              Value next = arith::AddIOp::create(then, carried[1], one);
              scf::YieldOp::create(then, ValueRange{filled, next});
            },
            [&](OpBuilder &nested, Location loc) {
              scf::YieldOp::create(nested, loc, carried);
            });
        return llvm::to_vector_of<Value>(choice.getResults());
      })[0];
}

namespace {
/// onnx.NonZero %x -> a count, then scf.for nest { scf.if { tensor.insert } }
struct LowerNonZero : public LoweringPattern<NonZeroOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(NonZeroOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getX();
    int64_t rank = rankOf(input);
    FailureOr<Extents> extents =
        refineExtents(b, op, {b.getIndexAttr(rank), countNonZero(b, input)},
                      op.getY().getType());
    if (failed(extents))
      return failure();
    Value empty = emptyTensor(b, *extents, b.getI64Type());
    return SmallVector<Value>{fillColumns(
        b, input, empty,
        [&](ImplicitLocOpBuilder &inner, Value into, Value column,
            ValueRange indices) {
          for (auto [row, index] : llvm::enumerate(indices)) {
            Value element =
                arith::IndexCastOp::create(inner, inner.getI64Type(), index);
            into = tensor::InsertOp::create(
                inner, element, into,
                ValueRange{indexConstant(inner, row), column});
          }
          return into;
        })};
  }
};

/// onnx.OneHot %i, %depth, %values
///   -> linalg.generic ins(%i) { element == index(axis) ? on : off }
struct LowerOneHot : public LoweringPattern<OneHotOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(OneHotOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value indices = adaptor.getIndices(), values = adaptor.getValues();
    Type onnxDepth = getElementTypeOrSelf(op.getDepth());
    Type onnxIndex = getElementTypeOrSelf(op.getIndices());
    OpFoldResult depth =
        toExtent(b, castScalar(b, onlyElement(b, adaptor.getDepth()), onnxDepth,
                               b.getI64Type()));
    require(b, compare(b, arith::CmpIPredicate::sge, depth, b.getIndexAttr(0)),
            "depth must not be negative");
    requireEqual(b, extentOf(b, values, 0), b.getIndexAttr(2),
                 "values must be off and on");
    Extents extents = extentsOf(b, indices);
    int64_t rank = extents.size() + 1;
    int64_t axis = normalizeAxis(op.getAxis(), rank);
    extents.insert(extents.begin() + axis, depth);
    FailureOr<Extents> refined =
        refineExtents(b, op, std::move(extents), op.getOutput().getType());
    if (failed(refined))
      return failure();
    requireAddressable(b, *refined);
    Value off = extractElement(b, values, 0);
    Value on = extractElement(b, values, 1);
    Value bound = indexValue(b, (*refined)[axis]);
    AffineMap map = b.getMultiDimIdentityMap(rank).dropResult(axis);
    return SmallVector<Value>{indexed(
        b, indices, map, *refined, elementType(values),
        [&](ImplicitLocOpBuilder &inner, ValueRange elements,
            ValueRange loop) -> Value {
          Value element =
              castScalar(inner, elements[0], onnxIndex, inner.getI64Type());
          Value isOn = compare(inner, arith::CmpIPredicate::eq,
                               toIndex(inner, element, bound), loop[axis]);
          return arith::SelectOp::create(inner, isOn, on, off);
        })};
  }
};

/// onnx.Compress %x, %c
///   -> a count, the positions where %c holds, and a linalg.generic that reads
///      %x at them
struct LowerCompress : public LoweringPattern<CompressOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(CompressOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getInput(), condition = adaptor.getCondition();
    if (!op.getAxis())
      input = reshapeTo(b, input, {productOf(b, extentsOf(b, input))});
    Extents extents = extentsOf(b, input);
    int64_t rank = extents.size();
    int64_t axis = normalizeAxis(op.getAxis().value_or(0), rank);
    condition = sliceDim(
        b, condition, 0, b.getIndexAttr(0),
        foldIndex<arith::MinSIOp>(b, extentOf(b, condition, 0), extents[axis]));
    Value count = countNonZero(b, condition);
    Value positions = fillColumns(
        b, condition, emptyTensor(b, {count}, b.getIndexType()),
        [](ImplicitLocOpBuilder &inner, Value into, Value column,
           ValueRange indices) -> Value {
          return tensor::InsertOp::create(inner, indices[0], into, column);
        });
    extents[axis] = count;
    FailureOr<Extents> refined =
        refineExtents(b, op, std::move(extents), op.getOutput().getType());
    if (failed(refined))
      return failure();
    positions = castTo(b, positions,
                       RankedTensorType::get(staticShape({(*refined)[axis]}),
                                             b.getIndexType()));
    AffineMap map =
        AffineMap::get(rank, 0, b.getAffineDimExpr(axis), b.getContext());
    return SmallVector<Value>{
        indexed(b, positions, map, *refined, elementType(input),
                [&](ImplicitLocOpBuilder &inner, ValueRange elements,
                    ValueRange loop) -> Value {
                  SmallVector<Value> source(loop);
                  source[axis] = elements[0];
                  return tensor::ExtractOp::create(inner, input, source);
                })};
  }
};
} // namespace

void moe::onnx::populateIndexingSelectPatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerNonZero, LowerOneHot, LowerCompress>(converter,
                                                         patterns.getContext());
}
