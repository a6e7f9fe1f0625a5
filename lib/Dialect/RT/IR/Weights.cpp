//===- Weights.cpp - Weights of a module ----------------------------------===//
#include "moe/Dialect/RT/IR/Weights.h"

#include "mlir/Transforms/RegionUtils.h"

using namespace mlir;
using namespace moe::rt;

FailureOr<RankedTensorType>
moe::rt::inferWeightType(ArrayAttr source, ArrayAttr recipe,
                         function_ref<InFlightDiagnostic()> emitError) {
  SmallVector<RankedTensorType> types;
  for (auto span : source.getAsRange<SpanAttr>())
    types.push_back(span.getType());
  for (auto step : recipe.getAsRange<RecipeStepAttrInterface>()) {
    auto after = step.inferTypes(types, emitError);
    if (failed(after)) // weight_c2
      return failure();
    types = std::move(*after);
  }
  if (types.size() != 1) { // weight_c3
    emitError() << "expected the recipe to end in one tensor, but it ends in "
                << types.size();
    return failure();
  }
  return types.front();
}

WeightOp WeightTable::lookup(Value value) const {
  auto ref = value.getDefiningOp<WeightRefOp>();
  return ref ? symbols.lookup<WeightOp>(ref.getWeight()) : nullptr;
}

WeightOp WeightTable::addSteps(WeightOp weight, ArrayRef<Attribute> steps,
                               StringRef suffix) {
  SmallVector<Attribute> recipe(weight.getRecipe().getValue());
  llvm::append_range(recipe, steps);
  return getOrCreate(weight.getSource(),
                     ArrayAttr::get(weight.getContext(), recipe), weight,
                     suffix);
}

WeightOp WeightTable::getOrCreate(ArrayAttr source, ArrayAttr recipe,
                                  WeightOp like, StringRef suffix) {
  WeightOp &weight = made[{source, recipe}];
  if (weight)
    return weight;
  auto type =
      inferWeightType(source, recipe, [&] { return like.emitOpError(); });
  OpBuilder builder(like);
  weight = WeightOp::create(builder, like.getLoc(),
                            builder.getStringAttr(like.getSymName() + suffix),
                            source, recipe, TypeAttr::get(*type));
  symbols.insert(weight);
  return weight;
}

void moe::rt::eraseUnusedWeights(ModuleOp module) {
  IRRewriter rewriter(module.getContext());
  // Whether it erased anything does not matter here.
  (void)runRegionDCE(rewriter, module->getRegions());
  SymbolTableCollection tables;
  SymbolUserMap users(tables, module);
  for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
    if (users.useEmpty(weight))
      weight.erase();
}
