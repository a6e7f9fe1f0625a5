//===- Reduction.h - Reducing dims of a tensor ------------------*- C++ -*-===//
//
// Shared by the reductions, the softmax family and what else folds a dim.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_REDUCTION_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_REDUCTION_H

#include "Lowering.h"

#include "llvm/ADT/SmallBitVector.h"

namespace moe::onnx {

/// What is reduced, and the shape of the outcome.
struct ReductionSpace {
  mlir::Value data;
  Extents inExtents;
  /// The reduced dims, where they are known when compiling.
  llvm::SmallBitVector reduced;
  /// Else: per dim, whether it is reduced, as an i1 each.
  llvm::SmallVector<mlir::Value> mask;
  /// Known dims: extents without the reduced dims; else with 1 in their place.
  Extents outExtents;
};

/// The space that reduces the dims marked in `reduced`.
ReductionSpace makeReductionSpace(LoweringBuilder &b, mlir::Value data,
                                  const llvm::SmallBitVector &reduced);

/// The loops over the dims of the data in their order, so that the innermost
/// one walks memory contiguously, and the place of the outcome in them. The
/// reduced dims are known.
struct ReductionLoops {
  llvm::SmallVector<mlir::utils::IteratorType> iterators;
  mlir::AffineMap dataMap, outMap;
};
ReductionLoops makeReductionLoops(LoweringBuilder &b,
                                  const ReductionSpace &space);

/// One reduction step: the element, the elements of `others` at the outcome's
/// index, and the accumulator give the next accumulator.
using ReduceFn = llvm::function_ref<mlir::Value(
    mlir::ImplicitLocOpBuilder &b, mlir::Value element, mlir::ValueRange others,
    mlir::Value accumulator)>;

/// Folds `body` over the reduced dims, in the order of indices, from
/// `identity`; `others` have the outcome's shape.
mlir::Value reduceTensor(LoweringBuilder &b, const ReductionSpace &space,
                         mlir::ValueRange others, mlir::Value identity,
                         ReduceFn body);

/// An outcome of known dims with extents of 1 in their place.
mlir::Value expandReduced(LoweringBuilder &b, const ReductionSpace &space,
                          mlir::Value outcome);

/// Per line of `axis`, the index of its greatest or least element, NaN first;
/// of equals the first or last. The axis is dropped.
mlir::Value argReduce(LoweringBuilder &b, mlir::Value data, int64_t axis,
                      bool greatest, bool last, bool isUnsignedType);

/// The least, or greatest, value of a type; infinities of floats.
mlir::Value extremeConstant(mlir::ImplicitLocOpBuilder &b, mlir::Type type,
                            bool greatest, bool isUnsignedType);

/// Parts of populateReductionPatterns: the softmax family, the cumulative ops,
/// TopK.
void populateLinePatterns(const LoweringTypeConverter &converter,
                          mlir::RewritePatternSet &patterns);
void populateScanPatterns(const LoweringTypeConverter &converter,
                          mlir::RewritePatternSet &patterns);
void populateSortPatterns(const LoweringTypeConverter &converter,
                          mlir::RewritePatternSet &patterns);

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_REDUCTION_H
