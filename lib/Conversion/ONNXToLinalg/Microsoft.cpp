//===- Microsoft.cpp - Operators of com.microsoft -------------------------===//
#include "Normalization.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// f64 stays, all else is computed in f32.
Type computeTypeOf(Value tensor) {
  Type type = elementType(tensor);
  return type.isF64() ? type : Float32Type::get(type.getContext());
}

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

using ActivationFn = Value (*)(ImplicitLocOpBuilder &b, Operation *op, Value x);

/// x / 2 * (1 + erf(x / sqrt(2)))
Value emitGelu(ImplicitLocOpBuilder &b, Operation *, Value x) {
  Type type = x.getType();
  Value scaled = mulScalars(b, x, floatConstant(b, type, M_SQRT1_2));
  Value weight = addScalars(b, math::ErfOp::create(b, scaled),
                            floatConstant(b, type, 1.0));
  return mulScalars(b, mulScalars(b, x, floatConstant(b, type, 0.5)), weight);
}

/// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
Value emitFastGelu(ImplicitLocOpBuilder &b, Operation *, Value x) {
  Type type = x.getType();
  Value cube = mulScalars(b, mulScalars(b, x, x), x);
  Value inner =
      addScalars(b, x, mulScalars(b, cube, floatConstant(b, type, 0.044715)));
  Value angle =
      mulScalars(b, inner, floatConstant(b, type, M_2_SQRTPI * M_SQRT1_2));
  Value weight = addScalars(b, math::TanhOp::create(b, angle),
                            floatConstant(b, type, 1.0));
  return mulScalars(b, mulScalars(b, x, floatConstant(b, type, 0.5)), weight);
}

/// x * sigmoid(alpha * x)
Value emitQuickGelu(ImplicitLocOpBuilder &b, Operation *op, Value x) {
  Type type = x.getType();
  double alpha = cast<MSQuickGeluOp>(op).getAlpha().convertToDouble();
  Value negated = mulScalars(b, x, floatConstant(b, type, -alpha));
  Value divisor = addScalars(b, math::ExpOp::create(b, negated),
                             floatConstant(b, type, 1.0));
  return arith::DivFOp::create(b, x, divisor);
}

/// onnx.ms.BiasGelu %a, %b
///   -> linalg.generic { activation of a + b, in f32 or f64 }
template <typename OpTy, ActivationFn emit>
struct LowerActivation : public LoweringPattern<OpTy> {
  using LoweringPattern<OpTy>::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(OpTy op, typename OpTy::Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    ValueRange inputs = adaptor.getOperands();
    Type type = elementType(inputs[0]), compute = computeTypeOf(inputs[0]);
    return SmallVector<Value>{elementwise(
        b, inputs, broadcastExtents(b, inputs), type,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value x = castScalar(inner, args[0], type, compute);
          if (args.size() > 1)
            x = addScalars(inner, x, castScalar(inner, args[1], type, compute));
          return castScalar(inner, emit(inner, op, x), compute, type);
        })};
  }
};

//===----------------------------------------------------------------------===//
// Normalisations
//===----------------------------------------------------------------------===//

/// The loops of a tensor of `rank` dims that aligns with the last of `of` dims.
SmallVector<int64_t> trailingLoops(int64_t rank, int64_t of) {
  return llvm::to_vector(llvm::seq<int64_t>(of - rank, of));
}

IndexedTensor trailing(Value tensor, int64_t of) {
  return {tensor, trailingLoops(
                      cast<RankedTensorType>(tensor.getType()).getRank(), of)};
}

/// x / sqrt(mean(x^2) + epsilon) * scale over the loops that `kept` lacks.
Value rootMeanSquareNormalize(LoweringBuilder &b, Value x, Value scale,
                              ArrayRef<int64_t> kept, APFloat epsilon,
                              Type compute, Type resultType) {
  Extents domain = extentsOf(b, x);
  int64_t rank = domain.size();
  SmallVector<int64_t> loops = allLoops(rank);
  Value sum = sumOver(b, IndexedTensor{x, loops}, domain, kept, compute,
                      [](ImplicitLocOpBuilder &inner, ValueRange args) {
                        return mulScalars(inner, args[0], args[0]);
                      });
  Value count = countOver(b, domain, kept, compute);
  return mapOver(
      b, {{x, loops}, {sum, SmallVector<int64_t>(kept)}, trailing(scale, rank)},
      domain, compute, resultType,
      [&](ImplicitLocOpBuilder &inner, ValueRange args) {
        Value mean = arith::DivFOp::create(inner, args[1], count);
        Value safe = arith::AddFOp::create(
            inner, mean,
            floatConstant(inner, compute, epsilon.convertToFloat()));
        Value unit = arith::DivFOp::create(inner, args[0],
                                           math::SqrtOp::create(inner, safe));
        return mulScalars(inner, unit, args[2]);
      });
}

/// onnx.ms.SimplifiedLayerNormalization %x, %scale {axis}
///   -> the sum of squares over dims from axis on, then linalg.generic
struct LowerSimplifiedLayerNormalization
    : public LoweringPattern<MSSimplifiedLayerNormalizationOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(MSSimplifiedLayerNormalizationOp op,
                                      Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
    SmallVector<int64_t> kept = allLoops(normalizeAxis(op.getAxis(), rank));
    return SmallVector<Value>{rootMeanSquareNormalize(
        b, x, adaptor.getScale(), kept, op.getEpsilon(), computeTypeOf(x),
        getElementTypeOrSelf(op.getY()))};
  }
};

/// input + skip + bias, summed in the type of the computation.
Value sumSkip(LoweringBuilder &b, Value input, Value skip, Value bias) {
  SmallVector<Value> terms{input, skip};
  if (bias)
    terms.push_back(bias);
  Type type = elementType(input), compute = computeTypeOf(input);
  return elementwise(b, terms, broadcastExtents(b, terms), compute,
                     [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                       Value sum = castScalar(inner, args[0], type, compute);
                       for (Value arg : args.drop_front())
                         sum = addScalars(
                             inner, sum, castScalar(inner, arg, type, compute));
                       return sum;
                     });
}

/// onnx.ms.SkipSimplifiedLayerNormalization %x, %skip, %gamma
///   -> linalg.generic { x + skip }, its sums of squares, linalg.generic
struct LowerSkipSimplifiedLayerNormalization
    : public LoweringPattern<MSSkipSimplifiedLayerNormalizationOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(MSSkipSimplifiedLayerNormalizationOp op,
                                      Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x =
        sumSkip(b, adaptor.getInput(), adaptor.getSkip(), adaptor.getBias());
    Type type = elementType(adaptor.getInput());
    int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
    SmallVector<Value> results{
        rootMeanSquareNormalize(b, x, adaptor.getGamma(), allLoops(rank - 1),
                                op.getEpsilon(), elementType(x), type)};
    if (op.getInputSkipBiasSum())
      results.push_back(convertElements(b, x, type));
    return results;
  }
};

/// onnx.ms.SkipLayerNormalization %x, %skip, %gamma beta %beta
///   -> linalg.generic { x + skip }, its mean and variance, linalg.generic
struct LowerSkipLayerNormalization
    : public LoweringPattern<MSSkipLayerNormalizationOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(MSSkipLayerNormalizationOp op,
                                      Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x =
        sumSkip(b, adaptor.getInput(), adaptor.getSkip(), adaptor.getBias());
    Type type = elementType(adaptor.getInput()), compute = elementType(x);
    Extents domain = extentsOf(b, x);
    int64_t rank = domain.size();
    SmallVector<int64_t> kept = allLoops(rank - 1);
    Moments moments = momentsOver(b, x, kept, compute);
    SmallVector<IndexedTensor> inputs{{x, allLoops(rank)},
                                      {moments.mean, kept},
                                      {moments.variance, kept},
                                      trailing(adaptor.getGamma(), rank)};
    if (adaptor.getBeta())
      inputs.push_back(trailing(adaptor.getBeta(), rank));
    SmallVector<Value> results{mapOver(
        b, inputs, domain, compute, type,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value safe = arith::AddFOp::create(
              inner, args[2],
              floatConstant(inner, compute, op.getEpsilon().convertToFloat()));
          Value centred = arith::SubFOp::create(inner, args[0], args[1]);
          Value unit = arith::DivFOp::create(inner, centred,
                                             math::SqrtOp::create(inner, safe));
          Value scaled = mulScalars(inner, unit, args[3]);
          return args.size() > 4 ? addScalars(inner, scaled, args[4]) : scaled;
        })};
    if (op.getInputSkipBiasSum())
      results.push_back(convertElements(b, x, type));
    return results;
  }
};

//===----------------------------------------------------------------------===//
// FusedMatMul
//===----------------------------------------------------------------------===//

/// onnx.ms.FusedMatMul %a, %b {alpha, transA, transB}
///   -> linalg.transpose, the product, linalg.generic { alpha * product }
struct LowerFusedMatMul : public LoweringPattern<MSFusedMatMulOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(MSFusedMatMulOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value lhs = arrange(b, adaptor.getA(), op.getTransBatchA(), op.getTransA());
    Value rhs = arrange(b, adaptor.getB(), op.getTransBatchB(), op.getTransB());
    Value product = matMul(b, lhs, rhs);
    if (op.getAlpha().isExactlyValue(1.0))
      return SmallVector<Value>{product};
    Type type = elementType(product), compute = computeTypeOf(product);
    return SmallVector<Value>{elementwise(
        b, product, extentsOf(b, product), type,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value scaled = mulScalars(
              inner, castScalar(inner, args[0], type, compute),
              floatConstant(inner, compute, op.getAlpha().convertToFloat()));
          return castScalar(inner, scaled, compute, type);
        })};
  }

private:
  /// The batch dim goes ahead of the last one first, then the last two swap.
  static Value arrange(LoweringBuilder &b, Value tensor, bool movesBatch,
                       bool swaps) {
    int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
    if (rank < 2 || (!movesBatch && !swaps))
      return tensor;
    SmallVector<int64_t> order = allLoops(rank);
    if (movesBatch)
      std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
    if (swaps)
      std::swap(order[rank - 2], order[rank - 1]);
    return transposed(b, tensor, order);
  }
};

//===----------------------------------------------------------------------===//
// RotaryEmbedding
//===----------------------------------------------------------------------===//

/// onnx.ms.RotaryEmbedding %x, %positions, %cos, %sin
///   -> rt.require (positions in range), then a linalg.generic over the result
///      that reads the element, its partner and their angle
struct LowerRotaryEmbedding : public LoweringPattern<MSRotaryEmbeddingOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(MSRotaryEmbeddingOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getInput(), cosines = adaptor.getCosCache();
    Extents extents = extentsOf(b, input);
    bool isFlat = extents.size() == 3;
    OpFoldResult half = extentOf(b, cosines, 1);
    OpFoldResult rotated = mulExtents(b, half, b.getIndexAttr(2));
    OpFoldResult width = rotated;
    if (!isFlat)
      width = extents[3];
    else if (op.getNumHeads())
      width = b.createOrFold<arith::DivUIOp>(
          indexValue(b, extents[2]),
          indexConstant(b, static_cast<int64_t>(op.getNumHeads())));
    OpFoldResult sequence = extents[isFlat ? 1 : 2];
    checkShapes(op, adaptor, b, width, rotated, sequence, extents[0]);

    Type type = elementType(input), compute = computeTypeOf(input);
    bool isInterleaved = op.getInterleaved() != 0;
    Value widthValue = indexValue(b, width), halfValue = indexValue(b, half);
    Value rotatedValue = indexValue(b, rotated);
    Value positions = adaptor.getPositionIds();
    bool isOffset = cast<RankedTensorType>(positions.getType()).getRank() == 1;
    Value result = generate(
        b, extents, type, [&](ImplicitLocOpBuilder &in, ValueRange at) {
          auto read = [&](Value tensor, ValueRange indices) {
            return castScalar(in,
                              tensor::ExtractOp::create(in, tensor, indices),
                              elementType(tensor), compute);
          };
          Value place = at[isFlat ? 1 : 2];
          Value element = at.back();
          if (isFlat)
            element = arith::RemUIOp::create(in, element, widthValue);
          Value position = tensor::ExtractOp::create(
              in, positions,
              isOffset ? SmallVector<Value>{indexConstant(in, 0)}
                       : SmallVector<Value>{at[0], place});
          position =
              arith::IndexCastOp::create(in, in.getIndexType(), position);
          if (isOffset)
            position = arith::AddIOp::create(in, position, place);

          // The pair of `element`: its angle, its partner, and whether it is
          // the pair's first.
          Value one = indexConstant(in, 1), two = indexConstant(in, 2);
          Value isRotated = arith::CmpIOp::create(in, arith::CmpIPredicate::ult,
                                                  element, rotatedValue);
          Value isFirst, angle, distance;
          if (isInterleaved) {
            Value parity = arith::RemUIOp::create(in, element, two);
            isFirst = arith::CmpIOp::create(in, arith::CmpIPredicate::ult,
                                            parity, one);
            angle = arith::DivUIOp::create(in, element, two);
            distance = one;
          } else {
            isFirst = arith::CmpIOp::create(in, arith::CmpIPredicate::ult,
                                            element, halfValue);
            Value back = arith::SubIOp::create(in, element, halfValue);
            angle = arith::SelectOp::create(in, isFirst, element, back);
            distance = halfValue;
          }
          // Elements that are not rotated read what exists.
          angle = arith::SelectOp::create(in, isRotated, angle,
                                          indexConstant(in, 0));
          Value ahead = arith::AddIOp::create(in, at.back(), distance);
          Value behind = arith::SubIOp::create(in, at.back(), distance);
          Value partner = arith::SelectOp::create(in, isFirst, ahead, behind);
          partner = arith::SelectOp::create(in, isRotated, partner, at.back());
          SmallVector<Value> partnerAt(at);
          partnerAt.back() = partner;

          Value x = read(input, at), y = read(input, partnerAt);
          Value cosine = read(cosines, {position, angle});
          Value sine = read(adaptor.getSinCache(), {position, angle});
          Value negated = arith::NegFOp::create(in, sine);
          Value signedSine =
              arith::SelectOp::create(in, isFirst, negated, sine);
          Value turned = addScalars(in, mulScalars(in, x, cosine),
                                    mulScalars(in, y, signedSine));
          Value value = arith::SelectOp::create(in, isRotated, turned, x);
          return castScalar(in, value, compute, type);
        });
    return SmallVector<Value>{result};
  }

private:
  /// Caches as wide as half of what is rotated, positions inside of them.
  static void checkShapes(MSRotaryEmbeddingOp op, Adaptor adaptor,
                          LoweringBuilder &b, OpFoldResult width,
                          OpFoldResult rotated, OpFoldResult sequence,
                          OpFoldResult batch) {
    Value cosines = adaptor.getCosCache(), sines = adaptor.getSinCache();
    Value positions = adaptor.getPositionIds();
    for (int64_t i = 0; i < 2; ++i)
      requireEqual(b, extentOf(b, cosines, i), extentOf(b, sines, i),
                   "caches must have equal shapes");
    int64_t dims = op.getRotaryEmbeddingDim();
    OpFoldResult expected = dims ? OpFoldResult(b.getIndexAttr(dims)) : width;
    require(b,
            b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq,
                                          indexValue(b, rotated),
                                          indexValue(b, expected)),
            "caches must be half as wide as the rotated part of a head");
    Value limit = indexValue(b, extentOf(b, cosines, 0));
    bool isOffset = cast<RankedTensorType>(positions.getType()).getRank() == 1;
    if (isOffset) {
      requireEqual(b, extentOf(b, positions, 0), b.getIndexAttr(1),
                   "position_ids must hold one offset");
      // The last position is the offset plus the sequence, less one.
      limit = arith::AddIOp::create(
          b, arith::SubIOp::create(b, limit, indexValue(b, sequence)),
          indexConstant(b, 1));
    } else {
      requireEqual(b, extentOf(b, positions, 0), batch,
                   "position_ids must have the input's batch");
      requireEqual(b, extentOf(b, positions, 1), sequence,
                   "position_ids must have the input's sequence");
    }
    Value inRange =
        allOf(b, positions, [&](ImplicitLocOpBuilder &inner, Value position) {
          Value index =
              arith::IndexCastOp::create(inner, inner.getIndexType(), position);
          Value isLow = arith::CmpIOp::create(inner, arith::CmpIPredicate::sge,
                                              index, indexConstant(inner, 0));
          Value isHigh = arith::CmpIOp::create(inner, arith::CmpIPredicate::slt,
                                               index, limit);
          return arith::AndIOp::create(inner, isLow, isHigh).getResult();
        });
    require(b, inRange, "positions must be in the range of the caches");
  }
};
} // namespace

void moe::onnx::populateMicrosoftPatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<
      LowerActivation<MSGeluOp, emitGelu>,
      LowerActivation<MSBiasGeluOp, emitGelu>,
      LowerActivation<MSFastGeluOp, emitFastGelu>,
      LowerActivation<MSQuickGeluOp, emitQuickGelu>,
      LowerSimplifiedLayerNormalization, LowerSkipSimplifiedLayerNormalization,
      LowerSkipLayerNormalization, LowerFusedMatMul, LowerRotaryEmbedding>(
      converter, patterns.getContext());
}
