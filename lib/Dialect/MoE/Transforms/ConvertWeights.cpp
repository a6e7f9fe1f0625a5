//===- ConvertWeights.cpp - Matrices in narrower types --------------------===//
#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/RT/IR/Weights.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTWEIGHTSPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {
struct ConvertWeightsPass final
    : moe::impl::ConvertWeightsPassBase<ConvertWeightsPass> {
  using Base::Base;

  void runOnOperation() override {
    if (type == WeightStorage::Unchanged)
      return;
    rt::WeightTable weights(getOperation());
    getOperation().walk([&](GroupedMatmulOp op) { convert(op, weights); });
    rt::eraseUnusedWeights(getOperation());
  }

private:
  /// moe.grouped_matmul ... weights(rt.weight_ref @w : f32)
  ///   -> the same on rt.weight_ref @w.bf16, with the step #rt.cast<bf16>
  /// All matrices of an op, or none: its sums read one type.
  void convert(GroupedMatmulOp op, rt::WeightTable &weights) {
    for (auto [i, value] : llvm::enumerate(op.getWeights()))
      if (!getElementTypeOrSelf(value).isF32() || op.isPacked(i) ||
          !weights.lookup(value))
        return;
    OpBuilder builder(op);
    bool isBF16 = type == WeightStorage::BF16;
    Type element = isBF16 ? Type(builder.getBF16Type()) : builder.getF16Type();
    auto step = rt::CastAttr::get(&getContext(), element);
    // Sums whose columns alternate in one matrix still do so.
    DenseMap<Value, Value> refs;
    for (OpOperand &operand : op.getWeightsMutable()) {
      Value &ref = refs[operand.get()];
      if (!ref) {
        rt::WeightOp weight = weights.addSteps(weights.lookup(operand.get()),
                                               step, isBF16 ? ".bf16" : ".f16");
        ref = rt::WeightRefOp::create(builder, op.getLoc(), weight.getType(),
                                      weight.getSymName());
      }
      operand.set(ref);
    }
  }
};
} // namespace
