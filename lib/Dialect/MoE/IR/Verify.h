//===- Verify.h - Checks that verifiers of moe ops share --------*- C++ -*-===//
//
// Shapes of tensors or memrefs, and the route attributes that moe.route and
// moe.gate have in common. Each check emits one message.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_IR_VERIFY_H
#define MOE_LIB_DIALECT_MOE_IR_VERIFY_H

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/RT/IR/RT.h"

namespace moe {

/// An extent that fits any other.
constexpr int64_t anyExtent = mlir::ShapedType::kDynamic;

/// `value`, called `name`, has these extents; anyExtent matches any, and a
/// dynamic extent fits any.
mlir::LogicalResult verifyShape(mlir::Operation *op, mlir::Value value,
                                const llvm::Twine &name,
                                llvm::ArrayRef<int64_t> extents);

inline int64_t extentOf(mlir::Value value, int64_t dim) {
  return mlir::cast<mlir::ShapedType>(value.getType()).getDimSize(dim);
}

/// N, from the scores or the sum of the projections' columns.
int64_t countColumns(mlir::Value scores, mlir::ValueRange project);

/// The operands and attributes that say how a row becomes slots.
struct RouteParts {
  mlir::Value scores;
  mlir::ValueRange project;
  mlir::Value bias, mask, mix;
  SelectAttrInterface select;
  Score score;
  GroupsAttr groups;
  ColumnsAttr normalizeOver;
  DenominatorAttr denominator;
};

mlir::LogicalResult verifyRoute(mlir::Operation *op, const RouteParts &route,
                                mlir::Value ids, mlir::Value weights);

/// `coefficients` [T] and `terms` ([T, H] or [H]) in pairs.
mlir::LogicalResult verifyTerms(mlir::Operation *op,
                                mlir::ValueRange coefficients,
                                mlir::ValueRange terms, int64_t tokens,
                                int64_t hidden);

} // namespace moe

#endif // MOE_LIB_DIALECT_MOE_IR_VERIFY_H
