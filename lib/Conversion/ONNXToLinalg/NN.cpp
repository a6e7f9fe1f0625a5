//===- NN.cpp - Normalisations without a function body, Dropout -----------===//
#include "Normalization.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// f64 stays, all else is computed in f32.
Type computeTypeOf(Value tensor) {
  Type type = elementType(tensor);
  return type.isF64() ? type : Float32Type::get(type.getContext());
}

/// (x - mean) / sqrt(variance + epsilon) * scale + bias on scalars.
Value normalizeScalar(ImplicitLocOpBuilder &b, ValueRange args,
                      const APFloat &epsilon) {
  Value x = args[0], mean = args[1], variance = args[2];
  Value safe = arith::AddFOp::create(
      b, variance, floatConstant(b, x.getType(), epsilon.convertToFloat()));
  Value centred = arith::SubFOp::create(b, x, mean);
  Value unit = arith::DivFOp::create(b, centred, math::SqrtOp::create(b, safe));
  return arith::AddFOp::create(b, arith::MulFOp::create(b, unit, args[3]),
                               args[4]);
}

/// onnx.BatchNormalization %x, ...
///   -> linalg.generic: x and the vectors of its channel
struct LowerBatchNormalization : public LoweringPattern<BatchNormalizationOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(BatchNormalizationOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    Type compute = computeTypeOf(x);
    Extents domain = extentsOf(b, x);
    SmallVector<int64_t> loops = allLoops(domain.size());
    // A rank-1 tensor has one channel, whose vectors stretch.
    SmallVector<int64_t> channel{domain.size() > 1 ? 1 : 0};
    Value mean = adaptor.getInputMean(), variance = adaptor.getInputVar();
    SmallVector<Value> running;
    if (op.getTrainingMode()) {
      if (domain.size() < 2)
        return op.emitOpError("expected X of rank 2 or more in training mode");
      Moments moments = momentsOver(b, x, channel, compute);
      if (op.getRunningMean())
        running.push_back(
            blend(op, mean, moments.mean, op.getRunningMean(), b));
      if (op.getRunningVar())
        running.push_back(
            blend(op, variance, moments.variance, op.getRunningVar(), b));
      mean = moments.mean;
      variance = moments.variance;
    }
    SmallVector<Value> results{
        mapOver(b,
                {{x, loops},
                 {mean, channel},
                 {variance, channel},
                 {adaptor.getScale(), channel},
                 {adaptor.getB(), channel}},
                domain, compute, elementType(x),
                [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                  return normalizeScalar(inner, args, op.getEpsilon());
                })};
    results.append(running);
    return results;
  }

private:
  /// input * momentum + current * (1 - momentum)
  static Value blend(BatchNormalizationOp op, Value input, Value current,
                     Value result, LoweringBuilder &b) {
    Type compute = elementType(current);
    float momentum = op.getMomentum().convertToFloat();
    return mapOver(
        b, {{input, {0}}, {current, {0}}}, extentsOf(b, current), compute,
        elementType(result), [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value keep = floatConstant(inner, compute, momentum);
          Value take = floatConstant(inner, compute, 1.0f - momentum);
          return arith::AddFOp::create(
                     inner, arith::MulFOp::create(inner, args[0], keep),
                     arith::MulFOp::create(inner, args[1], take))
              .getResult();
        });
  }
};

/// onnx.InstanceNormalization %x, %scale, %b
///   -> mean and variance per instance and channel, then linalg.generic
struct LowerInstanceNormalization
    : public LoweringPattern<InstanceNormalizationOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(InstanceNormalizationOp op,
                                      Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getInput();
    Type compute = computeTypeOf(x);
    Extents domain = extentsOf(b, x);
    Moments moments = momentsOver(b, x, {0, 1}, compute);
    return SmallVector<Value>{
        mapOver(b,
                {{x, allLoops(domain.size())},
                 {moments.mean, {0, 1}},
                 {moments.variance, {0, 1}},
                 {adaptor.getScale(), {1}},
                 {adaptor.getB(), {1}}},
                domain, compute, elementType(x),
                [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                  return normalizeScalar(inner, args, op.getEpsilon());
                })};
  }
};

/// onnx.LRN %x {size}
///   -> sums of squares over a window of channels (loops n, c, w, d...), then
///      linalg.generic { x / (bias + alpha / size * sum)^beta }
struct LowerLRN : public LoweringPattern<LRNOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(LRNOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    Type type = elementType(x), compute = computeTypeOf(x);
    Extents domain = extentsOf(b, x);
    int64_t rank = domain.size(), size = op.getSize();
    // The window is a loop of its own, ahead of the spatial dims.
    Value window = emptyTensor(b, {b.getIndexAttr(size)}, b.getI1Type());
    SmallVector<AffineExpr> exprs;
    for (int64_t i = 0; i < rank; ++i)
      exprs.push_back(b.getAffineDimExpr(i < 2 ? i : i + 1));
    SmallVector<AffineMap> maps{
        AffineMap::get(rank + 1, 0, b.getAffineDimExpr(2)),
        AffineMap::get(rank + 1, 0, exprs, b.getContext())};
    SmallVector<utils::IteratorType> iterators(rank + 1,
                                               utils::IteratorType::parallel);
    iterators[2] = utils::IteratorType::reduction;
    Value channels = indexValue(b, domain[1]);
    Value sums = loopsOver(b, window, maps, iterators,
                           filledTensor(b, domain, zeroConstant(b, compute)),
                           [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                             return addSquare(inner, x, rank, (size - 1) / 2,
                                              channels, args.back());
                           });
    float alpha = op.getAlpha().convertToFloat() / static_cast<float>(size);
    SmallVector<int64_t> loops = allLoops(rank);
    return SmallVector<Value>{mapOver(
        b, {{x, loops}, {sums, loops}}, domain, compute, type,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value scaled = arith::MulFOp::create(
              inner, args[1], floatConstant(inner, compute, alpha));
          Value base = arith::AddFOp::create(
              inner, scaled,
              floatConstant(inner, compute, op.getBias().convertToFloat()));
          Value power = math::PowFOp::create(
              inner, base,
              floatConstant(inner, compute, op.getBeta().convertToFloat()));
          return arith::DivFOp::create(inner, args[0], power).getResult();
        })};
  }

private:
  /// `sum` plus the square of channel c + w - before, if there is one.
  static Value addSquare(ImplicitLocOpBuilder &b, Value x, int64_t rank,
                         int64_t before, Value channels, Value sum) {
    Value channel = linalg::IndexOp::create(b, 1);
    Value shifted = arith::SubIOp::create(
        b, arith::AddIOp::create(b, channel, linalg::IndexOp::create(b, 2)),
        indexConstant(b, before));
    // As unsigned, a negative channel is beyond all of them.
    Value exists =
        arith::CmpIOp::create(b, arith::CmpIPredicate::ult, shifted, channels);
    Value safe = arith::SelectOp::create(b, exists, shifted, channel);
    SmallVector<Value> indices{linalg::IndexOp::create(b, 0), safe};
    for (int64_t i = 2; i < rank; ++i)
      indices.push_back(linalg::IndexOp::create(b, i + 1));
    Value element = castScalar(b, tensor::ExtractOp::create(b, x, indices),
                               elementType(x), sum.getType());
    Value more = addScalars(b, sum, mulScalars(b, element, element));
    return arith::SelectOp::create(b, exists, more, sum);
  }
};

/// Whether `value` is absent or the constant `expected`.
bool isConstant(Value value, double expected) {
  DenseElementsAttr constant;
  if (!value)
    return true;
  if (!matchPattern(value, m_Constant(&constant)) ||
      constant.getNumElements() != 1)
    return false;
  if (isa<FloatType>(constant.getElementType()))
    return (*constant.value_begin<APFloat>()).convertToDouble() == expected;
  return static_cast<double>((*constant.value_begin<APInt>()).getZExtValue()) ==
         expected;
}

/// onnx.Dropout %x -> %x, an all-true mask
struct LowerDropout : public LoweringPattern<DropoutOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(DropoutOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    if (!isConstant(op.getTrainingMode(), 0.0) &&
        !(op.getRatio() && isConstant(op.getRatio(), 0.0)))
      return op.emitOpError("expected training_mode to be constant false, or "
                            "ratio to be constant 0: training is not "
                            "supported");
    SmallVector<Value> results{adaptor.getData()};
    if (op.getMask())
      results.push_back(filledTensor(b, extentsOf(b, adaptor.getData()),
                                     intConstant(b, b.getI1Type(), 1)));
    return results;
  }
};
} // namespace

void moe::onnx::populateNNPatterns(const LoweringTypeConverter &converter,
                                   RewritePatternSet &patterns) {
  patterns.add<LowerBatchNormalization, LowerInstanceNormalization, LowerLRN,
               LowerDropout>(converter, patterns.getContext());
}
