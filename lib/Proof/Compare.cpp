//===- Compare.cpp - Whether two sides computed the same ------------------===//
#include "Compare.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using namespace moe;

static double getTolerance(Type type) {
  if (type.isF16())
    return 0x1p-9;
  if (type.isBF16())
    return 0x1p-6;
  return isa<FloatType>(type) ? 1e-5 : 0.0;
}

static double getGreatestMagnitude(const Array &array) {
  double greatest = 0;
  for (int64_t i = 0; i < array.size(); ++i)
    if (double value = array.get(i); std::isfinite(value))
      greatest = std::max(greatest, std::fabs(value));
  return greatest;
}

/// With as many digits as tell floats apart.
static std::string print(double value) {
  if (std::isnan(value))
    return "NaN";
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", value);
  return text;
}

static bool areClose(double a, double b, double tolerance) {
  if (!std::isfinite(a) || !std::isfinite(b))
    return a == b || (std::isnan(a) && std::isnan(b));
  return std::fabs(a - b) <= tolerance;
}

/// "[2, 1]" for an index into `array`.
static std::string describePlace(const Array &array, int64_t i) {
  SmallVector<int64_t> index(array.getShape().size());
  for (size_t d = index.size(); d-- > 0; i /= array.getShape()[d])
    index[d] = i % array.getShape()[d];
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '[';
  llvm::interleaveComma(index, stream);
  stream << ']';
  return text;
}

RowMask RowMask::get(ArrayRef<Array> rows, ArrayRef<bool> isScores) {
  RowMask mask;
  mask.isFinite.assign(rows.front().getShape().front(), true);
  for (auto [array, areScores] : llvm::zip_equal(rows, isScores)) {
    if (areScores)
      continue;
    for (int64_t i = 0; i < array.size(); ++i)
      if (!std::isfinite(array.get(i)))
        mask.isFinite[i / array.getRowSize()] = false;
  }
  return mask;
}

//===----------------------------------------------------------------------===//
// Differences
//===----------------------------------------------------------------------===//

static bool isNull(const OutputsDescription &description, double id) {
  return id < 0 || id >= double(description.isNull.size()) ||
         description.isNull.test(unsigned(id));
}

static std::optional<std::string>
compareIds(const OutputsDescription &description, const Array &original,
           const Array &raised) {
  for (int64_t i = 0; i < original.size(); ++i) {
    double a = original.get(i), b = raised.get(i);
    if (a == b || (b == -1 && isNull(description, a)))
      continue;
    int64_t k = original.getRowSize();
    return llvm::formatv("routing differs: slot {0} of token {1} selects "
                         "expert {2}, raised {3}",
                         i % k, i / k, int64_t(a), int64_t(b))
        .str();
  }
  return std::nullopt;
}

static std::optional<std::string>
compareWeights(const Array &ids, const Array &original, const Array &raised) {
  double greatest = getGreatestMagnitude(original);
  double tolerance = greatest * getTolerance(original.getElementType());
  for (int64_t i = 0; i < original.size(); ++i) {
    double a = original.get(i), b = raised.get(i);
    if (ids.get(i) == -1 || areClose(a, b, tolerance))
      continue;
    int64_t k = original.getRowSize();
    return llvm::formatv("routing weights differ: slot {0} of token {1}, "
                         "expert {2}, has {3}, raised {4}",
                         i % k, i / k, int64_t(ids.get(i)), print(a), print(b))
        .str();
  }
  return std::nullopt;
}

namespace {
/// What routing weights allow the values of a row.
enum class RowRule { Equal, NonFiniteAlike, NonFiniteFree, NotCompared };
} // namespace

static SmallVector<RowRule> getRules(const OutputsDescription &description,
                                     const RowMask &mask,
                                     ArrayRef<Array> original) {
  SmallVector<RowRule> rules;
  for (bool isFinite : mask.isFinite)
    rules.push_back(isFinite ? RowRule::Equal : RowRule::NotCompared);
  for (size_t r = 0; r < description.numRoutings; ++r) {
    const Array &ids = original[description.numResults + 2 * r];
    const Array &weights = original[description.numResults + 2 * r + 1];
    SmallVector<bool> isFree(rules.size(), true), isBad(rules.size(), false);
    for (int64_t i = 0; i < weights.size(); ++i)
      if (!std::isfinite(weights.get(i))) {
        isBad[i / weights.getRowSize()] = true;
        if (!isNull(description, ids.get(i)))
          isFree[i / weights.getRowSize()] = false;
      }
    for (auto [rule, bad, free] : llvm::zip_equal(rules, isBad, isFree))
      if (bad)
        rule = std::max(rule, free ? RowRule::NonFiniteFree
                                   : RowRule::NonFiniteAlike);
  }
  return rules;
}

static std::optional<std::string> compareValues(size_t result,
                                                ArrayRef<RowRule> rules,
                                                const Array &original,
                                                const Array &raised) {
  bool areRows = !original.getShape().empty() &&
                 original.getShape().front() == int64_t(rules.size());
  double greatest = getGreatestMagnitude(original);
  double tolerance = greatest * getTolerance(original.getElementType());
  double largest = -1;
  int64_t place = -1;
  for (int64_t i = 0; i < original.size(); ++i) {
    RowRule rule = areRows ? rules[i / original.getRowSize()] : RowRule::Equal;
    double a = original.get(i), b = raised.get(i);
    if (rule == RowRule::NotCompared || areClose(a, b, tolerance) ||
        (!std::isfinite(a) && rule >= RowRule::NonFiniteAlike &&
         (rule == RowRule::NonFiniteFree || !std::isfinite(b))))
      continue;
    double difference = std::fabs(a - b);
    if (!std::isfinite(difference))
      difference = std::numeric_limits<double>::max();
    if (difference > largest) {
      largest = difference;
      place = i;
    }
  }
  if (place < 0)
    return std::nullopt;
  return llvm::formatv("values differ, most at {0} of result {1}: {2}, raised "
                       "{3}, where the greatest magnitude is {4}",
                       describePlace(original, place), result,
                       print(original.get(place)), print(raised.get(place)),
                       print(greatest))
      .str();
}

std::optional<std::string>
moe::findDifference(const OutputsDescription &description, const RowMask &mask,
                    ArrayRef<Array> original, ArrayRef<Array> raised) {
  for (auto [i, pair] : llvm::enumerate(llvm::zip_equal(original, raised))) {
    auto &[a, b] = pair;
    if (a.getShape() != b.getShape())
      return llvm::formatv("the shapes of output {0} differ", i).str();
  }
  for (size_t r = 0; r < description.numRoutings; ++r) {
    size_t ids = description.numResults + 2 * r;
    if (auto difference = compareIds(description, original[ids], raised[ids]))
      return difference;
    if (auto difference =
            compareWeights(raised[ids], original[ids + 1], raised[ids + 1]))
      return difference;
  }
  SmallVector<RowRule> rules = getRules(description, mask, original);
  for (size_t i = 0; i < description.numResults; ++i)
    if (auto difference = compareValues(i, rules, original[i], raised[i]))
      return difference;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Coverage
//===----------------------------------------------------------------------===//

Coverage::Coverage(const OutputsDescription &outputs)
    : description(outputs), missing(outputs.mustSelect),
      isNonZero(outputs.numResults, false) {}

void Coverage::add(const RowMask &mask, ArrayRef<Array> outputs) {
  SmallVector<RowRule> rules = getRules(description, mask, outputs);
  for (size_t r = 0; r < description.numRoutings; ++r) {
    const Array &ids = outputs[description.numResults + 2 * r];
    for (int64_t i = 0; i < ids.size(); ++i) {
      double id = ids.get(i);
      if (rules[i / ids.getRowSize()] == RowRule::Equal && id >= 0 &&
          id < missing.size())
        missing.reset(unsigned(id));
    }
  }
  for (size_t i = 0; i < description.numResults; ++i)
    if (getGreatestMagnitude(outputs[i]) > 0)
      isNonZero[i] = true;
}

std::optional<std::string> Coverage::findGap() const {
  if (int id = missing.find_first(); id >= 0)
    return llvm::formatv("no input made it select expert {0}", id).str();
  for (auto [i, nonZero] : llvm::enumerate(isNonZero))
    if (!nonZero)
      return llvm::formatv("result {0} was zero for all inputs", i).str();
  return std::nullopt;
}
