//===- Normalization.cpp - Means and deviations ---------------------------===//
#include "Normalization.h"

using namespace mlir;
using namespace moe::onnx;

SmallVector<int64_t> moe::onnx::allLoops(int64_t rank) {
  return llvm::to_vector(llvm::seq<int64_t>(rank));
}

/// The map of each input; checks that its dims are the loops' extents.
static SmallVector<AffineMap> indexInputs(LoweringBuilder &b,
                                          ArrayRef<IndexedTensor> inputs,
                                          const Extents &domain) {
  SmallVector<AffineMap> maps;
  for (const IndexedTensor &input : inputs) {
    SmallVector<AffineExpr> exprs;
    for (auto [loop, size] :
         llvm::zip_equal(input.loops, extentsOf(b, input.tensor))) {
      if (isOneInteger(size) && !isOneInteger(domain[loop])) {
        exprs.push_back(b.getAffineConstantExpr(0));
        continue;
      }
      requireEqual(b, size, domain[loop],
                   "operands of a normalisation must have equal extents");
      exprs.push_back(b.getAffineDimExpr(loop));
    }
    maps.push_back(AffineMap::get(domain.size(), 0, exprs, b.getContext()));
  }
  return maps;
}

/// The first `count` of `args` in `type`.
static SmallVector<Value> castArguments(ImplicitLocOpBuilder &b,
                                        ValueRange args, size_t count,
                                        Type type) {
  SmallVector<Value> result;
  for (Value arg : args.take_front(count))
    result.push_back(castScalar(b, arg, arg.getType(), type));
  return result;
}

static SmallVector<Value> tensorsOf(ArrayRef<IndexedTensor> inputs) {
  return llvm::map_to_vector(
      inputs, [](const IndexedTensor &input) { return input.tensor; });
}

Value moe::onnx::sumOver(LoweringBuilder &b, ArrayRef<IndexedTensor> inputs,
                         const Extents &domain, ArrayRef<int64_t> kept,
                         Type computeType, ScalarBody body) {
  SmallVector<AffineMap> maps = indexInputs(b, inputs, domain);
  SmallVector<utils::IteratorType> iterators(domain.size(),
                                             utils::IteratorType::reduction);
  SmallVector<AffineExpr> exprs;
  Extents extents;
  for (int64_t loop : kept) {
    iterators[loop] = utils::IteratorType::parallel;
    exprs.push_back(b.getAffineDimExpr(loop));
    extents.push_back(domain[loop]);
  }
  maps.push_back(AffineMap::get(domain.size(), 0, exprs, b.getContext()));
  SmallVector<Value> tensors = tensorsOf(inputs);
  Value init = filledTensor(b, extents, zeroConstant(b, computeType));
  return loopsOver(
      b, tensors, maps, iterators, init,
      [&](ImplicitLocOpBuilder &inner, ValueRange args) {
        Value term =
            body(inner, castArguments(inner, args, inputs.size(), computeType));
        return addScalars(inner, args.back(), term);
      });
}

Value moe::onnx::mapOver(LoweringBuilder &b, ArrayRef<IndexedTensor> inputs,
                         const Extents &domain, Type computeType,
                         Type resultType, ScalarBody body) {
  SmallVector<AffineMap> maps = indexInputs(b, inputs, domain);
  maps.push_back(b.getMultiDimIdentityMap(domain.size()));
  SmallVector<utils::IteratorType> iterators(domain.size(),
                                             utils::IteratorType::parallel);
  SmallVector<Value> tensors = tensorsOf(inputs);
  Value init = emptyTensor(b, domain, resultType);
  return loopsOver(
      b, tensors, maps, iterators, init,
      [&](ImplicitLocOpBuilder &inner, ValueRange args) {
        Value result =
            body(inner, castArguments(inner, args, inputs.size(), computeType));
        return castScalar(inner, result, result.getType(), resultType);
      });
}

Value moe::onnx::countOver(LoweringBuilder &b, const Extents &domain,
                           ArrayRef<int64_t> kept, Type type) {
  OpFoldResult count = b.getIndexAttr(1);
  for (auto [i, extent] : llvm::enumerate(domain))
    if (!llvm::is_contained(kept, static_cast<int64_t>(i)))
      count = mulExtents(b, count, extent);
  Value integer =
      b.createOrFold<arith::IndexCastOp>(b.getI64Type(), indexValue(b, count));
  return b.createOrFold<arith::SIToFPOp>(type, integer);
}

Moments moe::onnx::momentsOver(LoweringBuilder &b, Value tensor,
                               ArrayRef<int64_t> kept, Type computeType) {
  Extents domain = extentsOf(b, tensor);
  SmallVector<int64_t> loops = allLoops(domain.size());
  Value count = countOver(b, domain, kept, computeType);
  auto divide = [&](Value sum) {
    return elementwise(
        b, sum, extentsOf(b, sum), computeType,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          return arith::DivFOp::create(inner, args[0], count).getResult();
        });
  };
  Value mean = divide(
      sumOver(b, IndexedTensor{tensor, loops}, domain, kept, computeType,
              [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; }));
  Value variance = divide(sumOver(
      b, {{tensor, loops}, {mean, SmallVector<int64_t>(kept)}}, domain, kept,
      computeType, [](ImplicitLocOpBuilder &inner, ValueRange args) {
        Value distance = arith::SubFOp::create(inner, args[0], args[1]);
        return mulScalars(inner, distance, distance);
      }));
  return {mean, variance};
}
