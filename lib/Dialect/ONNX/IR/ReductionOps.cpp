//===- ReductionOps.cpp - Ops of Reduction.td -----------------------------===//
//
// Verifiers: axes in range, and the shapes that follow from them.
//
//===----------------------------------------------------------------------===//
#include "mlir/IR/Matchers.h"
#include "moe/Dialect/ONNX/IR/Axes.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// Shared checks
//===----------------------------------------------------------------------===//

static LogicalResult verifyAxis(Operation *op, int64_t axis, int64_t rank) {
  if (axis >= -rank && axis < rank)
    return success();
  return op->emitOpError("expected an axis in [")
         << -rank << ", " << rank << "), but got " << axis;
}

static LogicalResult verifyShape(Operation *op, RankedTensorType result,
                                 ArrayRef<int64_t> expected) {
  if (succeeded(verifyCompatibleShape(expected, result.getShape())))
    return success();
  return op->emitOpError("expected a result like ")
         << RankedTensorType::get(expected, result.getElementType())
         << ", but got " << result;
}

/// `shape` without the dims of `reduced`, or with extent 1 there.
static SmallVector<int64_t> reduceShape(ArrayRef<int64_t> shape,
                                        const llvm::SmallBitVector &reduced,
                                        bool keepDims) {
  SmallVector<int64_t> result;
  for (auto [i, extent] : llvm::enumerate(shape)) {
    if (!reduced[i])
      result.push_back(extent);
    else if (keepDims)
      result.push_back(1);
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// Marks the dims of constant `axes`; one of them may be named once only.
static LogicalResult markAxes(Operation *op, DenseIntElementsAttr axes,
                              llvm::SmallBitVector &reduced) {
  int64_t rank = reduced.size();
  for (APInt element : axes.getValues<APInt>()) {
    int64_t axis = element.getSExtValue();
    if (failed(verifyAxis(op, axis, rank)))
      return failure();
    axis = normalizeAxis(axis, rank);
    if (reduced[axis])
      return op->emitOpError("expected each axis once, but got ")
             << axis << " twice";
    reduced.set(axis);
  }
  return success();
}

LogicalResult moe::onnx::verifyReduction(Operation *op) {
  auto reduce = cast<ReduceOpInterface>(op);
  auto data = cast<RankedTensorType>(op->getOperand(0).getType());
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  bool keepDims = reduce.getKeepdims() != 0;
  llvm::SmallBitVector reduced(data.getRank());
  Value axes = reduce.getAxes();
  if (axes && cast<RankedTensorType>(axes.getType()).getRank() != 1)
    return op->emitOpError("expected axes of rank 1, but got ")
           << axes.getType();
  DenseIntElementsAttr constant;
  if (axes && !matchPattern(axes, m_Constant(&constant))) {
    // reduce_c2, as far as it is known
    int64_t count = cast<RankedTensorType>(axes.getType()).getDimSize(0);
    int64_t rank = keepDims ? data.getRank() : data.getRank() - count;
    if ((keepDims || (!ShapedType::isDynamic(count) && count > 0)) &&
        result.getRank() != rank)
      return op->emitOpError("expected a result of rank ")
             << rank << ", but got " << result;
    return success();
  }
  // reduce_c1
  if (constant && failed(markAxes(op, constant, reduced)))
    return failure();
  if ((!constant || constant.empty()) && !reduce.getNoopWithEmptyAxes())
    reduced.set();
  // reduce_c2
  return verifyShape(op, result,
                     reduceShape(data.getShape(), reduced, keepDims));
}

/// ArgMax and ArgMin.
template <typename OpTy> static LogicalResult verifyArg(OpTy op) {
  RankedTensorType type = op.getData().getType();
  // arg_c1
  if (failed(verifyAxis(op, op.getAxis(), type.getRank())))
    return failure();
  // arg_c2
  llvm::SmallBitVector reduced(type.getRank());
  int64_t axis = op.getAxis();
  reduced.set(normalizeAxis(axis, type.getRank()));
  return verifyShape(op, op.getReduced().getType(),
                     reduceShape(type.getShape(), reduced, op.getKeepdims()));
}

LogicalResult ArgMaxOp::verify() { return verifyArg(*this); }
LogicalResult ArgMinOp::verify() { return verifyArg(*this); }

//===----------------------------------------------------------------------===//
// One axis
//===----------------------------------------------------------------------===//

template <typename OpTy> static LogicalResult verifyLine(OpTy op) {
  // line_c1
  RankedTensorType type = op.getInput().getType();
  if (failed(verifyAxis(op, op.getAxis(), type.getRank())))
    return failure();
  return verifyShape(op, op.getOutput().getType(), type.getShape());
}

LogicalResult SoftmaxOp::verify() { return verifyLine(*this); }
LogicalResult LogSoftmaxOp::verify() { return verifyLine(*this); }
LogicalResult HardmaxOp::verify() { return verifyLine(*this); }

LogicalResult LpNormalizationOp::verify() {
  // lp_c1
  if (getP() != 1 && getP() != 2)
    return emitOpError("expected p = 1 or 2, but got ") << getP();
  return verifyLine(*this);
}

template <typename OpTy> static LogicalResult verifyCumulative(OpTy op) {
  // cumulative_c1
  RankedTensorType axis = op.getAxis().getType();
  if (!axis.hasStaticShape() || axis.getNumElements() != 1 ||
      axis.getRank() > 1)
    return op.emitOpError("expected an axis of one element, but got ") << axis;
  if (op.getX().getType().getRank() == 0)
    return op.emitOpError("expected an operand of rank 1 or more, but got ")
           << op.getX().getType();
  DenseIntElementsAttr constant;
  if (matchPattern(op.getAxis(), m_Constant(&constant)))
    return verifyAxis(op, constant.getSplatValue<APInt>().getSExtValue(),
                      op.getX().getType().getRank());
  return success();
}

LogicalResult CumSumOp::verify() { return verifyCumulative(*this); }
LogicalResult CumProdOp::verify() { return verifyCumulative(*this); }

LogicalResult TopKOp::verify() {
  RankedTensorType type = getX().getType();
  // topk_c1
  if (failed(verifyAxis(*this, getAxis(), type.getRank())))
    return failure();
  // topk_c2
  RankedTensorType k = getK().getType();
  if (k.getRank() > 1 || (k.hasStaticShape() && k.getNumElements() != 1))
    return emitOpError("expected K of one element, but got ") << k;
  // topk_c3
  SmallVector<int64_t> shape(type.getShape());
  int64_t axis = getAxis();
  shape[normalizeAxis(axis, type.getRank())] = ShapedType::kDynamic;
  if (failed(verifyShape(*this, getValues().getType(), shape)))
    return failure();
  return verifyShape(*this, getIndices().getType(), shape);
}
