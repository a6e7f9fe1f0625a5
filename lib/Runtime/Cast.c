/*===- Cast.c - Element type conversion ------------------------------------===*
 *
 * Every conversion goes through one wide type that holds each source value
 * exactly: double for floats, 64-bit integers for integers and bool. So there
 * is one rounding, to nearest even, at the end. Meaning, per target:
 *
 *   float   nearest even; overflow gives infinity; NaN keeps sign and leading
 *           payload, as CPUs convert it, but to bf16 it is 0x7fc0, as
 *           arith-expand lowers truncf
 *   integer from integers: the low bits; from floats: toward zero, saturating,
 *           NaN gives 0
 *   bool    whether it differs from zero (NaN does)
 *
 * The pairs that fill most files, f32 <-> bf16 and f32 -> f16, have direct
 * loops.
 *
 *===----------------------------------------------------------------------===*/
#include "Half.h"
#include "Internal.h"

#include <math.h>
#include <string.h>

/** Elements converted at a time: the wide buffer stays in L1. */
#define MOE_CAST_CHUNK 512

/*--- The direct loops ------------------------------------------------------*/

static void f32_to_bf16(const uint32_t *from, uint16_t *to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits = from[i];
    uint32_t rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
    to[i] = (uint16_t)(is_nan ? 0x7fc0 : rounded);
  }
}

static void bf16_to_f32(const uint16_t *from, uint32_t *to, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    to[i] = (uint32_t)from[i] << 16;
}

static void f32_to_f16(const uint32_t *from, uint16_t *to, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t sign = from[i] >> 16 & 0x8000;
    const uint32_t bits = from[i] & 0x7fffffff;
    // The exponent's bias changes by 112; 13 bits are rounded off.
    uint32_t normal = (bits - (112u << 23) + 0xfff + (bits >> 13 & 1)) >> 13;
    // The last bit of a sum from 0.5 on is that of f16's denormal numbers: the
    // addition rounds.
    float sum;
    memcpy(&sum, &bits, sizeof(sum));
    sum += 0.5f;
    uint32_t denormal;
    memcpy(&denormal, &sum, sizeof(sum));
    denormal -= 0x3f000000;
    uint32_t result = bits < 0x38800000 ? denormal : normal;
    result = bits >= 0x47800000 ? 0x7c00 : result;
    result = bits > 0x7f800000 ? 0x7e00 | (bits >> 13 & 0x3ff) : result;
    to[i] = (uint16_t)(sign | result);
  }
}

/*--- To and from the wide types --------------------------------------------*/

typedef enum wide_kind { WIDE_SIGNED, WIDE_UNSIGNED, WIDE_FLOAT } wide_kind;

typedef union wide {
  int64_t s[MOE_CAST_CHUNK];
  uint64_t u[MOE_CAST_CHUNK];
  double f[MOE_CAST_CHUNK];
} wide;

/** One number for a type, to switch on. */
#define TYPE_KEY(code, bits) ((code) * 128 + (bits))

#define WIDEN_CASE(code, bits, type, member, convert)                          \
  case TYPE_KEY(code, bits):                                                   \
    for (int64_t i = 0; i < count; ++i)                                        \
      to->member[i] = convert(((const type *)from)[i]);                        \
    break;

static wide_kind widen(moe_type type, const void *from, wide *to,
                       int64_t count) {
#define IS_SET(x) ((x) != 0)
  switch (TYPE_KEY(type.code, type.bits)) {
    WIDEN_CASE(MOE_INT, 8, int8_t, s, (int64_t))
    WIDEN_CASE(MOE_INT, 16, int16_t, s, (int64_t))
    WIDEN_CASE(MOE_INT, 32, int32_t, s, (int64_t))
    WIDEN_CASE(MOE_INT, 64, int64_t, s, (int64_t))
    WIDEN_CASE(MOE_UINT, 8, uint8_t, u, (uint64_t))
    WIDEN_CASE(MOE_UINT, 16, uint16_t, u, (uint64_t))
    WIDEN_CASE(MOE_UINT, 32, uint32_t, u, (uint64_t))
    WIDEN_CASE(MOE_UINT, 64, uint64_t, u, (uint64_t))
    WIDEN_CASE(MOE_BOOL, 8, uint8_t, u, IS_SET)
    WIDEN_CASE(MOE_FLOAT, 16, uint16_t, f, f16_to_double)
    WIDEN_CASE(MOE_FLOAT, 32, float, f, (double))
    WIDEN_CASE(MOE_FLOAT, 64, double, f, (double))
    WIDEN_CASE(MOE_BFLOAT, 16, uint16_t, f, bf16_to_double)
  default:
    break;
  }
#undef IS_SET
  if (type.code == MOE_INT)
    return WIDE_SIGNED;
  return type.code == MOE_UINT || type.code == MOE_BOOL ? WIDE_UNSIGNED
                                                        : WIDE_FLOAT;
}

/** Integer magnitude as a double for one more rounding to 16 bits: what does
 *  not fit is folded into the last bit (round to odd), which keeps that second
 *  rounding right. */
static double magnitude_to_double(uint64_t magnitude) {
  int bits = magnitude ? 64 - __builtin_clzll(magnitude) : 0;
  if (bits <= 53)
    return (double)magnitude;
  int excess = bits - 53;
  bool lost = (magnitude & (((uint64_t)1 << excess) - 1)) != 0;
  return ldexp((double)(magnitude >> excess | lost), excess);
}

static double signed_to_double(int64_t value) {
  return value < 0 ? -magnitude_to_double(0 - (uint64_t)value)
                   : magnitude_to_double((uint64_t)value);
}

/** Toward zero, into [low, 2^bits); NaN gives 0. */
static int64_t double_to_signed(double value, int bits) {
  double limit = ldexp(1.0, bits - 1);
  if (isnan(value))
    return 0;
  if (value >= limit)
    return (int64_t)(((uint64_t)1 << (bits - 1)) - 1);
  if (value < -limit)
    return -(int64_t)(((uint64_t)1 << (bits - 1)) - 1) - 1;
  return (int64_t)value;
}

static uint64_t double_to_unsigned(double value, int bits) {
  double limit = ldexp(1.0, bits);
  if (!(value > 0))
    return 0;
  if (value >= limit)
    return bits == 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
  return (uint64_t)value;
}

#define NARROW_CASE(code, bits, type, from_s, from_u, from_f)                  \
  case TYPE_KEY(code, bits):                                                   \
    for (int64_t i = 0; i < count; ++i) {                                      \
      if (kind == WIDE_SIGNED)                                                 \
        ((type *)to)[i] = (type)from_s(from->s[i]);                            \
      else if (kind == WIDE_UNSIGNED)                                          \
        ((type *)to)[i] = (type)from_u(from->u[i]);                            \
      else                                                                     \
        ((type *)to)[i] = (type)from_f(from->f[i]);                            \
    }                                                                          \
    break;

static void store(wide_kind kind, const wide *from, moe_type type, void *to,
                  int64_t count) {
#define SAME(x) (x)
#define IS_SET(x) ((x) != 0)
#define TO_SIGNED(x) double_to_signed(x, type.bits)
#define TO_UNSIGNED(x) double_to_unsigned(x, type.bits)
#define S_TO_F16(x) double_to_f16(signed_to_double(x))
#define U_TO_F16(x) double_to_f16(magnitude_to_double(x))
#define S_TO_BF16(x) double_to_bf16(signed_to_double(x))
#define U_TO_BF16(x) double_to_bf16(magnitude_to_double(x))
  switch (TYPE_KEY(type.code, type.bits)) {
    NARROW_CASE(MOE_INT, 8, int8_t, SAME, SAME, TO_SIGNED)
    NARROW_CASE(MOE_INT, 16, int16_t, SAME, SAME, TO_SIGNED)
    NARROW_CASE(MOE_INT, 32, int32_t, SAME, SAME, TO_SIGNED)
    NARROW_CASE(MOE_INT, 64, int64_t, SAME, SAME, TO_SIGNED)
    NARROW_CASE(MOE_UINT, 8, uint8_t, SAME, SAME, TO_UNSIGNED)
    NARROW_CASE(MOE_UINT, 16, uint16_t, SAME, SAME, TO_UNSIGNED)
    NARROW_CASE(MOE_UINT, 32, uint32_t, SAME, SAME, TO_UNSIGNED)
    NARROW_CASE(MOE_UINT, 64, uint64_t, SAME, SAME, TO_UNSIGNED)
    NARROW_CASE(MOE_BOOL, 8, uint8_t, IS_SET, IS_SET, IS_SET)
    NARROW_CASE(MOE_FLOAT, 16, uint16_t, S_TO_F16, U_TO_F16, double_to_f16)
    NARROW_CASE(MOE_FLOAT, 32, float, SAME, SAME, SAME)
    NARROW_CASE(MOE_FLOAT, 64, double, SAME, SAME, SAME)
    NARROW_CASE(MOE_BFLOAT, 16, uint16_t, S_TO_BF16, U_TO_BF16, double_to_bf16)
  default:
    break;
  }
#undef SAME
#undef IS_SET
#undef TO_SIGNED
#undef TO_UNSIGNED
#undef S_TO_F16
#undef U_TO_F16
#undef S_TO_BF16
#undef U_TO_BF16
}

void moe_cast(moe_type from_type, const void *from, moe_type to_type, void *to,
              int64_t count) {
  const int from_key = TYPE_KEY(from_type.code, from_type.bits);
  const int to_key = TYPE_KEY(to_type.code, to_type.bits);
  const uint64_t from_size = moe_dtype_size(from_type.code, from_type.bits);
  const uint64_t to_size = moe_dtype_size(to_type.code, to_type.bits);
  if (from_key == to_key) {
    memmove(to, from, (size_t)count * from_size);
    return;
  }
  if (from_key == TYPE_KEY(MOE_FLOAT, 32) &&
      to_key == TYPE_KEY(MOE_BFLOAT, 16)) {
    f32_to_bf16(from, to, count);
    return;
  }
  if (from_key == TYPE_KEY(MOE_FLOAT, 32) &&
      to_key == TYPE_KEY(MOE_FLOAT, 16)) {
    f32_to_f16(from, to, count);
    return;
  }
  if (from_key == TYPE_KEY(MOE_BFLOAT, 16) &&
      to_key == TYPE_KEY(MOE_FLOAT, 32)) {
    bf16_to_f32(from, to, count);
    return;
  }
  const unsigned char *source = from;
  unsigned char *target = to;
  wide buffer;
  while (count > 0) {
    int64_t chunk = count < MOE_CAST_CHUNK ? count : MOE_CAST_CHUNK;
    wide_kind kind = widen(from_type, source, &buffer, chunk);
    store(kind, &buffer, to_type, target, chunk);
    source += (uint64_t)chunk * from_size;
    target += (uint64_t)chunk * to_size;
    count -= chunk;
  }
}
