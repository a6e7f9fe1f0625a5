//===- ExternalData.cpp - Weights as ranges of files ----------------------===//
//
// In: a model whose big tensors are external (the wire filter made embedded
// ones so). Out: no external tensor is left; each big one is an input of the
// main graph with a type and a span. Every path and range was checked.
//
//===----------------------------------------------------------------------===//
#include "ExternalData.h"

#include "ImportError.h"
#include "Types.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"
#include <unordered_map>

namespace moe::importer {

namespace {

constexpr const char *kPlaceholderOp = "Weight";
constexpr const char *kPlaceholderIndex = "index";

class Resolver {
public:
  Resolver(pb::ModelProto &model, ModelFolder &folder, uint64_t inlineBytes,
           bool hashWeights)
      : model(model), folder(folder), inlineBytes(inlineBytes),
        hashWeights(hashWeights) {}

  WeightTable run();

private:
  /// True if `tensor` is external and too big to be read into the model; then
  /// `index` is its span's index. Smaller ones are read.
  bool resolve(pb::TensorProto &tensor, const std::string &name, size_t &index);
  void resolveGraph(pb::GraphProto &graph, bool isMain);
  void resolveNode(pb::NodeProto &node);

  pb::ModelProto &model;
  ModelFolder &folder;
  uint64_t inlineBytes;
  bool hashWeights;
  WeightTable table;
  /// The file's own inputs of the main graph.
  std::unordered_map<std::string, pb::ValueInfoProto *> inputs;
  bool usesPlaceholders = false;
};

/// Gives an input the type of a span.
void setType(pb::ValueInfoProto &input, const WeightSpan &span) {
  pb::TypeProto_Tensor &type = *input.mutable_type()->mutable_tensor_type();
  type.set_elem_type(span.elementType);
  type.mutable_shape()->clear_dim();
  for (int64_t dim : span.dims)
    type.mutable_shape()->add_dim()->set_dim_value(dim);
}

/// Adds an input of the main graph for a span.
void addInput(pb::GraphProto &graph, const std::string &name,
              const WeightSpan &span) {
  pb::ValueInfoProto &input = *graph.add_input();
  input.set_name(name);
  setType(input, span);
}

/// Names of inputs of the main graph, and the local names of their values.
using Identities = std::vector<std::pair<std::string, std::string>>;

/// Puts the identities ahead of the graph's nodes.
void addIdentities(pb::GraphProto &graph, const Identities &identities) {
  if (identities.empty())
    return;
  google::protobuf::RepeatedPtrField<pb::NodeProto> nodes;
  for (const auto &[outer, name] : identities) {
    pb::NodeProto &node = *nodes.Add();
    node.set_op_type("Identity");
    node.add_input(outer);
    node.add_output(name);
  }
  for (pb::NodeProto &node : *graph.mutable_node())
    *nodes.Add() = std::move(node);
  graph.mutable_node()->Swap(&nodes);
}

/// A name that no value of the model has: '/' and ':' are common in names, this
/// prefix is not, and the span's index makes it unique.
std::string getHoistedName(const std::string &name, size_t serial) {
  return "moe.import/" + std::to_string(serial) + "/" + name;
}

bool Resolver::resolve(pb::TensorProto &tensor, const std::string &name,
                       size_t &index) {
  if (tensor.data_location() != pb::TensorProto::EXTERNAL)
    return false;
  auto fail = [&](const llvm::Twine &what) {
    throw ImportError("tensor '" + name + "': " + what);
  };
  if (tensor.has_raw_data() || tensor.float_data_size() ||
      tensor.int32_data_size() || tensor.int64_data_size() ||
      tensor.double_data_size() || tensor.uint64_data_size() ||
      tensor.string_data_size())
    fail("it has external data and data of its own");

  WeightSpan span;
  span.name = name;
  span.elementType = tensor.data_type();
  span.dims = getDims(tensor);
  std::string length;
  for (const pb::StringStringEntryProto &entry : tensor.external_data()) {
    if (entry.key() == "location")
      span.file = entry.value();
    else if (entry.key() == "offset") {
      if (!llvm::to_integer(entry.value(), span.offset, 10))
        fail("the offset of its external data is '" + entry.value() +
             "', not a number");
    } else if (entry.key() == "length")
      length = entry.value();
  }
  if (!getElementSize(span.elementType))
    fail(getElementTypeName(span.elementType) + " elements are not supported");
  std::optional<uint64_t> bytes = getTensorBytes(span.elementType, span.dims);
  if (!bytes)
    fail("its dims are negative or too big");
  span.length = *bytes;
  uint64_t declared = *bytes;
  if (!length.empty() && !llvm::to_integer(length, declared, 10))
    fail("the length of its external data is '" + length + "', not a number");
  if (declared != *bytes)
    fail("its data has " + llvm::Twine(declared) +
         " bytes, but its dims and element type need " + llvm::Twine(*bytes));

  const MappedFile &file = folder.open(span.file, name);
  uint64_t size = file.bytes().size();
  if (span.offset > size || span.length > size - span.offset)
    fail("its data, bytes " + llvm::Twine(span.offset) + " to " +
         llvm::Twine(span.offset) + " + " + llvm::Twine(span.length) +
         ", ends after '" + span.file + "', which has " + llvm::Twine(size) +
         " bytes");

  tensor.clear_external_data();
  tensor.clear_data_location();
  if (span.length <= inlineBytes) {
    llvm::ArrayRef<uint8_t> data = file.bytes().slice(span.offset, span.length);
    tensor.set_raw_data(data.data(), data.size());
    return false;
  }
  if (hashWeights)
    span.hash = file.hash(span.offset, span.length);
  index = table.spans.size();
  table.spans.push_back(std::move(span));
  return true;
}

void Resolver::resolveNode(pb::NodeProto &node) {
  bool isConstant = node.op_type() == "Constant" &&
                    (node.domain().empty() || node.domain() == "ai.onnx") &&
                    node.output_size() == 1;
  std::string label = isConstant ? node.output(0) : node.name();
  size_t index = 0;
  bool replace = false;
  auto refuse = [&](const std::string &attribute) {
    throw ImportError("node '" + node.name() + "' (" + node.op_type() +
                      "): attribute '" + attribute +
                      "' holds a tensor of more than " +
                      llvm::Twine(inlineBytes) +
                      " bytes; only initialisers and Constant nodes may");
  };
  for (pb::AttributeProto &attribute : *node.mutable_attribute()) {
    if (attribute.has_t() && resolve(*attribute.mutable_t(), label, index)) {
      if (!isConstant || attribute.name() != "value")
        refuse(attribute.name());
      replace = true;
    }
    for (pb::TensorProto &tensor : *attribute.mutable_tensors())
      if (resolve(tensor, label, index))
        refuse(attribute.name());
    if (attribute.has_g())
      resolveGraph(*attribute.mutable_g(), /*isMain=*/false);
    for (pb::GraphProto &nested : *attribute.mutable_graphs())
      resolveGraph(nested, /*isMain=*/false);
  }
  if (!replace)
    return;
  usesPlaceholders = true;
  node.set_op_type(kPlaceholderOp);
  node.set_domain(kPlaceholderDomain);
  node.clear_attribute();
  pb::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name(kPlaceholderIndex);
  attribute.set_type(pb::AttributeProto::INT);
  attribute.set_i(static_cast<int64_t>(index));
}

void Resolver::resolveGraph(pb::GraphProto &graph, bool isMain) {
  for (pb::NodeProto &node : *graph.mutable_node())
    resolveNode(node);
  auto &initializers = *graph.mutable_initializer();
  Identities identities;
  int kept = 0;
  for (int i = 0; i < initializers.size(); ++i) {
    size_t index = 0;
    std::string name = initializers[i].name();
    if (!resolve(initializers[i], name, index)) {
      initializers.SwapElements(i, kept++);
      continue;
    }
    if (name.empty())
      throw ImportError("an initialiser has no name");
    std::string outer = isMain ? name : getHoistedName(name, index);
    if (!table.values.try_emplace(outer, index).second)
      throw ImportError("two initialisers have the name '" + name + "'");
    const WeightSpan &span = table.spans[index];
    // Before IR version 4 every initialiser is an input too.
    if (auto it = inputs.find(outer); it != inputs.end()) {
      checkInitializedInput(*it->second, span.elementType, span.dims);
      setType(*it->second, span);
    } else {
      addInput(*model.mutable_graph(), outer, span);
    }
    if (!isMain)
      identities.emplace_back(outer, name);
  }
  initializers.DeleteSubrange(kept, initializers.size() - kept);
  addIdentities(graph, identities);
}

WeightTable Resolver::run() {
  for (pb::ValueInfoProto &input : *model.mutable_graph()->mutable_input())
    inputs[input.name()] = &input;
  resolveGraph(*model.mutable_graph(), /*isMain=*/true);
  for (pb::FunctionProto &function : *model.mutable_functions())
    for (pb::NodeProto &node : *function.mutable_node())
      resolveNode(node);
  if (usesPlaceholders) {
    auto import = [](auto &proto) {
      pb::OperatorSetIdProto &opset = *proto.add_opset_import();
      opset.set_domain(kPlaceholderDomain);
      opset.set_version(1);
    };
    import(model);
    for (pb::FunctionProto &function : *model.mutable_functions())
      import(function);
  }
  return std::move(table);
}

/// Removes the placeholders of `graph` and its subgraphs.
void hoistPlaceholdersOf(pb::GraphProto &graph, bool isMain, size_t &serial,
                         pb::GraphProto &main, WeightTable &weights) {
  auto &nodes = *graph.mutable_node();
  Identities identities;
  int kept = 0;
  for (int i = 0; i < nodes.size(); ++i) {
    pb::NodeProto &node = nodes[i];
    if (node.domain() != kPlaceholderDomain) {
      for (pb::AttributeProto &attribute : *node.mutable_attribute())
        if (attribute.has_g())
          hoistPlaceholdersOf(*attribute.mutable_g(), false, serial, main,
                              weights);
      // Rotation keeps the order; swapping with removed nodes only.
      nodes.SwapElements(i, kept++);
      continue;
    }
    std::string name = node.output(0);
    std::string outer =
        isMain ? name : getHoistedName(name, weights.spans.size() + serial++);
    size_t index = static_cast<size_t>(node.attribute(0).i());
    weights.values[outer] = index;
    addInput(main, outer, weights.spans.at(index));
    if (!isMain)
      identities.emplace_back(outer, name);
  }
  nodes.DeleteSubrange(kept, nodes.size() - kept);
  addIdentities(graph, identities);
}

} // namespace

void checkInitializedInput(const pb::ValueInfoProto &input, int32_t elementType,
                           const std::vector<int64_t> &dims) {
  const pb::TypeProto_Tensor &type = input.type().tensor_type();
  bool fits = type.elem_type() == elementType;
  if (type.has_shape()) {
    fits &= type.shape().dim_size() == static_cast<int>(dims.size());
    for (int i = 0; fits && i < type.shape().dim_size(); ++i)
      fits = !type.shape().dim(i).has_dim_value() ||
             type.shape().dim(i).dim_value() == dims[i];
  }
  if (!fits)
    throw ImportError("input '" + input.name() +
                      "' and the initialiser of that name differ in type");
}

ModelFolder::ModelFolder(const std::string &modelPath)
    : folder(llvm::sys::path::parent_path(modelPath).str()),
      modelName(llvm::sys::path::filename(modelPath).str()) {
  if (folder.empty())
    folder = ".";
  files.emplace(modelName, std::make_unique<MappedFile>(modelPath));
}

const MappedFile &ModelFolder::open(std::string &location,
                                    const std::string &tensor) {
  auto get = [&](llvm::Expected<std::string> path) {
    if (!path)
      throw ImportError("tensor '" + tensor +
                        "': its external data's location '" + location + "' " +
                        llvm::toString(path.takeError()));
    return *path;
  };
  location = get(rt::normalizeSpanFile(location));
  if (auto it = files.find(location); it != files.end())
    return *it->second;
  std::string path = get(rt::locateSpanFile(folder, location));
  auto &file = files[location];
  file = std::make_unique<MappedFile>(path, /*followLink=*/false);
  return *file;
}

WeightTable resolveExternalData(pb::ModelProto &model, ModelFolder &folder,
                                uint64_t inlineBytes, bool hashWeights) {
  return Resolver(model, folder, inlineBytes, hashWeights).run();
}

void hoistPlaceholders(pb::ModelProto &model, WeightTable &weights) {
  size_t serial = 0;
  hoistPlaceholdersOf(*model.mutable_graph(), /*isMain=*/true, serial,
                      *model.mutable_graph(), weights);
}

} // namespace moe::importer
