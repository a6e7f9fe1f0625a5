//===- ControlFlow.h - Shared by the lowerings of If, Loop, Scan -*- C++
//-*-===//
//
// How values flow into and out of regions, the outputs that loops collect, and
// the loop with a known number of iterations.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_CONTROLFLOW_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_CONTROLFLOW_H

#include "Contraction.h"

namespace moe::onnx {

/// `value` as exactly `type`; a dim that only `type` knows is checked.
mlir::Value castChecked(LoweringBuilder &b, mlir::Value value, mlir::Type type);

/// The element of a tensor of one element.
mlir::Value singleElement(LoweringBuilder &b, mlir::Value tensor);

/// A tensor of type `type` (rank 0 or 1) with one element.
mlir::Value singleElementTensor(LoweringBuilder &b, mlir::Value scalar,
                                mlir::Type type);

/// Base of the patterns of ops with regions.
template <typename OpTy>
struct RegionPattern : public mlir::OpConversionPattern<OpTy> {
  using mlir::OpConversionPattern<OpTy>::OpConversionPattern;

  LoweringContext &context() const {
    return static_cast<const LoweringTypeConverter *>(this->getTypeConverter())
        ->getLoweringContext();
  }

  llvm::SmallVector<mlir::Type> convert(mlir::TypeRange types) const {
    llvm::SmallVector<mlir::Type> result;
    for (mlir::Type type : types)
      result.push_back(this->getTypeConverter()->convertType(type));
    return result;
  }

  /// Replaces `op` by `values`, cast to its result types.
  void replace(OpTy op, mlir::ValueRange values, LoweringBuilder &b,
               mlir::ConversionPatternRewriter &rewriter) const {
    llvm::SmallVector<mlir::Value> results;
    for (auto [value, result] : llvm::zip_equal(values, op->getResults())) {
      mlir::Type type = this->getTypeConverter()->convertType(result.getType());
      results.push_back(castChecked(b, value, type));
      context().recordLowered(results.back(), result);
    }
    rewriter.replaceOp(op, results);
  }

  /// What `body` yields for `arguments`: its block moves to where `b` stands.
  llvm::SmallVector<mlir::Value>
  inlineBody(mlir::Region &body, mlir::ValueRange arguments, LoweringBuilder &b,
             mlir::ConversionPatternRewriter &rewriter) const {
    mlir::Block &block = body.front();
    for (auto [value, argument] :
         llvm::zip_equal(arguments, block.getArguments()))
      context().recordLowered(value, argument);
    auto region = mlir::scf::ExecuteRegionOp::create(
        b, convert(block.getTerminator()->getOperandTypes()));
    mlir::OpBuilder::InsertionGuard guard(b);
    mlir::Block *entry = b.createBlock(&region.getRegion());
    rewriter.inlineBlockBefore(&block, entry, entry->end(), arguments);
    return llvm::SmallVector<mlir::Value>(region.getResults());
  }
};

/// Slices that a loop collects along dim `axis`. With a known trip count and
/// static slices they are written into their place of one tensor; else the
/// tensor grows by one slice per iteration.
class ScanOutput {
public:
  ScanOutput(mlir::RankedTensorType slice, int64_t axis, bool isReversed,
             std::optional<mlir::OpFoldResult> trips)
      : slice(slice), axis(axis), isReversed(isReversed),
        trips(slice.hasStaticShape() ? trips : std::nullopt) {}

  /// Whether the tensor is a longer one after each iteration.
  bool grows() const { return !trips; }

  /// The tensor ahead of the loop.
  mlir::Value initial(LoweringBuilder &b) const;

  /// The tensor after `value` of iteration `iteration`.
  mlir::Value append(LoweringBuilder &b, mlir::Value tensor, mlir::Value value,
                     mlir::Value iteration) const;

private:
  mlir::RankedTensorType slice;
  int64_t axis;
  bool isReversed;
  std::optional<mlir::OpFoldResult> trips;
};

/// Computes what the next iteration carries.
using LoopBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
    mlir::Value iteration, mlir::ValueRange carried)>;

/// `body` for each iteration in [0, trips). Values that may change their shape
/// are carried by an scf.while: canonicalisation of scf.for takes the shape of
/// the first for that of all.
llvm::SmallVector<mlir::Value> buildCounted(LoweringBuilder &b,
                                            mlir::OpFoldResult trips,
                                            mlir::ValueRange inits,
                                            bool mayReshape, LoopBody body);

/// Whether a loop that carries values of these types and collects `outputs` may
/// change the shape of one.
bool mayReshape(llvm::ArrayRef<mlir::Value> carried,
                llvm::ArrayRef<ScanOutput> outputs);

void populateLoopPatterns(const LoweringTypeConverter &converter,
                          mlir::RewritePatternSet &patterns);

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_CONTROLFLOW_H
