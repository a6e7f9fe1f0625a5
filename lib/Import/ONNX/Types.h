//===- Types.h - ONNX types to MLIR types -----------------------*- C++ -*-===//
#ifndef MOE_LIB_IMPORT_ONNX_TYPES_H
#define MOE_LIB_IMPORT_ONNX_TYPES_H

#include "OnnxLibrary.h"
#include "llvm/ADT/StringRef.h"
#include <optional>
#include <string>
#include <vector>

namespace moe::importer {

/// Bytes of one element as files store it; none for types that the compiler
/// does not support (strings, complex numbers, 2- to 8-bit floats, 4-bit
/// integers).
std::optional<uint64_t> getElementSize(int32_t elementType);

/// ONNX's name of an element type: `FLOAT16`; `element type 99` if unknown.
std::string getElementTypeName(int32_t elementType);

/// A type in words for messages: `sequence(...)`, `tensor(STRING)`.
std::string describeType(const pb::TypeProto &type);

/// Product of `dims` times the element size; none when a dim is negative or the
/// product does not fit in 63 bits, or the element type is unsupported.
std::optional<uint64_t> getTensorBytes(int32_t elementType,
                                       const std::vector<int64_t> &dims);

/// The dims of a tensor.
inline std::vector<int64_t> getDims(const pb::TensorProto &tensor) {
  return {tensor.dims().begin(), tensor.dims().end()};
}

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_TYPES_H
