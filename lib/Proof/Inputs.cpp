//===- Inputs.cpp - Random and adversarial rows ---------------------------===//
#include "Inputs.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace moe;

namespace {
struct FamilyInfo {
  InputFamily family;
  StringLiteral name;
};
} // namespace

static constexpr FamilyInfo families[] = {
    {InputFamily::EachInTurn, "each expert in turn"},
    {InputFamily::Normal, "normal scores"},
    {InputFamily::ExactTies, "exact ties"},
    {InputFamily::WideNormal, "scores far apart"},
    {InputFamily::AllEqual, "equal scores"},
    {InputFamily::OneForAll, "one expert for all tokens"},
    {InputFamily::LastForAll, "the last expert for all tokens"},
    {InputFamily::OneNever, "one expert for no token"},
    {InputFamily::Huge, "huge scores"},
    {InputFamily::Tiny, "tiny scores"},
    {InputFamily::NegativeInfinity, "scores of -inf"},
    {InputFamily::PositiveInfinity, "scores of +inf"},
    {InputFamily::NaN, "NaN scores"},
    {InputFamily::ZeroRows, "rows of zeros"},
    {InputFamily::LargeRows, "large rows"},
    {InputFamily::NonFiniteRows, "rows with inf and NaN"},
};

ArrayRef<InputFamily> moe::getInputFamilies() {
  static const auto all = [] {
    SmallVector<InputFamily> list;
    for (const FamilyInfo &info : families)
      list.push_back(info.family);
    return list;
  }();
  return all;
}

StringRef moe::getName(InputFamily family) {
  for (const FamilyInfo &info : families)
    if (info.family == family)
      return info.name;
  return "";
}

static constexpr double infinity = std::numeric_limits<double>::infinity();
static constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();

/// The score of column `c` of `n` at token `t` of `numTokens`.
static double makeScore(InputFamily family, int64_t t, int64_t numTokens,
                        int64_t c, int64_t n, int64_t numSlots, int64_t round,
                        Random &random) {
  switch (family) {
  case InputFamily::EachInTurn: {
    // The next `numSlots` columns, in falling order, high above all others.
    int64_t slot = ((c - (round * numTokens + t) * numSlots) % n + n) % n;
    return slot < numSlots ? 6.0 - double(slot) / double(numSlots)
                           : -3.0 + random.normal();
  }
  case InputFamily::ExactTies:
    return double(random.below(3) - 1);
  case InputFamily::WideNormal:
    return 8 * random.normal();
  case InputFamily::AllEqual:
    return 0.5 * double(t % 3);
  case InputFamily::OneForAll:
    return random.normal() + (c == round % n ? 30 : 0);
  case InputFamily::LastForAll:
    return random.normal() + (c == n - 1 ? 30 : 0);
  case InputFamily::OneNever:
    return random.normal() - (c == (round + 1) % n ? 1e3 : 0);
  case InputFamily::Huge:
    return 1e4 * random.normal();
  case InputFamily::Tiny:
    return (t % 2 ? 1e-30 : 1e-6) * random.normal();
  case InputFamily::NegativeInfinity:
    // Whole rows too, and rows with one column left.
    return t % 4 == 3                          ? -infinity
           : t % 4 == 2 && c != (t / 4) % n    ? -infinity
           : t % 4 < 2 && random.below(3) == 0 ? -infinity
                                               : random.normal();
  case InputFamily::PositiveInfinity:
    return random.below(n) < 2 ? infinity : random.normal();
  case InputFamily::NaN:
    // Whole rows, single columns, and rows beside them that have none.
    return t % 3 == 0                           ? notANumber
           : t % 3 == 1 && c == (t / 3 + 1) % n ? notANumber
                                                : random.normal();
  case InputFamily::Normal:
  case InputFamily::ZeroRows:
  case InputFamily::LargeRows:
  case InputFamily::NonFiniteRows:
    break;
  }
  return random.normal();
}

/// An element of another row at token `t`.
static double makeValue(InputFamily family, int64_t t, Random &random) {
  double value = random.normal();
  if (family == InputFamily::ZeroRows)
    return t % 2 ? 0.0 : value;
  // Beyond limits that experts clamp to, within what f16 squares.
  if (family == InputFamily::LargeRows)
    return 30 * value;
  if (family == InputFamily::NonFiniteRows && t % 2 == 0 &&
      random.below(4) == 0)
    return t % 4 ? infinity : notANumber;
  return value;
}

std::vector<Array> moe::makeRows(const RowsDescription &description,
                                 InputFamily family, int64_t numTokens,
                                 int64_t round) {
  Random random((uint64_t(family) << 32) + (uint64_t(numTokens) << 16) +
                uint64_t(round));
  std::vector<Array> rows;
  for (auto [type, isScores] :
       llvm::zip_equal(description.types, description.isScores)) {
    SmallVector<int64_t> shape(RankedTensorType(type).getShape());
    shape.front() = numTokens;
    Array array(RankedTensorType(type).getElementType(), shape);
    int64_t rowSize = array.getRowSize(), n = shape.back();
    for (int64_t t = 0; t < numTokens; ++t)
      for (int64_t i = 0; i < rowSize; ++i)
        array.set(t * rowSize + i,
                  isScores ? makeScore(family, t, numTokens, i % n, n,
                                       description.numSlots, round, random)
                           : makeValue(family, t, random));
    rows.push_back(std::move(array));
  }
  return rows;
}
