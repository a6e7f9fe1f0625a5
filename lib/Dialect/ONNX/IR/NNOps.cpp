//===- NNOps.cpp - Ops of NN.td -------------------------------------------===//
#include "VerifyUtils.h"

#include "moe/Dialect/ONNX/IR/Einsum.h"

#include "mlir/Dialect/Traits.h"

using namespace mlir;
using namespace moe::onnx;

/// Verifies that `result` may have `shape`.
static LogicalResult verifyResultShape(Operation *op, ArrayRef<int64_t> shape,
                                       Value result) {
  auto type = cast<RankedTensorType>(result.getType());
  if (static_cast<int64_t>(shape.size()) == type.getRank() &&
      succeeded(verifyCompatibleShape(shape, type.getShape())))
    return success();
  return op->emitOpError("expected a result of type ")
         << RankedTensorType::get(shape, type.getElementType()) << ", but got "
         << type;
}

/// Verifies that per-channel operands are vectors as long as `channels`.
static LogicalResult verifyChannels(Operation *op, ValueRange operands,
                                    int64_t channels) {
  for (Value operand : operands)
    if (rankOf(operand) != 1 || differ(shapeOf(operand)[0], channels))
      return op->emitOpError("expected vectors of one element per channel, "
                             "but got ")
             << operand.getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

LogicalResult MatMulOp::verify() {
  ArrayRef<int64_t> a = shapeOf(getA()), b = shapeOf(getB());
  if (a.empty() || b.empty())
    return emitOpError("expected operands of rank 1 or more, but got ")
           << getOperandTypes();
  int64_t aInner = a.back();
  int64_t bInner = b.size() == 1 ? b[0] : b[b.size() - 2];
  if (differ(aInner, bInner))
    return emitOpError("expected equal inner dims, but got ")
           << aInner << " and " << bInner;
  SmallVector<int64_t> shape;
  if (!OpTrait::util::getBroadcastedShape(
          a.drop_back(std::min<size_t>(a.size(), 2)),
          b.drop_back(std::min<size_t>(b.size(), 2)), shape))
    return emitOpError("expected leading dims that broadcast, but got ")
           << getOperandTypes();
  if (a.size() > 1)
    shape.push_back(a[a.size() - 2]);
  if (b.size() > 1)
    shape.push_back(b.back());
  return verifyResultShape(*this, shape, getY());
}

LogicalResult GemmOp::verify() {
  ArrayRef<int64_t> a = shapeOf(getA()), b = shapeOf(getB());
  if (a.size() != 2 || b.size() != 2)
    return emitOpError("expected matrices A and B, but got ")
           << getA().getType() << " and " << getB().getType();
  int64_t aInner = a[getTransA() ? 0 : 1], bInner = b[getTransB() ? 1 : 0];
  if (differ(aInner, bInner))
    return emitOpError("expected equal inner dims, but got ")
           << aInner << " and " << bInner;
  SmallVector<int64_t> shape{a[getTransA() ? 1 : 0], b[getTransB() ? 0 : 1]};
  SmallVector<int64_t> withC;
  if (getC() &&
      (!OpTrait::util::getBroadcastedShape(shape, shapeOf(getC()), withC) ||
       withC.size() != 2))
    return emitOpError("expected C to broadcast to ")
           << getY().getType() << ", but got " << getC().getType();
  for (const APFloat &factor : {getAlpha(), getBeta()})
    if (isa<IntegerType>(getElementTypeOrSelf(getY())) && !factor.isInteger())
      return emitOpError("expected whole alpha and beta on integers, but got ")
             << factor.convertToFloat();
  return verifyResultShape(*this, shape, getY());
}

LogicalResult EinsumOp::verify() {
  SmallVector<int64_t> ranks;
  for (Value operand : getInputs())
    ranks.push_back(rankOf(operand));
  auto equation =
      parseEinsum(getEquation(), ranks, [&] { return emitOpError(); });
  if (failed(equation))
    return failure();
  llvm::DenseMap<int64_t, int64_t> extents;
  for (auto [operand, labels] :
       llvm::zip_equal(getInputs(), equation->operands))
    for (auto [label, extent] : llvm::zip_equal(labels, shapeOf(operand))) {
      auto [it, isNew] = extents.try_emplace(label, extent);
      if (isNew || it->second == extent || extent == 1)
        continue;
      if (it->second != 1 && differ(it->second, extent))
        return emitOpError("expected one extent per letter, but got ")
               << it->second << " and " << extent;
      if (it->second == 1 || ShapedType::isDynamic(it->second))
        it->second = extent;
    }
  SmallVector<int64_t> shape;
  for (int64_t label : equation->result)
    shape.push_back(extents.lookup(label));
  return verifyResultShape(*this, shape, getOutput());
}

//===----------------------------------------------------------------------===//
// Normalisations
//===----------------------------------------------------------------------===//

LogicalResult BatchNormalizationOp::verify() {
  if (rankOf(getX()) < 1)
    return emitOpError("expected X of rank 1 or more, but got ")
           << getX().getType();
  if (!getTrainingMode() && (getRunningMean() || getRunningVar()))
    return emitOpError("expected running statistics only in training mode");
  int64_t channels = rankOf(getX()) == 1 ? 1 : shapeOf(getX())[1];
  if (failed(verifyChannels(*this, getOperands().drop_front(), channels)))
    return failure();
  return verifyResultShape(*this, shapeOf(getX()), getY());
}

LogicalResult InstanceNormalizationOp::verify() {
  if (rankOf(getInput()) < 2)
    return emitOpError("expected an input of rank 2 or more, but got ")
           << getInput().getType();
  if (failed(verifyChannels(*this, getOperands().drop_front(),
                            shapeOf(getInput())[1])))
    return failure();
  return verifyResultShape(*this, shapeOf(getInput()), getOutput());
}

LogicalResult LRNOp::verify() {
  if (rankOf(getX()) < 2)
    return emitOpError("expected X of rank 2 or more, but got ")
           << getX().getType();
  if (static_cast<int64_t>(getSize()) < 1)
    return emitOpError("expected a size of 1 or more, but got ")
           << static_cast<int64_t>(getSize());
  return verifyResultShape(*this, shapeOf(getX()), getY());
}
