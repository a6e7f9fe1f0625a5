//===- Compare.h - Outputs against references -------------------*- C++ -*-===//
//
// Two numbers agree if |got - expected| <= atol + rtol * |expected|, both are
// NaN, or they are equal.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DRIVER_COMPARE_H
#define MOE_LIB_DRIVER_COMPARE_H

#include "Array.h"

#include <string>

namespace moe {

struct Tolerance {
  double absolute = 1e-4;
  double relative = 1e-4;
};

struct Comparison {
  bool equal = false;
  /// Largest |got - expected|; infinite where only one is NaN or infinite.
  double largestDifference = 0;
  int64_t numOutside = 0;
  /// One sentence: how large, where, what was expected.
  std::string summary;
};

/// Compares shape and values; element types may differ.
Comparison compareArrays(const Array &got, const Array &expected,
                         const Tolerance &tolerance);

/// The reference for output number `index`, called `name`: the array of that
/// name, or the one at that place when `references` has exactly `numOutputs`
/// arrays and none has an output's name. Null if there is none.
const Array *findByNameOrOrder(const NamedArrays &arrays,
                               const std::vector<std::string> &names,
                               size_t index);

} // namespace moe

#endif // MOE_LIB_DRIVER_COMPARE_H
