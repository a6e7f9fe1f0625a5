//===- VerifyUtils.h - Checks that verifiers of onnx ops share --*- C++ -*-===//
//
// Each check emits one message on the op: what was expected, what was found.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_ONNX_IR_VERIFYUTILS_H
#define MOE_LIB_DIALECT_ONNX_IR_VERIFYUTILS_H

#include "moe/Dialect/ONNX/IR/ONNX.h"

namespace moe::onnx {

inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
}

inline int64_t rankOf(mlir::Value value) { return shapeOf(value).size(); }

/// Extent of a dim, or ShapedType::kDynamic.
inline int64_t dimOf(mlir::Value value, int64_t dim) {
  return shapeOf(value)[dim];
}

/// Whether two extents are known to differ.
inline bool differ(int64_t lhs, int64_t rhs) {
  return mlir::ShapedType::isStatic(lhs) && mlir::ShapedType::isStatic(rhs) &&
         lhs != rhs;
}

/// `value`, called `name`, has this rank.
mlir::LogicalResult verifyRank(mlir::Operation *op, mlir::Value value,
                               llvm::StringRef name, int64_t rank);

/// `value`, called `name`, has at most this rank. Null is fine.
mlir::LogicalResult verifyRankAtMost(mlir::Operation *op, mlir::Value value,
                                     llvm::StringRef name, int64_t rank);

/// The attribute `name` is in [low, high].
mlir::LogicalResult verifyInRange(mlir::Operation *op, int64_t value,
                                  llvm::StringRef name, int64_t low,
                                  int64_t high);

/// `axis`, called `name`, is in [-rank, rank - 1].
inline mlir::LogicalResult verifyAxis(mlir::Operation *op, int64_t axis,
                                      int64_t rank,
                                      llvm::StringRef name = "axis") {
  return verifyInRange(op, axis, name, -rank, rank - 1);
}

/// `value`, called `name`, has one element as far as its type tells.
mlir::LogicalResult verifyOneElement(mlir::Operation *op, mlir::Value value,
                                     llvm::StringRef name);

/// `value`, called `name`, is a vector of `length` elements as far as its type
/// tells. A negative length is not compared.
mlir::LogicalResult verifyVector(mlir::Operation *op, mlir::Value value,
                                 llvm::StringRef name, int64_t length = -1);

} // namespace moe::onnx

#endif // MOE_LIB_DIALECT_ONNX_IR_VERIFYUTILS_H
