//===- ConvertWeights.cpp - Matrices in narrower types --------------------===//
#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "mlir/IR/SymbolTable.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/RT/IR/RT.h"
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
    SymbolTable symbols(getOperation());
    getOperation().walk([&](GroupedMatmulOp op) { convert(op, symbols); });
    rt::eraseUnusedWeights(getOperation());
  }

private:
  /// moe.grouped_matmul ... weights(rt.weight_ref @w : f32)
  ///   -> the same on rt.weight_ref @w.bf16, with the step #rt.cast<bf16>
  /// All matrices of an op, or none: its sums read one type.
  void convert(GroupedMatmulOp op, SymbolTable &symbols) {
    auto lookup = [&](Value value) -> rt::WeightOp {
      auto ref = value.getDefiningOp<rt::WeightRefOp>();
      return ref ? symbols.lookup<rt::WeightOp>(ref.getWeight()) : nullptr;
    };
    for (auto [i, value] : llvm::enumerate(op.getWeights()))
      if (!getElementTypeOrSelf(value).isF32() || op.isPacked(i) ||
          !lookup(value))
        return;
    OpBuilder builder(op);
    // Sums whose columns alternate in one matrix still do so.
    DenseMap<Value, Value> refs;
    for (OpOperand &operand : op.getWeightsMutable()) {
      Value &ref = refs[operand.get()];
      if (!ref) {
        rt::WeightOp weight = makeNarrow(lookup(operand.get()), symbols);
        ref = rt::WeightRefOp::create(builder, op.getLoc(), weight.getType(),
                                      weight.getSymName());
      }
      operand.set(ref);
    }
  }

  rt::WeightOp makeNarrow(rt::WeightOp weight, SymbolTable &symbols) {
    rt::WeightOp &result = made[weight];
    if (result)
      return result;
    OpBuilder builder(weight);
    bool isBF16 = type == WeightStorage::BF16;
    Type element = isBF16 ? Type(builder.getBF16Type()) : builder.getF16Type();
    SmallVector<Attribute> recipe(weight.getRecipe().getValue());
    recipe.push_back(rt::CastAttr::get(&getContext(), element));
    auto wide = cast<RankedTensorType>(weight.getType());
    result =
        rt::WeightOp::create(builder, weight.getLoc(),
                             builder.getStringAttr(weight.getSymName() +
                                                   (isBF16 ? ".bf16" : ".f16")),
                             weight.getSource(), builder.getArrayAttr(recipe),
                             TypeAttr::get(wide.clone(element)));
    symbols.insert(result);
    return result;
  }

  DenseMap<Operation *, rt::WeightOp> made;
};
} // namespace
