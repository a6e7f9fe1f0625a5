//===- Contraction.h - Sums of products -------------------------*- C++ -*-===//
//
// What matrix products, Einsum and convolutions share. Loops are ordered so
// that the innermost one walks memory: (batch, m, k, n).
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_CONTRACTION_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_CONTRACTION_H

#include "Lowering.h"

namespace moe::onnx {

/// `tensor` with elements of `type`; both float or both signed integers.
mlir::Value convertElements(LoweringBuilder &b, mlir::Value tensor,
                            mlir::Type type);

/// A linalg.generic over `inputs` with one result that starts as `init`. `maps`
/// has one map per input and then the result's; `body` gets the inputs'
/// elements and then the result's.
mlir::Value
loopsOver(LoweringBuilder &b, mlir::ValueRange inputs,
          llvm::ArrayRef<mlir::AffineMap> maps,
          llvm::ArrayRef<mlir::utils::IteratorType> iterators, mlir::Value init,
          llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                         mlir::ValueRange)>
              body);

/// The sum over reduction loops of the product of `operands`:
///   linalg.generic {maps, iterators} ins(operands) outs(linalg.fill 0)
/// `maps` has one map per operand and then the result's. Accumulates in
/// accumulatorType(elementType) and rounds once to `elementType`.
mlir::Value contract(LoweringBuilder &b, mlir::ValueRange operands,
                     llvm::ArrayRef<mlir::AffineMap> maps,
                     llvm::ArrayRef<mlir::utils::IteratorType> iterators,
                     const Extents &resultExtents, mlir::Type elementType);

/// `tensor` with those dims copied out to `extents` that may be 1 at run time
/// although they are not visibly 1. An absent extent leaves its dim alone.
mlir::Value stretch(LoweringBuilder &b, mlir::Value tensor,
                    llvm::ArrayRef<std::optional<mlir::OpFoldResult>> extents);

/// ONNX MatMul on lowered tensors.
mlir::Value matMul(LoweringBuilder &b, mlir::Value lhs, mlir::Value rhs);

/// `tensor` with permuted dims: dim i of the result is dim `permutation[i]`.
mlir::Value transposed(LoweringBuilder &b, mlir::Value tensor,
                       llvm::ArrayRef<int64_t> permutation);

/// Ends the run with `message` unless two extents are equal.
void requireEqual(LoweringBuilder &b, mlir::OpFoldResult lhs,
                  mlir::OpFoldResult rhs, const llvm::Twine &message);

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_CONTRACTION_H
