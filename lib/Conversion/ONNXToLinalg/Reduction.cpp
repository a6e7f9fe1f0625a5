//===- Reduction.cpp - Reductions over axes -------------------------------===//
//
// One pattern lowers every op of ReduceOpInterface; the table below says what
// each accumulates and how it ends.
//
//===----------------------------------------------------------------------===//
#include "Reduction.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// Scalars of one reduction. `original` is the ONNX element type; the
/// accumulator is of accumulatorType.
struct ReduceEntry {
  StringLiteral name;
  /// The next accumulator.
  Value (*step)(ImplicitLocOpBuilder &b, Value element, Value accumulator,
                Type original);
  /// The outcome of no elements.
  Value (*identity)(ImplicitLocOpBuilder &b, Type type, Type original);
  /// The result from the accumulator and the number of elements, an i64; null
  /// where it is the accumulator.
  Value (*finish)(ImplicitLocOpBuilder &b, Value accumulator, Value count,
                  Type original);
};

Value identityZero(ImplicitLocOpBuilder &b, Type type, Type) {
  return zeroConstant(b, type);
}

Value identityOne(ImplicitLocOpBuilder &b, Type type, Type) {
  if (isa<FloatType>(type))
    return floatConstant(b, type, 1);
  return intConstant(b, type, 1);
}

template <bool greatest>
Value identityExtreme(ImplicitLocOpBuilder &b, Type type, Type original) {
  return extremeConstant(b, type, greatest, isUnsigned(original));
}

Value stepSum(ImplicitLocOpBuilder &b, Value element, Value accumulator, Type) {
  return addScalars(b, accumulator, element);
}

Value stepProduct(ImplicitLocOpBuilder &b, Value element, Value accumulator,
                  Type) {
  return mulScalars(b, accumulator, element);
}

Value stepMax(ImplicitLocOpBuilder &b, Value element, Value accumulator,
              Type original) {
  return maxScalars(b, accumulator, element, isUnsigned(original));
}

Value stepMin(ImplicitLocOpBuilder &b, Value element, Value accumulator,
              Type original) {
  return minScalars(b, accumulator, element, isUnsigned(original));
}

Value stepSumSquare(ImplicitLocOpBuilder &b, Value element, Value accumulator,
                    Type) {
  return addScalars(b, accumulator, mulScalars(b, element, element));
}

Value stepSumAbs(ImplicitLocOpBuilder &b, Value element, Value accumulator,
                 Type original) {
  if (isa<FloatType>(original))
    element = math::AbsFOp::create(b, element);
  else if (!isUnsigned(original))
    element = arith::MaxSIOp::create(
        b, element,
        arith::SubIOp::create(b, zeroConstant(b, element.getType()), element));
  return addScalars(b, accumulator, element);
}

Value finishMean(ImplicitLocOpBuilder &b, Value accumulator, Value count,
                 Type original) {
  Type type = accumulator.getType();
  if (isa<FloatType>(type))
    return arith::DivFOp::create(b, accumulator,
                                 castScalar(b, count, count.getType(), type));
  // Of no integers: 0 / 1.
  count = arith::MaxSIOp::create(b, count, intConstant(b, count.getType(), 1));
  count = castScalar(b, count, count.getType(), type);
  if (isUnsigned(original))
    return arith::DivUIOp::create(b, accumulator, count);
  return arith::DivSIOp::create(b, accumulator, count);
}

Value finishLog(ImplicitLocOpBuilder &b, Value accumulator, Value, Type) {
  return math::LogOp::create(b, accumulator);
}

Value finishSqrt(ImplicitLocOpBuilder &b, Value accumulator, Value,
                 Type original) {
  if (isa<FloatType>(original))
    return math::SqrtOp::create(b, accumulator);
  Value root = math::SqrtOp::create(
      b, castScalar(b, accumulator, original, b.getF64Type()));
  return castScalar(b, root, b.getF64Type(), original);
}

const ReduceEntry table[] = {
    {ReduceL1Op::getOperationName(), stepSumAbs, identityZero, nullptr},
    {ReduceL2Op::getOperationName(), stepSumSquare, identityZero, finishSqrt},
    {ReduceLogSumOp::getOperationName(), stepSum, identityZero, finishLog},
    // The sum of exponentials is written by lowerLogSumExp.
    {ReduceLogSumExpOp::getOperationName(), stepMax, identityExtreme<false>,
     nullptr},
    {ReduceMaxOp::getOperationName(), stepMax, identityExtreme<false>, nullptr},
    {ReduceMeanOp::getOperationName(), stepSum, identityZero, finishMean},
    {ReduceMinOp::getOperationName(), stepMin, identityExtreme<true>, nullptr},
    {ReduceProdOp::getOperationName(), stepProduct, identityOne, nullptr},
    {ReduceSumOp::getOperationName(), stepSum, identityZero, nullptr},
    {ReduceSumSquareOp::getOperationName(), stepSumSquare, identityZero,
     nullptr},
};

/// onnx.ReduceSum %x, axes = constant
///   -> linalg.generic {parallel, reduction} ins(%x) outs(fill) { arith.addf },
///      then tensor.expand_shape where dims are kept
/// onnx.ReduceSum %x, %axes
///   -> scf.for over all dims that accumulates in place, then tensor.reshape
///      where dims are dropped
struct LowerReduce : public TableLoweringPattern<ReduceEntry> {
  using TableLoweringPattern::TableLoweringPattern;

  FailureOr<SmallVector<Value>> lower(Operation *op, ValueRange operands,
                                      LoweringBuilder &b) const override {
    auto reduce = cast<ReduceOpInterface>(op);
    std::optional<SmallVector<int64_t>> axes = SmallVector<int64_t>();
    if (reduce.getAxes())
      axes = getConstantInts(reduce.getAxes());
    ReductionSpace space =
        axes ? makeKnownSpace(b, reduce, operands[0], *axes)
             : makeMaskedSpace(b, reduce, operands[0], operands[1]);
    Value outcome = lowerReduction(b, op, space);
    if (axes)
      return SmallVector<Value>{
          reduce.getKeepdims() ? expandReduced(b, space, outcome) : outcome};
    if (reduce.getKeepdims())
      return SmallVector<Value>{outcome};
    auto type = cast<RankedTensorType>(
        getTypeConverter()->convertType(op->getResult(0).getType()));
    return SmallVector<Value>{dropMaskedDims(b, space, outcome, type)};
  }

private:
  ReductionSpace makeKnownSpace(LoweringBuilder &b, ReduceOpInterface op,
                                Value data, ArrayRef<int64_t> axes) const {
    int64_t rank = cast<RankedTensorType>(data.getType()).getRank();
    llvm::SmallBitVector reduced(rank);
    for (int64_t axis : axes)
      reduced.set(normalizeAxis(axis, rank));
    if (axes.empty() && !op.getNoopWithEmptyAxes())
      reduced.set();
    return makeReductionSpace(b, data, reduced);
  }

  /// mask[d] = any(axes == d or axes == d - rank), or all where there are none.
  ReductionSpace makeMaskedSpace(LoweringBuilder &b, ReduceOpInterface op,
                                 Value data, Value axes) const {
    ReductionSpace space{data, extentsOf(b, data), {}, {}, {}};
    int64_t rank = space.inExtents.size();
    Type i64 = b.getI64Type();
    Value rankValue = intConstant(b, i64, rank);
    Value isInRange = allOf(b, axes, [&](ImplicitLocOpBuilder &inner, Value v) {
      Value shifted = arith::AddIOp::create(inner, v, rankValue);
      return arith::CmpIOp::create(inner, arith::CmpIPredicate::ult, shifted,
                                   intConstant(inner, i64, 2 * rank))
          .getResult();
    });
    require(b, isInRange, "axes must be in [-rank, rank)");

    Value count = indexValue(b, extentOf(b, axes, 0));
    Value zero = indexConstant(b, 0);
    Value none =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, count, zero);
    if (op.getNoopWithEmptyAxes())
      none = intConstant(b, b.getI1Type(), 0);
    SmallVector<Value> init(rank, none);
    auto loop = scf::ForOp::create(
        b, zero, count, indexConstant(b, 1), init,
        [&](OpBuilder &nested, Location loc, Value i, ValueRange marks) {
          ImplicitLocOpBuilder inner(loc, nested);
          Value axis = tensor::ExtractOp::create(inner, axes, i);
          SmallVector<Value> next;
          for (auto [d, mark] : llvm::enumerate(marks)) {
            auto isDim = [&](int64_t value) -> Value {
              return arith::CmpIOp::create(inner, arith::CmpIPredicate::eq,
                                           axis,
                                           intConstant(inner, i64, value));
            };
            int64_t dim = d;
            Value named =
                arith::OrIOp::create(inner, isDim(dim), isDim(dim - rank));
            next.push_back(arith::OrIOp::create(inner, mark, named));
          }
          scf::YieldOp::create(inner, next);
        });
    space.mask.assign(loop.getResults().begin(), loop.getResults().end());
    for (auto [extent, isReduced] : llvm::zip(space.inExtents, space.mask)) {
      Value kept = indexValue(b, extent);
      space.outExtents.push_back(
          arith::SelectOp::create(b, isReduced, indexConstant(b, 1), kept)
              .getResult());
    }
    return space;
  }

  /// The number of elements that each outcome is made of.
  Value countElements(LoweringBuilder &b, const ReductionSpace &space) const {
    OpFoldResult count = b.getIndexAttr(1);
    for (auto [i, extent] : llvm::enumerate(space.inExtents)) {
      if (space.mask.empty() && !space.reduced[i])
        continue;
      OpFoldResult factor = extent;
      if (!space.mask.empty())
        factor =
            arith::SelectOp::create(b, space.mask[i], indexValue(b, extent),
                                    indexConstant(b, 1))
                .getResult();
      count = mulExtents(b, count, factor);
    }
    return b.createOrFold<arith::IndexCastOp>(b.getI64Type(),
                                              indexValue(b, count));
  }

  Value lowerReduction(LoweringBuilder &b, Operation *op,
                       const ReductionSpace &space) const {
    Type original = elementType(op->getOperand(0));
    Type type = elementType(space.data), wide = accumulatorType(type);
    Value accumulated =
        reduceTensor(b, space, {}, entry.identity(b, wide, original),
                     [&](ImplicitLocOpBuilder &inner, Value element, ValueRange,
                         Value accumulator) {
                       element = castScalar(inner, element, type, wide);
                       return entry.step(inner, element, accumulator, original);
                     });
    if (isa<ReduceLogSumExpOp>(op))
      return lowerLogSumExp(b, space, accumulated);
    if (!entry.finish && wide == type)
      return accumulated;
    Value count;
    if (entry.finish)
      count = countElements(b, space);
    return elementwise(b, accumulated, space.outExtents, type,
                       [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                         Value value = args[0];
                         if (entry.finish)
                           value = entry.finish(inner, value, count, original);
                         return wide == type
                                    ? value
                                    : castScalar(inner, value, wide, type);
                       });
  }

  /// log(sum of exp(x - m)) + m, m the greatest element, or 0 where that is not
  /// finite.
  Value lowerLogSumExp(LoweringBuilder &b, const ReductionSpace &space,
                       Value greatest) const {
    Type type = elementType(space.data), wide = accumulatorType(type);
    auto shift = [&](ImplicitLocOpBuilder &inner, Value value) -> Value {
      Value size = math::AbsFOp::create(inner, value);
      Value isFinite = arith::CmpFOp::create(
          inner, arith::CmpFPredicate::OLT, size,
          extremeConstant(inner, wide, /*greatest=*/true, false));
      return arith::SelectOp::create(inner, isFinite, value,
                                     zeroConstant(inner, wide));
    };
    Value sum = reduceTensor(
        b, space, greatest, zeroConstant(b, wide),
        [&](ImplicitLocOpBuilder &inner, Value element, ValueRange others,
            Value accumulator) -> Value {
          Value x = castScalar(inner, element, type, wide);
          Value reduced =
              arith::SubFOp::create(inner, x, shift(inner, others[0]));
          return arith::AddFOp::create(inner, accumulator,
                                       math::ExpOp::create(inner, reduced));
        });
    return elementwise(b, {sum, greatest}, space.outExtents, type,
                       [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                         Value log = math::LogOp::create(inner, args[0]);
                         Value value = arith::AddFOp::create(
                             inner, log, shift(inner, args[1]));
                         return castScalar(inner, value, wide, type);
                       });
  }

  /// tensor.reshape to the extents of the dims that are not reduced: the j-th
  /// is that of the dim with j kept dims ahead of it.
  Value dropMaskedDims(LoweringBuilder &b, const ReductionSpace &space,
                       Value outcome, RankedTensorType type) const {
    Value zero = indexConstant(b, 0), one = indexConstant(b, 1);
    SmallVector<Value> extents(type.getRank(), one);
    Value ahead = zero;
    for (auto [extent, isReduced] : llvm::zip(space.inExtents, space.mask)) {
      for (auto [j, result] : llvm::enumerate(extents)) {
        Value isJth = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, ahead,
                                            indexConstant(b, j));
        Value chosen = arith::SelectOp::create(b, isReduced, result,
                                               indexValue(b, extent));
        result = arith::SelectOp::create(b, isJth, chosen, result);
      }
      Value step = arith::SelectOp::create(b, isReduced, zero, one);
      ahead = arith::AddIOp::create(b, ahead, step);
    }
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, ahead,
                                       indexConstant(b, type.getRank()));
    require(b, fits, "the number of axes must give the rank of the result");
    for (auto [j, extent] : llvm::enumerate(extents))
      if (!type.isDynamicDim(j)) {
        Value matches =
            arith::CmpIOp::create(b, arith::CmpIPredicate::eq, extent,
                                  indexConstant(b, type.getDimSize(j)));
        require(b, matches, "the result must have the model's shape");
      }
    auto shapeType = RankedTensorType::get({type.getRank()}, b.getIndexType());
    Value shape = tensor::FromElementsOp::create(b, shapeType, extents);
    return tensor::ReshapeOp::create(b, type, outcome, shape);
  }
};

/// onnx.ArgMax %x -> linalg.generic with two outcomes: best value and its index
template <typename OpTy, bool greatest>
struct LowerArg : public LoweringPattern<OpTy> {
  using LoweringPattern<OpTy>::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(OpTy op, typename OpTy::Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    RankedTensorType type = op.getData().getType();
    int64_t axis = normalizeAxis(op.getAxis(), type.getRank());
    OpFoldResult extent = extentOf(b, adaptor.getData(), axis);
    Value isFilled = b.createOrFold<arith::CmpIOp>(
        arith::CmpIPredicate::ne, indexValue(b, extent), indexConstant(b, 0));
    require(b, isFilled, "the axis must not be empty");
    Value index = argReduce(b, adaptor.getData(), axis, greatest,
                            op.getSelectLastIndex() != 0,
                            isUnsigned(type.getElementType()));
    if (!op.getKeepdims())
      return SmallVector<Value>{index};
    llvm::SmallBitVector reduced(type.getRank());
    reduced.set(axis);
    return SmallVector<Value>{expandReduced(
        b, makeReductionSpace(b, adaptor.getData(), reduced), index)};
  }
};
} // namespace

void moe::onnx::populateReductionPatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  for (const ReduceEntry &entry : table)
    patterns.add<LowerReduce>(converter, entry, patterns.getContext());
  patterns.add<LowerArg<ArgMaxOp, true>, LowerArg<ArgMinOp, false>>(
      converter, patterns.getContext());
  populateLinePatterns(converter, patterns);
  populateScanPatterns(converter, patterns);
  populateSortPatterns(converter, patterns);
}
