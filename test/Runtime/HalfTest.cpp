//===- HalfTest.cpp - The conversions that LLVM calls ---------------------===//
//
// Every pair of neighbours among the 16-bit values: what lies between them goes
// to the nearer one, the middle to the even one.
//
//===----------------------------------------------------------------------===//
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

extern "C" {
float __extendhfsf2(_Float16 value);
_Float16 __truncsfhf2(float value);
_Float16 __truncdfhf2(double value);
__bf16 __truncsfbf2(float value);
__bf16 __truncdfbf2(double value);
}

template <typename T> static uint16_t bitsOf(T value) {
  static_assert(sizeof(T) == 2, "a 16-bit float");
  uint16_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/// A f16's value, by the definition of the format.
static float f16Value(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  float magnitude = exponent ? std::ldexp(float(mantissa + 1024), exponent - 25)
                             : std::ldexp(float(mantissa), -24);
  if (exponent == 31)
    magnitude = mantissa ? NAN : INFINITY;
  return bits & 0x8000 ? -magnitude : magnitude;
}

static float bf16Value(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &wide, sizeof(value));
  return value;
}

/// Checks the neighbours `bits` and `bits + 1`, in float or double.
template <typename Wide, typename Truncate>
static void checkBetween(uint16_t bits, Wide low, Wide high,
                         Truncate truncate) {
  uint16_t even = bits + (bits & 1), up = bits + 1;
  Wide middle = low + (high - low) / 2;
  for (Wide sign : {Wide(1), Wide(-1)}) {
    uint16_t signBit = sign < 0 ? 0x8000 : 0;
    auto rounded = [&](Wide value) { return bitsOf(truncate(sign * value)); };
    ASSERT_EQ(rounded(low), bits | signBit);
    ASSERT_EQ(rounded(middle), even | signBit);
    ASSERT_EQ(rounded(std::nextafter(middle, low)), bits | signBit);
    ASSERT_EQ(rounded(std::nextafter(middle, high)), up | signBit);
  }
}

TEST(Half, ExtendsEveryF16) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    _Float16 value;
    uint16_t narrow = uint16_t(bits);
    std::memcpy(&value, &narrow, sizeof(value));
    float expected = f16Value(narrow), actual = __extendhfsf2(value);
    if (std::isnan(expected))
      ASSERT_TRUE(std::isnan(actual)) << bits;
    else
      ASSERT_EQ(std::signbit(actual), std::signbit(expected)) << bits;
    if (!std::isnan(expected))
      ASSERT_EQ(actual, expected) << bits;
  }
}

TEST(Half, RoundsToTheNearestF16) {
  for (uint16_t bits = 0; bits < 0x7c00; ++bits) {
    // What would come after the greatest value, were there no infinity.
    float low = f16Value(bits),
          high = bits == 0x7bff ? 65536.0f : f16Value(bits + 1);
    checkBetween<float>(bits, low, high, __truncsfhf2);
    checkBetween<double>(bits, low, high, __truncdfhf2);
  }
}

TEST(Half, RoundsToTheNearestBF16) {
  for (uint16_t bits = 0; bits < 0x7f7f; ++bits) {
    float low = bf16Value(bits), high = bf16Value(bits + 1);
    checkBetween<float>(bits, low, high, __truncsfbf2);
    checkBetween<double>(bits, low, high, __truncdfbf2);
  }
}

TEST(Half, KeepsInfinitiesAndNaNs) {
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(bitsOf(__truncsfhf2(infinity)), 0x7c00);
  EXPECT_EQ(bitsOf(__truncsfhf2(-infinity)), 0xfc00);
  EXPECT_EQ(bitsOf(__truncsfbf2(infinity)), 0x7f80);
  EXPECT_EQ(bitsOf(__truncsfbf2(std::numeric_limits<float>::max())), 0x7f80);
  EXPECT_EQ(bitsOf(__truncdfhf2(1e300)), 0x7c00);
  EXPECT_EQ(bitsOf(__truncdfbf2(-1e300)), 0xff80);
  EXPECT_EQ(bitsOf(__truncdfhf2(1e-300)), 0);
  EXPECT_GT(bitsOf(__truncsfhf2(NAN)) & 0x7fff, 0x7c00);
  EXPECT_GT(bitsOf(__truncsfbf2(NAN)) & 0x7fff, 0x7f80);
  EXPECT_GT(bitsOf(__truncdfhf2(NAN)) & 0x7fff, 0x7c00);
  EXPECT_GT(bitsOf(__truncdfbf2(NAN)) & 0x7fff, 0x7f80);
}
