//===- WindowRules.cpp - Extents of windows and of Resize -----------------===//
//
// As the lowering has them. What it checks first holds here: a window fits into
// the padded input.
//
//===----------------------------------------------------------------------===//
#include "DimWalk.h"

using namespace mlir;
using namespace moe::onnx;

/// The number of places of a window in spatial dim `i` of extent `input`, or
/// null.
template <typename OpTy>
static DimExpr countPlaces(OpTy op, size_t i, DimExpr input, DimExpr kernel,
                           bool isCeil, DimWalk &walk) {
  auto at = [&](std::optional<ArrayRef<int64_t>> list, int64_t none) {
    return list ? (*list)[i] : none;
  };
  DimContext &context = walk.getContext();
  int64_t stride = at(op.getStrides(), 1), dilation = at(op.getDilations(), 1);
  AutoPad autoPad = op.getAutoPad();
  if (autoPad == AutoPad::SameUpper || autoPad == AutoPad::SameLower)
    return context.getFloorDiv(input + (stride - 1), stride);
  std::optional<int64_t> taps = kernel.getConstant();
  if (isCeil || !taps)
    return DimExpr();
  if (autoPad == AutoPad::NotSet && op.getPads()) {
    ArrayRef<int64_t> pads = *op.getPads();
    input = input + (pads[i] + pads[pads.size() / 2 + i]);
  }
  // room / stride + 1, for a room that is not negative.
  DimExpr room = input - (dilation * (*taps - 1) + 1);
  return context.getFloorDiv(room + stride, stride);
}

/// Conv, ConvInteger, QLinearConv: [N, C, spatial...] by [M, C / group,
/// kernel...].
template <typename OpTy> static void inferConv(OpTy op, DimWalk &walk) {
  DimExprs x = walk.dimsOf(op.getX()), w = walk.dimsOf(op.getW());
  DimExprs dims{x[0], w[0]};
  for (size_t i = 2; i < x.size(); ++i)
    dims.push_back(countPlaces(op, i - 2, x[i], w[i], /*isCeil=*/false, walk));
  walk.setDims(op.getY(), dims);
}

/// The spatial extents are left open: what pads cut off is not followed.
static void inferConvTranspose(ConvTransposeOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getX());
  dims[1] = walk.dimOf(op.getW(), 1) * static_cast<int64_t>(op.getGroup());
  for (DimExpr &dim : MutableArrayRef(dims).drop_front(2))
    dim = DimExpr();
  walk.setDims(op.getY(), dims);
}

template <typename OpTy> static void inferPool(OpTy op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getX());
  for (size_t i = 2; i < dims.size(); ++i)
    dims[i] = countPlaces(op, i - 2, dims[i],
                          walk.constant(op.getKernelShape()[i - 2]),
                          op.getCeilMode() != 0, walk);
  for (Value result : op->getResults()) {
    walk.setDims(result, dims);
    // One symbol for both results.
    dims = walk.dimsOf(result);
  }
}

static void inferGlobalPool(Operation *op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op->getOperand(0));
  for (DimExpr &dim : MutableArrayRef(dims).drop_front(2))
    dim = walk.constant(1);
  walk.setDims(op->getResult(0), dims);
}

/// Dims that are not among `axes` stay; the others are open unless `sizes` says
/// them.
static void inferResize(ResizeOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getX());
  int64_t rank = dims.size();
  SmallVector<int64_t> axes;
  if (op.getAxes())
    llvm::append_range(axes, *op.getAxes());
  else
    llvm::append_range(axes, llvm::seq<int64_t>(rank));
  std::optional<DimExprs> sizes;
  if (op.getSizes() && op.getKeepAspectRatioPolicy() == AspectPolicy::Stretch)
    sizes = walk.elementsOf(op.getSizes());
  if (sizes && sizes->size() != axes.size())
    sizes.reset();
  for (auto [i, axis] : llvm::enumerate(axes))
    dims[normalizeAxis(axis, rank)] = sizes ? (*sizes)[i] : DimExpr();
  walk.setDims(op.getY(), dims);
}

void moe::onnx::addWindowRules(DimRules &rules, MLIRContext *context) {
  addDimRule<ConvOp, inferConv<ConvOp>>(rules, context);
  addDimRule<ConvIntegerOp, inferConv<ConvIntegerOp>>(rules, context);
  addDimRule<QLinearConvOp, inferConv<QLinearConvOp>>(rules, context);
  addDimRule<ConvTransposeOp, inferConvTranspose>(rules, context);
  addDimRule<MaxPoolOp, inferPool<MaxPoolOp>>(rules, context);
  addDimRule<AveragePoolOp, inferPool<AveragePoolOp>>(rules, context);
  addDimRule<LpPoolOp, inferPool<LpPoolOp>>(rules, context);
  addDimRules<GlobalAveragePoolOp, GlobalLpPoolOp, GlobalMaxPoolOp>(
      rules, context, inferGlobalPool);
  addDimRule<ResizeOp, inferResize>(rules, context);
}
