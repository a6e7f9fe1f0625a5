//===- Contraction.cpp - Sums of products ---------------------------------===//
#include "Contraction.h"

using namespace mlir;
using namespace moe::onnx;

Value moe::onnx::convertElements(LoweringBuilder &b, Value tensor, Type type) {
  Type from = elementType(tensor);
  if (from == type)
    return tensor;
  return elementwise(b, tensor, extentsOf(b, tensor), type,
                     [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                       return castScalar(inner, args[0], from, type);
                     });
}

Value moe::onnx::loopsOver(
    LoweringBuilder &b, ValueRange inputs, ArrayRef<AffineMap> maps,
    ArrayRef<utils::IteratorType> iterators, Value init,
    function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> body) {
  return linalg::GenericOp::create(
             b, init.getType(), inputs, init, maps, iterators,
             [&](OpBuilder &nested, Location loc, ValueRange args) {
               ImplicitLocOpBuilder inner(loc, nested);
               linalg::YieldOp::create(inner, body(inner, args));
             })
      .getResult(0);
}

Value moe::onnx::contract(LoweringBuilder &b, ValueRange operands,
                          ArrayRef<AffineMap> maps,
                          ArrayRef<utils::IteratorType> iterators,
                          const Extents &resultExtents, Type elementType) {
  Type accumulator = accumulatorType(elementType);
  Value init = filledTensor(b, resultExtents, zeroConstant(b, accumulator));
  Value sum = loopsOver(
      b, operands, maps, iterators, init,
      [&](ImplicitLocOpBuilder &inner, ValueRange args) {
        Value product;
        for (Value arg : args.drop_back()) {
          Value factor = castScalar(inner, arg, arg.getType(), accumulator);
          product = product ? mulScalars(inner, product, factor) : factor;
        }
        return addScalars(inner, args.back(), product);
      });
  return convertElements(b, sum, elementType);
}

Value moe::onnx::stretch(LoweringBuilder &b, Value tensor,
                         ArrayRef<std::optional<OpFoldResult>> extents) {
  Extents sizes = extentsOf(b, tensor);
  bool mayStretch = false;
  for (auto [size, extent] : llvm::zip_equal(sizes, extents)) {
    if (!extent || isa<Attribute>(size) || size == *extent)
      continue;
    size = *extent;
    mayStretch = true;
  }
  if (!mayStretch)
    return tensor;
  return elementwise(
      b, tensor, sizes, elementType(tensor),
      [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; });
}

void moe::onnx::requireEqual(LoweringBuilder &b, OpFoldResult lhs,
                             OpFoldResult rhs, const Twine &message) {
  if (lhs == rhs || (isa<Attribute>(lhs) && isa<Attribute>(rhs)))
    return;
  require(b,
          b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq,
                                        indexValue(b, lhs), indexValue(b, rhs)),
          message);
}

Value moe::onnx::transposed(LoweringBuilder &b, Value tensor,
                            ArrayRef<int64_t> permutation) {
  Extents sizes = extentsOf(b, tensor), extents;
  for (int64_t dim : permutation)
    extents.push_back(sizes[dim]);
  Value empty = emptyTensor(b, extents, elementType(tensor));
  return linalg::TransposeOp::create(b, tensor, empty, permutation)
      ->getResult(0);
}

Value moe::onnx::matMul(LoweringBuilder &b, Value lhs, Value rhs) {
  Extents lhsExtents = extentsOf(b, lhs), rhsExtents = extentsOf(b, rhs);
  bool hasM = lhsExtents.size() > 1, hasN = rhsExtents.size() > 1;
  requireEqual(b, lhsExtents.back(),
               hasN ? rhsExtents[rhsExtents.size() - 2] : rhsExtents[0],
               "inner dims of a matrix product must be equal");

  // Leading dims broadcast.
  Extents lhsBatch(ArrayRef(lhsExtents).drop_back(hasM ? 2 : 1));
  Extents rhsBatch(ArrayRef(rhsExtents).drop_back(hasN ? 2 : 1));
  Extents extents = broadcastExtents(b, {lhsBatch, rhsBatch});
  int64_t batchRank = extents.size();

  // Loops: batch, m, k, n.
  int64_t loops = batchRank;
  int64_t m = hasM ? loops++ : -1;
  int64_t k = loops++;
  int64_t n = hasN ? loops++ : -1;
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::parallel);
  iterators[k] = utils::IteratorType::reduction;

  // An operand whose leading dims are made to fit, and its map.
  SmallVector<AffineMap> maps;
  auto prepare = [&](Value operand, const Extents &batch,
                     ArrayRef<int64_t> inner) {
    SmallVector<std::optional<OpFoldResult>> targets;
    SmallVector<AffineExpr> exprs;
    int64_t lead = batchRank - static_cast<int64_t>(batch.size());
    for (auto [i, size] : llvm::enumerate(batch)) {
      bool isConstant = isOneInteger(size) && !isOneInteger(extents[lead + i]);
      targets.push_back(extents[lead + i]);
      exprs.push_back(isConstant ? b.getAffineConstantExpr(0)
                                 : b.getAffineDimExpr(lead + i));
    }
    for (int64_t loop : inner) {
      targets.push_back(std::nullopt);
      exprs.push_back(b.getAffineDimExpr(loop));
    }
    maps.push_back(AffineMap::get(loops, 0, exprs, b.getContext()));
    return stretch(b, operand, targets);
  };
  SmallVector<int64_t> lhsLoops{k}, rhsLoops{k};
  if (hasM)
    lhsLoops.insert(lhsLoops.begin(), m);
  if (hasN)
    rhsLoops.push_back(n);
  lhs = prepare(lhs, lhsBatch, lhsLoops);
  rhs = prepare(rhs, rhsBatch, rhsLoops);

  SmallVector<AffineExpr> resultExprs;
  for (int64_t i = 0; i < batchRank; ++i)
    resultExprs.push_back(b.getAffineDimExpr(i));
  if (hasM) {
    resultExprs.push_back(b.getAffineDimExpr(m));
    extents.push_back(lhsExtents[lhsExtents.size() - 2]);
  }
  if (hasN) {
    resultExprs.push_back(b.getAffineDimExpr(n));
    extents.push_back(rhsExtents.back());
  }
  maps.push_back(AffineMap::get(loops, 0, resultExprs, b.getContext()));
  return contract(b, {lhs, rhs}, maps, iterators, extents, elementType(lhs));
}
