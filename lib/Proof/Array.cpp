//===- Array.cpp - Tensors of a proof -------------------------------------===//
#include "Array.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using namespace moe;

Array::Array(Type type, ArrayRef<int64_t> dims)
    : elementType(type), shape(dims),
      numElements(llvm::product_of(dims, int64_t(1))),
      elementBytes((type.getIntOrFloatBitWidth() + 7) / 8),
      bytes(numElements * elementBytes) {}

Array::Array(Type type, ArrayRef<int64_t> dims, const void *data)
    : Array(type, dims) {
  if (!bytes.empty())
    std::memcpy(bytes.data(), data, bytes.size());
}

int64_t Array::getRowSize() const {
  return llvm::product_of(getShape().drop_front(), int64_t(1));
}

double Array::get(int64_t i) const {
  const char *place = bytes.data() + i * elementBytes;
  if (elementType.isF32()) {
    float value;
    std::memcpy(&value, place, sizeof(value));
    return value;
  }
  if (elementType.isF64()) {
    double value;
    std::memcpy(&value, place, sizeof(value));
    return value;
  }
  uint64_t raw = 0;
  std::memcpy(&raw, place, elementBytes);
  if (auto type = dyn_cast<FloatType>(elementType)) {
    APFloat value(type.getFloatSemantics(),
                  APInt(8 * elementBytes, raw, /*isSigned=*/false));
    bool losesInfo;
    value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    return value.convertToDouble();
  }
  if (elementType.isInteger(1) || elementType.isUnsignedInteger())
    return double(raw);
  return double(llvm::SignExtend64(raw, 8 * elementBytes));
}

void Array::set(int64_t i, double value) {
  char *place = bytes.data() + i * elementBytes;
  if (elementType.isF32()) {
    float narrow = float(value);
    std::memcpy(place, &narrow, sizeof(narrow));
    return;
  }
  uint64_t raw;
  if (auto type = dyn_cast<FloatType>(elementType)) {
    APFloat narrow(value);
    bool losesInfo;
    narrow.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                   &losesInfo);
    raw = narrow.bitcastToAPInt().getZExtValue();
  } else {
    raw = uint64_t(int64_t(value));
  }
  std::memcpy(place, &raw, elementBytes);
}

double Random::normal() {
  double radius = std::sqrt(-2 * std::log(uniform()));
  return radius * std::cos(2 * M_PI * uniform());
}
