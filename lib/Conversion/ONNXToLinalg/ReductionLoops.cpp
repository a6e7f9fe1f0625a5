//===- ReductionLoops.cpp - Loops that reduce dims ------------------------===//
#include "Reduction.h"

#include <limits>

using namespace mlir;
using namespace moe::onnx;

Value moe::onnx::extremeConstant(ImplicitLocOpBuilder &b, Type type,
                                 bool greatest, bool isUnsignedType) {
  if (isa<FloatType>(type)) {
    double infinity = std::numeric_limits<double>::infinity();
    return floatConstant(b, type, greatest ? infinity : -infinity);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  APInt value = isUnsignedType ? (greatest ? APInt::getMaxValue(width)
                                           : APInt::getMinValue(width))
                               : (greatest ? APInt::getSignedMaxValue(width)
                                           : APInt::getSignedMinValue(width));
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
}

ReductionSpace
moe::onnx::makeReductionSpace(LoweringBuilder &b, Value data,
                              const llvm::SmallBitVector &reduced) {
  ReductionSpace space{data, extentsOf(b, data), reduced, {}, {}};
  for (auto [i, extent] : llvm::enumerate(space.inExtents))
    if (!reduced[i])
      space.outExtents.push_back(extent);
  return space;
}

ReductionLoops moe::onnx::makeReductionLoops(LoweringBuilder &b,
                                             const ReductionSpace &space) {
  int64_t rank = space.inExtents.size();
  SmallVector<AffineExpr> kept;
  ReductionLoops loops;
  for (int64_t i = 0; i < rank; ++i) {
    loops.iterators.push_back(space.reduced[i] ? utils::IteratorType::reduction
                                               : utils::IteratorType::parallel);
    if (!space.reduced[i])
      kept.push_back(b.getAffineDimExpr(i));
  }
  loops.dataMap = b.getMultiDimIdentityMap(rank);
  loops.outMap = AffineMap::get(rank, 0, kept, b.getContext());
  return loops;
}

/// linalg.generic ins(%x, others) outs(%init)
static Value reduceKnownDims(LoweringBuilder &b, const ReductionSpace &space,
                             ValueRange others, Value init, ReduceFn body) {
  ReductionLoops loops = makeReductionLoops(b, space);
  SmallVector<AffineMap> maps{loops.dataMap};
  maps.append(others.size() + 1, loops.outMap);
  SmallVector<Value> inputs{space.data};
  llvm::append_range(inputs, others);
  return linalg::GenericOp::create(
             b, init.getType(), inputs, init, maps, loops.iterators,
             [&](OpBuilder &nested, Location loc, ValueRange args) {
               ImplicitLocOpBuilder inner(loc, nested);
               Value next = body(inner, args.front(),
                                 args.drop_front().drop_back(), args.back());
               linalg::YieldOp::create(inner, next);
             })
      .getResult(0);
}

/// for each index of the input: at = select(mask, 0, index);
///   out[at] = body(in[index], others[at], out[at])
static Value reduceMaskedDims(LoweringBuilder &b, const ReductionSpace &space,
                              ValueRange others, Value init, ReduceFn body) {
  Value zero = indexConstant(b, 0);
  SmallVector<Value> lower(space.inExtents.size(), zero);
  SmallVector<Value> steps(space.inExtents.size(), indexConstant(b, 1));
  SmallVector<Value> upper;
  for (OpFoldResult extent : space.inExtents)
    upper.push_back(indexValue(b, extent));
  auto nest = scf::buildLoopNest(
      b, b.getLoc(), lower, upper, steps, init,
      [&](OpBuilder &nested, Location loc, ValueRange index,
          ValueRange iterArgs) -> scf::ValueVector {
        ImplicitLocOpBuilder inner(loc, nested);
        SmallVector<Value> at;
        for (auto [i, isReduced] : llvm::zip(index, space.mask))
          at.push_back(arith::SelectOp::create(inner, isReduced, zero, i));
        SmallVector<Value> atOthers;
        for (Value other : others)
          atOthers.push_back(tensor::ExtractOp::create(inner, other, at));
        Value element = tensor::ExtractOp::create(inner, space.data, index);
        Value old = tensor::ExtractOp::create(inner, iterArgs[0], at);
        Value next = body(inner, element, atOthers, old);
        return {tensor::InsertOp::create(inner, next, iterArgs[0], at)};
      });
  return nest.results.front();
}

Value moe::onnx::reduceTensor(LoweringBuilder &b, const ReductionSpace &space,
                              ValueRange others, Value identity,
                              ReduceFn body) {
  Value init = filledTensor(b, space.outExtents, identity);
  Value result = space.mask.empty()
                     ? reduceKnownDims(b, space, others, init, body)
                     : reduceMaskedDims(b, space, others, init, body);
  b.getLoweringContext().recordExtents(result, space.outExtents);
  return result;
}

Value moe::onnx::expandReduced(LoweringBuilder &b, const ReductionSpace &space,
                               Value outcome) {
  Extents extents = space.inExtents;
  SmallVector<ReassociationIndices> groups;
  ReassociationIndices current;
  for (auto [i, extent] : llvm::enumerate(extents)) {
    current.push_back(i);
    if (space.reduced[i]) {
      extent = b.getIndexAttr(1);
      continue;
    }
    groups.push_back(std::exchange(current, {}));
  }
  // Trailing reduced dims belong to the last kept one.
  if (!groups.empty())
    llvm::append_range(groups.back(), current);
  SmallVector<int64_t> shape;
  for (OpFoldResult extent : extents)
    shape.push_back(getConstantIntValue(extent).value_or(ShapedType::kDynamic));
  auto type = RankedTensorType::get(shape, elementType(outcome));
  Value result =
      tensor::ExpandShapeOp::create(b, type, outcome, groups, extents);
  b.getLoweringContext().recordExtents(result, extents);
  return result;
}

/// Whether `element` takes the place of `best`: better, or the first NaN, or as
/// good where the last of equals is asked for.
static Value emitTakes(ImplicitLocOpBuilder &b, Value element, Value best,
                       bool greatest, bool last, bool isUnsignedType) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  if (!isa<FloatType>(element.getType())) {
    I predicate;
    if (isUnsignedType)
      predicate =
          greatest ? (last ? I::uge : I::ugt) : (last ? I::ule : I::ult);
    else
      predicate =
          greatest ? (last ? I::sge : I::sgt) : (last ? I::sle : I::slt);
    return arith::CmpIOp::create(b, predicate, element, best);
  }
  F predicate = greatest ? (last ? F::OGE : F::OGT) : (last ? F::OLE : F::OLT);
  Value better = arith::CmpFOp::create(b, predicate, element, best);
  Value isNaN = arith::CmpFOp::create(b, F::UNO, element, element);
  if (!last) {
    Value bestIsNumber = arith::CmpFOp::create(b, F::ORD, best, best);
    isNaN = arith::AndIOp::create(b, isNaN, bestIsNumber);
  }
  return arith::OrIOp::create(b, better, isNaN);
}

Value moe::onnx::argReduce(LoweringBuilder &b, Value data, int64_t axis,
                           bool greatest, bool last, bool isUnsignedType) {
  llvm::SmallBitVector reduced(
      cast<RankedTensorType>(data.getType()).getRank());
  reduced.set(axis);
  ReductionSpace space = makeReductionSpace(b, data, reduced);
  Type type = elementType(data), wideType = accumulatorType(type);
  Value worst = extremeConstant(b, wideType, !greatest, isUnsignedType);
  Value bestInit = filledTensor(b, space.outExtents, worst);
  Value indexInit =
      filledTensor(b, space.outExtents, intConstant(b, b.getI64Type(), 0));
  ReductionLoops loops = makeReductionLoops(b, space);
  SmallVector<AffineMap> maps{loops.dataMap, loops.outMap, loops.outMap};
  auto generic = linalg::GenericOp::create(
      b, TypeRange{bestInit.getType(), indexInit.getType()}, data,
      ValueRange{bestInit, indexInit}, maps, loops.iterators,
      [&](OpBuilder &nested, Location loc, ValueRange args) {
        ImplicitLocOpBuilder inner(loc, nested);
        Value element = castScalar(inner, args[0], type, wideType);
        Value takes =
            emitTakes(inner, element, args[1], greatest, last, isUnsignedType);
        Value position = arith::IndexCastOp::create(
            inner, inner.getI64Type(), linalg::IndexOp::create(inner, axis));
        Value best = arith::SelectOp::create(inner, takes, element, args[1]);
        Value index = arith::SelectOp::create(inner, takes, position, args[2]);
        linalg::YieldOp::create(inner, ValueRange{best, index});
      });
  Value result = generic.getResult(1);
  b.getLoweringContext().recordExtents(result, space.outExtents);
  return result;
}
