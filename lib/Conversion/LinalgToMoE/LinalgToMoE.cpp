//===- LinalgToMoE.cpp - Matrix products to grouped matmuls ---------------===//
//
// A product with a weight is a grouped matmul of one expert, whose rows are all
// leading dims together; one of two batches of matrices has an expert per
// matrix. So one kernel builder serves layers and the rest.
//
//===----------------------------------------------------------------------===//
#include "Products.h"

#include "mlir/IR/Matchers.h"
#include "moe/Conversion/Passes.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTLINALGTOMOEPASS
#include "moe/Conversion/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// Whether the body is out + a * b, its operands widened at most.
static bool sumsProducts(linalg::GenericOp op) {
  Block &body = *op.getBody();
  auto argument = [](Value value) {
    while (auto cast = value.getDefiningOp<arith::ExtFOp>())
      value = cast.getIn();
    return dyn_cast<BlockArgument>(value);
  };
  auto add = body.getTerminator()->getOperand(0).getDefiningOp<arith::AddFOp>();
  if (!add)
    return false;
  for (auto [sum, term] : {std::pair(add.getLhs(), add.getRhs()),
                           std::pair(add.getRhs(), add.getLhs())}) {
    auto product = term.getDefiningOp<arith::MulFOp>();
    if (sum != body.getArgument(2) || !product)
      continue;
    BlockArgument lhs = argument(product.getLhs());
    BlockArgument rhs = argument(product.getRhs());
    return lhs && rhs && lhs != rhs && lhs.getArgNumber() < 2 &&
           rhs.getArgNumber() < 2;
  }
  return false;
}

/// Whether a map's results are the loops from `first` on, then `last`.
static bool endsIn(AffineMap map, unsigned leading, unsigned last) {
  if (map.getNumResults() != leading + 1)
    return false;
  for (unsigned i = 0; i < leading; ++i)
    if (map.getResult(i) != getAffineDimExpr(i, map.getContext()))
      return false;
  return map.getResult(leading) == getAffineDimExpr(last, map.getContext());
}

/// Whether a permutation only swaps the last two dims.
static bool swapsInnermost(ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> swapped =
      llvm::to_vector(llvm::seq<int64_t>(0, permutation.size()));
  if (swapped.size() > 1)
    std::swap(swapped.back(), swapped[swapped.size() - 2]);
  return permutation == ArrayRef<int64_t>(swapped);
}

FailureOr<Product> ProductConverter::match(linalg::GenericOp op,
                                           IRRewriter &rewriter) {
  auto fail = [&](const Twine &why) {
    return rewriter.notifyMatchFailure(op, why);
  };
  unsigned loops = op.getNumLoops();
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 || loops < 3 ||
      !op.hasPureTensorSemantics() || !sumsProducts(op))
    return fail("no sum of products of two tensors");
  // Loops: m..., k, n.
  unsigned k = loops - 2, n = loops - 1;
  auto kinds = op.getIteratorTypesArray();
  for (unsigned loop = 0; loop < loops; ++loop)
    if ((kinds[loop] == utils::IteratorType::reduction) != (loop == k))
      return fail("its loops are not m..., k, n");
  auto maps = op.getIndexingMapsArray();
  if (!endsIn(maps[0], k, k) || !endsIn(maps[2], k, n))
    return fail("its rows are not [m..., k] or its result not [m..., n]");
  Product product{op.getDpsInputs()[0], op.getDpsInputs()[1], 0, nullptr,
                  false};
  unsigned matrixRank = maps[1].getNumResults();
  if (matrixRank < 2 || matrixRank - 2 >= k)
    return fail("its matrix has no row dims beside");
  product.batchRank = matrixRank - 2;
  unsigned innermost = n;
  if (!endsIn(maps[1].dropResult(matrixRank - 2), product.batchRank, n))
    std::swap(k, innermost);
  if (!endsIn(maps[1].dropResult(matrixRank - 2), product.batchRank,
              innermost) ||
      !endsIn(maps[1].dropResult(matrixRank - 1), product.batchRank, k))
    return fail("its matrices are not [b..., k, n]");
  product.isTransposed = innermost != n;
  if (auto transpose = product.matrices.getDefiningOp<linalg::TransposeOp>();
      transpose && swapsInnermost(transpose.getPermutation())) {
    product.matrices = transpose.getInput();
    product.isTransposed = !product.isTransposed;
  }
  if (product.batchRank == 0) {
    product.weight = lookup(product.matrices);
    if (!product.weight)
      return fail("its one matrix is computed, or a part of a stack");
  }
  auto fill = op.getDpsInits()[0].getDefiningOp<linalg::FillOp>();
  if (!fill || !matchPattern(fill.value(), m_AnyZeroFloat()))
    return fail("its sums do not start at 0");
  Type element = getElementTypeOrSelf(product.matrices);
  Type sum = getElementTypeOrSelf(op.getResult(0));
  if (!sum.isF32() || element.getIntOrFloatBitWidth() > 32 ||
      !isa<FloatType>(element) ||
      getElementTypeOrSelf(op.getDpsInputs()[0]) != element)
    return fail("its sums are not of f32");
  return product;
}

namespace {
struct ConvertLinalgToMoEPass final
    : moe::impl::ConvertLinalgToMoEPassBase<ConvertLinalgToMoEPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<linalg::GenericOp> ops;
    getOperation().walk([&](linalg::GenericOp op) { ops.push_back(op); });
    SmallVector<GateOp> gates;
    getOperation().walk([&](GateOp op) { gates.push_back(op); });
    ProductConverter converter(getOperation());
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : ops)
      if (FailureOr<Product> product = converter.match(op, rewriter);
          succeeded(product))
        converter.convert(op, *product, rewriter);
    for (GateOp op : gates)
      converter.convert(op, rewriter);
    rt::eraseUnusedWeights(getOperation());
  }
};
} // namespace
