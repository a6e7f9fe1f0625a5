//===- Profile.h - What the steps of a run took -----------------*- C++ -*-===//
//
// Times of the timed runs: of each step, and of what is between the steps, the
// median over the runs. Steps that never ran are left out.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DRIVER_PROFILE_H
#define MOE_LIB_DRIVER_PROFILE_H

#include "Description.h"
#include "Machine.h"
#include "moe/Runtime/MoERuntime.h"

#include <optional>
#include <string>
#include <vector>

namespace moe {

struct StepProfile {
  std::string node;
  std::string computation;
  /// Place in the model's list; -1: none.
  int layer = -1;
  /// Of one run.
  int64_t calls = 0;
  double seconds = 0;
  int64_t flops = 0; ///< -1: not known
  int64_t bytes = 0;
  /// The least time that the machine allows.
  std::optional<double> leastSeconds;
};

class Profile {
public:
  explicit Profile(const MachineLimits &limits) : limits(limits) {}

  /// Adds a run: what all steps took, in order.
  void addRun(double seconds, const std::vector<moe_step_time> &steps);

  /// In the order of the model.
  std::vector<StepProfile> getSteps() const;
  const MachineLimits &getLimits() const { return limits; }

  /// Tables by kind, by MoE layer and by step, in UTF-8.
  std::string format(const std::vector<LayerDescription> &layers) const;

private:
  MachineLimits limits;
  /// Per run: its seconds, and those of no step.
  std::vector<double> runs, between;
  /// Of the last run.
  std::vector<moe_step_time> steps;
  /// Per step: seconds in each run.
  std::vector<std::vector<double>> times;
};

} // namespace moe

#endif // MOE_LIB_DRIVER_PROFILE_H
