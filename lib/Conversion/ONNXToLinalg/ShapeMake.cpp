//===- ShapeMake.cpp - Ops that make shapes and tensors from them ---------===//
//
// Shape and Size give scalars; ConstantOfShape, Range and EyeLike read them.
//
//===----------------------------------------------------------------------===//
#include "ShapeUtils.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moe::onnx;

/// An extent as an element of an i64 tensor.
static Value toElement(LoweringBuilder &b, OpFoldResult extent) {
  if (std::optional<int64_t> constant = getConstantIntValue(extent))
    return intConstant(b, b.getI64Type(), *constant);
  return b.createOrFold<arith::IndexCastOp>(b.getI64Type(),
                                            cast<Value>(extent));
}

namespace {
/// onnx.Shape %x -> tensor.from_elements (arith.index_cast (tensor.dim %x, i))
struct LowerShape : public LoweringPattern<ShapeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ShapeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    auto [start, end] = op.getDimRange();
    SmallVector<Value> elements;
    for (int64_t dim = start; dim < end; ++dim)
      elements.push_back(toElement(b, extentOf(b, adaptor.getData(), dim)));
    return SmallVector<Value>{
        fromScalars(b, end - start, elements, b.getI64Type())};
  }
};

/// onnx.Size %x -> tensor.from_elements of the product of extents
struct LowerSize : public LoweringPattern<SizeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(SizeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value size = toElement(b, productOf(b, extentsOf(b, adaptor.getData())));
    return SmallVector<Value>{fromScalars(b, {}, size, b.getI64Type())};
  }
};

/// onnx.ConstantOfShape %shape
///   -> linalg.fill, or tensor.from_elements where the result stays scalar
struct LowerConstantOfShape : public LoweringPattern<ConstantOfShapeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ConstantOfShapeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    auto type = cast<RankedTensorType>(
        getTypeConverter()->convertType(op.getOutput().getType()));
    TypedAttr value = b.getZeroAttr(type.getElementType());
    if (op.getValue()) {
      auto dense = dyn_cast<DenseElementsAttr>(*op.getValue());
      if (!dense)
        return op.emitOpError("expected a dense value");
      value = cast<TypedAttr>(
          dense.bitcast(type.getElementType()).getValues<Attribute>()[0]);
    }
    Extents extents = *indexElements(b, adaptor.getInput(), type.getRank());
    for (OpFoldResult extent : extents)
      if (!isMadeOfExtents(extent))
        require(
            b, compare(b, arith::CmpIPredicate::sge, extent, b.getIndexAttr(0)),
            "a shape must not be negative");
    FailureOr<Extents> refined = refineExtents(b, op, std::move(extents), type);
    if (failed(refined))
      return failure();
    requireAddressable(b, *refined);
    Value scalar = arith::ConstantOp::create(b, value);
    if (isScalarised(type))
      return SmallVector<Value>{fromScalars(
          b, type.getShape(), SmallVector<Value>(type.getNumElements(), scalar),
          type.getElementType())};
    return SmallVector<Value>{filledTensor(b, *refined, scalar)};
  }
};

/// onnx.Range %start, %limit, %delta
///   -> linalg.generic { %start + index * %delta }, or tensor.from_elements
///      where bounds are constant and few
struct LowerRange : public LoweringPattern<RangeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(RangeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Type onnxType = getElementTypeOrSelf(op.getOutput().getType());
    Type type = elementType(adaptor.getStart());
    Type computed = type;
    if (type.isF16() || type.isBF16())
      computed = op.getStashType() == 1 ? b.getF32Type() : b.getF64Type();
    Type onnxComputed = isa<FloatType>(type) ? computed : onnxType;
    SmallVector<Value> bounds;
    for (Value bound : adaptor.getOperands())
      bounds.push_back(
          castScalar(b, onlyElement(b, bound), onnxType, onnxComputed));
    FailureOr<Extents> extents = refineExtents(
        b, op,
        {isa<FloatType>(type) ? countFloats(b, bounds)
                              : countInts(b, bounds, isUnsigned(onnxType))},
        op.getOutput().getType());
    if (failed(extents))
      return failure();
    requireAddressable(b, *extents);

    auto element = [&, start = bounds[0], delta = bounds[2]](
                       ImplicitLocOpBuilder &inner, Value index) -> Value {
      Value i =
          inner.createOrFold<arith::IndexCastOp>(inner.getI64Type(), index);
      i = castScalar(inner, i, inner.getI64Type(), onnxComputed);
      Value value = addScalars(inner, start, mulScalars(inner, i, delta));
      return castScalar(inner, value, onnxComputed, onnxType);
    };
    std::optional<int64_t> count = getConstantIntValue(extents->front());
    if (count && isScalarised(RankedTensorType::get(*count, type))) {
      SmallVector<Value> elements;
      for (int64_t i = 0; i < *count; ++i)
        elements.push_back(element(b, indexConstant(b, i)));
      return SmallVector<Value>{fromScalars(b, *count, elements, type)};
    }
    return SmallVector<Value>{
        generate(b, *extents, type,
                 [&](ImplicitLocOpBuilder &inner, ValueRange indices) {
                   return element(inner, indices[0]);
                 })};
  }

private:
  /// max(ceil((limit - start) / delta), 0) in the integers. The difference of
  /// two i64 may not fit: it is an unsigned distance in delta's direction.
  static OpFoldResult countInts(LoweringBuilder &b, ArrayRef<Value> bounds,
                                bool isUnsignedType) {
    Type wide = b.getI64Type();
    SmallVector<Value> extended;
    for (Value bound : bounds) {
      if (bound.getType() == wide)
        extended.push_back(bound);
      else if (isUnsignedType)
        extended.push_back(b.createOrFold<arith::ExtUIOp>(wide, bound));
      else
        extended.push_back(b.createOrFold<arith::ExtSIOp>(wide, bound));
    }
    Value start = extended[0], limit = extended[1], delta = extended[2];
    Value zero = intConstant(b, wide, 0), one = intConstant(b, wide, 1);
    auto compareInts = [&](arith::CmpIPredicate predicate, Value l, Value r) {
      return b.createOrFold<arith::CmpIOp>(predicate, l, r);
    };
    require(b, compareInts(arith::CmpIPredicate::ne, delta, zero),
            "delta must not be 0");
    auto less =
        isUnsignedType ? arith::CmpIPredicate::ult : arith::CmpIPredicate::slt;
    Value isDown = isUnsignedType
                       ? intConstant(b, b.getI1Type(), 0)
                       : compareInts(arith::CmpIPredicate::slt, delta, zero);
    auto choose = [&](Value ifDown, Value ifUp) -> Value {
      return b.createOrFold<arith::SelectOp>(isDown, ifDown, ifUp);
    };
    Value low = choose(limit, start), high = choose(start, limit);
    Value step = choose(b.createOrFold<arith::SubIOp>(zero, delta), delta);
    Value distance = b.createOrFold<arith::SubIOp>(high, low);
    // ceil(distance / step) = (distance - 1) / step + 1 for distance > 0. The
    // divisor is kept from 0: the precondition has ended such a run.
    Value divisor = b.createOrFold<arith::MaxUIOp>(step, one);
    Value count = b.createOrFold<arith::AddIOp>(
        b.createOrFold<arith::DivUIOp>(
            b.createOrFold<arith::SubIOp>(distance, one), divisor),
        one);
    Value result = b.createOrFold<arith::SelectOp>(compareInts(less, low, high),
                                                   count, zero);
    require(b, compareInts(arith::CmpIPredicate::sge, result, zero),
            "a range must have less than 2^63 elements");
    return toExtent(b, result);
  }

  static OpFoldResult countFloats(LoweringBuilder &b, ArrayRef<Value> bounds) {
    Type f64 = b.getF64Type();
    Type type = bounds[0].getType();
    Value difference = arith::SubFOp::create(b, bounds[1], bounds[0]);
    Value count = arith::DivFOp::create(b, castScalar(b, difference, type, f64),
                                        castScalar(b, bounds[2], type, f64));
    count = math::CeilOp::create(b, count);
    // NaN, infinity and what no memory holds are refused before the conversion.
    Value fits = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, count,
                                       floatConstant(b, f64, 0x1p62));
    require(b, fits, "a range must be finite, and delta not 0");
    count = arith::MaximumFOp::create(b, count, floatConstant(b, f64, 0.0));
    return toExtent(b, arith::FPToSIOp::create(b, b.getI64Type(), count));
  }
};

/// onnx.EyeLike %x -> linalg.generic { index(1) - index(0) == k ? 1 : 0 }
struct LowerEyeLike : public LoweringPattern<EyeLikeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(EyeLikeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    auto type = cast<RankedTensorType>(
        getTypeConverter()->convertType(op.getOutput().getType()));
    FailureOr<Extents> extents =
        refineExtents(b, op, extentsOf(b, adaptor.getInput()), type);
    if (failed(extents))
      return failure();
    Type element = type.getElementType();
    Value zero = zeroConstant(b, element);
    Value one = isa<FloatType>(element) ? floatConstant(b, element, 1.0)
                                        : intConstant(b, element, 1);
    int64_t k = op.getK();
    return SmallVector<Value>{generate(
        b, *extents, element,
        [&](ImplicitLocOpBuilder &inner, ValueRange indices) -> Value {
          OpFoldResult diagonal =
              addExtents(inner, indices[0], inner.getIndexAttr(k));
          return arith::SelectOp::create(
              inner,
              compare(inner, arith::CmpIPredicate::eq, indices[1], diagonal),
              one, zero);
        })};
  }
};
} // namespace

void moe::onnx::populateShapeMakePatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerShape, LowerSize, LowerConstantOfShape, LowerRange,
               LowerEyeLike>(converter, patterns.getContext());
}
