//===- ReportCost.cpp - Parameters, FLOPs and bytes of a model ------------===//
#include "Cost.h"

#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <map>

namespace moe {
#define GEN_PASS_DEF_REPORTCOSTPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// 12748587008 as "12.75 G", or with a unit as "12.75 GB".
static std::string formatCount(double value, StringRef unit = "") {
  static constexpr StringLiteral prefixes[] = {"", "k", "M", "G", "T", "P"};
  size_t scale = 0;
  for (; value >= 1000 && scale + 1 < std::size(prefixes); ++scale)
    value /= 1000;
  std::string text;
  llvm::raw_string_ostream out(text);
  bool isWhole = scale == 0 && value == static_cast<double>(int64_t(value));
  out << llvm::format(isWhole ? "%.0f" : "%.2f", value)
      << (scale || !unit.empty() ? " " : "") << prefixes[scale] << unit;
  return text;
}

/// "16.38 k c + 2 c^2" of c, the context's length.
static std::string formatScores(ArrayRef<ContextTerm> terms) {
  std::map<unsigned, int64_t, std::greater<unsigned>> byDegree;
  for (ContextTerm term : terms)
    byDegree[term.degree] += term.coefficient;
  std::string text;
  for (auto [degree, coefficient] : byDegree) {
    text += (text.empty() ? "" : " + ") +
            formatCount(static_cast<double>(coefficient));
    if (degree)
      text += degree == 1 ? " c" : " c^" + std::to_string(degree);
  }
  return text;
}

static void printLayer(const LayerCost &layer, raw_ostream &out) {
  out << layer.name << ": top-" << layer.slots << " of " << layer.experts
      << " experts";
  if (layer.nullExperts)
    out << " and " << layer.nullExperts << " null experts";
  out << "; one expert has " << formatCount(double(layer.parametersOfExpert))
      << " parameters in " << formatCount(double(layer.bytesOfExpert), "B")
      << " and takes " << formatCount(double(layer.flopsOfExpert), "FLOP")
      << " per token\n";
}

void moe::printCost(const CostModel &model, raw_ostream &out) {
  const ModelCost &cost = model.getCost();
  const CostQuery &query = model.getQuery();
  for (const LayerCost &layer : cost.layers)
    printLayer(layer, out);
  out << "parameters: " << formatCount(double(model.getParameters())) << ", "
      << formatCount(double(model.getExpertParameters())) << " of experts\n"
      << "FLOP per token (of " << cost.tokens
      << " tokens): " << formatCount(double(model.getOtherFlops()))
      << " + load * " << formatCount(double(model.getExpertFlops())) << ", "
      << formatCount(double(model.getNullColumnFlops()))
      << " of them for null columns\n";
  if (!cost.scores.empty())
    out << "attention scores at context c, "
        << (query.context ? "counted at c = " + std::to_string(query.context)
                          : std::string("not counted"))
        << ": " << formatScores(cost.scores) << " FLOP per token\n";
  for (const UncountedOp &rest : cost.uncounted)
    out << "not counted: '" << rest.node << "', "
        << (rest.flops.empty() ? "whose extents are not known"
                               : rest.flops + " FLOP per run, no multiple of "
                                              "the tokens")
        << "\n";
  for (double load : query.loads) {
    out << llvm::format("load %g: ", load)
        << formatCount(model.getFlops(load), "FLOP") << " per token, "
        << llvm::format("%.2f", 100 * model.getReduction(load))
        << " % less than ";
    if (query.baseline)
      out << llvm::format("a model with load %g", query.baseline);
    else
      out << "with all slots";
    out << "; " << formatCount(model.getActiveParameters(load))
        << " active parameters\n";
    for (int64_t tokens : query.tokens)
      out << "  a run of " << tokens
          << " tokens: " << formatCount(model.getWeightBytes(load, tokens), "B")
          << " of weights, "
          << formatCount(model.getActivationBytes(load, tokens), "B")
          << " of activations\n";
  }
}

static llvm::json::Array describeLayers(const ModelCost &cost) {
  llvm::json::Array layers;
  for (const LayerCost &layer : cost.layers)
    layers.push_back(
        llvm::json::Object{{"name", llvm::json::fixUTF8(layer.name)},
                           {"experts", layer.experts},
                           {"null_experts", layer.nullExperts},
                           {"slots", layer.slots},
                           {"parameters_of_expert", layer.parametersOfExpert},
                           {"bytes_of_expert", layer.bytesOfExpert},
                           {"flops_of_expert", layer.flopsOfExpert},
                           {"null_column_flops", layer.nullColumnFlops}});
  return layers;
}

void moe::printCostAsJson(const CostModel &model, raw_ostream &out) {
  const ModelCost &cost = model.getCost();
  const CostQuery &query = model.getQuery();
  llvm::json::Array scores, uncounted, loads;
  for (ContextTerm term : cost.scores)
    scores.push_back(llvm::json::Object{{"flops", term.coefficient},
                                        {"degree", int64_t(term.degree)}});
  for (const UncountedOp &rest : cost.uncounted)
    uncounted.push_back(
        llvm::json::Object{{"node", llvm::json::fixUTF8(rest.node)},
                           {"flops_per_run", rest.flops}});
  for (double load : query.loads) {
    llvm::json::Array runs;
    for (int64_t tokens : query.tokens)
      runs.push_back(llvm::json::Object{
          {"tokens", tokens},
          {"weight_bytes", model.getWeightBytes(load, tokens)},
          {"activation_bytes", model.getActivationBytes(load, tokens)}});
    loads.push_back(llvm::json::Object{
        {"load", load},
        {"flops", model.getFlops(load)},
        {"expert_flops", load * double(model.getExpertFlops())},
        {"reduction", model.getReduction(load)},
        {"active_parameters", model.getActiveParameters(load)},
        {"runs", std::move(runs)}});
  }
  llvm::json::Object baseline{
      {"flops", model.getBaselineFlops()},
      {"expert_share",
       model.getBaselineFlops() > 0
           ? model.getBaselineExpertFlops() / model.getBaselineFlops()
           : 0}};
  llvm::json::Object json{
      {"tokens", cost.tokens},
      {"layers", describeLayers(cost)},
      {"parameters", model.getParameters()},
      {"expert_parameters", model.getExpertParameters()},
      {"flops",
       llvm::json::Object{{"other", model.getOtherFlops()},
                          {"experts_at_load_1", model.getExpertFlops()},
                          {"all_experts", model.getDenseExpertFlops()},
                          {"null_columns", model.getNullColumnFlops()}}},
      {"scores", std::move(scores)},
      {"not_counted", std::move(uncounted)},
      {"baseline", std::move(baseline)},
      {"loads", std::move(loads)}};
  out << llvm::formatv("{0:2}", llvm::json::Value(std::move(json))) << "\n";
}

namespace {
struct ReportCostPass final : moe::impl::ReportCostPassBase<ReportCostPass> {
  using Base::Base;

  void runOnOperation() override {
    markAllAnalysesPreserved();
    FunctionOpInterface entry = rt::getEntryFunction(getOperation());
    if (!entry)
      return signalPassFailure();
    ModelCost cost = collectCost(entry);
    CostQuery query;
    llvm::append_range(query.loads, loads);
    llvm::append_range(query.tokens, tokens);
    query.baseline = baseline;
    query.context = context;
    if (query.loads.empty())
      for (const LayerCost &layer : cost.layers)
        while (static_cast<int64_t>(query.loads.size()) < layer.slots)
          query.loads.push_back(static_cast<double>(query.loads.size() + 1));
    CostModel model(cost, query);
    // Behind all that other passes have written.
    llvm::raw_ostream &out = llvm::errs();
    if (json)
      printCostAsJson(model, out);
    else
      printCost(model, out);
    out.flush();
  }
};
} // namespace
