//===- Accumulator.cpp - In what type sums are taken ----------------------===//
#include "moe/Dialect/ONNX/IR/Accumulator.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

Type moe::onnx::accumulatorType(Type type) {
  if (isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32)
    return Float32Type::get(type.getContext());
  return type;
}
