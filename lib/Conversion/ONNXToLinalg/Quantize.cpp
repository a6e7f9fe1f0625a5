//===- Quantize.cpp - Quantised tensors and products ----------------------===//
//
// Zero points are subtracted first, so that products are plain i32 products and
// padding is 0.
//
//===----------------------------------------------------------------------===//
#include "Normalization.h"
#include "Window.h"

#include <numeric>

using namespace mlir;
using namespace moe::onnx;

namespace {

//===----------------------------------------------------------------------===//
// Scales and zero points
//===----------------------------------------------------------------------===//

int64_t rankOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getRank();
}

/// `tensor`, whose ONNX element type is `from`, with elements of `to`.
Value widen(LoweringBuilder &b, Value tensor, Type from, Type to) {
  return elementwise(b, tensor, extentsOf(b, tensor), to,
                     [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                       return castScalar(inner, args[0], from, to);
                     });
}

Type onnxElement(Value value) { return getElementTypeOrSelf(value.getType()); }

/// `tensor` of one element as a tensor of rank 0.
Value asScalar(LoweringBuilder &b, Value tensor) {
  if (rankOf(tensor) == 0)
    return tensor;
  requireEqual(b, extentOf(b, tensor, 0), b.getIndexAttr(1),
               "expected one element");
  return tensor::FromElementsOp::create(
      b, RankedTensorType::get({}, elementType(tensor)),
      extractElement(b, tensor));
}

/// A scale or zero point of a tensor with the extents `domain`: one, one per
/// index of `axis`, or one per `block` of indices. Blocks are copied out.
IndexedTensor granular(LoweringBuilder &b, Value parameter,
                       const Extents &domain, int64_t axis, int64_t block) {
  auto type = cast<RankedTensorType>(parameter.getType());
  if (type.getRank() == 0 ||
      (type.getRank() == 1 && type.getDimSize(0) == 1 && block == 0))
    return {asScalar(b, parameter), {}};
  axis = normalizeAxis(axis, domain.size());
  if (block == 0)
    return {parameter, {axis}};
  OpFoldResult blocks = ceilDivExtents(b, domain[axis], b.getIndexAttr(block));
  requireEqual(b, blocks, extentOf(b, parameter, axis),
               "expected one scale per block");
  Value spread = generate(
      b, domain, type.getElementType(),
      [&](ImplicitLocOpBuilder &inner, ValueRange at) {
        SmallVector<Value> indices(at);
        indices[axis] = arith::DivUIOp::create(inner, at[axis],
                                               indexConstant(inner, block));
        return tensor::ExtractOp::create(inner, parameter, indices).getResult();
      });
  return {spread, allLoops(domain.size())};
}

/// round(quotient) + zero, saturated to the ONNX integer type `type`. NaN gives
/// the least value.
Value quantizeScalar(ImplicitLocOpBuilder &b, Value quotient, Value zero,
                     Type type) {
  Type compute = quotient.getType();
  unsigned width = type.getIntOrFloatBitWidth();
  bool isUnsignedType = type.isUnsignedInteger();
  double least = isUnsignedType ? 0.0 : -std::ldexp(1.0, width - 1);
  double greatest = std::ldexp(1.0, isUnsignedType ? width : width - 1) - 1.0;
  Value rounded = math::RoundEvenOp::create(b, quotient);
  if (zero)
    rounded = arith::AddFOp::create(b, rounded, zero);
  // The numeric maximum: NaN gives way to the bound.
  rounded =
      arith::MaxNumFOp::create(b, rounded, floatConstant(b, compute, least));
  rounded =
      arith::MinNumFOp::create(b, rounded, floatConstant(b, compute, greatest));
  Value wide = arith::FPToSIOp::create(b, b.getI32Type(), rounded);
  return arith::TruncIOp::create(b, b.getIntegerType(width), wide);
}

//===----------------------------------------------------------------------===//
// QuantizeLinear, DequantizeLinear
//===----------------------------------------------------------------------===//

/// onnx.QuantizeLinear %x, %scale, %zero
///   -> linalg.generic { saturate(round(x / scale) + zero) }
struct LowerQuantizeLinear : public LoweringPattern<QuantizeLinearOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(QuantizeLinearOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    Type scaleType = elementType(adaptor.getYScale());
    Type compute = scaleType.isF64() || elementType(x).isF64()
                       ? b.getF64Type()
                       : Type(b.getF32Type());
    Type quotientType = op.getPrecision() == 1 ? b.getF32Type() : scaleType;
    Type type = onnxElement(op.getY());
    Extents domain = extentsOf(b, x);
    int64_t axis = op.getAxis(), block = op.getBlockSize();
    SmallVector<IndexedTensor> inputs{
        {x, allLoops(domain.size())},
        granular(b, adaptor.getYScale(), domain, axis, block)};
    if (Value zero = adaptor.getYZeroPoint())
      inputs.push_back(
          granular(b, widen(b, zero, onnxElement(op.getYZeroPoint()), compute),
                   domain, axis, block));
    Type signless = b.getIntegerType(type.getIntOrFloatBitWidth());
    return SmallVector<Value>{
        quantizeOver(b, inputs, domain, compute, quotientType, type, signless)};
  }

private:
  static Value quantizeOver(LoweringBuilder &b, ArrayRef<IndexedTensor> inputs,
                            const Extents &domain, Type compute,
                            Type quotientType, Type type, Type signless) {
    return mapOver(
        b, inputs, domain, compute, /*resultType=*/signless,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value quotient = arith::DivFOp::create(inner, args[0], args[1]);
          if (quotientType.getIntOrFloatBitWidth() <
              compute.getIntOrFloatBitWidth())
            quotient = castScalar(
                inner, castScalar(inner, quotient, compute, quotientType),
                quotientType, compute);
          return quantizeScalar(inner, quotient,
                                args.size() > 2 ? args[2] : Value(), type);
        });
  }
};

/// onnx.DequantizeLinear %x, %scale, %zero
///   -> linalg.generic { (x - zero) * scale }
struct LowerDequantizeLinear : public LoweringPattern<DequantizeLinearOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(DequantizeLinearOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Type type = onnxElement(op.getY());
    Type compute = type.isF64() ? type : Type(b.getF32Type());
    Extents domain = extentsOf(b, adaptor.getX());
    int64_t axis = op.getAxis(), block = op.getBlockSize();
    Value x = widen(b, adaptor.getX(), onnxElement(op.getX()), compute);
    SmallVector<IndexedTensor> inputs{
        {x, allLoops(domain.size())},
        granular(b, adaptor.getXScale(), domain, axis, block)};
    if (Value zero = adaptor.getXZeroPoint())
      inputs.push_back(
          granular(b, widen(b, zero, onnxElement(op.getXZeroPoint()), compute),
                   domain, axis, block));
    return SmallVector<Value>{mapOver(
        b, inputs, domain, compute, type,
        [](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value value = args[0];
          if (args.size() > 2)
            value = arith::SubFOp::create(inner, value, args[2]);
          return arith::MulFOp::create(inner, value, args[1]).getResult();
        })};
  }
};

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// A parameter of a matrix operand as a tensor that broadcasts against it: one
/// value, one per row ([M] becomes [M, 1]) or one per column ([N]).
Value alignWithMatrix(LoweringBuilder &b, Value parameter, bool isPerRow) {
  auto type = cast<RankedTensorType>(parameter.getType());
  if (type.getRank() != 1 || type.getDimSize(0) == 1 || !isPerRow)
    return parameter;
  Extents sizes = extentsOf(b, parameter);
  sizes.push_back(b.getIndexAttr(1));
  return tensor::ExpandShapeOp::create(
      b, type.clone({type.getDimSize(0), int64_t(1)}), parameter,
      SmallVector<ReassociationIndices>{{0, 1}}, sizes);
}

/// `tensor - zero` in i32; `from` and `zeroFrom` are the ONNX types.
Value subtractZero(LoweringBuilder &b, Value tensor, Type from, Value zero,
                   Type zeroFrom) {
  SmallVector<Value> inputs{tensor};
  if (zero)
    inputs.push_back(zero);
  Type type = b.getI32Type();
  return elementwise(b, inputs, broadcastExtents(b, inputs), type,
                     [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                       Value value = castScalar(inner, args[0], from, type);
                       if (args.size() == 1)
                         return value;
                       return arith::SubIOp::create(
                                  inner, value,
                                  castScalar(inner, args[1], zeroFrom, type))
                           .getResult();
                     });
}

/// onnx.MatMulInteger %a, %b a_zero_point %z
///   -> linalg.generic { %a - %z }, the product in i32
struct LowerMatMulInteger : public LoweringPattern<MatMulIntegerOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(MatMulIntegerOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    return SmallVector<Value>{
        matMul(b,
               centred(b, adaptor.getA(), op.getA(), adaptor.getAZeroPoint(),
                       op.getAZeroPoint(), /*isPerRow=*/true),
               centred(b, adaptor.getB(), op.getB(), adaptor.getBZeroPoint(),
                       op.getBZeroPoint(), /*isPerRow=*/false))};
  }

private:
  static Value centred(LoweringBuilder &b, Value tensor, Value original,
                       Value zero, Value originalZero, bool isPerRow) {
    if (!zero)
      return widen(b, tensor, onnxElement(original), b.getI32Type());
    return subtractZero(b, tensor, onnxElement(original),
                        alignWithMatrix(b, zero, isPerRow),
                        onnxElement(originalZero));
  }
};

/// `sums * lhsScale * rhsScale / yScale`, quantised to `type`. Operands
/// broadcast.
Value requantize(LoweringBuilder &b, Value sums, Value lhsScale, Value rhsScale,
                 Value yScale, Value yZero, Type type) {
  Type compute = b.getF32Type();
  SmallVector<Value> inputs{sums, lhsScale, rhsScale, asScalar(b, yScale),
                            asScalar(b, yZero)};
  Type signless = b.getIntegerType(type.getIntOrFloatBitWidth());
  return elementwise(
      b, inputs, extentsOf(b, sums), signless,
      [&](ImplicitLocOpBuilder &inner, ValueRange args) {
        auto wide = [&](Value value) {
          return castScalar(inner, value, value.getType(), compute);
        };
        Value factor = arith::DivFOp::create(
            inner, mulScalars(inner, wide(args[1]), wide(args[2])),
            wide(args[3]));
        Value zero = castScalar(inner, args[4], type, compute);
        return quantizeScalar(inner, mulScalars(inner, wide(args[0]), factor),
                              zero, type);
      });
}

/// onnx.QLinearMatMul -> onnx.MatMulInteger's product, then linalg.generic
/// { saturate(round(sum * a_scale * b_scale / y_scale) + y_zero_point) }
struct LowerQLinearMatMul : public LoweringPattern<QLinearMatMulOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(QLinearMatMulOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value lhs = subtractZero(b, adaptor.getA(), onnxElement(op.getA()),
                             alignWithMatrix(b, adaptor.getAZeroPoint(), true),
                             onnxElement(op.getAZeroPoint()));
    Value rhs =
        subtractZero(b, adaptor.getB(), onnxElement(op.getB()),
                     adaptor.getBZeroPoint(), onnxElement(op.getBZeroPoint()));
    Value sums = matMul(b, lhs, rhs);
    return SmallVector<Value>{
        requantize(b, sums, alignWithMatrix(b, adaptor.getAScale(), true),
                   adaptor.getBScale(), adaptor.getYScale(),
                   adaptor.getYZeroPoint(), onnxElement(op.getY()))};
  }
};

//===----------------------------------------------------------------------===//
// Convolutions
//===----------------------------------------------------------------------===//

/// A parameter per output channel, [M] or one value, as one that broadcasts
/// against a tensor of `rank` dims whose dim `rank` - `trailing` - 1 is M.
Value alignWithChannels(LoweringBuilder &b, Value parameter, int64_t trailing) {
  auto type = cast<RankedTensorType>(parameter.getType());
  if (type.getRank() == 0 || type.getDimSize(0) == 1)
    return asScalar(b, parameter);
  SmallVector<int64_t> shape(type.getShape());
  shape.resize(trailing + 1, 1);
  Extents sizes = extentsOf(b, parameter);
  sizes.resize(trailing + 1, b.getIndexAttr(1));
  ReassociationIndices all(trailing + 1);
  std::iota(all.begin(), all.end(), 0);
  return tensor::ExpandShapeOp::create(b, type.clone(shape), parameter,
                                       SmallVector<ReassociationIndices>{all},
                                       sizes);
}

/// onnx.ConvInteger -> zero points subtracted, then a convolution in i32
struct LowerConvInteger : public LoweringPattern<ConvIntegerOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ConvIntegerOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value xZero = adaptor.getXZeroPoint(), wZero = adaptor.getWZeroPoint();
    int64_t rank = rankOf(adaptor.getX());
    Value x = subtractZero(b, adaptor.getX(), onnxElement(op.getX()),
                           xZero ? asScalar(b, xZero) : Value(),
                           onnxElement(op.getX()));
    Value w =
        subtractZero(b, adaptor.getW(), onnxElement(op.getW()),
                     wZero ? alignWithChannels(b, wZero, rank - 1) : Value(),
                     onnxElement(op.getW()));
    return SmallVector<Value>{convolution(b, x, w, windowAttributes(op),
                                          static_cast<int64_t>(op.getGroup()))};
  }
};

/// onnx.QLinearConv -> onnx.ConvInteger's sums plus %B, requantised
struct LowerQLinearConv : public LoweringPattern<QLinearConvOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(QLinearConvOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    int64_t rank = rankOf(adaptor.getX());
    Value x = subtractZero(b, adaptor.getX(), onnxElement(op.getX()),
                           asScalar(b, adaptor.getXZeroPoint()),
                           onnxElement(op.getXZeroPoint()));
    Value w =
        subtractZero(b, adaptor.getW(), onnxElement(op.getW()),
                     alignWithChannels(b, adaptor.getWZeroPoint(), rank - 1),
                     onnxElement(op.getWZeroPoint()));
    Value sums = convolution(b, x, w, windowAttributes(op),
                             static_cast<int64_t>(op.getGroup()));
    sums = addPerChannel(b, sums, adaptor.getB(), b.getI32Type());
    return SmallVector<Value>{requantize(
        b, sums, asScalar(b, adaptor.getXScale()),
        alignWithChannels(b, adaptor.getWScale(), rank - 2),
        adaptor.getYScale(), adaptor.getYZeroPoint(), onnxElement(op.getY()))};
  }
};
} // namespace

void moe::onnx::populateQuantizePatterns(const LoweringTypeConverter &converter,
                                         RewritePatternSet &patterns) {
  patterns.add<LowerQuantizeLinear, LowerDequantizeLinear, LowerMatMulInteger,
               LowerQLinearMatMul, LowerConvInteger, LowerQLinearConv>(
      converter, patterns.getContext());
}
