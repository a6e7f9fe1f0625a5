/*===- Half.h - 16-bit floats ----------------------------------------*- C
 * -*-===*
 *
 * f16 and bf16, as their bits, to and from double, which holds each of their
 * values exactly. Never through the compiler's own 16-bit types: it may call
 * the functions of Half.c for these.
 *
 *===----------------------------------------------------------------------===*/
#ifndef MOE_LIB_RUNTIME_HALF_H
#define MOE_LIB_RUNTIME_HALF_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline float float_of_bits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

static inline double bf16_to_double(uint16_t half) {
  return (double)float_of_bits((uint32_t)half << 16);
}

/** A quiet NaN with these leading mantissa bits. */
static inline double nan_with_payload(uint64_t payload) {
  uint64_t bits = (uint64_t)0x7ff8 << 48 | payload;
  double value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

static inline double f16_to_double(uint16_t half) {
  int exponent = (half >> 10) & 0x1f;
  int mantissa = half & 0x3ff;
  double magnitude;
  if (exponent == 0x1f)
    magnitude = mantissa ? nan_with_payload((uint64_t)mantissa << 42)
                         : (double)INFINITY;
  else if (exponent == 0)
    magnitude = ldexp((double)mantissa, -24);
  else
    magnitude = ldexp((double)(mantissa + 1024), exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

/** Rounds to a format with this many exponent and mantissa bits (16 with the
 *  sign), nearest even. `value` is no NaN. */
static inline uint16_t narrow(double value, int exponent_bits,
                              int mantissa_bits) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof(bits));
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const unsigned sign = (unsigned)(bits >> 63) << 15;
  const unsigned infinity = ((1u << exponent_bits) - 1) << mantissa_bits;
  int exponent = (int)(bits >> 52 & 0x7ff) - 1023;
  if (exponent > bias)
    return (uint16_t)(sign | infinity);
  // Subnormal doubles are far below half of the smallest result.
  if (exponent == -1023)
    return (uint16_t)sign;
  uint64_t significand = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)1 << 52;
  bool normal = exponent >= 1 - bias;
  int shift = 52 - mantissa_bits + (normal ? 0 : 1 - bias - exponent);
  if (shift > 53)
    return (uint16_t)sign;
  uint64_t kept = significand >> shift;
  uint64_t rest = significand & (((uint64_t)1 << shift) - 1);
  uint64_t half = (uint64_t)1 << (shift - 1);
  if (rest > half || (rest == half && (kept & 1)))
    ++kept;
  // The leading one of `kept` carries into the exponent field; so does a
  // rounding that overflows the mantissa, up to infinity.
  if (normal)
    kept += (uint64_t)(exponent + bias - 1) << mantissa_bits;
  return (uint16_t)(sign | kept);
}

static inline uint16_t double_to_bf16(double value) {
  return isnan(value) ? 0x7fc0 : narrow(value, 8, 7);
}

static inline uint16_t double_to_f16(double value) {
  if (!isnan(value))
    return narrow(value, 5, 10);
  uint64_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return (uint16_t)((bits >> 48 & 0x8000) | 0x7e00 | (bits >> 42 & 0x3ff));
}

#endif /* MOE_LIB_RUNTIME_HALF_H */
