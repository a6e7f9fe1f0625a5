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

/// The greatest element of each line, NaN before all others.
Value computeGreatest(LoweringBuilder &b, const ReductionSpace &space) {
  Type wide = accumulatorType(elementType(space.data));
  return reduceTensor(
      b, space, {}, extremeConstant(b, wide, /*greatest=*/false, false),
      [](ImplicitLocOpBuilder &inner, Value element, ValueRange,
         Value accumulator) {
        return maxScalars(inner, accumulator, widen(inner, element), false);
      });
}

/// onnx.Softmax %x
///   -> m = max of each line
///      y, s = exp(x - m) and its sum in each line, in one pass
///      y / s, in place of y
/// and LogSoftmax: y, s = x - m and the sum of exp(y); y - log(s). On 16-bit
/// floats each step rounds, as ONNX's function body does; the sum is taken in
/// f32. An exponential takes longer than all the rest: each is computed once.
template <typename OpTy> struct LowerSoftmax : public LoweringPattern<OpTy> {
  using LoweringPattern<OpTy>::LoweringPattern;
  static constexpr bool isLog = std::is_same_v<OpTy, LogSoftmaxOp>;

  FailureOr<SmallVector<Value>> lower(OpTy op, typename OpTy::Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getInput();
    ReductionSpace space = makeLineSpace(b, data, op.getAxis());
    ReductionLoops loops = makeReductionLoops(b, space);
    Type type = elementType(data), wide = accumulatorType(type);
    Value greatest = computeGreatest(b, space);
    Value terms = emptyTensor(b, space.inExtents, type);
    Value sums = filledTensor(b, space.outExtents, zeroConstant(b, wide));
    auto pass = linalg::GenericOp::create(
        b, TypeRange{terms.getType(), sums.getType()},
        ValueRange{data, greatest}, ValueRange{terms, sums},
        ArrayRef<AffineMap>{loops.dataMap, loops.outMap, loops.dataMap,
                            loops.outMap},
        loops.iterators, [&](OpBuilder &nested, Location loc, ValueRange args) {
          ImplicitLocOpBuilder inner(loc, nested);
          emitTerm(inner, type, args);
        });
    terms = pass.getResult(0);
    sums = pass.getResult(1);
    b.getLoweringContext().recordExtents(sums, space.outExtents);
    // Per line, not per element.
    sums = elementwise(b, sums, space.outExtents, wide,
                       [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                         Value sum = rounded(inner, args[0], type);
                         if constexpr (isLog)
                           sum = rounded(inner, math::LogOp::create(inner, sum),
                                         type);
                         return sum;
                       });
    SmallVector<utils::IteratorType> parallel(loops.iterators.size(),
                                              utils::IteratorType::parallel);
    Value result =
        linalg::GenericOp::create(
            b, terms.getType(), sums, terms,
            ArrayRef<AffineMap>{loops.outMap, loops.dataMap}, parallel,
            [&](OpBuilder &nested, Location loc, ValueRange args) {
              ImplicitLocOpBuilder inner(loc, nested);
              Value term = widen(inner, args[1]), value;
              if constexpr (isLog)
                value = arith::SubFOp::create(inner, term, args[0]);
              else
                value = arith::DivFOp::create(inner, term, args[0]);
              linalg::YieldOp::create(inner,
                                      castScalar(inner, value, wide, type));
            })
            .getResult(0);
    b.getLoweringContext().recordExtents(result, space.inExtents);
    return SmallVector<Value>{result};
  }

private:
  /// Yields the term of an element and the sum with it; `args` are the element,
  /// the greatest one, what is in the term's place, and the sum so far.
  static void emitTerm(ImplicitLocOpBuilder &b, Type type, ValueRange args) {
    Value distance =
        arith::SubFOp::create(b, widen(b, args[0]), args[1]).getResult();
    distance = rounded(b, distance, type);
    Value power = rounded(b, math::ExpOp::create(b, distance), type);
    Value sum = arith::AddFOp::create(b, args[3], power);
    Value term = isLog ? distance : power;
    linalg::YieldOp::create(
        b, ValueRange{castScalar(b, term, term.getType(), type), sum});
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
