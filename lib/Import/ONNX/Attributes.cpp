//===- Attributes.cpp - ONNX types and attributes in MLIR -----------------===//
//
// The data of tensors is little-endian, as MLIR's on the hosts that the
// compiler runs on.
//
//===----------------------------------------------------------------------===//
#include "Attributes.h"

#include "ImportError.h"
#include "Types.h"
#include "mlir/IR/Builders.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;

namespace moe::importer {

namespace {

/// Limit on a constant whose data is not an array of the file.
constexpr uint64_t kMaxDenseBytes = uint64_t(1) << 20;

/// Little-endian bytes of the elements, each of type `Element`, from values
/// that protobuf holds in a wider type.
template <typename Element, typename Values>
std::string pack(const Values &values) {
  std::string bytes;
  bytes.reserve(values.size() * sizeof(Element));
  for (auto value : values) {
    Element element = static_cast<Element>(value);
    bytes.append(reinterpret_cast<const char *>(&element), sizeof(Element));
  }
  return bytes;
}

/// The bytes of a tensor, as raw_data would have them.
std::string getBytes(const pb::TensorProto &tensor) {
  if (tensor.has_raw_data())
    return tensor.raw_data();
  switch (tensor.data_type()) {
  case pb::TensorProto::FLOAT:
    return pack<float>(tensor.float_data());
  case pb::TensorProto::DOUBLE:
    return pack<double>(tensor.double_data());
  case pb::TensorProto::INT64:
    return pack<int64_t>(tensor.int64_data());
  case pb::TensorProto::UINT64:
    return pack<uint64_t>(tensor.uint64_data());
  case pb::TensorProto::UINT32:
    return pack<uint32_t>(tensor.uint64_data());
  case pb::TensorProto::INT32:
    return pack<int32_t>(tensor.int32_data());
  case pb::TensorProto::INT16:
  case pb::TensorProto::UINT16:
  case pb::TensorProto::FLOAT16:
  case pb::TensorProto::BFLOAT16:
    return pack<uint16_t>(tensor.int32_data());
  default:
    return pack<uint8_t>(tensor.int32_data());
  }
}

/// An attribute in words: `mode = "linear"`.
[[noreturn]] void refuse(const pb::AttributeProto &attribute, OperationName op,
                         const llvm::Twine &why) {
  throw ImportError("attribute '" + attribute.name() + "' of " +
                    op.getStringRef() + " " + why);
}

} // namespace

Type convertElementType(int32_t elementType, MLIRContext *context) {
  Builder builder(context);
  switch (elementType) {
  case pb::TensorProto::BOOL:
    return builder.getI1Type();
  case pb::TensorProto::INT8:
    return builder.getIntegerType(8);
  case pb::TensorProto::INT16:
    return builder.getIntegerType(16);
  case pb::TensorProto::INT32:
    return builder.getIntegerType(32);
  case pb::TensorProto::INT64:
    return builder.getIntegerType(64);
  case pb::TensorProto::UINT8:
    return builder.getIntegerType(8, /*isSigned=*/false);
  case pb::TensorProto::UINT16:
    return builder.getIntegerType(16, /*isSigned=*/false);
  case pb::TensorProto::UINT32:
    return builder.getIntegerType(32, /*isSigned=*/false);
  case pb::TensorProto::UINT64:
    return builder.getIntegerType(64, /*isSigned=*/false);
  case pb::TensorProto::FLOAT16:
    return builder.getF16Type();
  case pb::TensorProto::BFLOAT16:
    return builder.getBF16Type();
  case pb::TensorProto::FLOAT:
    return builder.getF32Type();
  case pb::TensorProto::DOUBLE:
    return builder.getF64Type();
  default:
    return {};
  }
}

RankedTensorType convertType(const pb::TypeProto &type, MLIRContext *context) {
  if (!type.has_tensor_type() || !type.tensor_type().has_shape())
    return {};
  Type element = convertElementType(type.tensor_type().elem_type(), context);
  if (!element)
    return {};
  SmallVector<int64_t> shape;
  for (const auto &dim : type.tensor_type().shape().dim()) {
    if (dim.has_dim_value() && dim.dim_value() < 0)
      return {};
    shape.push_back(dim.has_dim_value() ? dim.dim_value()
                                        : ShapedType::kDynamic);
  }
  return RankedTensorType::get(shape, element);
}

DenseElementsAttr convertTensor(const pb::TensorProto &tensor,
                                const std::string &name, MLIRContext *context) {
  auto fail = [&](const llvm::Twine &what) {
    throw ImportError("tensor '" + name + "': " + what);
  };
  Type element = convertElementType(tensor.data_type(), context);
  if (!element)
    fail(getElementTypeName(tensor.data_type()) +
         " elements are not supported");
  std::optional<uint64_t> expected =
      getTensorBytes(tensor.data_type(), getDims(tensor));
  if (!expected)
    fail("its dims are negative or too big");
  if (*expected > kMaxDenseBytes)
    fail("it has " + llvm::Twine(*expected) +
         " bytes in a form that can not be mapped (int32_data, int64_data, "
         "uint64_data or text), of which 1048576 are supported; store it as "
         "raw_data or external data");
  std::string bytes = getBytes(tensor);
  if (bytes.size() != *expected)
    fail("its data has " + llvm::Twine(bytes.size()) +
         " bytes, but its dims and element type need " +
         llvm::Twine(*expected));
  auto type = RankedTensorType::get(getDims(tensor), element);
  if (!element.isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<bool> bits(bytes.begin(), bytes.end());
  return DenseElementsAttr::get(type, ArrayRef<bool>(bits));
}

DenseElementsAttr convertConstant(const pb::NodeProto &node,
                                  MLIRContext *context) {
  Builder builder(context);
  for (const pb::AttributeProto &attribute : node.attribute()) {
    const std::string &name = attribute.name();
    if (name == "value" && attribute.has_t())
      return convertTensor(attribute.t(), node.output(0), context);
    if (name == "value_int")
      return DenseElementsAttr::get(
          RankedTensorType::get({}, builder.getI64Type()),
          ArrayRef<int64_t>(attribute.i()));
    if (name == "value_float")
      return DenseElementsAttr::get(
          RankedTensorType::get({}, builder.getF32Type()),
          ArrayRef<float>(attribute.f()));
    if (name == "value_ints")
      return DenseElementsAttr::get(
          RankedTensorType::get({attribute.ints_size()}, builder.getI64Type()),
          ArrayRef<int64_t>(attribute.ints().data(), attribute.ints_size()));
    if (name == "value_floats")
      return DenseElementsAttr::get(
          RankedTensorType::get({attribute.floats_size()},
                                builder.getF32Type()),
          ArrayRef<float>(attribute.floats().data(), attribute.floats_size()));
  }
  throw ImportError("constant '" + node.output(0) +
                    "' has no dense numeric value (strings and sparse tensors "
                    "are not supported)");
}

Attribute convertAttribute(const pb::AttributeProto &attribute,
                           OperationName op) {
  Builder builder(op.getContext());
  switch (attribute.type()) {
  case pb::AttributeProto::INT:
    return builder.getI64IntegerAttr(attribute.i());
  case pb::AttributeProto::FLOAT:
    return builder.getF32FloatAttr(attribute.f());
  case pb::AttributeProto::INTS:
    return builder.getDenseI64ArrayAttr(
        {attribute.ints().data(), size_t(attribute.ints_size())});
  case pb::AttributeProto::FLOATS:
    return builder.getDenseF32ArrayAttr(
        {attribute.floats().data(), size_t(attribute.floats_size())});
  case pb::AttributeProto::TENSOR:
    return convertTensor(attribute.t(), attribute.name(), op.getContext());
  case pb::AttributeProto::STRING: {
    // The one string that is not a choice.
    if (op.getStringRef() == "onnx.Einsum" && attribute.name() == "equation")
      return builder.getStringAttr(attribute.s());
    FailureOr<Attribute> value =
        ::moe::onnx::symbolizeStringAttr(op, attribute.name(), attribute.s());
    if (failed(value))
      refuse(attribute, op, "= \"" + attribute.s() + "\" is not supported");
    return *value;
  }
  default:
    refuse(attribute, op,
           "has the type " +
               pb::AttributeProto_AttributeType_Name(attribute.type()) +
               ", which is not supported");
  }
}

} // namespace moe::importer
