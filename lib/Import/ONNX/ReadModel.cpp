//===- ReadModel.cpp - A file to a ModelProto -----------------------------===//
#include "ReadModel.h"

#include "ImportError.h"
#include "WireFilter.h"
#include "onnx/defs/parser.h"
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace moe::importer {

namespace {

/// Text is for tests and reduced models: its tensors are written out.
constexpr size_t kMaxText = size_t(64) << 20;
constexpr unsigned kMaxTextDepth = 64;

/// ONNX's parser recurses, so nesting is bounded before it runs.
void checkNesting(llvm::StringRef text) {
  unsigned depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      i += c == '\\';
      inString = c != '"';
      continue;
    }
    if (c == '#') { // A comment ends with its line.
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    inString = c == '"';
    depth += c == '(' || c == '{' || c == '[' || c == '<';
    depth -= depth && (c == ')' || c == '}' || c == ']' || c == '>');
    if (depth > kMaxTextDepth)
      throw ImportError("brackets are nested too deep (more than " +
                        llvm::Twine(kMaxTextDepth) + ") at byte " +
                        llvm::Twine(uint64_t(i)));
  }
}

pb::ModelProto parseText(llvm::ArrayRef<uint8_t> bytes) {
  llvm::StringRef text(reinterpret_cast<const char *>(bytes.data()),
                       bytes.size());
  if (text.size() > kMaxText)
    throw ImportError("text models of more than 64 MiB are not supported");
  checkNesting(text);
  pb::ModelProto model;
  std::string copy = text.str();
  pb::OnnxParser parser(copy.c_str());
  pb::Common::Status status = parser.Parse(model);
  if (!status.IsOK())
    throw ImportError("cannot parse the model's text: " +
                      status.ErrorMessage());
  if (!parser.EndOfInput())
    throw ImportError("cannot parse the model's text: there is more after the "
                      "graph and its functions");
  return model;
}

} // namespace

pb::ModelProto readModel(const ModelFolder &folder, uint64_t inlineBytes) {
  llvm::ArrayRef<uint8_t> bytes = folder.model().bytes();
  if (bytes.empty())
    throw ImportError("the file is empty");
  if (llvm::StringRef(folder.name()).ends_with(".onnxtxt"))
    return parseText(bytes);
  std::string proto = stripTensorData(bytes, folder.name(), inlineBytes);
  google::protobuf::io::ArrayInputStream stream(proto.data(),
                                                static_cast<int>(proto.size()));
  google::protobuf::io::CodedInputStream input(&stream);
  pb::ModelProto model;
  if (!model.ParseFromCodedStream(&input) || !input.ConsumedEntireMessage())
    throw ImportError("not an ONNX model, or a damaged one: protobuf cannot "
                      "parse it");
  if (!model.has_graph())
    throw ImportError("not an ONNX model, or a damaged one: it has no graph");
  return model;
}

} // namespace moe::importer
