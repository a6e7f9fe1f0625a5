//===- Scan.cpp - Running sums and products -------------------------------===//
#include "Reduction.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// onnx.CumSum %x, %axis
///   -> a nest of scf.for over all dims, in row-major order, so that the
///      element ahead on the axis is there already:
///        at = index, counted from the end of the axis for reverse
///        sum[at] = sum[ahead of at] + x[at]
///      exclusive takes x[ahead of at] instead, and nothing at the start.
/// The axis may be a value: each dim asks whether it is the axis.
template <typename OpTy, bool product>
struct LowerCumulative : public LoweringPattern<OpTy> {
  using LoweringPattern<OpTy>::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(OpTy op, typename OpTy::Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getX();
    Type type = elementType(data), wide = accumulatorType(type);
    Extents extents = extentsOf(b, data);
    SmallVector<Value> isAxis = matchDims(b, adaptor.getAxis(), extents.size());
    Value zero = indexConstant(b, 0), one = indexConstant(b, 1);
    SmallVector<Value> upper, lower(extents.size(), zero),
        steps(extents.size(), one);
    for (OpFoldResult extent : extents)
      upper.push_back(indexValue(b, extent));
    bool reverse = op.getReverse() != 0, exclusive = op.getExclusive() != 0;

    Value init = emptyTensor(b, extents, wide);
    auto nest = scf::buildLoopNest(
        b, b.getLoc(), lower, upper, steps, init,
        [&](OpBuilder &nested, Location loc, ValueRange index,
            ValueRange iterArgs) -> scf::ValueVector {
          ImplicitLocOpBuilder inner(loc, nested);
          SmallVector<Value> at, ahead;
          Value isFirst = intConstant(inner, inner.getI1Type(), 0);
          for (auto [i, extent, onAxis] : llvm::zip(index, upper, isAxis)) {
            // Ahead is the index before i; at the start it is not used.
            Value starts =
                arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, i, zero);
            starts = arith::AndIOp::create(inner, starts, onAxis);
            isFirst = arith::OrIOp::create(inner, isFirst, starts);
            Value step = arith::SelectOp::create(inner, onAxis, one, zero);
            step = arith::SelectOp::create(inner, starts, zero, step);
            Value before = arith::SubIOp::create(inner, i, step);
            at.push_back(mirror(inner, i, extent, onAxis, reverse));
            ahead.push_back(mirror(inner, before, extent, onAxis, reverse));
          }
          Value term =
              tensor::ExtractOp::create(inner, data, exclusive ? ahead : at);
          term = castScalar(inner, term, type, wide);
          Value sum = tensor::ExtractOp::create(inner, iterArgs[0], ahead);
          Value next = product ? mulScalars(inner, sum, term)
                               : addScalars(inner, sum, term);
          Value first = exclusive ? neutral(inner, wide) : term;
          next = arith::SelectOp::create(inner, isFirst, first, next);
          return {tensor::InsertOp::create(inner, next, iterArgs[0], at)};
        });
    Value result = nest.results.front();
    b.getLoweringContext().recordExtents(result, extents);
    if (wide == type)
      return SmallVector<Value>{result};
    return SmallVector<Value>{
        elementwise(b, result, extents, type,
                    [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                      return castScalar(inner, args[0], wide, type);
                    })};
  }

private:
  /// Per dim, whether it is the axis.
  SmallVector<Value> matchDims(LoweringBuilder &b, Value axis,
                               int64_t rank) const {
    Value scalar = extractElement(b, axis);
    Type type = scalar.getType();
    Value shifted =
        b.createOrFold<arith::AddIOp>(scalar, intConstant(b, type, rank));
    Value fits = b.createOrFold<arith::CmpIOp>(
        arith::CmpIPredicate::ult, shifted, intConstant(b, type, 2 * rank));
    require(b, fits, "the axis must be in [-rank, rank)");
    SmallVector<Value> result;
    for (int64_t dim = 0; dim < rank; ++dim) {
      auto isDim = [&](int64_t value) {
        return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, scalar,
                                             intConstant(b, type, value));
      };
      result.push_back(
          b.createOrFold<arith::OrIOp>(isDim(dim), isDim(dim - rank)));
    }
    return result;
  }

  static Value mirror(ImplicitLocOpBuilder &b, Value index, Value extent,
                      Value onAxis, bool reverse) {
    if (!reverse)
      return index;
    Value last = arith::SubIOp::create(b, extent, indexConstant(b, 1));
    Value mirrored = arith::SubIOp::create(b, last, index);
    return arith::SelectOp::create(b, onAxis, mirrored, index);
  }

  static Value neutral(ImplicitLocOpBuilder &b, Type type) {
    if (!product)
      return zeroConstant(b, type);
    if (isa<FloatType>(type))
      return floatConstant(b, type, 1);
    return intConstant(b, type, 1);
  }
};
} // namespace

void moe::onnx::populateScanPatterns(const LoweringTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns
      .add<LowerCumulative<CumSumOp, false>, LowerCumulative<CumProdOp, true>>(
          converter, patterns.getContext());
}
