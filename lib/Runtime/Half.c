/*===- Half.c - Conversions of 16-bit floats that LLVM calls ---------------===*
 *
 * Where a CPU has no instruction for one of these conversions, LLVM calls a
 * function of the compiler's support library by a fixed name. GCC 12's has none
 * for bf16, older ones none for f16 either: these take their place in every
 * artefact. They round to nearest even, once.
 *
 * The 16-bit types of the compiler stand only for the calling convention: in a
 * vector register.
 *
 *===----------------------------------------------------------------------===*/
#include "Half.h"
#include "Internal.h"

static _Float16 f16_of_bits(uint16_t bits) {
  _Float16 value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

static __bf16 bf16_of_bits(uint16_t bits) {
  __bf16 value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

float __extendhfsf2(_Float16 value) {
  uint16_t bits;
  memcpy(&bits, &value, sizeof(bits));
  return (float)f16_to_double(bits);
}

_Float16 __truncsfhf2(float value) { return f16_of_bits(double_to_f16(value)); }

_Float16 __truncdfhf2(double value) {
  return f16_of_bits(double_to_f16(value));
}

__bf16 __truncsfbf2(float value) { return bf16_of_bits(double_to_bf16(value)); }

__bf16 __truncdfbf2(double value) {
  return bf16_of_bits(double_to_bf16(value));
}
