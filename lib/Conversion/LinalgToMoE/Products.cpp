//===- Products.cpp - What matrix products become -------------------------===//
#include "Products.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moe;

rt::WeightOp ProductConverter::lookup(Value value) const {
  rt::WeightOp weight = table.lookup(value);
  if (weight && llvm::any_of(weight.getRecipe(), llvm::IsaPred<rt::StackAttr>))
    return nullptr;
  return weight;
}

rt::WeightOp ProductConverter::makeMatrix(const Product &product) {
  rt::WeightOp weight = product.weight;
  MLIRContext *context = weight.getContext();
  SmallVector<Attribute, 2> steps;
  if (product.isTransposed)
    steps.push_back(rt::TransposeAttr::get(context, {1, 0}));
  steps.push_back(rt::StackAttr::get(context));
  return table.addSteps(weight, steps, ".matrix");
}

Value ProductConverter::makeWeights(ImplicitLocOpBuilder &b,
                                    const Product &product) {
  if (product.weight) {
    rt::WeightOp matrix = makeMatrix(product);
    return rt::WeightRefOp::create(b, matrix.getType(), matrix.getSymName());
  }
  int64_t batchRank = product.batchRank;
  Value matrices = product.matrices;
  if (batchRank > 1) {
    SmallVector<ReassociationIndices> groups{
        llvm::to_vector(llvm::seq<int64_t>(0, batchRank)),
        {batchRank},
        {batchRank + 1}};
    matrices = tensor::CollapseShapeOp::create(b, matrices, groups);
  }
  if (!product.isTransposed)
    return matrices;
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), matrices);
  std::swap(sizes[1], sizes[2]);
  Value empty =
      tensor::EmptyOp::create(b, sizes, getElementTypeOrSelf(matrices));
  return linalg::TransposeOp::create(b, matrices, empty,
                                     ArrayRef<int64_t>{0, 2, 1})
      ->getResult(0);
}

/// 0, n, 2 n, ..., for one group more than there are.
static Value makeOffsets(ImplicitLocOpBuilder &b, OpFoldResult numGroups,
                         OpFoldResult rowsPerGroup) {
  Type i32 = b.getI32Type();
  Value rows = b.createOrFold<arith::IndexCastOp>(
      i32, getValueOrCreateConstantIndexOp(b, b.getLoc(), rowsPerGroup));
  if (isOneInteger(numGroups)) {
    Value zero = arith::ConstantOp::create(b, b.getI32IntegerAttr(0));
    return tensor::FromElementsOp::create(b, ValueRange{zero, rows});
  }
  Value groups = getValueOrCreateConstantIndexOp(b, b.getLoc(), numGroups);
  OpFoldResult count = getAsOpFoldResult(b.createOrFold<arith::AddIOp>(
      groups, arith::ConstantIndexOp::create(b, 1)));
  Value empty = tensor::EmptyOp::create(b, ArrayRef<OpFoldResult>{count}, i32);
  return linalg::GenericOp::create(
             b, empty.getType(), ValueRange(), empty,
             b.getMultiDimIdentityMap(1), utils::IteratorType::parallel,
             [&](OpBuilder &builder, Location loc, ValueRange) {
               ImplicitLocOpBuilder inner(loc, builder);
               Value group = arith::IndexCastOp::create(
                   inner, i32, linalg::IndexOp::create(inner, 0));
               linalg::YieldOp::create(
                   inner,
                   arith::MulIOp::create(inner, group, rows).getResult());
             })
      .getResult(0);
}

/// The rows times their group's matrix, [rows, columns].
static Value emitMatmul(ImplicitLocOpBuilder &b, Value rows,
                        OpFoldResult numRows, Value offsets, Value weights,
                        OpFoldResult columns, Type element) {
  Value out = tensor::EmptyOp::create(
      b, ArrayRef<OpFoldResult>{numRows, columns}, element);
  auto matmul = GroupedMatmulOp::create(
      b, out.getType(), rows, /*slots=*/Value(), offsets, weights,
      /*columns=*/ValueRange(), /*slot_values=*/ValueRange(), out,
      /*slots_per_row=*/IntegerAttr(), DenseI64ArrayAttr(), DenseI64ArrayAttr(),
      /*counter=*/FlatSymbolRefAttr(), /*schedule=*/ScheduleAttrInterface());
  OpBuilder::InsertionGuard guard(b);
  Block *epilogue =
      b.createBlock(&matmul.getEpilogue(), {}, {b.getF32Type()}, {b.getLoc()});
  YieldOp::create(b, epilogue->getArgument(0));
  return matmul.getResult(0);
}

/// linalg.generic ins(%x, rt.weight_ref @w) {x[m..., k] * w[k, n]}
///   -> moe.grouped_matmul rows(%x as [M, k]) offsets(0, M)
///        weights(rt.weight_ref @w.matrix), as [m..., n]
/// linalg.generic ins(%x, %y) {x[b..., m..., k] * y[b..., k, n]}
///   -> moe.grouped_matmul rows(%x as [B M, k]) offsets(0, M, 2 M, ...)
///        weights(%y as [B, k, n]), as [b..., m..., n]
void ProductConverter::convert(linalg::GenericOp op, const Product &product,
                               IRRewriter &rewriter) {
  rewriter.setInsertionPoint(op);
  ImplicitLocOpBuilder b(op.getLoc(), rewriter);
  int64_t leading =
      cast<RankedTensorType>(product.rows.getType()).getRank() - 1;
  SmallVector<OpFoldResult> extents =
      tensor::getMixedSizes(b, b.getLoc(), product.rows);
  auto resultType = cast<RankedTensorType>(op.getResult(0).getType());
  extents.back() = tensor::getMixedSize(b, b.getLoc(), op.getDpsInits()[0],
                                        resultType.getRank() - 1);
  SmallVector<ReassociationIndices> groups{
      llvm::to_vector(llvm::seq<int64_t>(0, leading)), {leading}};
  Value rows = product.rows;
  if (leading > 1)
    rows = tensor::CollapseShapeOp::create(b, rows, groups);
  OpFoldResult numRows = tensor::getMixedSize(b, b.getLoc(), rows, 0);
  Value weights = makeWeights(b, product);
  OpFoldResult rowsPerGroup = numRows;
  if (product.batchRank > 0) {
    Value perGroup = arith::ConstantIndexOp::create(b, 1);
    for (OpFoldResult extent :
         ArrayRef(extents).drop_back().drop_front(product.batchRank))
      perGroup = b.createOrFold<arith::MulIOp>(
          perGroup, getValueOrCreateConstantIndexOp(b, b.getLoc(), extent));
    rowsPerGroup = getAsOpFoldResult(perGroup);
  }
  Value offsets = makeOffsets(
      b, tensor::getMixedSize(b, b.getLoc(), weights, 0), rowsPerGroup);
  Value result = emitMatmul(b, rows, numRows, offsets, weights, extents.back(),
                            resultType.getElementType());
  if (leading > 1)
    result =
        tensor::ExpandShapeOp::create(b, resultType, result, groups, extents);
  rewriter.replaceOp(op, result);
}

/// moe.gate project(%x, %w...)
///   -> moe.gate scores(%x * %w, ... side by side)
void ProductConverter::convert(GateOp op, IRRewriter &rewriter) {
  if (op.getProject().empty())
    return;
  Value rows = op.getProject().front();
  auto weights = llvm::to_vector(op.getProject().drop_front());
  for (Value weight : weights)
    if (!lookup(weight) || !getElementTypeOrSelf(weight).isF32())
      return;
  rewriter.setInsertionPoint(op);
  ImplicitLocOpBuilder b(op.getLoc(), rewriter);
  OpFoldResult numRows = tensor::getMixedSize(b, b.getLoc(), rows, 0);
  Value offsets = makeOffsets(b, b.getIndexAttr(1), numRows);
  Type element = b.getF32Type();
  Value scores;
  if (weights.size() > 1)
    scores = tensor::EmptyOp::create(
        b, ArrayRef<OpFoldResult>{numRows, b.getIndexAttr(op.getNumColumns())},
        element);
  int64_t first = 0;
  for (Value weight : weights) {
    int64_t columns = cast<ShapedType>(weight.getType()).getDimSize(1);
    Product product{rows, weight, 0, lookup(weight), false};
    Value part = emitMatmul(b, rows, numRows, offsets, makeWeights(b, product),
                            b.getIndexAttr(columns), element);
    if (!scores) {
      scores = part;
      break;
    }
    scores = tensor::InsertSliceOp::create(
        b, part, scores,
        ArrayRef<OpFoldResult>{b.getIndexAttr(0), b.getIndexAttr(first)},
        ArrayRef<OpFoldResult>{numRows, b.getIndexAttr(columns)},
        ArrayRef<OpFoldResult>{b.getIndexAttr(1), b.getIndexAttr(1)});
    first += columns;
  }
  rewriter.modifyOpInPlace(op, [&] {
    op.getProjectMutable().clear();
    op.getScoresMutable().assign(scores);
  });
}
