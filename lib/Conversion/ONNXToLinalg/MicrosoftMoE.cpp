//===- MicrosoftMoE.cpp - com.microsoft::MoE token by token ---------------===//
//
// The reference: plain, in the memory of one token. Layers that are raised do
// not come here.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/ONNX/IR/MicrosoftMoE.h"

#include "Contraction.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2
///   -> the routing as onnx ops, then for each token and slot onnx ops on one
///      row and the matrices of its expert, in turn lowered:
///      scf.for %t { %row = tensor.extract_slice %x[%t, 0]
///        scf.for %s { %e = tensor.extract %ids[%t, %s]; onnx.Gemm ... } }
struct LowerMoE : public LoweringPattern<MSMoEOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(MSMoEOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    auto type = cast<RankedTensorType>(op.getInput().getType());
    Value x = flattenTokens(adaptor.getInput(), b, b.getLoc());
    requireEqual(b, extentOf(b, x, 0), extentOf(b, adaptor.getRouterProbs(), 0),
                 "router_probs must have a row for each token");
    MoERouting routing = expandRouting(op, adaptor.getRouterProbs(), b);

    Value zero = indexConstant(b, 0), one = indexConstant(b, 1);
    Value numTokens = indexValue(b, extentOf(b, x, 0));
    Value numSlots = indexConstant(b, static_cast<int64_t>(op.getK()));
    Type element = type.getElementType(), wide = elementType(routing.weights);
    Extents rowExtents{b.getIndexAttr(1),
                       b.getIndexAttr(type.getShape().back())};
    Value sums = emptyTensor(b, extentsOf(b, x), element);
    auto tokens = scf::ForOp::create(
        b, zero, numTokens, one, sums,
        [&](OpBuilder &builder, Location loc, Value t, ValueRange carried) {
          LoweringBuilder in(loc, builder, b.getLoweringContext());
          Value row = sliceRow(in, x, t, rowExtents);
          Value none = filledTensor(in, rowExtents, floatConstant(in, wide, 0));
          auto slots = scf::ForOp::create(
              in, zero, numSlots, one, none,
              [&](OpBuilder &slotBuilder, Location, Value s, ValueRange sum) {
                LoweringBuilder inner(loc, slotBuilder, b.getLoweringContext());
                Value added = addExpert(op, adaptor, inner, routing, row,
                                        {t, s}, sum.front());
                scf::YieldOp::create(inner, added);
              });
          Value rounded =
              elementwise(in, slots.getResult(0), rowExtents, element,
                          [&](ImplicitLocOpBuilder &scalar, ValueRange args) {
                            return castScalar(scalar, args[0], wide, element);
                          });
          Value next = tensor::InsertSliceOp::create(
              in, rounded, carried.front(),
              Extents{OpFoldResult(t), in.getIndexAttr(0)}, rowExtents,
              Extents{in.getIndexAttr(1), in.getIndexAttr(1)});
          scf::YieldOp::create(in, next);
        });
    return SmallVector<Value>{
        spreadTokens(tokens.getResult(0), adaptor.getInput(), b, b.getLoc())};
  }

private:
  static Value sliceRow(LoweringBuilder &b, Value x, Value t,
                        const Extents &extents) {
    return tensor::ExtractSliceOp::create(
        b, x, Extents{OpFoldResult(t), b.getIndexAttr(0)}, extents,
        Extents{b.getIndexAttr(1), b.getIndexAttr(1)});
  }

  /// The `e`-th slice of a stack, without its leading dim.
  static Value sliceExpert(LoweringBuilder &b, Value stack, Value e) {
    if (!stack)
      return {};
    auto type = cast<RankedTensorType>(stack.getType());
    int64_t rank = type.getRank();
    Extents offsets(rank, b.getIndexAttr(0)), strides(rank, b.getIndexAttr(1));
    Extents sizes = extentsOf(b, stack);
    offsets.front() = e;
    sizes.front() = b.getIndexAttr(1);
    return tensor::ExtractSliceOp::create(
        b, type.clone(type.getShape().drop_front()), stack, offsets, sizes,
        strides);
  }

  /// sum + the weight of a slot times what its expert computes.
  static Value addExpert(MSMoEOp op, Adaptor adaptor, LoweringBuilder &b,
                         const MoERouting &routing, Value row, ValueRange slot,
                         Value sum) {
    Value id = tensor::ExtractOp::create(b, routing.ids, slot);
    Value e = arith::IndexCastOp::create(b, b.getIndexType(), id);
    Value weight = tensor::ExtractOp::create(b, routing.weights, slot);
    MoEWeights weights{sliceExpert(b, adaptor.getFc1ExpertsWeights(), e),
                       sliceExpert(b, adaptor.getFc1ExpertsBias(), e),
                       sliceExpert(b, adaptor.getFc2ExpertsWeights(), e),
                       sliceExpert(b, adaptor.getFc2ExpertsBias(), e),
                       sliceExpert(b, adaptor.getFc3ExpertsWeights(), e),
                       sliceExpert(b, adaptor.getFc3ExpertsBias(), e)};
    Value y = expandExpert(op, row, weights, MatrixForm::OutIn, b, b.getLoc());
    Type element = elementType(y), wide = elementType(sum);
    return elementwise(b, {sum, y}, extentsOf(b, sum), wide,
                       [&](ImplicitLocOpBuilder &scalar, ValueRange args) {
                         Value widened =
                             castScalar(scalar, args[1], element, wide);
                         return addScalars(scalar, args[0],
                                           mulScalars(scalar, weight, widened));
                       });
  }
};
} // namespace

void moe::onnx::populateMicrosoftMoEPatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerMoE>(converter, patterns.getContext());
}
