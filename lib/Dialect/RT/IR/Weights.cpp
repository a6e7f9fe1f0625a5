//===- Weights.cpp - Weights of a module ----------------------------------===//
#include "moe/Dialect/RT/IR/Weights.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/RegionUtils.h"
#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;

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
