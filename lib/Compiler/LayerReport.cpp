//===- LayerReport.cpp - One line per MoE layer ---------------------------===//
#include "LayerReport.h"

#include "mlir/IR/Remarks.h"

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
    layer.isMissed |= remark.getRemarkType() == llvm::remarks::Type::Missed;
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

void LayerReport::print(llvm::raw_ostream &out) const {
  for (const auto &[name, layer] : layers) {
    out << name.getValue() << ": ";
    llvm::interleave(layer.phrases, out, "; ");
    out << "\n";
  }
}

SmallVector<StringRef> LayerReport::getMissed() const {
  SmallVector<StringRef> names;
  for (const auto &[name, layer] : layers)
    if (layer.isMissed)
      names.push_back(name.getValue());
  return names;
}
