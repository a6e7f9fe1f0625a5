//===- Array.cpp - Arrays and their element types -------------------------===//
//
// One table ties DLPack's codes to our names and to NumPy's.
//
//===----------------------------------------------------------------------===//
#include "Array.h"

#include <cmath>
#include <cstring>

using namespace moe;

namespace {

/// One row per type: DLPack's code and bits, our name, NumPy's descr.
struct TypeRow {
  uint8_t code;
  uint8_t bits;
  const char *name;
  const char *descr;
};

} // namespace

static const TypeRow typeRows[] = {
    {MOE_FLOAT, 32, "float32", "<f4"}, {MOE_FLOAT, 64, "float64", "<f8"},
    {MOE_FLOAT, 16, "float16", "<f2"}, {MOE_BFLOAT, 16, "bfloat16", "|V2"},
    {MOE_BOOL, 8, "bool", "|b1"},      {MOE_INT, 8, "int8", "|i1"},
    {MOE_INT, 16, "int16", "<i2"},     {MOE_INT, 32, "int32", "<i4"},
    {MOE_INT, 64, "int64", "<i8"},     {MOE_UINT, 8, "uint8", "|u1"},
    {MOE_UINT, 16, "uint16", "<u2"},   {MOE_UINT, 32, "uint32", "<u4"},
    {MOE_UINT, 64, "uint64", "<u8"},
};

static const TypeRow *findType(moe_dtype dtype) {
  for (const TypeRow &row : typeRows)
    if (row.code == dtype.code && row.bits == dtype.bits)
      return &row;
  return nullptr;
}

uint64_t moe::getElementSize(moe_dtype dtype) {
  return findType(dtype) ? dtype.bits / 8 : 0;
}

std::string moe::getTypeName(moe_dtype dtype) {
  if (const TypeRow *row = findType(dtype))
    return row->name;
  return "unknown type (code " + std::to_string(dtype.code) + ", " +
         std::to_string(dtype.bits) + " bits)";
}

std::string moe::getTypeName(moe_dtype dtype,
                             const std::vector<int64_t> &shape) {
  std::string text = getTypeName(dtype) + "[";
  for (size_t d = 0; d < shape.size(); ++d)
    text += (d > 0 ? "," : "") + std::to_string(shape[d]);
  return text + "]";
}

int64_t Array::numElements() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

template <typename T> static T load(const char *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

static double loadHalf(uint16_t half) {
  int exponent = (half >> 10) & 0x1f, mantissa = half & 0x3ff;
  double magnitude = exponent == 0x1f ? (mantissa ? std::nan("") : HUGE_VAL)
                     : exponent == 0
                         ? std::ldexp(mantissa, -24)
                         : std::ldexp(mantissa + 1024, exponent - 25);
  return half & 0x8000 ? -magnitude : magnitude;
}

double moe::getElement(const Array &array, int64_t index) {
  const char *at =
      array.bytes.data() + index * (int64_t)getElementSize(array.dtype);
  bool isSigned = array.dtype.code == MOE_INT;
  if (array.dtype.code == MOE_BFLOAT) {
    uint32_t bits = (uint32_t)load<uint16_t>(at) << 16;
    return load<float>(reinterpret_cast<const char *>(&bits));
  }
  if (array.dtype.code == MOE_FLOAT)
    return array.dtype.bits == 16   ? loadHalf(load<uint16_t>(at))
           : array.dtype.bits == 32 ? load<float>(at)
                                    : load<double>(at);
  switch (array.dtype.bits) {
  case 8:
    return isSigned ? (double)load<int8_t>(at) : (double)load<uint8_t>(at);
  case 16:
    return isSigned ? (double)load<int16_t>(at) : (double)load<uint16_t>(at);
  case 32:
    return isSigned ? (double)load<int32_t>(at) : (double)load<uint32_t>(at);
  default:
    return isSigned ? (double)load<int64_t>(at) : (double)load<uint64_t>(at);
  }
}

std::string moe::getNumpyName(moe_dtype dtype) {
  const TypeRow *row = findType(dtype);
  return row ? row->descr : "";
}

std::optional<moe_dtype> moe::parseNumpyName(std::string descr) {
  // Byte order does not matter for one byte, nor for raw two-byte elements.
  if (descr.size() == 3 && (descr[2] == '1' || descr[1] == 'V'))
    descr[0] = '|';
  if (!descr.empty() && descr[0] == '=')
    descr[0] = '<';
  for (const TypeRow &row : typeRows)
    if (descr == row.descr)
      return moe_dtype{row.code, row.bits, 1};
  return std::nullopt;
}
