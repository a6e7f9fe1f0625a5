//===- Report.h - What a run did, as JSON -----------------------*- C++ -*-===//
//
//   {"outputs": {"logits": {"dtype": "float32", "dims": [4, 64, 256],
//                           "largest_difference": 1e-6, "equal": true}},
//    "time_ms": {"median": 1.5, "min": 1.4, "max": 2.0, "runs": 10},
//    "moe_layers": []}
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DRIVER_REPORT_H
#define MOE_LIB_DRIVER_REPORT_H

#include "Array.h"
#include "Compare.h"

#include <string>
#include <vector>

namespace moe {

class Report {
public:
  void addTime(double milliseconds) { times.push_back(milliseconds); }
  void addOutput(const std::string &name, const Array &array);
  void addComparison(const std::string &name, const Comparison &comparison);

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
  double getMedian() const;

  std::vector<double> times;
  std::vector<Output> outputs;
};

} // namespace moe

#endif // MOE_LIB_DRIVER_REPORT_H
