//===- Tensors.h - Types of ONNX's values -----------------------*- C++ -*-===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_TENSORS_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_TENSORS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

namespace moe::raise {

/// The type of a value of the graph that is a tensor.
inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_TENSORS_H
