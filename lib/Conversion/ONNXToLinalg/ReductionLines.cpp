//===- ReductionLines.cpp - Softmax and what normalises lines -------------===//
#include "Reduction.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// The lines of one axis of `data`.
ReductionSpace makeLineSpace(LoweringBuilder &b, Value data, int64_t axis) {
  int64_t rank = cast<RankedTensorType>(data.getType()).getRank();
  llvm::SmallBitVector reduced(rank);
  reduced.set(normalizeAxis(axis, rank));
  return makeReductionSpace(b, data, reduced);
}

/// A float scalar in the accumulator's type.
Value widen(ImplicitLocOpBuilder &b, Value value) {
  return castScalar(b, value, value.getType(),
                    accumulatorType(value.getType()));
}

/// `value`, of an accumulator's type, as an operator of the function body that
/// ONNX gives for Softmax would leave it: rounded to `type`.
Value rounded(ImplicitLocOpBuilder &b, Value value, Type type) {
  return widen(b, castScalar(b, value, value.getType(), type));
}

/// The greatest element of each line, and the sum of exp(x - greatest).
struct LineStatistics {
  Value greatest, sum;
};

LineStatistics computeStatistics(LoweringBuilder &b,
                                 const ReductionSpace &space) {
  Type type = elementType(space.data), wide = accumulatorType(type);
  LineStatistics result;
  result.greatest = reduceTensor(
      b, space, {}, extremeConstant(b, wide, /*greatest=*/false, false),
      [](ImplicitLocOpBuilder &inner, Value element, ValueRange,
         Value accumulator) {
        return maxScalars(inner, accumulator, widen(inner, element), false);
      });
  result.sum = reduceTensor(
      b, space, result.greatest, zeroConstant(b, wide),
      [&](ImplicitLocOpBuilder &inner, Value element, ValueRange others,
          Value accumulator) -> Value {
        Value reduced =
            arith::SubFOp::create(inner, widen(inner, element), others[0]);
        Value power = math::ExpOp::create(inner, rounded(inner, reduced, type));
        return arith::AddFOp::create(inner, accumulator,
                                     rounded(inner, power, type));
      });
  return result;
}

/// onnx.Softmax %x
///   -> m = max of each line; s = sum of exp(x - m); exp(x - m) / s
/// and LogSoftmax: (x - m) - log(s). Three linalg.generics. On 16-bit floats
/// each step rounds, as ONNX's function body does; the sum is taken in f32.
template <typename OpTy> struct LowerSoftmax : public LoweringPattern<OpTy> {
  using LoweringPattern<OpTy>::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(OpTy op, typename OpTy::Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getInput();
    ReductionSpace space = makeLineSpace(b, data, op.getAxis());
    LineStatistics statistics = computeStatistics(b, space);
    Value greatest = expandReduced(b, space, statistics.greatest);
    Value sum = expandReduced(b, space, statistics.sum);
    Type type = elementType(data);
    auto body = [&](ImplicitLocOpBuilder &inner, ValueRange args) -> Value {
      Value x = arith::SubFOp::create(inner, widen(inner, args[0]), args[1]);
      x = rounded(inner, x, type);
      Value lineSum = rounded(inner, args[2], type);
      Value result;
      if constexpr (std::is_same_v<OpTy, LogSoftmaxOp>) {
        Value log = math::LogOp::create(inner, lineSum);
        result = arith::SubFOp::create(inner, x, rounded(inner, log, type));
      } else {
        Value power = math::ExpOp::create(inner, x);
        result =
            arith::DivFOp::create(inner, rounded(inner, power, type), lineSum);
      }
      return castScalar(inner, result, result.getType(), type);
    };
    return SmallVector<Value>{
        elementwise(b, {data, greatest, sum}, space.inExtents, type, body)};
  }
};

/// onnx.Hardmax %x -> position == argmax of its line ? 1 : 0
struct LowerHardmax : public LoweringPattern<HardmaxOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(HardmaxOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getInput();
    Type type = elementType(data);
    ReductionSpace space = makeLineSpace(b, data, op.getAxis());
    int64_t axis = space.reduced.find_first();
    Value best = expandReduced(b, space,
                               argReduce(b, data, axis, /*greatest=*/true,
                                         /*last=*/false,
                                         /*isUnsignedType=*/false));
    auto body = [&](ImplicitLocOpBuilder &inner, ValueRange args) -> Value {
      Value position = arith::IndexCastOp::create(
          inner, inner.getI64Type(), linalg::IndexOp::create(inner, axis));
      Value isBest = arith::CmpIOp::create(inner, arith::CmpIPredicate::eq,
                                           position, args[0]);
      return castScalar(inner, isBest, inner.getI1Type(), type);
    };
    return SmallVector<Value>{
        elementwise(b, best, space.inExtents, type, body)};
  }
};

/// onnx.LpNormalization %x -> x / norm of its line, 0 where that is 0
struct LowerLpNormalization : public LoweringPattern<LpNormalizationOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(LpNormalizationOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getInput();
    Type type = elementType(data), wide = accumulatorType(type);
    bool isSquare = op.getP() == 2;
    ReductionSpace space = makeLineSpace(b, data, op.getAxis());
    Value sum = reduceTensor(
        b, space, {}, zeroConstant(b, wide),
        [&](ImplicitLocOpBuilder &inner, Value element, ValueRange,
            Value accumulator) {
          Value x = widen(inner, element);
          Value term = isSquare ? mulScalars(inner, x, x)
                                : math::AbsFOp::create(inner, x).getResult();
          return addScalars(inner, accumulator, term);
        });
    auto body = [&](ImplicitLocOpBuilder &inner, ValueRange args) -> Value {
      Value x = widen(inner, args[0]), norm = args[1];
      if (isSquare)
        norm = math::SqrtOp::create(inner, norm);
      Value zero = zeroConstant(inner, wide);
      Value isZero =
          arith::CmpFOp::create(inner, arith::CmpFPredicate::OEQ, norm, zero);
      Value result = arith::SelectOp::create(
          inner, isZero, zero, arith::DivFOp::create(inner, x, norm));
      return castScalar(inner, result, wide, type);
    };
    return SmallVector<Value>{elementwise(
        b, {data, expandReduced(b, space, sum)}, space.inExtents, type, body)};
  }
};
} // namespace

void moe::onnx::populateLinePatterns(const LoweringTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<LowerSoftmax<SoftmaxOp>, LowerSoftmax<LogSoftmaxOp>,
               LowerHardmax, LowerLpNormalization>(converter,
                                                   patterns.getContext());
}
