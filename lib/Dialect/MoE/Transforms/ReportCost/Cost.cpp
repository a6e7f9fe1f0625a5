//===- Cost.cpp - What a model's tokens cost ------------------------------===//
#include "Cost.h"

#include <cmath>

using namespace moe;

double LayerCost::getTouchedExperts(double load, int64_t tokens) const {
  if (!experts)
    return 0;
  double missed = 1 - std::min(load / static_cast<double>(experts), 1.0);
  return static_cast<double>(experts) *
         (1 - std::pow(missed, static_cast<double>(tokens)));
}

/// The sum of a number over the layers.
template <typename Number>
static auto sum(const ModelCost &cost, Number number) {
  decltype(number(cost.layers.front())) total = 0;
  for (const LayerCost &layer : cost.layers)
    total += number(layer);
  return total;
}

int64_t CostModel::getExpertParameters() const {
  return sum(cost, [](const LayerCost &layer) {
    return layer.experts * layer.parametersOfExpert;
  });
}

int64_t CostModel::getParameters() const {
  return cost.otherParameters + getExpertParameters();
}

int64_t CostModel::getExpertFlops() const {
  return sum(cost, [](const LayerCost &layer) { return layer.flopsOfExpert; });
}

int64_t CostModel::getDenseExpertFlops() const {
  return sum(cost, [](const LayerCost &layer) {
    return layer.experts * layer.flopsOfExpert;
  });
}

int64_t CostModel::getNullColumnFlops() const {
  return sum(cost,
             [](const LayerCost &layer) { return layer.nullColumnFlops; });
}

int64_t CostModel::getScoreFlops() const {
  int64_t flops = 0;
  for (ContextTerm term : cost.scores) {
    int64_t value = query.context ? term.coefficient : 0;
    for (unsigned i = 0; i < term.degree; ++i)
      value *= query.context;
    flops += value;
  }
  return flops;
}

int64_t CostModel::getOtherFlops() const {
  return cost.otherFlops + getScoreFlops();
}

double CostModel::getFlops(double load) const {
  return static_cast<double>(getOtherFlops()) +
         load * static_cast<double>(getExpertFlops());
}

double CostModel::getBaselineExpertFlops() const {
  return sum(cost, [&](const LayerCost &layer) {
    double load =
        query.baseline ? query.baseline : static_cast<double>(layer.slots);
    return load * static_cast<double>(layer.flopsOfExpert);
  });
}

double CostModel::getBaselineFlops() const {
  int64_t other = getOtherFlops();
  if (query.baseline)
    other -= getNullColumnFlops();
  return static_cast<double>(other) + getBaselineExpertFlops();
}

double CostModel::getReduction(double load) const {
  double baseline = getBaselineFlops();
  return baseline > 0 ? 1 - getFlops(load) / baseline : 0;
}

double CostModel::getActiveParameters(double load) const {
  return static_cast<double>(cost.otherParameters) +
         load * static_cast<double>(sum(cost, [](const LayerCost &layer) {
           return layer.parametersOfExpert;
         }));
}

double CostModel::getWeightBytes(double load, int64_t tokens) const {
  double touched = sum(cost, [&](const LayerCost &layer) {
    return layer.getTouchedExperts(load, tokens) *
           static_cast<double>(layer.bytesOfExpert);
  });
  return static_cast<double>(cost.otherBytes + tokens * cost.gatheredBytes) +
         touched;
}

double CostModel::getActivationBytes(double load, int64_t tokens) const {
  double perToken = sum(cost, [&](const LayerCost &layer) {
    return load * static_cast<double>(layer.trafficOfExpert);
  });
  return static_cast<double>(tokens) *
         (static_cast<double>(cost.otherTraffic) + perToken);
}
