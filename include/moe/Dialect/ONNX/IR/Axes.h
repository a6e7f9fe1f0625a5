//===- Axes.h - Axes that count from the end --------------------*- C++ -*-===//
#ifndef MOE_DIALECT_ONNX_IR_AXES_H
#define MOE_DIALECT_ONNX_IR_AXES_H

#include <cstdint>

namespace moe::onnx {

/// `axis` in [-rank, rank) as one in [0, rank); an index of a dim likewise.
inline int64_t normalizeAxis(int64_t axis, int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}

} // namespace moe::onnx

#endif // MOE_DIALECT_ONNX_IR_AXES_H
