//===- Accumulator.h - In what type sums are taken --------------*- C++ -*-===//
#ifndef MOE_DIALECT_ONNX_IR_ACCUMULATOR_H
#define MOE_DIALECT_ONNX_IR_ACCUMULATOR_H

#include "mlir/IR/Types.h"

namespace moe::onnx {

/// The type in which sums of `type` are accumulated: f32 for f16 and bf16.
mlir::Type accumulatorType(mlir::Type type);

} // namespace moe::onnx

#endif // MOE_DIALECT_ONNX_IR_ACCUMULATOR_H
