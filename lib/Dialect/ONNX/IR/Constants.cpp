//===- Constants.cpp - What constants of onnx ops hold --------------------===//
#include "moe/Dialect/ONNX/IR/Constants.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

std::optional<SmallVector<int64_t>> moe::onnx::getConstantInts(Value value) {
  DenseIntElementsAttr elements;
  if (!value || !matchPattern(value, m_Constant(&elements)))
    return std::nullopt;
  return llvm::map_to_vector(elements.getValues<APInt>(),
                             [](const APInt &v) { return v.getSExtValue(); });
}
