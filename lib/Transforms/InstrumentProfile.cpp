//===- InstrumentProfile.cpp - Clocks around the steps of a model ---------===//
//
// Runs on outlined kernels that have not been lowered: what they compute can
// still be read off them.
//
//===----------------------------------------------------------------------===//
#include "StepCost.h"
#include "moe/Transforms/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/SymbolTable.h"
#include "moe/Dialect/RT/IR/RT.h"

namespace moe {
#define GEN_PASS_DEF_INSTRUMENTPROFILEPASS
#include "moe/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {
struct InstrumentProfilePass final
    : moe::impl::InstrumentProfilePassBase<InstrumentProfilePass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    FunctionOpInterface entry = rt::getEntryFunction(module);
    if (!entry)
      return signalPassFailure();
    SmallVector<Operation *> steps;
    entry.walk([&](Operation *op) {
      if (isa<func::CallOp, memref::CopyOp>(op))
        steps.push_back(op);
    });
    SymbolTable symbols(module);
    OpBuilder declarations(entry);
    for (Operation *step : steps)
      instrument(step, symbols, declarations);
  }

private:
  /// call @kernel(%x)
  ///   -> %start = rt.clock
  ///      call @kernel(%x)
  ///      rt.record @step since %start bytes %size
  void instrument(Operation *step, SymbolTable &symbols,
                  OpBuilder &declarations) {
    Location loc = step->getLoc();
    OpBuilder builder(step);
    StepCost cost;
    StringRef node = rt::getNodeName(loc);
    if (auto call = dyn_cast<func::CallOp>(step)) {
      auto kernel = symbols.lookup<func::FuncOp>(call.getCallee());
      if (!kernel || kernel.isExternal())
        return;
      cost = buildStepCost(builder, call, symbols);
      if (node.empty())
        node = call.getCallee();
    } else {
      cost =
          buildCopyCost(builder, loc, cast<memref::CopyOp>(step).getSource());
    }
    if (node.empty())
      node = step->getName().getStringRef();

    FlatSymbolRefAttr layer = findLayer(node);
    // Batches of products are grouped, too.
    if (!layer && cost.computation == rt::Computation::GroupedMatmul)
      cost.computation = rt::Computation::Matmul;
    auto timer = rt::TimerOp::create(declarations, loc, node, cost.computation,
                                     node, layer);
    symbols.insert(timer);
    Value start = rt::ClockOp::create(builder, loc);
    builder.setInsertionPointAfter(step);
    rt::RecordOp::create(builder, loc, timer.getSymName(), start, cost.flops,
                         cost.bytes);
  }

  /// The layer whose name a node's begins with.
  FlatSymbolRefAttr findLayer(StringRef node) {
    for (auto layer : getOperation().getOps<rt::LayerOp>()) {
      StringRef rest = node;
      if (rest.consume_front(layer.getSymName()) &&
          (rest.empty() || rest.front() == '/'))
        return FlatSymbolRefAttr::get(layer.getSymNameAttr());
    }
    return {};
  }
};
} // namespace
