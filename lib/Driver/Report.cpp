//===- Report.cpp - What a run did, as JSON -------------------------------===//
//
// Keys keep their order, so that two reports can be compared as text.
//
//===----------------------------------------------------------------------===//
#include "Report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace moe;
using nlohmann::ordered_json;

void Report::addOutput(const std::string &name, const Array &array) {
  outputs.push_back({name, array.dtype, array.shape, false, {}});
}

void Report::addComparison(const std::string &name,
                           const Comparison &comparison) {
  for (Output &output : outputs) {
    if (output.name == name) {
      output.compared = true;
      output.comparison = comparison;
    }
  }
}

void Report::addLayer(const LayerDescription &layer,
                      const moe_layer_load &load) {
  layers.push_back(
      {layer, load,
       std::vector<int64_t>(load.counts, load.counts + load.num_experts)});
}

bool Report::countsLayers() const {
  return std::all_of(layers.begin(), layers.end(),
                     [](const Layer &layer) { return layer.load.has_value(); });
}

double Report::getMedian() const {
  std::vector<double> sorted = times;
  std::sort(sorted.begin(), sorted.end());
  size_t middle = sorted.size() / 2;
  return sorted.size() % 2 ? sorted[middle]
                           : (sorted[middle - 1] + sorted[middle]) / 2;
}

std::string Report::formatTimes() const {
  std::ostringstream text;
  text.precision(4);
  text << times.size() << (times.size() == 1 ? " run" : " runs") << ": median "
       << getMedian() << " ms, min "
       << *std::min_element(times.begin(), times.end()) << " ms, max "
       << *std::max_element(times.begin(), times.end()) << " ms";
  return text.str();
}

/// Adds what the machine can do and what steps took.
static void addProfile(ordered_json &report, const Profile &profile,
                       const std::vector<std::string> &layers) {
  auto known = [](int64_t amount) {
    return amount < 0 ? ordered_json(nullptr) : ordered_json(amount);
  };
  const MachineLimits &limits = profile.getLimits();
  ordered_json reads = ordered_json::array();
  for (const MachineLimits::Bandwidth &level : limits.bandwidths)
    reads.push_back(
        {{"bytes", level.bytes}, {"gb_per_s", level.bytesPerSecond / 1e9}});
  report["machine"] = {{"threads", limits.threads},
                       {"gflop_per_s", limits.flopsPerSecond / 1e9},
                       {"reads", std::move(reads)}};
  report["profile"] = ordered_json::array();
  for (const StepProfile &step : profile.getSteps()) {
    bool inLayer = step.layer >= 0 && (size_t)step.layer < layers.size();
    bool compared = step.leastSeconds && step.seconds > 0;
    report["profile"].push_back(
        {{"node", step.node},
         {"computation", step.computation},
         {"layer", inLayer ? ordered_json(layers[(size_t)step.layer])
                           : ordered_json(nullptr)},
         {"calls", step.calls},
         {"time_us", step.seconds * 1e6},
         {"flops", known(step.flops)},
         {"bytes", known(step.bytes)},
         {"roofline", compared ? ordered_json(*step.leastSeconds / step.seconds)
                               : ordered_json(nullptr)}});
  }
}

std::string Report::toJson() const {
  ordered_json report;
  report["outputs"] = ordered_json::object();
  for (const Output &output : outputs) {
    ordered_json entry;
    entry["dtype"] = getTypeName(output.dtype);
    entry["dims"] = output.shape;
    if (output.compared) {
      double difference = output.comparison.largestDifference;
      // JSON has no infinity.
      entry["largest_difference"] = std::isfinite(difference)
                                        ? ordered_json(difference)
                                        : ordered_json(nullptr);
      entry["elements_outside"] = output.comparison.numOutside;
      entry["equal"] = output.comparison.equal;
    }
    report["outputs"][output.name] = std::move(entry);
  }
  report["time_ms"] = {{"median", getMedian()},
                       {"min", *std::min_element(times.begin(), times.end())},
                       {"max", *std::max_element(times.begin(), times.end())},
                       {"runs", times.size()}};
  report["moe_layers"] = ordered_json::array();
  for (const Layer &layer : layers) {
    ordered_json entry = {{"name", layer.description.name},
                          {"experts", layer.description.experts},
                          {"null_experts", layer.description.nullExperts},
                          {"slots", layer.description.slots}};
    if (layer.load) {
      const moe_layer_load &load = *layer.load;
      entry["tokens"] = load.tokens;
      entry["load"] =
          load.tokens
              ? ordered_json((double)load.expert_slots / (double)load.tokens)
              : ordered_json(nullptr);
      entry["counts"] = layer.counts;
      entry["null_slots"] = load.null_slots;
      entry["expert_flops"] = load.expert_flops;
    }
    report["moe_layers"].push_back(std::move(entry));
  }
  if (profile) {
    std::vector<std::string> layerNames;
    for (const Layer &layer : layers)
      layerNames.push_back(layer.description.name);
    addProfile(report, *profile, layerNames);
  }
  // Names are the model's and may be no UTF-8.
  return report.dump(2, ' ', false, ordered_json::error_handler_t::replace) +
         "\n";
}
