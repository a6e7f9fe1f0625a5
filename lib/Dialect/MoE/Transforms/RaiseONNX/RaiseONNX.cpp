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
#include "MicrosoftMoE.h"
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

/// A layer that is one node: found without a search.
static void raiseNode(onnx::MSMoEOp op, const onnx::SymbolicDims &dims,
                      StringRef category) {
  std::string text;
  llvm::raw_string_ostream(text)
      << "raised: " << op.getNumExperts() << " experts, top-" << op.getK()
      << " of " << op.getNumExperts()
      << (op.getUseSparseMixer() ? ", sparse mixer"
                                 : ", softmax before selection");
  CandidateOp candidate = raiseMicrosoftMoE(op, dims);
  remark::passed(candidate.getLoc(),
                 remark::RemarkOpts::name("MoELayer").category(category))
      << text;
}

/// What stands in a branch or a loop is no part of any candidate.
static void tellOfBranches(func::FuncOp function, StringRef category) {
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<CandidateOp>(op))
      return WalkResult::skip();
    if (isa<onnx::MSMoEOp>(op) && op->getParentOp() != function)
      remark::missed(getLayerLocation(op->getLoc(), op->getLoc()),
                     remark::RemarkOpts::name("MoELayer").category(category))
          << ("not raised: node " + getNodeName(op->getLoc()).str() + " (" +
              op->getName().stripDialect().str() + "): it is inside of " +
              op->getParentOp()->getName().getStringRef().str());
    return WalkResult::advance();
  });
}

namespace {
/// A selection that looks like a layer's and is none, and why.
struct Missed {
  Operation *selection;
  Location location;
  std::string reason;
};

struct RaiseONNXPass final : moe::impl::RaiseONNXPassBase<RaiseONNXPass> {
  using Base::Base;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      onnx::SymbolicDims dims(function);
      for (Block &block : function.getBody())
        raiseLayers(block, dims);
      tellOfBranches(function, getArgument());
    }
  }

private:
  void raiseLayers(Block &block, onnx::SymbolicDims &dims);
  bool raise(const Selection &selection, onnx::SymbolicDims &dims,
             SmallVectorImpl<Missed> &missed);
};
} // namespace

void RaiseONNXPass::raiseLayers(Block &block, onnx::SymbolicDims &dims) {
  bool hasRaised = false;
  SmallVector<Missed> missed;
  for (const Selection &selection : findSelections(block, dims))
    hasRaised |= raise(selection, dims, missed);
  for (auto op : llvm::make_early_inc_range(block.getOps<onnx::MSMoEOp>())) {
    raiseNode(op, dims, getArgument());
    hasRaised = true;
  }
  // Not before: the analysis knows values by their addresses.
  llvm::SmallPtrSet<Operation *, 16> erased;
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (hasRaised && isOpTriviallyDead(&op)) {
      erased.insert(&op);
      op.erase();
    }
  // What a raised layer has taken in is not missed.
  for (const Missed &one : missed)
    if (!erased.contains(one.selection))
      remark::missed(
          one.location,
          remark::RemarkOpts::name("MoELayer").category(getArgument()))
          << one.reason;
}

bool RaiseONNXPass::raise(const Selection &selection, onnx::SymbolicDims &dims,
                          SmallVectorImpl<Missed> &missed) {
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
  missed.push_back(
      {selection.ids.getDefiningOp(), loc, reason + refusal.reason});
  return false;
}
