//===- InstrumentLoad.cpp - Layers as descriptions and reports list them --===//
//
// Both passes give each moe.experts an rt.layer; the second one lets it count.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/RT/IR/RT.h"

namespace moe {
#define GEN_PASS_DEF_DESCRIBELAYERSPASS
#define GEN_PASS_DEF_INSTRUMENTLOADPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// The layers of a module, in the order of the model.
static SmallVector<ExpertsOp> collectLayers(ModuleOp module) {
  SmallVector<ExpertsOp> layers;
  module.walk([&](ExpertsOp op) { layers.push_back(op); });
  return layers;
}

/// moe.experts ... {experts = #moe.kinds<ffn = 8, zero = 8>}
///   -> rt.layer @name {experts = 8, null_experts = 8, ...}, and
///      moe.experts ... {..., layer = @name}
static void describeLayers(ModuleOp module) {
  SymbolTable symbols(module);
  auto builder = OpBuilder::atBlockBegin(module.getBody());
  for (ExpertsOp op : collectLayers(module)) {
    if (op.getLayerAttr())
      continue;
    StringRef name = rt::getNodeName(op.getLoc());
    auto count = [&](int64_t value) {
      return builder.getI64IntegerAttr(value);
    };
    int64_t numIds = op.getExperts().getNumIds();
    auto layer = rt::LayerOp::create(
        builder, op.getLoc(),
        builder.getStringAttr(name.empty() ? "moe" : name),
        count(op.getNumExperts()), count(numIds - op.getNumExperts()),
        count(op.getNumSlots()), /*counted=*/UnitAttr());
    // Two layers of one name get different ones.
    op.setLayer(symbols.insert(layer));
  }
}

namespace {
struct DescribeLayersPass final
    : moe::impl::DescribeLayersPassBase<DescribeLayersPass> {
  using Base::Base;

  void runOnOperation() override { describeLayers(getOperation()); }
};

struct InstrumentLoadPass final
    : moe::impl::InstrumentLoadPassBase<InstrumentLoadPass> {
  using Base::Base;

  void runOnOperation() override {
    describeLayers(getOperation());
    SymbolTable symbols(getOperation());
    auto options = remark::RemarkOpts::name("Load").category(getArgument());
    for (ExpertsOp op : collectLayers(getOperation())) {
      auto layer = symbols.lookup<rt::LayerOp>(*op.getLayer());
      if (layer.getCounted())
        continue;
      // Ids have changed where it was described ahead of elimination.
      if (static_cast<int64_t>(layer.getExperts()) != op.getNumExperts()) {
        remark::analysis(op.getLoc(), options)
            << "its load is not counted: it lost experts already";
        continue;
      }
      layer.setCounted(true);
      OpBuilder builder(op);
      CountOp::create(builder, op.getLoc(), op.getIds(), op.getExperts(),
                      *op.getLayer());
      remark::analysis(op.getLoc(), options) << "its load is counted";
    }
  }
};
} // namespace
