//===- Normalization.h - Means and deviations -------------------*- C++ -*-===//
//
// What the normalisations of the standard and of com.microsoft share: sums over
// some dims of a tensor, and loops that read per-channel vectors.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_NORMALIZATION_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_NORMALIZATION_H

#include "Contraction.h"

namespace moe::onnx {

/// A tensor and the loops that index its dims.
struct IndexedTensor {
  mlir::Value tensor;
  llvm::SmallVector<int64_t> loops;
};

/// Scalars in, scalar out; all in the type of the computation.
using ScalarBody = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                                  mlir::ValueRange)>;

/// Loops 0..n-1, for dims that are kept or summed over.
llvm::SmallVector<int64_t> allLoops(int64_t rank);

/// The sum of `body(elements)` over the loops of `domain` that `kept` lacks;
/// `domain` is the extents of all loops. Inputs are converted to
/// `computeType`. The result has the dims `kept`, in order.
mlir::Value sumOver(LoweringBuilder &b, llvm::ArrayRef<IndexedTensor> inputs,
                    const Extents &domain, llvm::ArrayRef<int64_t> kept,
                    mlir::Type computeType, ScalarBody body);

/// `body(elements)` at each index of `domain`: inputs are converted to
/// `computeType`, what `body` gives to `resultType`. A dim of an input that is
/// visibly 1 stretches.
mlir::Value mapOver(LoweringBuilder &b, llvm::ArrayRef<IndexedTensor> inputs,
                    const Extents &domain, mlir::Type computeType,
                    mlir::Type resultType, ScalarBody body);

/// The product of the extents that `kept` lacks, as a float.
mlir::Value countOver(LoweringBuilder &b, const Extents &domain,
                      llvm::ArrayRef<int64_t> kept, mlir::Type type);

/// Mean and population variance over the loops that `kept` lacks.
struct Moments {
  mlir::Value mean;
  mlir::Value variance;
};
Moments momentsOver(LoweringBuilder &b, mlir::Value tensor,
                    llvm::ArrayRef<int64_t> kept, mlir::Type computeType);

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_NORMALIZATION_H
