//===- MoETiling.cpp - Kernels on tiles -----------------------------------===//
//
// What loops over tiles may cut: grouped matmuls along their columns, combines
// along tokens and columns. Rows of a grouped matmul stay together: how many an
// expert has is data. Gates and dispatches count over all tokens.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace moe;

namespace {
/// The part [offsets, offsets + sizes) of some dims of `tensor`, by strides;
/// whole in its other dims.
class Cut {
public:
  Cut(OpBuilder &builder, Value tensor) : builder(builder), tensor(tensor) {
    auto type = cast<RankedTensorType>(tensor.getType());
    offsets.assign(type.getRank(), builder.getIndexAttr(0));
    strides.assign(type.getRank(), builder.getIndexAttr(1));
    sizes = tensor::getMixedSizes(builder, tensor.getLoc(), tensor);
  }

  Cut &along(int64_t dim, OpFoldResult offset, OpFoldResult size,
             int64_t stride = 1) {
    offsets[dim] = offset;
    sizes[dim] = size;
    strides[dim] = builder.getIndexAttr(stride);
    return *this;
  }

  operator Value() {
    auto slice = tensor::ExtractSliceOp::create(
        builder, tensor.getLoc(), tensor, offsets, sizes, strides);
    return slice;
  }

private:
  OpBuilder &builder;
  Value tensor;
  SmallVector<OpFoldResult> offsets, sizes, strides;
};

Range wholeExtent(OpBuilder &b, Value tensor, int64_t dim) {
  return {b.getIndexAttr(0),
          tensor::getMixedSize(b, tensor.getLoc(), tensor, dim),
          b.getIndexAttr(1)};
}

/// `op` with other operands and result types, its region copied.
TilingResult cloneOnTiles(OpBuilder &b, Operation *op, ArrayRef<Value> operands,
                          Value out) {
  Operation *tiled =
      mlir::clone(b, op, TypeRange(out.getType()), ValueRange(operands));
  return {{tiled}, SmallVector<Value>(tiled->getResults()), {}};
}

/// moe.grouped_matmul ... outs(%y : tensor<?x64xf32>)
///   -> per tile of columns: the same rows and offsets, slices of the columns
///   of
///      weights (with their strides), column vectors and outs
struct GroupedMatmulTiling
    : TilingInterface::ExternalModel<GroupedMatmulTiling, GroupedMatmulOp> {
  SmallVector<utils::IteratorType> getLoopIteratorTypes(Operation *op) const {
    return {utils::IteratorType::parallel};
  }

  SmallVector<Range> getIterationDomain(Operation *op, OpBuilder &b) const {
    return {wholeExtent(b, cast<GroupedMatmulOp>(op).getOut(), 1)};
  }

  FailureOr<TilingResult>
  getTiledImplementation(Operation *op, OpBuilder &b,
                         ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> sizes) const {
    auto matmul = cast<GroupedMatmulOp>(op);
    Location loc = op->getLoc();
    SmallVector<Value> operands{matmul.getRows()};
    if (matmul.getSlots())
      operands.push_back(matmul.getSlots());
    operands.push_back(matmul.getOffsets());
    AffineExpr n = b.getAffineDimExpr(0);
    for (auto [i, weights] : llvm::enumerate(matmul.getWeights())) {
      if (matmul.isPacked(i))
        return op->emitOpError("cannot be tiled on weights in panels");
      int64_t stride = matmul.getColumnStride(i);
      OpFoldResult first = affine::makeComposedFoldedAffineApply(
          b, loc, n * stride + matmul.getColumnOffset(i), {offsets[0]});
      operands.push_back(Cut(b, weights).along(2, first, sizes[0], stride));
    }
    for (Value columns : matmul.getColumns())
      operands.push_back(Cut(b, columns).along(1, offsets[0], sizes[0]));
    llvm::append_range(operands, matmul.getSlotValues());
    Value out = Cut(b, matmul.getOut()).along(1, offsets[0], sizes[0]);
    operands.push_back(out);
    TilingResult result = cloneOnTiles(b, op, operands, out);
    auto tiled = cast<GroupedMatmulOp>(result.tiledOps.front());
    tiled.removeColumnOffsetsAttr();
    tiled.removeColumnStridesAttr();
    return result;
  }

  LogicalResult
  getResultTilePosition(Operation *op, OpBuilder &b, unsigned resultNumber,
                        ArrayRef<OpFoldResult> offsets,
                        ArrayRef<OpFoldResult> sizes,
                        SmallVector<OpFoldResult> &resultOffsets,
                        SmallVector<OpFoldResult> &resultSizes) const {
    Value out = cast<GroupedMatmulOp>(op).getOut();
    resultOffsets = {b.getIndexAttr(0), offsets[0]};
    resultSizes = {tensor::getMixedSize(b, op->getLoc(), out, 0), sizes[0]};
    return success();
  }
};

/// moe.combine ... outs(%y : tensor<?x64xf32>)
///   -> per tile of tokens and columns: slices of what lies along them
struct CombineTiling
    : TilingInterface::ExternalModel<CombineTiling, CombineOp> {
  SmallVector<utils::IteratorType> getLoopIteratorTypes(Operation *op) const {
    return {utils::IteratorType::parallel, utils::IteratorType::parallel};
  }

  SmallVector<Range> getIterationDomain(Operation *op, OpBuilder &b) const {
    Value out = cast<CombineOp>(op).getOut();
    return {wholeExtent(b, out, 0), wholeExtent(b, out, 1)};
  }

  FailureOr<TilingResult>
  getTiledImplementation(Operation *op, OpBuilder &b,
                         ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> sizes) const {
    auto combine = cast<CombineOp>(op);
    auto tokens = [&](Value value) -> Value {
      return Cut(b, value).along(0, offsets[0], sizes[0]);
    };
    SmallVector<Value> operands{
        Cut(b, combine.getValues()).along(1, offsets[1], sizes[1]),
        tokens(combine.getRows())};
    if (combine.getWeights())
      operands.push_back(tokens(combine.getWeights()));
    for (Value coefficients : combine.getCoefficients())
      operands.push_back(tokens(coefficients));
    for (Value term : combine.getTerms()) {
      bool isVector = cast<RankedTensorType>(term.getType()).getRank() == 1;
      Cut cut(b, term);
      if (!isVector)
        cut.along(0, offsets[0], sizes[0]);
      operands.push_back(cut.along(isVector ? 0 : 1, offsets[1], sizes[1]));
    }
    Value out = Cut(b, combine.getOut())
                    .along(0, offsets[0], sizes[0])
                    .along(1, offsets[1], sizes[1]);
    operands.push_back(out);
    return cloneOnTiles(b, op, operands, out);
  }

  LogicalResult
  getResultTilePosition(Operation *op, OpBuilder &b, unsigned resultNumber,
                        ArrayRef<OpFoldResult> offsets,
                        ArrayRef<OpFoldResult> sizes,
                        SmallVector<OpFoldResult> &resultOffsets,
                        SmallVector<OpFoldResult> &resultSizes) const {
    resultOffsets.assign(offsets.begin(), offsets.end());
    resultSizes.assign(sizes.begin(), sizes.end());
    return success();
  }
};
} // namespace

void moe::registerTilingInterfaceExternalModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, MoEDialect *) {
    GroupedMatmulOp::attachInterface<GroupedMatmulTiling>(*context);
    CombineOp::attachInterface<CombineTiling>(*context);
    context->loadDialect<affine::AffineDialect, tensor::TensorDialect>();
  });
}
