//===- Lowering.h - Shared by the lowerings of onnx ops ---------*- C++ -*-===//
//
// What every family of lowerings needs: the type converter, extents as
// OpFoldResults, broadcasting, preconditions, and the scalar form of small
// integer tensors. One `populate<Family>Patterns` per .cpp file.
//
// Invariants of the lowered form:
//  * every value of the conversion is a ranked tensor of signless elements;
//  * a small integer tensor (see isScalarised) is a `tensor.from_elements`, so
//    that shape arithmetic folds to scalars and no loop computes it;
//  * whatever can fail at run time is checked by `rt.require` ahead of the op.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_LOWERING_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_LOWERING_H

#include "LoweringContext.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/DialectConversion.h"
#include "moe/Conversion/ONNXToLinalg/Scalars.h"
#include "moe/Dialect/ONNX/IR/Axes.h"
#include "moe/Dialect/ONNX/IR/Constants.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/RT/IR/RT.h"

namespace moe::onnx {

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

/// Tensors of unsigned elements become tensors of signless ones. Carries the
/// context, which every pattern reaches through its type converter.
class LoweringTypeConverter : public mlir::TypeConverter {
public:
  explicit LoweringTypeConverter(LoweringContext &context);
  LoweringContext &getLoweringContext() const { return *context; }

private:
  LoweringContext *context;
};

/// The builder of a pattern: implicit location, plus the context.
class LoweringBuilder : public mlir::ImplicitLocOpBuilder {
public:
  LoweringBuilder(mlir::Location loc, mlir::OpBuilder &builder,
                  LoweringContext &context)
      : ImplicitLocOpBuilder(loc, builder), context(&context) {}
  LoweringContext &getLoweringContext() { return *context; }

private:
  LoweringContext *context;
};

/// An unsigned integer as the signless one of its width, others as they are.
mlir::Type toSignless(mlir::Type type);

/// Element type of a tensor value.
mlir::Type elementType(mlir::Value value);

/// Whether the ONNX element type is compared and divided as unsigned. Look at
/// the op's own types: converted ones are signless.
inline bool isUnsigned(mlir::Type type) {
  return type.isUnsignedInteger() || type.isInteger(1);
}

//===----------------------------------------------------------------------===//
// Extents and scalars
//===----------------------------------------------------------------------===//

using Extents = llvm::SmallVector<mlir::OpFoldResult>;

/// Extents of a tensor: attributes where static, `tensor.dim` elsewhere.
Extents extentsOf(LoweringBuilder &b, mlir::Value tensor);
mlir::OpFoldResult extentOf(LoweringBuilder &b, mlir::Value tensor,
                            int64_t dim);

/// An extent as an `index` value.
mlir::Value indexValue(mlir::ImplicitLocOpBuilder &b,
                       mlir::OpFoldResult extent);

/// An integer scalar of any width as an extent, folded when constant. Unsigned
/// and negative values are not looked at.
mlir::OpFoldResult toExtent(mlir::ImplicitLocOpBuilder &b, mlir::Value scalar);

/// Product, sum, difference, quotient of extents, folded when constant.
mlir::OpFoldResult mulExtents(mlir::ImplicitLocOpBuilder &b,
                              mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);
mlir::OpFoldResult addExtents(mlir::ImplicitLocOpBuilder &b,
                              mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);
mlir::OpFoldResult subExtents(mlir::ImplicitLocOpBuilder &b,
                              mlir::OpFoldResult lhs, mlir::OpFoldResult rhs);

/// Constants of a float, integer or index type.
mlir::Value intConstant(mlir::ImplicitLocOpBuilder &b, mlir::Type type,
                        int64_t value);
/// Of a vector type: each element.
mlir::Value floatConstant(mlir::ImplicitLocOpBuilder &b, mlir::Type type,
                          double value);
mlir::Value indexConstant(mlir::ImplicitLocOpBuilder &b, int64_t value);
/// 0 of a float or integer type.
mlir::Value zeroConstant(mlir::ImplicitLocOpBuilder &b, mlir::Type type);

/// Element `index` of a rank-0 or rank-1 tensor (rank 0: index is ignored).
mlir::Value extractElement(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
                           int64_t index = 0);

/// Whether values of this type stay scalars: static, rank <= 1, at most 32
/// elements, integer or bool elements.
bool isScalarised(mlir::Type type);

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

/// An empty tensor of these extents; `type`'s static dims win.
mlir::Value emptyTensor(mlir::ImplicitLocOpBuilder &b, const Extents &extents,
                        mlir::Type elementType);

/// A tensor filled with `scalar`.
mlir::Value filledTensor(mlir::ImplicitLocOpBuilder &b, const Extents &extents,
                         mlir::Value scalar);

/// `value` as exactly `type`: a `tensor.cast` where static knowledge differs.
mlir::Value castTo(mlir::ImplicitLocOpBuilder &b, mlir::Value value,
                   mlir::Type type);

/// Ends the run with "<op>: message" unless `condition` holds. Folds away when
/// the condition is the constant true. The node's name comes from the location.
void require(mlir::ImplicitLocOpBuilder &b, mlir::Value condition,
             const llvm::Twine &message);

/// Result extents of broadcasting (ONNX "Broadcasting"), with a precondition
/// where two dynamic extents might differ.
Extents broadcastExtents(LoweringBuilder &b, mlir::ValueRange tensors);
Extents broadcastExtents(mlir::ImplicitLocOpBuilder &b,
                         llvm::ArrayRef<Extents> shapes);

/// `body` at each index of a space of these extents; `inputs` are read with
/// broadcasting (aligned at their last dims). The workhorse of elementwise
/// families:
///   linalg.generic {indexing_maps = [broadcast..., identity]} parallel loops.
/// A dynamic extent that may be 1 against a bigger one is read through a
/// run-time select.
mlir::Value
elementwise(LoweringBuilder &b, mlir::ValueRange inputs, const Extents &extents,
            mlir::Type resultElementType,
            llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                           mlir::ValueRange)>
                body);

/// Every element of the result computed from its index: a `linalg.generic`
/// without inputs whose body may `tensor.extract`. For gathers, slices with
/// negative steps, and the like.
mlir::Value
generate(mlir::ImplicitLocOpBuilder &b, const Extents &extents,
         mlir::Type elementType,
         llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                        mlir::ValueRange indices)>
             body);

/// A scalar that starts as `start` and takes in the elements of `tensor`:
/// `combine` gives the next one for an element and the one so far.
mlir::Value
foldElements(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
             mlir::Value start,
             llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &,
                                            mlir::Value, mlir::Value)>
                 combine);

/// Whether all elements of `tensor` satisfy `predicate`: one pass over it. For
/// preconditions on data, ahead of the op.
mlir::Value
allOf(mlir::ImplicitLocOpBuilder &b, mlir::Value tensor,
      llvm::function_ref<mlir::Value(mlir::ImplicitLocOpBuilder &, mlir::Value)>
          predicate);

//===----------------------------------------------------------------------===//
// Families
//===----------------------------------------------------------------------===//

/// What every pattern does around its own part: gives `lower` a
/// LoweringBuilder, casts the values that it returns to the converted result
/// types, and puts them in the op's place.
mlir::LogicalResult replaceLowered(
    mlir::Operation *op, const mlir::TypeConverter *converter,
    mlir::ConversionPatternRewriter &rewriter,
    llvm::function_ref<
        mlir::FailureOr<llvm::SmallVector<mlir::Value>>(LoweringBuilder &)>
        lower);

/// Base of the patterns for one op.
template <typename OpTy>
class LoweringPattern : public mlir::OpConversionPattern<OpTy> {
public:
  using mlir::OpConversionPattern<OpTy>::OpConversionPattern;
  using Adaptor = typename OpTy::Adaptor;

  /// The values that replace the op's results, or failure after
  /// `op.emitOpError` or `notifyMatchFailure`.
  virtual mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  lower(OpTy op, Adaptor adaptor, LoweringBuilder &b) const = 0;

  mlir::LogicalResult
  matchAndRewrite(OpTy op, Adaptor adaptor,
                  mlir::ConversionPatternRewriter &rewriter) const final {
    return replaceLowered(
        op, this->getTypeConverter(), rewriter,
        [&](LoweringBuilder &b) { return lower(op, adaptor, b); });
  }
};

/// Base of the patterns for a family of ops: an entry of a table has the `name`
/// of the op and says what it computes.
template <typename EntryT>
class TableLoweringPattern : public mlir::ConversionPattern {
public:
  /// The table outlives the pattern.
  TableLoweringPattern(const LoweringTypeConverter &converter,
                       const EntryT &tableEntry, mlir::MLIRContext *context)
      : ConversionPattern(converter, tableEntry.name, /*benefit=*/1, context),
        entry(tableEntry) {}

  virtual mlir::FailureOr<llvm::SmallVector<mlir::Value>>
  lower(mlir::Operation *op, mlir::ValueRange operands,
        LoweringBuilder &b) const = 0;

  mlir::LogicalResult
  matchAndRewrite(mlir::Operation *op, llvm::ArrayRef<mlir::Value> operands,
                  mlir::ConversionPatternRewriter &rewriter) const final {
    return replaceLowered(
        op, this->getTypeConverter(), rewriter,
        [&](LoweringBuilder &b) { return lower(op, operands, b); });
  }

protected:
  const EntryT &entry;
};

void populateConstantPatterns(const LoweringTypeConverter &converter,
                              mlir::RewritePatternSet &patterns);
void populateShapePatterns(const LoweringTypeConverter &converter,
                           mlir::RewritePatternSet &patterns);
void populateIndexingPatterns(const LoweringTypeConverter &converter,
                              mlir::RewritePatternSet &patterns);
void populateMathPatterns(const LoweringTypeConverter &converter,
                          mlir::RewritePatternSet &patterns);
void populateMatMulPatterns(const LoweringTypeConverter &converter,
                            mlir::RewritePatternSet &patterns);
void populateConvPatterns(const LoweringTypeConverter &converter,
                          mlir::RewritePatternSet &patterns);
void populatePoolPatterns(const LoweringTypeConverter &converter,
                          mlir::RewritePatternSet &patterns);
void populateQuantizePatterns(const LoweringTypeConverter &converter,
                              mlir::RewritePatternSet &patterns);
void populateResizePatterns(const LoweringTypeConverter &converter,
                            mlir::RewritePatternSet &patterns);
void populateNNPatterns(const LoweringTypeConverter &converter,
                        mlir::RewritePatternSet &patterns);
void populateControlFlowPatterns(const LoweringTypeConverter &converter,
                                 mlir::RewritePatternSet &patterns);
void populateMicrosoftPatterns(const LoweringTypeConverter &converter,
                               mlir::RewritePatternSet &patterns);
void populateMicrosoftMoEPatterns(const LoweringTypeConverter &converter,
                                  mlir::RewritePatternSet &patterns);

void populateReductionPatterns(const LoweringTypeConverter &converter,
                               mlir::RewritePatternSet &patterns);

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_LOWERING_H
