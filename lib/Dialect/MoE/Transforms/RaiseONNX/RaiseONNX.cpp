//===- RaiseONNX.cpp - Find MoE layers in graphs of onnx ops --------------===//
//
// For each selection of experts in the graph: what do values hold in terms of
// it (Interpreter), which of them is a layer's result (Match), how are ids and
// weights made (Route). What is found is written beside the ops that it was
// found in (Emit), for moe-verify-raise to decide on.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "Emit.h"
#include "LayerName.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "moe/Dialect/ONNX/Analysis/SymbolicDims.h"
#include "moe/Dialect/RT/IR/RT.h"

namespace moe {
#define GEN_PASS_DEF_RAISEONNXPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;
using namespace moe::raise;

/// "8 experts, 8 zero experts, top-3 of 16, softmax".
static std::string describe(const Selection &selection, const LayerMatch &layer,
                            const RouteMatch &route) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << layer.getCount(ExpertKind::FFN) << " experts";
  for (ExpertKind kind :
       {ExpertKind::Zero, ExpertKind::Copy, ExpertKind::Constant})
    if (int64_t count = layer.getCount(kind))
      os << ", " << count << ' ' << stringifyExpertKind(kind) << " experts";
  os << ", top-" << selection.numSlots << " of " << selection.numColumns;
  if (route.score != Score::None)
    os << ", " << stringifyScore(route.score) << ' '
       << stringifyScoreOrder(route.order) << " selection";
  return text;
}

namespace {
struct RaiseONNXPass final : moe::impl::RaiseONNXPassBase<RaiseONNXPass> {
  using Base::Base;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      onnx::SymbolicDims dims(function);
      for (Block &block : function.getBody())
        raiseLayers(block, dims);
    }
  }

private:
  void raiseLayers(Block &block, onnx::SymbolicDims &dims);
  bool raise(const Selection &selection, onnx::SymbolicDims &dims);
};
} // namespace

void RaiseONNXPass::raiseLayers(Block &block, onnx::SymbolicDims &dims) {
  bool hasRaised = false;
  for (const Selection &selection : findSelections(block, dims))
    hasRaised |= raise(selection, dims);
  if (!hasRaised)
    return;
  // Not before: the analysis knows values by their addresses.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

bool RaiseONNXPass::raise(const Selection &selection,
                          onnx::SymbolicDims &dims) {
  Interpreter interpreter(dims, dims.getContext(), selection);
  Refusal refusal;
  std::optional<LayerMatch> layer = matchLayer(interpreter, refusal);
  CandidateOp candidate;
  if (layer) {
    std::optional<RouteMatch> route = matchRoute(
        interpreter, dims, layer->weight ? layer->weight : layer->inputWeight);
    if (!route)
      refusal = {selection.ids.getDefiningOp(),
                 "moe.route has no such selection of experts"};
    else
      candidate = emitCandidate(interpreter, *layer, *route, dims, refusal);
    if (candidate) {
      remark::passed(
          candidate.getLoc(),
          remark::RemarkOpts::name("MoELayer").category(getArgument()))
          << ("raised: " + describe(selection, *layer, *route));
      return true;
    }
  }
  if (!refusal.op)
    return false;
  Location loc = getLayerLocation(selection.ids.getLoc(), refusal.op->getLoc());
  std::string reason = "not raised: ";
  if (StringRef name = getNodeName(refusal.op->getLoc()); !name.empty())
    reason += "node " + name.str() + " (" +
              refusal.op->getName().stripDialect().str() + "): ";
  else
    reason += refusal.op->getName().stripDialect().str() + ": ";
  remark::missed(loc,
                 remark::RemarkOpts::name("MoELayer").category(getArgument()))
      << (reason + refusal.reason);
  return false;
}
