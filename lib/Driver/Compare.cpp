//===- Compare.cpp - Outputs against references ---------------------------===//
//
// One pass over both arrays; integers of 64 bits are compared as integers,
// since doubles would merge large ids.
//
//===----------------------------------------------------------------------===//
#include "Compare.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>

using namespace moe;

static bool isInteger(moe_dtype dtype) {
  return dtype.code == MOE_INT || dtype.code == MOE_UINT ||
         dtype.code == MOE_BOOL;
}

/// |got - expected| of one element.
static double getDifference(const Array &got, const Array &expected,
                            int64_t index) {
  if (isInteger(got.dtype) && got.dtype.code == expected.dtype.code &&
      got.dtype.bits == 64 && expected.dtype.bits == 64) {
    int64_t a, b;
    std::memcpy(&a, got.bytes.data() + index * 8, 8);
    std::memcpy(&b, expected.bytes.data() + index * 8, 8);
    if (got.dtype.code == MOE_INT)
      return (double)(a > b ? (uint64_t)a - (uint64_t)b
                            : (uint64_t)b - (uint64_t)a);
    uint64_t ua = (uint64_t)a, ub = (uint64_t)b;
    return (double)(ua > ub ? ua - ub : ub - ua);
  }
  double a = getElement(got, index), b = getElement(expected, index);
  if (a == b || (std::isnan(a) && std::isnan(b)))
    return 0;
  double difference = std::fabs(a - b);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity()
                                : difference;
}

/// "[1,0,7]" for a row-major index.
static std::string formatPosition(const Array &array, int64_t index) {
  std::vector<int64_t> position;
  for (size_t d = array.shape.size(); d-- > 0;) {
    position.insert(position.begin(), index % array.shape[d]);
    index /= array.shape[d];
  }
  std::string text = "[";
  for (size_t d = 0; d < position.size(); ++d)
    text += (d > 0 ? "," : "") + std::to_string(position[d]);
  return text + "]";
}

Comparison moe::compareArrays(const Array &got, const Array &expected,
                              const Tolerance &tolerance) {
  Comparison result;
  std::ostringstream text;
  if (got.shape != expected.shape) {
    text << "shape differs: got " << getTypeName(got.dtype, got.shape)
         << ", expected " << getTypeName(expected.dtype, expected.shape);
    result.largestDifference = std::numeric_limits<double>::infinity();
    result.summary = text.str();
    return result;
  }
  int64_t count = got.numElements(), worst = 0;
  for (int64_t i = 0; i < count; ++i) {
    double difference = getDifference(got, expected, i);
    if (difference > result.largestDifference) {
      result.largestDifference = difference;
      worst = i;
    }
    double allowed = tolerance.absolute +
                     tolerance.relative * std::fabs(getElement(expected, i));
    // An infinite reference allows nothing but itself.
    if (difference > 0 && (difference > allowed || !std::isfinite(allowed)))
      ++result.numOutside;
  }
  result.equal = result.numOutside == 0;
  text.precision(9);
  if (result.largestDifference == 0) {
    text << "equal, " << count << " elements";
  } else {
    text << "largest difference " << result.largestDifference << " at "
         << formatPosition(got, worst) << " (got " << getElement(got, worst)
         << ", expected " << getElement(expected, worst) << "), "
         << result.numOutside << " of " << count << " elements outside atol "
         << tolerance.absolute << ", rtol " << tolerance.relative;
  }
  result.summary = text.str();
  return result;
}

const Array *moe::findByNameOrOrder(const NamedArrays &arrays,
                                    const std::vector<std::string> &names,
                                    size_t index) {
  bool anyName = false;
  for (const auto &[name, array] : arrays) {
    if (name == names[index])
      return &array;
    anyName |= std::find(names.begin(), names.end(), name) != names.end();
  }
  if (!anyName && arrays.size() == names.size())
    return &arrays[index].second;
  return nullptr;
}
