//===- Constants.h - What constants of onnx ops hold ------------*- C++ -*-===//
#ifndef MOE_DIALECT_ONNX_IR_CONSTANTS_H
#define MOE_DIALECT_ONNX_IR_CONSTANTS_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace moe::onnx {

/// The elements of a constant of integers, sign-extended, in row-major order;
/// none where `value` is null or no such constant.
std::optional<llvm::SmallVector<int64_t>> getConstantInts(mlir::Value value);

} // namespace moe::onnx

#endif // MOE_DIALECT_ONNX_IR_CONSTANTS_H
