//===- LayerReport.cpp - One line per MoE layer ---------------------------===//
#include "LayerReport.h"

#include "mlir/IR/Remarks.h"
#include "moe/Dialect/MoE/Analysis/Selection.h"

using namespace mlir;
using namespace moe;

/// The layer that a remark is about: the outermost name of its location.
static StringAttr getLayerName(Location loc) {
  auto name = StringAttr::get(loc.getContext(), "model");
  loc->walk([&](Location inner) {
    auto named = dyn_cast<NameLoc>(inner);
    if (!named)
      return WalkResult::advance();
    name = named.getName();
    return WalkResult::interrupt();
  });
  return name;
}

/// Whether `outer` is `inner` under the name of a layer.
static bool isNamed(Location outer, Location inner) {
  auto named = dyn_cast<NameLoc>(outer);
  return named && named.getChildLoc() == inner;
}

namespace {
using Layers = llvm::MapVector<StringAttr, LayerRemarks>;

/// Remarks of MoE passes -> phrases of their layer.
class LayerStreamer final : public remark::detail::MLIRRemarkStreamerBase {
public:
  explicit LayerStreamer(Layers &layers) : layers(layers) {}

  void streamOptimizationRemark(const remark::detail::Remark &remark) override {
    // Analyses are for those who work on passes; a line is for who has a model.
    if (remark.getRemarkType() == llvm::remarks::Type::Analysis)
      return;
    LayerRemarks &layer = layers[getLayerName(remark.getLocation())];
    std::string phrase;
    for (const remark::detail::Remark::Arg &argument : remark.getArgs())
      phrase += argument.val;
    layer.phrases.push_back(phrase);
    if (remark.getRemarkType() == llvm::remarks::Type::Missed)
      layer.misses.push_back({phrase, remark.getLocation()});
  }

private:
  Layers &layers;
};
} // namespace

LayerReport::LayerReport(MLIRContext &context) {
  remark::RemarkCategories categories;
  // A kind of remark without a filter of its own is off.
  categories.passed = categories.missed = categories.analysis =
      categories.failed = "moe-.*";
  // It only fails where an engine is there already, whose owner then reports.
  (void)remark::enableOptimizationRemarks(
      context, std::make_unique<LayerStreamer>(layers),
      std::make_unique<remark::RemarkEmittingPolicyAll>(), categories);
}

void LayerReport::findAttention(ModuleOp module) {
  for (auto &[name, layer] : layers) {
    auto isOfAttention = [&](const auto &miss) {
      return module
          .walk([&, loc = miss.second](Operation *op) {
            bool isIt = op->getLoc() == loc || isNamed(loc, op->getLoc());
            return isIt && isOfAttentionExperts(op) ? WalkResult::interrupt()
                                                    : WalkResult::advance();
          })
          .wasInterrupted();
    };
    size_t before = layer.misses.size();
    llvm::erase_if(layer.misses, isOfAttention);
    if (layer.misses.size() != before)
      layer.phrases.push_back("they are experts of attention, no MoE layer");
  }
}

void LayerReport::print(llvm::raw_ostream &out) const {
  for (const auto &[name, layer] : layers) {
    out << name.getValue() << ": ";
    llvm::interleave(layer.phrases, out, "; ");
    out << "\n";
  }
}

SmallVector<std::string> LayerReport::getMissed() const {
  SmallVector<std::string> missed;
  for (const auto &[name, layer] : layers)
    if (!layer.misses.empty())
      missed.push_back(
          (name.getValue() + " (" + layer.misses.front().first + ")").str());
  return missed;
}
