//===- VerifyUtils.cpp - Checks that verifiers of onnx ops share ----------===//
#include "VerifyUtils.h"

using namespace mlir;

LogicalResult moe::onnx::verifyRank(Operation *op, Value value, StringRef name,
                                    int64_t rank) {
  if (rankOf(value) == rank)
    return success();
  return op->emitOpError("expected ")
         << name << " of rank " << rank << ", but got " << value.getType();
}

LogicalResult moe::onnx::verifyRankAtMost(Operation *op, Value value,
                                          StringRef name, int64_t rank) {
  if (!value || rankOf(value) <= rank)
    return success();
  return op->emitOpError("expected ")
         << name << " of rank " << rank << " at most, but got "
         << value.getType();
}

LogicalResult moe::onnx::verifyInRange(Operation *op, int64_t value,
                                       StringRef name, int64_t low,
                                       int64_t high) {
  if (value >= low && value <= high)
    return success();
  return op->emitOpError("expected ")
         << name << " in [" << low << ", " << high << "], but got " << value;
}

LogicalResult moe::onnx::verifyOneElement(Operation *op, Value value,
                                          StringRef name) {
  auto type = cast<RankedTensorType>(value.getType());
  if (llvm::all_of(type.getShape(), [](int64_t dim) {
        return dim == 1 || ShapedType::isDynamic(dim);
      }))
    return success();
  return op->emitOpError("expected ")
         << name << " of one element, but got " << type;
}

LogicalResult moe::onnx::verifyVector(Operation *op, Value value,
                                      StringRef name, int64_t length) {
  if (failed(verifyRank(op, value, name, 1)))
    return failure();
  int64_t extent = dimOf(value, 0);
  if (length < 0 || ShapedType::isDynamic(extent) || extent == length)
    return success();
  return op->emitOpError("expected ")
         << name << " of " << length << " elements, but got " << extent;
}
