//===- MathOps.cpp - Ops of Math.td, Logic.td and Activation.td -----------===//
//
// Verifiers beyond broadcasting, which the elementwise interface verifies.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace moe::onnx;

LogicalResult ModOp::verify() {
  // mod_c1
  if (getFmod() != 0 && getFmod() != 1)
    return emitOpError("expected fmod = 0 or 1, but got ") << getFmod();
  return success();
}

LogicalResult BitCastOp::verify() {
  // bitcast_c1
  auto storedBits = [](RankedTensorType type) {
    return std::max(type.getElementTypeBitWidth(), 8u);
  };
  if (storedBits(getInput().getType()) != storedBits(getOutput().getType()))
    return emitOpError("expected element types of the same width, but got ")
           << getInput().getType().getElementType() << " and "
           << getOutput().getType().getElementType();
  return success();
}

LogicalResult ClipOp::verify() {
  // clip_c1
  for (Value bound : {getMin(), getMax()}) {
    if (!bound)
      continue;
    auto type = cast<RankedTensorType>(bound.getType());
    if (!type.hasStaticShape() || type.getNumElements() != 1)
      return emitOpError("expected bounds of one element, but got ") << type;
  }
  return success();
}

/// Whether `wide` holds every value of `narrow` exactly.
static bool holdsAllOf(Type wide, Type narrow) {
  if (narrow.isInteger(1))
    return true;
  if (auto from = dyn_cast<FloatType>(narrow)) {
    auto to = dyn_cast<FloatType>(wide);
    return to && APFloat::isRepresentableBy(from.getFloatSemantics(),
                                            to.getFloatSemantics());
  }
  auto from = dyn_cast<IntegerType>(narrow), to = dyn_cast<IntegerType>(wide);
  return from && to && from.getSignedness() == to.getSignedness() &&
         to.getWidth() >= from.getWidth();
}

/// onnx.Cast %x : f32 -> f32                       -> %x
/// onnx.Cast (onnx.Cast %x : f32 -> f64) -> f32    -> %x
OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getOutput().getType())
    return getInput();
  auto inner = getInput().getDefiningOp<CastOp>();
  if (inner && inner.getInput().getType() == getOutput().getType() &&
      holdsAllOf(getInput().getType().getElementType(),
                 getOutput().getType().getElementType()))
    return inner.getInput();
  return {};
}
