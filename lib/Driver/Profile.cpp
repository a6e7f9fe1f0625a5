//===- Profile.cpp - What the steps of a run took -------------------------===//
#include "Profile.h"

#include <algorithm>
#include <cstdio>
#include <map>

using namespace moe;

/// Steps that the table lists one by one.
static constexpr size_t maxListed = 40;

static double getMedian(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 ? values[middle]
                           : (values[middle - 1] + values[middle]) / 2;
}

void Profile::addRun(double seconds,
                     const std::vector<moe_step_time> &stepsOfRun) {
  runs.push_back(seconds);
  steps = stepsOfRun;
  times.resize(steps.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    times[i].push_back((double)steps[i].nanoseconds * 1e-9);
    seconds -= times[i].back();
  }
  between.push_back(std::max(seconds, 0.0));
}

std::vector<StepProfile> Profile::getSteps() const {
  std::vector<StepProfile> result;
  for (size_t i = 0; i < steps.size(); ++i) {
    const moe_step_time &step = steps[i];
    if (step.calls == 0)
      continue;
    StepProfile profile{step.node,  step.computation,    step.layer,
                        step.calls, getMedian(times[i]), step.flops,
                        step.bytes, std::nullopt};
    // The memory that holds the data is that of one call.
    auto perCall = [&](int64_t sum) {
      return sum < 0 ? sum : sum / step.calls;
    };
    if (auto least =
            limits.getLeastSeconds(perCall(step.flops), perCall(step.bytes)))
      profile.leastSeconds = *least * (double)step.calls;
    result.push_back(std::move(profile));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Tables
//===----------------------------------------------------------------------===//

/// The sum of some steps.
static StepProfile sumUp(const std::vector<const StepProfile *> &parts) {
  StepProfile sum;
  sum.leastSeconds = 0;
  for (const StepProfile *part : parts) {
    sum.calls += part->calls;
    sum.seconds += part->seconds;
    sum.flops = sum.flops < 0 || part->flops < 0 ? -1 : sum.flops + part->flops;
    sum.bytes = sum.bytes < 0 || part->bytes < 0 ? -1 : sum.bytes + part->bytes;
    if (part->leastSeconds && sum.leastSeconds)
      *sum.leastSeconds += *part->leastSeconds;
    else
      sum.leastSeconds.reset();
  }
  return sum;
}

static std::string formatNumber(const char *format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

static std::string formatLine(const StepProfile &step, double runSeconds,
                              const std::string &what) {
  auto rate = [&](int64_t amount) {
    return amount > 0 && step.seconds > 0
               ? formatNumber("%8.1f", (double)amount / step.seconds / 1e9)
               : std::string("       -");
  };
  std::string line = formatNumber("%10.1f", step.seconds * 1e6);
  line += formatNumber(" %5.1f%%", 100 * step.seconds / runSeconds);
  line += formatNumber(" %6.0f", (double)step.calls);
  line += formatNumber(
      " %9.2f", step.calls ? step.seconds * 1e6 / (double)step.calls : 0.0);
  line += " " + rate(step.flops) + " " + rate(step.bytes);
  line +=
      step.leastSeconds && step.seconds > 0
          ? formatNumber(" %7.1f%%", 100 * *step.leastSeconds / step.seconds)
          : std::string("        -");
  return line + "  " + what + "\n";
}

/// Sums by kind of computation, the longest time first, the kind as the node.
static std::vector<StepProfile>
sumUpKinds(const std::vector<const StepProfile *> &steps) {
  std::map<std::string, std::vector<const StepProfile *>> kinds;
  for (const StepProfile *step : steps)
    kinds[step->computation].push_back(step);
  std::vector<StepProfile> sums;
  for (const auto &[kind, parts] : kinds) {
    sums.push_back(sumUp(parts));
    sums.back().node = kind;
  }
  std::sort(sums.begin(), sums.end(),
            [](const StepProfile &a, const StepProfile &b) {
              return a.seconds > b.seconds;
            });
  return sums;
}

std::string Profile::format(const std::vector<LayerDescription> &layers) const {
  std::vector<StepProfile> profiles = getSteps();
  std::vector<const StepProfile *> all;
  for (const StepProfile &step : profiles)
    all.push_back(&step);
  StepProfile rest;
  rest.seconds = getMedian(between);
  rest.flops = rest.bytes = -1;
  // What disturbs one step of a run is in the run's median, but not in the
  // step's: shares are of a run that nothing disturbs.
  double runSeconds = sumUp(all).seconds + rest.seconds;
  std::string text =
      "profile: " + std::to_string(runs.size()) +
      (runs.size() == 1 ? " run, " : " runs, median ") +
      formatNumber("%.4g ms; ", getMedian(runs) * 1e3) +
      formatNumber("the medians below add up to %.4g ms\n", runSeconds * 1e3) +
      "machine, " + limits.format() + "\n\n";
  const std::string header =
      "   time/us  share  calls   us/call  GFLOP/s     GB/s roofline  ";

  text += header + "kind\n";
  for (const StepProfile &kind : sumUpKinds(all))
    text += formatLine(kind, runSeconds, kind.node);
  text += formatLine(rest, runSeconds, "(between steps)");

  for (size_t i = 0; i < layers.size(); ++i) {
    std::vector<const StepProfile *> parts;
    for (const StepProfile *step : all)
      if (step->layer == (int)i)
        parts.push_back(step);
    if (parts.empty())
      continue;
    if (text.find("MoE layer\n") == std::string::npos)
      text += "\n" + header + "MoE layer\n";
    text += formatLine(sumUp(parts), runSeconds, layers[i].name);
    for (const StepProfile *part : parts)
      text += formatLine(*part, runSeconds,
                         "  " + part->computation + "  " + part->node);
  }

  std::sort(all.begin(), all.end(),
            [](const StepProfile *a, const StepProfile *b) {
              return a->seconds > b->seconds;
            });
  text += "\n" + header + "step\n";
  size_t listed = std::min(all.size(), maxListed);
  for (size_t i = 0; i < listed; ++i)
    text += formatLine(*all[i], runSeconds,
                       all[i]->computation + "  " + all[i]->node);
  if (listed < all.size())
    text += formatLine(
        sumUp({all.begin() + (long)listed, all.end()}), runSeconds,
        std::to_string(all.size() - listed) + " more; --report has them all");
  return text;
}
