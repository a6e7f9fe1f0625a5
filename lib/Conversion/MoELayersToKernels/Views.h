//===- Views.h - Columns of values ------------------------------*- C++ -*-===//
//
// What columns of the values of a body are, seen through ops that only move
// them.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_MOELAYERSTOKERNELS_VIEWS_H
#define MOE_LIB_CONVERSION_MOELAYERSTOKERNELS_VIEWS_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

namespace moe {

/// Columns of `value`: column n is the value's column offset + n * stride.
struct View {
  mlir::Value value;
  int64_t offset = 0, stride = 1;

  bool operator==(const View &other) const {
    return value == other.value && offset == other.offset &&
           stride == other.stride;
  }
};

inline mlir::RankedTensorType typeOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

/// The one element of a constant, or null.
mlir::TypedAttr numberOf(mlir::Value value);

/// Whether all dims but the last are 1.
bool isVector(mlir::Value value);

/// A view through ops that only move elements to the value that they move.
View peel(View view);

/// The view of an operand that an elementwise op reads for `view` of its
/// result: a single column stretches.
View operandView(const View &view, mlir::Value operand);

/// Whether rows are read where rows are: nothing of another shape stretches.
bool isColumnwise(const View &view);

} // namespace moe

#endif // MOE_LIB_CONVERSION_MOELAYERSTOKERNELS_VIEWS_H
