//===- ShapeUtils.h - Shared by the shape lowerings -------------*- C++ -*-===//
//
// Arithmetic on extents, the elements of shape operands as scalars, reshapes,
// preconditions on indices, and loops whose body sees its indices.
//
// An `index` value stands for an extent or for an integer of ONNX: negative
// values are meant, arithmetic is signed.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_SHAPEUTILS_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_SHAPEUTILS_H

#include "Lowering.h"

namespace moe::onnx {

inline int64_t rankOf(mlir::Value tensor) {
  return mlir::cast<mlir::RankedTensorType>(tensor.getType()).getRank();
}

//===----------------------------------------------------------------------===//
// Arithmetic on extents: folded when constant
//===----------------------------------------------------------------------===//

/// `OpTy` on two index values.
template <typename OpTy>
mlir::OpFoldResult foldIndex(mlir::ImplicitLocOpBuilder &b,
                             mlir::OpFoldResult lhs, mlir::OpFoldResult rhs) {
  mlir::Value result =
      b.createOrFold<OpTy>(indexValue(b, lhs), indexValue(b, rhs));
  return mlir::getAsOpFoldResult(result);
}

/// A comparison; equal values compare without an op.
mlir::Value compare(mlir::ImplicitLocOpBuilder &b,
                    mlir::arith::CmpIPredicate predicate,
                    mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);

mlir::OpFoldResult select(mlir::ImplicitLocOpBuilder &b, mlir::Value condition,
                          mlir::OpFoldResult ifTrue,
                          mlir::OpFoldResult ifFalse);

mlir::Value both(mlir::ImplicitLocOpBuilder &b, mlir::Value lhs,
                 mlir::Value rhs);

/// `index` + `extent` where `index` is negative, else `index`.
mlir::OpFoldResult wrapIndex(mlir::ImplicitLocOpBuilder &b,
                             mlir::OpFoldResult index,
                             mlir::OpFoldResult extent);

mlir::OpFoldResult productOf(mlir::ImplicitLocOpBuilder &b,
                             llvm::ArrayRef<mlir::OpFoldResult> extents);

/// Whether the value comes from extents only, by arithmetic that keeps it from
/// being negative.
bool isMadeOfExtents(mlir::OpFoldResult extent);

/// `extents` where static dims of `type`, and extents that the analysis of dims
/// knows of the op's one result, stand in for dynamic extents, each behind a
/// precondition that both agree. Fails with an error on `op` where the
/// type contradicts a static extent.
mlir::FailureOr<Extents> refineExtents(LoweringBuilder &b, mlir::Operation *op,
                                       Extents extents, mlir::Type type);

/// Ends the run where extents that come from data mean more elements than an
/// address space holds, so that no size in bytes wraps around.
void requireAddressable(mlir::ImplicitLocOpBuilder &b,
                        llvm::ArrayRef<mlir::OpFoldResult> extents);

/// Ends the run unless the extents are equal.
void requireEqual(mlir::ImplicitLocOpBuilder &b, mlir::OpFoldResult lhs,
                  mlir::OpFoldResult rhs, const llvm::Twine &message);

//===----------------------------------------------------------------------===//
// Elements of shape operands
//===----------------------------------------------------------------------===//

/// The elements of a small integer tensor as scalars of its element type, when
/// it stays scalar: made by `tensor.from_elements` or as isScalarised says.
/// Looks through casts that forget static extents.
std::optional<llvm::SmallVector<mlir::Value>>
scalarElements(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor);

/// The elements of a vector or scalar of static length as index values. With a
/// `count`, a dynamic length is required to be that.
std::optional<Extents> indexElements(LoweringBuilder &b, mlir::Value tensor,
                                     int64_t count = -1);

/// An element of an operand that lists axes, as a dim of a shape of `rank`: a
/// constant is checked now, with an error on `op`, any other one by the run.
mlir::FailureOr<mlir::OpFoldResult> readAxis(LoweringBuilder &b,
                                             mlir::Operation *op,
                                             mlir::OpFoldResult element,
                                             int64_t rank);

/// A tensor made of scalars.
mlir::Value fromScalars(mlir::ImplicitLocOpBuilder &b,
                        llvm::ArrayRef<int64_t> shape,
                        llvm::ArrayRef<mlir::Value> elements,
                        mlir::Type elementType);

/// The one scalar of a tensor of one element.
mlir::Value onlyElement(LoweringBuilder &b, mlir::Value tensor);

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// The same elements under another shape: views only. The caller has made sure
/// that the number of elements is the same.
mlir::Value reshapeTo(LoweringBuilder &b, mlir::Value tensor,
                      const Extents &extents);

/// linalg.transpose, or a reshape where only dims of extent 1 move.
mlir::Value transpose(LoweringBuilder &b, mlir::Value tensor,
                      llvm::ArrayRef<int64_t> permutation);

/// tensor.extract_slice that starts at `offsets` and takes `sizes`; an empty
/// tensor where a size is 0 (offsets may then be past the end, which the op
/// refuses).
mlir::Value extractSlice(LoweringBuilder &b, mlir::Value tensor,
                         const Extents &offsets, const Extents &sizes,
                         const Extents &strides);
/// The same for one dim.
mlir::Value sliceDim(LoweringBuilder &b, mlir::Value tensor, int64_t dim,
                     mlir::OpFoldResult offset, mlir::OpFoldResult size);

/// tensor.insert_slice of all of `source` at `offsets`; nothing where `source`
/// is empty.
mlir::Value insertSlice(LoweringBuilder &b, mlir::Value source,
                        mlir::Value into, const Extents &offsets);

/// The static shape of extents, kDynamic where not constant.
llvm::SmallVector<int64_t>
staticShape(llvm::ArrayRef<mlir::OpFoldResult> extents);

/// Ends the run unless all `indices` are in [-extent, extent - 1]. `what`
/// names the indexed dim.
void requireIndices(LoweringBuilder &b, mlir::Value indices,
                    mlir::OpFoldResult extent, llvm::StringRef what);

/// Ends the run unless the dims of `indices` other than `axis` are at most as
/// long as those of the data.
void requireInside(LoweringBuilder &b, const Extents &indices,
                   const Extents &data, int64_t axis);

/// Ends the run unless each line of the last dim of `indices` is an index tuple
/// for dims of these extents.
void requireTuples(LoweringBuilder &b, mlir::Value indices,
                   llvm::ArrayRef<mlir::OpFoldResult> extents,
                   llvm::StringRef what);

/// The index values of the tuple at `position`.
llvm::SmallVector<mlir::Value>
readTuple(mlir::ImplicitLocOpBuilder &b, mlir::Value indices,
          mlir::ValueRange position,
          llvm::ArrayRef<mlir::OpFoldResult> extents);

/// An integer element as an index value in [0, extent).
mlir::Value toIndex(mlir::ImplicitLocOpBuilder &b, mlir::Value element,
                    mlir::OpFoldResult extent);

using IndexedBody = llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                                   mlir::ValueRange elements,
                                                   mlir::ValueRange indices)>;

/// A parallel `linalg.generic` over `extents`: `body` sees the elements of
/// `inputs` at their `maps`, and the loop indices.
mlir::Value indexed(LoweringBuilder &b, mlir::ValueRange inputs,
                    llvm::ArrayRef<mlir::AffineMap> maps,
                    const Extents &extents, mlir::Type elementType,
                    IndexedBody body);

/// A tensor whose elements are those of `data` at the places that `locate`
/// gives for each dim and its index.
mlir::Value readEach(
    LoweringBuilder &b, mlir::Value data, const Extents &extents,
    llvm::function_ref<mlir::OpFoldResult(
        mlir::ImplicitLocOpBuilder &, int64_t dim, mlir::OpFoldResult index)>
        locate);

/// Sequential loops over `extents`, the last one innermost, that carry tensors.
llvm::SmallVector<mlir::Value>
sequentialLoops(LoweringBuilder &b, llvm::ArrayRef<mlir::OpFoldResult> extents,
                mlir::ValueRange inits,
                llvm::function_ref<llvm::SmallVector<mlir::Value>(
                    mlir::ImplicitLocOpBuilder &, mlir::ValueRange indices,
                    mlir::ValueRange carried)>
                    body);

//===----------------------------------------------------------------------===//
// Parts of the families
//===----------------------------------------------------------------------===//

void populateShapeMakePatterns(const LoweringTypeConverter &converter,
                               mlir::RewritePatternSet &patterns);
void populateShapeReshapePatterns(const LoweringTypeConverter &converter,
                                  mlir::RewritePatternSet &patterns);
void populateShapeMovePatterns(const LoweringTypeConverter &converter,
                               mlir::RewritePatternSet &patterns);
void populateShapeSlicePatterns(const LoweringTypeConverter &converter,
                                mlir::RewritePatternSet &patterns);
void populateShapePadPatterns(const LoweringTypeConverter &converter,
                              mlir::RewritePatternSet &patterns);
void populateIndexingGatherPatterns(const LoweringTypeConverter &converter,
                                    mlir::RewritePatternSet &patterns);
void populateIndexingSelectPatterns(const LoweringTypeConverter &converter,
                                    mlir::RewritePatternSet &patterns);
void populateScatterPatterns(const LoweringTypeConverter &converter,
                             mlir::RewritePatternSet &patterns);

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_SHAPEUTILS_H
