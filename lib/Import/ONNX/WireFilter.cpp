//===- WireFilter.cpp - A model's bytes without its tensors ---------------===//
//
// Walks the messages on the way to tensors (graphs, nodes, attributes,
// functions) and copies all other fields as they are; protobuf checks those
// later. Recursion is bounded by kMaxDepth, time is linear in what is copied,
// and the bytes of a skipped tensor are never touched.
//
// `int32_data`, `int64_data` and `uint64_data` are varints, not an array that
// could be mapped: they stay, within the limit on the copy.
//
//===----------------------------------------------------------------------===//
#include "WireFilter.h"

#include "ImportError.h"
#include <optional>

namespace moe::importer {

namespace {

/// Protobuf itself stops at 100 nested messages.
constexpr unsigned kMaxDepth = 90;
/// Limits on a model without its tensors, since protobuf's objects take up to
/// 100 times as much memory. A real model of 10^5 nodes has 30 MiB.
constexpr size_t kMaxCopy = size_t(128) << 20;
constexpr size_t kMaxMessages = size_t(4) << 20;

/// The messages that the filter walks through.
enum class Message { Model, Graph, Node, Attribute, Tensor, Sparse, Function };

enum WireType { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };

/// Field numbers of TensorProto (onnx.proto).
enum TensorField {
  DataType = 2,
  FloatData = 4,
  TensorDoc = 12,
  RawData = 9,
  DoubleData = 10,
  ExternalData = 13,
  DataLocation = 14
};
/// TensorProto.DataType.
enum ElementType { Float = 1, String = 8, Double = 11 };

/// What field `field` of `message` is, if the filter walks through it.
std::optional<Message> childMessage(Message message, uint64_t field) {
  switch (message) {
  case Message::Model:
    return field == 7    ? std::optional(Message::Graph)
           : field == 25 ? std::optional(Message::Function)
                         : std::nullopt;
  case Message::Graph:
    return field == 1    ? std::optional(Message::Node)
           : field == 5  ? std::optional(Message::Tensor)
           : field == 15 ? std::optional(Message::Sparse)
                         : std::nullopt;
  case Message::Node:
    return field == 5 ? std::optional(Message::Attribute) : std::nullopt;
  case Message::Attribute:
    switch (field) {
    case 5:
    case 10:
      return Message::Tensor;
    case 6:
    case 11:
      return Message::Graph;
    case 22:
    case 23:
      return Message::Sparse;
    default:
      return std::nullopt;
    }
  case Message::Sparse:
    return field == 1 || field == 2 ? std::optional(Message::Tensor)
                                    : std::nullopt;
  case Message::Function:
    return field == 7    ? std::optional(Message::Node)
           : field == 11 ? std::optional(Message::Attribute)
                         : std::nullopt;
  case Message::Tensor:
    return std::nullopt;
  }
  return std::nullopt;
}

/// Documentation strings, and the training part of a model.
bool isDropped(Message message, uint64_t field) {
  switch (message) {
  case Message::Model:
    return field == 6 || field == 20;
  case Message::Graph:
    return field == 10;
  case Message::Node:
    return field == 6;
  case Message::Attribute:
    return field == 13;
  case Message::Tensor:
    return field == TensorDoc;
  case Message::Function:
    return field == 8;
  case Message::Sparse:
    return false;
  }
  return false;
}

void appendVarint(std::string &out, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

void appendBytes(std::string &out, uint64_t field, llvm::StringRef value) {
  appendVarint(out, field << 3 | Bytes);
  appendVarint(out, value.size());
  out.append(value.data(), value.size());
}

/// One field as it lies in the file: [begin, end), its value from `value` on.
struct Field {
  uint64_t number = 0;
  WireType type = Varint;
  const uint8_t *begin = nullptr;
  const uint8_t *value = nullptr;
  const uint8_t *end = nullptr;
  uint64_t varint = 0;

  llvm::StringRef raw() const {
    return {reinterpret_cast<const char *>(begin), size_t(end - begin)};
  }
  uint64_t length() const { return end - value; }
};

class WireFilter {
public:
  WireFilter(llvm::ArrayRef<uint8_t> bytes, llvm::StringRef location,
             uint64_t inlineBytes)
      : base(bytes.begin()), location(location), inlineBytes(inlineBytes) {}

  void copyMessage(Message message, llvm::ArrayRef<uint8_t> bytes,
                   unsigned depth, std::string &out);

private:
  [[noreturn]] void fail(const uint8_t *at, const llvm::Twine &what) const {
    throw ImportError("not an ONNX model, or a damaged one: " + what +
                      " at byte " + llvm::Twine(uint64_t(at - base)));
  }
  uint64_t readVarint(const uint8_t *&at, const uint8_t *end) const;
  Field readField(const uint8_t *&at, const uint8_t *end) const;
  void append(std::string &out, llvm::StringRef bytes);
  void copyTensor(llvm::ArrayRef<uint8_t> bytes, std::string &out);

  const uint8_t *base;
  llvm::StringRef location;
  uint64_t inlineBytes;
  size_t copied = 0;
  size_t messages = 0;
};

uint64_t WireFilter::readVarint(const uint8_t *&at, const uint8_t *end) const {
  const uint8_t *begin = at;
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 70; shift += 7) {
    if (at == end)
      fail(begin, "the file ends inside a number");
    uint8_t byte = *at++;
    value |= shift < 64 ? uint64_t(byte & 0x7f) << shift : 0;
    if (byte < 0x80)
      return value;
  }
  fail(begin, "a number of more than 10 bytes");
}

Field WireFilter::readField(const uint8_t *&at, const uint8_t *end) const {
  Field field;
  field.begin = at;
  uint64_t tag = readVarint(at, end);
  field.number = tag >> 3;
  if (field.number == 0 || field.number > 0x1fffffff)
    fail(field.begin, "an invalid field number");
  uint64_t size = 0;
  field.value = at;
  switch (tag & 7) {
  case Varint:
    field.type = Varint;
    field.varint = readVarint(at, end);
    break;
  case Fixed64:
    field.type = Fixed64;
    size = 8;
    break;
  case Fixed32:
    field.type = Fixed32;
    size = 4;
    break;
  case Bytes:
    field.type = Bytes;
    size = readVarint(at, end);
    field.value = at;
    break;
  default:
    fail(field.begin, "an unknown wire type");
  }
  if (size > uint64_t(end - at))
    fail(field.begin, "a field of " + llvm::Twine(size) +
                          " bytes, of which the file or the message around "
                          "it has " +
                          llvm::Twine(uint64_t(end - at)));
  at += size;
  field.end = at;
  return field;
}

void WireFilter::append(std::string &out, llvm::StringRef bytes) {
  copied += bytes.size();
  if (copied > kMaxCopy)
    throw ImportError("the model has more than 128 MiB without its tensors; "
                      "tensors must be stored as raw_data or external data");
  out.append(bytes.data(), bytes.size());
}

void WireFilter::copyMessage(Message message, llvm::ArrayRef<uint8_t> bytes,
                             unsigned depth, std::string &out) {
  if (depth > kMaxDepth)
    fail(bytes.begin(), "graphs nested too deep (more than " +
                            llvm::Twine(kMaxDepth / 3) + ")");
  if (++messages > kMaxMessages)
    throw ImportError("the model has more than 4194304 nodes, attributes and "
                      "tensors");
  if (message == Message::Tensor)
    return copyTensor(bytes, out);
  const uint8_t *at = bytes.begin();
  while (at != bytes.end()) {
    Field field = readField(at, bytes.end());
    if (isDropped(message, field.number))
      continue;
    std::optional<Message> child = childMessage(message, field.number);
    if (!child || field.type != Bytes) {
      append(out, field.raw());
      continue;
    }
    std::string nested;
    copyMessage(*child, {field.value, field.end}, depth + 1, nested);
    appendBytes(out, field.number, nested);
  }
}

void WireFilter::copyTensor(llvm::ArrayRef<uint8_t> bytes, std::string &out) {
  // The element type may follow the data: look at all fields first.
  uint64_t elementType = 0;
  Field payload;
  unsigned payloads = 0;
  for (const uint8_t *at = bytes.begin(); at != bytes.end();) {
    Field field = readField(at, bytes.end());
    if (field.number == DataType && field.type == Varint)
      elementType = field.varint;
  }
  auto isPayload = [&](const Field &field) {
    return field.type == Bytes && field.length() > inlineBytes &&
           ((field.number == RawData && elementType != String) ||
            (field.number == FloatData && elementType == Float) ||
            (field.number == DoubleData && elementType == Double));
  };
  for (const uint8_t *at = bytes.begin(); at != bytes.end();) {
    Field field = readField(at, bytes.end());
    if (!isPayload(field))
      continue;
    payload = field;
    if (++payloads > 1)
      fail(field.begin, "a tensor whose data is split over several fields");
  }
  for (const uint8_t *at = bytes.begin(); at != bytes.end();) {
    Field field = readField(at, bytes.end());
    bool replaced = payloads && (field.begin == payload.begin ||
                                 field.number == ExternalData ||
                                 field.number == DataLocation);
    if (!replaced && !isDropped(Message::Tensor, field.number))
      append(out, field.raw());
  }
  if (!payloads)
    return;
  auto appendEntry = [&](llvm::StringRef key, const std::string &value) {
    std::string entry;
    appendBytes(entry, 1, key);
    appendBytes(entry, 2, value);
    appendBytes(out, ExternalData, entry);
  };
  appendVarint(out, uint64_t(DataLocation) << 3 | Varint);
  appendVarint(out, 1);
  appendEntry("location", location.str());
  appendEntry("offset", std::to_string(payload.value - base));
  appendEntry("length", std::to_string(payload.length()));
}

} // namespace

std::string stripTensorData(llvm::ArrayRef<uint8_t> bytes,
                            llvm::StringRef location, uint64_t inlineBytes) {
  std::string out;
  WireFilter(bytes, location, inlineBytes)
      .copyMessage(Message::Model, bytes, 0, out);
  return out;
}

} // namespace moe::importer
