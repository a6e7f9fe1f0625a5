//===- Report.h - What a run did, as JSON -----------------------*- C++ -*-===//
//
//   {"outputs": {"logits": {"dtype": "float32", "dims": [4, 64, 256],
//                           "largest_difference": 1e-6, "equal": true}},
//    "time_ms": {"median": 1.5, "min": 1.4, "max": 2.0, "runs": 10},
//    "moe_layers": [{"name": "layers.0.moe", "experts": 8, "null_experts": 8,
//                    "slots": 3, "tokens": 256, "load": 1.539,
//                    "counts": [50, ..], "null_slots": 374,
//                    "expert_flops": 25821184}],
//    "machine": {"threads": 1, "gflop_per_s": 120.5,
//                "reads": [{"bytes": 32768, "gb_per_s": 240.0}, ..]},
//    "profile": [{"node": "layers.0.moe/gate", "computation": "gate",
//                 "layer": "layers.0.moe", "calls": 1, "time_us": 12.5,
//                 "flops": 4096, "bytes": null, "roofline": 0.25}, ..]}
//
// "load" and what stands behind it is of the last run; null where it had no
// token, and left out where the model does not count. "machine" and "profile"
// are there with --profile; a time is the median of the runs, null is not
// known.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DRIVER_REPORT_H
#define MOE_LIB_DRIVER_REPORT_H

#include "Array.h"
#include "Compare.h"
#include "Description.h"
#include "Profile.h"
#include "moe/Runtime/MoERuntime.h"

#include <optional>
#include <string>
#include <vector>

namespace moe {

class Report {
public:
  void addTime(double milliseconds) { times.push_back(milliseconds); }
  void addOutput(const std::string &name, const Array &array);
  void addComparison(const std::string &name, const Comparison &comparison);

  void addLayer(const LayerDescription &layer) {
    layers.push_back({layer, {}, {}});
  }
  /// The same with what it did; `load` is copied.
  void addLayer(const LayerDescription &layer, const moe_layer_load &load);
  /// Whether no layer lacks counters.
  bool countsLayers() const;

  void setProfile(const Profile &taken) { profile = taken; }

  /// "10 runs: median 1.5 ms, min 1.4 ms, max 2.0 ms".
  std::string formatTimes() const;
  std::string toJson() const;

private:
  struct Output {
    std::string name;
    moe_dtype dtype;
    std::vector<int64_t> shape;
    bool compared = false;
    Comparison comparison;
  };
  struct Layer {
    LayerDescription description;
    std::optional<moe_layer_load> load;
    std::vector<int64_t> counts;
  };
  double getMedian() const;

  std::vector<double> times;
  std::vector<Output> outputs;
  std::vector<Layer> layers;
  std::optional<Profile> profile;
};

} // namespace moe

#endif // MOE_LIB_DRIVER_REPORT_H
