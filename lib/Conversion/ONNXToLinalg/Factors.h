//===- Factors.h - Products of extents --------------------------*- C++ -*-===//
//
// As far as they can be compared: extents that are one value cancel.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_FACTORS_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_FACTORS_H

#include "Lowering.h"

namespace moe::onnx {

/// A product: a constant times values that are not looked into.
struct Factors {
  int64_t constant = 1;
  llvm::SmallVector<mlir::Value> values;

  bool isOne() const { return constant == 1 && values.empty(); }
};

void multiply(Factors &factors, mlir::OpFoldResult extent);

/// Divides both by what they share; 0 by 0 is 1.
void cancel(Factors &lhs, Factors &rhs);

mlir::OpFoldResult toExtent(mlir::ImplicitLocOpBuilder &b,
                            const Factors &factors);

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_FACTORS_H
