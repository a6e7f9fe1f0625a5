//===- Types.cpp - What the compiler knows of ONNX types ------------------===//
#include "Types.h"

namespace moe::importer {

std::optional<uint64_t> getElementSize(int32_t elementType) {
  switch (elementType) {
  case pb::TensorProto::BOOL:
  case pb::TensorProto::INT8:
  case pb::TensorProto::UINT8:
    return 1;
  case pb::TensorProto::INT16:
  case pb::TensorProto::UINT16:
  case pb::TensorProto::FLOAT16:
  case pb::TensorProto::BFLOAT16:
    return 2;
  case pb::TensorProto::INT32:
  case pb::TensorProto::UINT32:
  case pb::TensorProto::FLOAT:
    return 4;
  case pb::TensorProto::INT64:
  case pb::TensorProto::UINT64:
  case pb::TensorProto::DOUBLE:
    return 8;
  default:
    return std::nullopt;
  }
}

std::string getElementTypeName(int32_t elementType) {
  if (pb::TensorProto_DataType_IsValid(elementType))
    return pb::TensorProto_DataType_Name(
        static_cast<pb::TensorProto_DataType>(elementType));
  return "element type " + std::to_string(elementType);
}

std::string describeType(const pb::TypeProto &type) {
  switch (type.value_case()) {
  case pb::TypeProto::kTensorType:
    return "tensor(" + getElementTypeName(type.tensor_type().elem_type()) + ")";
  case pb::TypeProto::kSequenceType:
    return "sequence(" + describeType(type.sequence_type().elem_type()) + ")";
  case pb::TypeProto::kOptionalType:
    return "optional(" + describeType(type.optional_type().elem_type()) + ")";
  case pb::TypeProto::kMapType:
    return "map";
  case pb::TypeProto::kSparseTensorType:
    return "sparse tensor";
  case pb::TypeProto::kOpaqueType:
    return "opaque";
  case pb::TypeProto::VALUE_NOT_SET:
    return "no type";
  }
  return "no type";
}

std::optional<uint64_t> getTensorBytes(int32_t elementType,
                                       const std::vector<int64_t> &dims) {
  std::optional<uint64_t> size = getElementSize(elementType);
  if (!size)
    return std::nullopt;
  uint64_t bytes = *size;
  bool isEmpty = false;
  for (int64_t dim : dims) {
    if (dim < 0)
      return std::nullopt;
    isEmpty |= dim == 0;
    // A zero dim makes a tensor empty, but the others must be sane too.
    uint64_t factor = dim == 0 ? 1 : static_cast<uint64_t>(dim);
    if (bytes > uint64_t(INT64_MAX) / factor)
      return std::nullopt;
    bytes *= factor;
  }
  return isEmpty ? 0 : bytes;
}

} // namespace moe::importer
