//===- WindowOps.cpp - Ops of Window.td and Quantization.td ---------------===//
#include "VerifyUtils.h"

using namespace mlir;
using namespace moe::onnx;

using OptionalList = std::optional<ArrayRef<int64_t>>;

/// Verifies a list attribute: `count` entries of at least `least`.
static LogicalResult verifyList(Operation *op, OptionalList list, size_t count,
                                int64_t least, StringRef name) {
  if (!list)
    return success();
  if (list->size() != count)
    return op->emitOpError("expected ")
           << count << " entries in " << name << ", but got " << list->size();
  for (int64_t entry : *list)
    if (entry < least)
      return op->emitOpError("expected entries of at least ")
             << least << " in " << name << ", but got " << entry;
  return success();
}

/// What all window ops share. `X` is [N, C, spatial...].
template <typename OpTy>
static LogicalResult verifyWindow(OpTy op, Value input, Value result) {
  if (rankOf(input) < 3)
    return op.emitOpError("expected an input of rank 3 or more, but got ")
           << input.getType();
  size_t spatial = rankOf(input) - 2;
  if (rankOf(result) != rankOf(input))
    return op.emitOpError("expected a result of rank ")
           << rankOf(input) << ", but got " << result.getType();
  if (failed(verifyList(op, op.getStrides(), spatial, 1, "strides")) ||
      failed(verifyList(op, op.getDilations(), spatial, 1, "dilations")) ||
      failed(verifyList(op, op.getPads(), 2 * spatial, 0, "pads")) ||
      failed(verifyList(op, OptionalList(op.getKernelShape()), spatial, 1,
                        "kernel_shape")))
    return failure();
  return success();
}

/// What all convolutions share. `channelDim` is the dim of the weights that
/// holds the result's channels (of one group, for transposed ones).
template <typename OpTy>
static LogicalResult verifyConv(OpTy op, Value input, Value weights,
                                Value result) {
  if (failed(verifyWindow(op, input, result)))
    return failure();
  if (rankOf(weights) != rankOf(input))
    return op.emitOpError("expected weights of rank ")
           << rankOf(input) << ", but got " << weights.getType();
  int64_t group = static_cast<int64_t>(op.getGroup());
  if (group < 1)
    return op.emitOpError("expected a group of 1 or more, but got ") << group;
  if (OptionalList kernel = op.getKernelShape())
    for (auto [extent, given] :
         llvm::zip_equal(shapeOf(weights).drop_front(2), *kernel))
      if (differ(extent, given))
        return op.emitOpError("expected weights with the kernel of "
                              "kernel_shape, but got ")
               << extent << " instead of " << given;
  return success();
}

/// Verifies the channels of a forward convolution.
static LogicalResult verifyChannels(Operation *op, Value input, Value weights,
                                    int64_t group) {
  int64_t channels = shapeOf(input)[1], perGroup = shapeOf(weights)[1];
  if (ShapedType::isStatic(channels) && ShapedType::isStatic(perGroup) &&
      channels != perGroup * group)
    return op->emitOpError("expected ")
           << perGroup * group << " input channels, but got " << channels;
  int64_t outputs = shapeOf(weights)[0];
  if (ShapedType::isStatic(outputs) && outputs % group != 0)
    return op->emitOpError("expected output channels divisible by group ")
           << group << ", but got " << outputs;
  return success();
}

LogicalResult ConvOp::verify() {
  if (failed(verifyConv(*this, getX(), getW(), getY())))
    return failure();
  return verifyChannels(*this, getX(), getW(), getGroup());
}

LogicalResult ConvIntegerOp::verify() {
  if (failed(verifyConv(*this, getX(), getW(), getY())))
    return failure();
  return verifyChannels(*this, getX(), getW(), getGroup());
}

LogicalResult QLinearConvOp::verify() {
  if (failed(verifyConv(*this, getX(), getW(), getY())))
    return failure();
  return verifyChannels(*this, getX(), getW(), getGroup());
}

LogicalResult ConvTransposeOp::verify() {
  if (failed(verifyConv(*this, getX(), getW(), getY())))
    return failure();
  size_t spatial = rankOf(getX()) - 2;
  if (failed(verifyList(*this, getOutputPadding(), spatial, 0,
                        "output_padding")) ||
      failed(verifyList(*this, getOutputShape(), spatial, 0, "output_shape")))
    return failure();
  int64_t channels = shapeOf(getX())[1];
  int64_t group = static_cast<int64_t>(getGroup());
  if (differ(channels, shapeOf(getW())[0]) ||
      (ShapedType::isStatic(channels) && channels % group != 0))
    return emitOpError("expected weights for each of ")
           << channels << " input channels in " << group << " groups, but got "
           << getW().getType();
  return success();
}

LogicalResult MaxPoolOp::verify() {
  return verifyWindow(*this, getX(), getY());
}

LogicalResult AveragePoolOp::verify() {
  return verifyWindow(*this, getX(), getY());
}

LogicalResult LpPoolOp::verify() {
  if (static_cast<int64_t>(getP()) < 1)
    return emitOpError("expected p of 1 or more, but got ")
           << static_cast<int64_t>(getP());
  return verifyWindow(*this, getX(), getY());
}

static LogicalResult verifyGlobalPool(Operation *op) {
  Value input = op->getOperand(0), result = op->getResult(0);
  if (rankOf(input) >= 3 && rankOf(result) == rankOf(input))
    return success();
  return op->emitOpError("expected an input of rank 3 or more and a result of "
                         "that rank, but got ")
         << input.getType() << " and " << result.getType();
}

LogicalResult GlobalAveragePoolOp::verify() { return verifyGlobalPool(*this); }

LogicalResult GlobalMaxPoolOp::verify() { return verifyGlobalPool(*this); }

LogicalResult GlobalLpPoolOp::verify() {
  if (static_cast<int64_t>(getP()) < 1)
    return emitOpError("expected p of 1 or more, but got ")
           << static_cast<int64_t>(getP());
  return verifyGlobalPool(*this);
}

LogicalResult ResizeOp::verify() {
  if (!getScales() == !getSizes())
    return emitOpError("expected either scales or sizes");
  if (getAntialias())
    return emitOpError("expected antialias = 0: antialiasing is not supported");
  int64_t rank = rankOf(getX());
  if (rankOf(getY()) != rank)
    return emitOpError("expected a result of rank ")
           << rank << ", but got " << getY().getType();
  if (OptionalList axes = getAxes())
    for (int64_t axis : *axes)
      if (axis < -rank || axis >= rank)
        return emitOpError("expected axes in [")
               << -rank << ", " << rank << "), but got " << axis;
  if (getCoordinateTransformationMode() == CoordinateMode::TfCropAndResize &&
      !getRoi())
    return emitOpError("expected roi with tf_crop_and_resize");
  return success();
}

//===----------------------------------------------------------------------===//
// Quantization.td
//===----------------------------------------------------------------------===//

/// Verifies the granularity of scales: one, one per index of `axis`, or one per
/// block of it.
static LogicalResult verifyScales(Operation *op, Value input, Value scale,
                                  Value zeroPoint, int64_t axis,
                                  int64_t block) {
  int64_t rank = rankOf(input), scaleRank = rankOf(scale);
  if (zeroPoint && rankOf(zeroPoint) != scaleRank)
    return op->emitOpError("expected zero points like scales ")
           << scale.getType() << ", but got " << zeroPoint.getType();
  bool isOne = scaleRank == 0 ||
               (scaleRank == 1 && shapeOf(scale)[0] == 1 && block == 0);
  if (isOne)
    return success();
  if (axis < -rank || axis >= rank)
    return op->emitOpError("expected an axis in [")
           << -rank << ", " << rank << "), but got " << axis;
  if (scaleRank != (block ? rank : 1))
    return op->emitOpError("expected scales of rank ")
           << (block ? rank : 1) << ", but got " << scale.getType();
  if (block < 0)
    return op->emitOpError("expected a block_size of 0 or more, but got ")
           << block;
  return success();
}

LogicalResult QuantizeLinearOp::verify() {
  if (getPrecision() > 1)
    return emitOpError("expected precision 0 (the type of y_scale) or 1 (f32), "
                       "but got ")
           << static_cast<int64_t>(getPrecision());
  if (getYZeroPoint() &&
      getElementTypeOrSelf(getYZeroPoint()) != getElementTypeOrSelf(getY()))
    return emitOpError("expected a zero point of the result's element type, "
                       "but got ")
           << getYZeroPoint().getType();
  return verifyScales(*this, getX(), getYScale(), getYZeroPoint(), getAxis(),
                      getBlockSize());
}

LogicalResult DequantizeLinearOp::verify() {
  if (getXZeroPoint() &&
      getElementTypeOrSelf(getXZeroPoint()) != getElementTypeOrSelf(getX()))
    return emitOpError("expected a zero point of x's element type, but got ")
           << getXZeroPoint().getType();
  return verifyScales(*this, getX(), getXScale(), getXZeroPoint(), getAxis(),
                      getBlockSize());
}
