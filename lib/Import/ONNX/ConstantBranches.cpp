//===- ConstantBranches.cpp - If nodes whose condition is known -----------===//
//
// Exporters and ONNX's function bodies branch on ranks: the branches then give
// results of different rank, which no tensor type can hold. Where the condition
// follows from types and constants, the branch that is taken replaces the node.
//
// ONNX's inference reads shapes and axes that are constants, but none that went
// through an op that leaves them as they are: such ops become constants.
//
// The evaluator knows small integer vectors only: what shape arithmetic needs.
//
//===----------------------------------------------------------------------===//
#include "Normalize.h"
#include "Scope.h"
#include "llvm/ADT/StringSwitch.h"
#include <cstring>
#include <map>
#include <numeric>
#include <set>
#include <vector>

namespace moe::importer {

namespace {

using Integers = std::vector<int64_t>;
using ValueScope = Scope<Integers>;

/// Longer vectors are data, not shapes.
constexpr int64_t kMaxElements = 32;

std::optional<Integers> getElements(const pb::TensorProto &tensor) {
  int64_t count = 1;
  for (int64_t dim : tensor.dims()) {
    if (dim < 0 || dim > kMaxElements)
      return std::nullopt;
    count *= dim;
    if (count > kMaxElements)
      return std::nullopt;
  }
  Integers values;
  const std::string &raw = tensor.raw_data();
  auto readRaw = [&](auto element) {
    if (raw.size() != count * sizeof(element))
      return false;
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(&element, raw.data() + i * sizeof(element), sizeof(element));
      values.push_back(element);
    }
    return true;
  };
  switch (tensor.data_type()) {
  case pb::TensorProto::INT64:
    if (tensor.has_raw_data())
      return readRaw(int64_t()) ? std::optional(values) : std::nullopt;
    values.assign(tensor.int64_data().begin(), tensor.int64_data().end());
    break;
  case pb::TensorProto::INT32:
  case pb::TensorProto::BOOL:
    if (tensor.has_raw_data())
      return (tensor.data_type() == pb::TensorProto::BOOL ? readRaw(uint8_t())
                                                          : readRaw(int32_t()))
                 ? std::optional(values)
                 : std::nullopt;
    values.assign(tensor.int32_data().begin(), tensor.int32_data().end());
    break;
  default:
    return std::nullopt;
  }
  if (static_cast<int64_t>(values.size()) != count)
    return std::nullopt;
  return values;
}

/// The extents of a value if all are known.
std::optional<Integers> getExtents(const TypeScope &types,
                                   const std::string &value) {
  const pb::TypeProto_Tensor *type = types.getRanked(value);
  if (!type)
    return std::nullopt;
  Integers extents;
  for (const auto &dim : type->shape().dim()) {
    if (!dim.has_dim_value() || dim.dim_value() < 0)
      return std::nullopt;
    extents.push_back(dim.dim_value());
  }
  return extents;
}

/// Elementwise operators; one side may be a single element.
std::optional<int64_t> combine(llvm::StringRef op, int64_t a, int64_t b) {
  // Wraps around, as the operators do.
  auto wrap = [](uint64_t value) { return static_cast<int64_t>(value); };
  return llvm::StringSwitch<std::optional<int64_t>>(op)
      .Case("Equal", a == b)
      .Case("Less", a < b)
      .Case("LessOrEqual", a <= b)
      .Case("Greater", a > b)
      .Case("GreaterOrEqual", a >= b)
      .Case("And", a && b)
      .Case("Or", a || b)
      .Case("Add", wrap(uint64_t(a) + uint64_t(b)))
      .Case("Sub", wrap(uint64_t(a) - uint64_t(b)))
      .Case("Mul", wrap(uint64_t(a) * uint64_t(b)))
      .Default(std::nullopt);
}

/// The value of a node's first output, if it is known.
std::optional<Integers> evaluate(const pb::NodeProto &node,
                                 const ValueScope &values,
                                 const TypeScope &types) {
  llvm::StringRef op = node.op_type();
  if (op == "Constant") {
    for (const pb::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_t())
        return getElements(attribute.t());
      if (attribute.name() == "value_int")
        return Integers{attribute.i()};
      if (attribute.name() == "value_ints" &&
          attribute.ints_size() <= kMaxElements)
        return Integers(attribute.ints().begin(), attribute.ints().end());
    }
    return std::nullopt;
  }
  if (node.input_size() == 0)
    return std::nullopt;
  if (op == "Size") {
    std::optional<Integers> extents = getExtents(types, node.input(0));
    if (!extents)
      return std::nullopt;
    int64_t size = 1;
    for (int64_t extent : *extents)
      if (__builtin_mul_overflow(size, extent, &size))
        return std::nullopt;
    return Integers{size};
  }
  if (op == "Shape") {
    std::optional<Integers> extents = getExtents(types, node.input(0));
    if (!extents || extents->size() > size_t(kMaxElements))
      return std::nullopt;
    int64_t rank = extents->size();
    auto clamp = [&](int64_t at) {
      return std::min(std::max<int64_t>(at < 0 ? at + rank : at, 0), rank);
    };
    int64_t begin = clamp(getInt(node, "start", 0));
    int64_t end = std::max(clamp(getInt(node, "end", rank)), begin);
    return Integers(extents->begin() + begin, extents->begin() + end);
  }
  std::vector<const Integers *> inputs;
  for (const std::string &input : node.input()) {
    const Integers *elements = values.find(input);
    if (!elements)
      return std::nullopt;
    inputs.push_back(elements);
  }
  if (op == "Identity" || op == "Squeeze" || op == "Unsqueeze" ||
      op == "Reshape")
    return *inputs[0];
  if (op == "Cast") {
    int64_t to = getInt(node, "to", 0);
    if (to != pb::TensorProto::INT64 && to != pb::TensorProto::INT32)
      return std::nullopt;
    Integers result = *inputs[0];
    if (to == pb::TensorProto::INT32)
      for (int64_t &value : result)
        value = static_cast<int32_t>(value);
    return result;
  }
  if (op == "Not") {
    Integers result;
    for (int64_t value : *inputs[0])
      result.push_back(!value);
    return result;
  }
  if (inputs.size() != 2)
    return std::nullopt;
  const Integers &a = *inputs[0], &b = *inputs[1];
  if (op == "Gather") {
    Integers result;
    for (int64_t index : b) {
      index += index < 0 ? int64_t(a.size()) : 0;
      if (index < 0 || index >= int64_t(a.size()))
        return std::nullopt;
      result.push_back(a[index]);
    }
    return result;
  }
  if (a.empty() || b.empty() ||
      (a.size() != b.size() && a.size() != 1 && b.size() != 1))
    return std::nullopt;
  Integers result;
  for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    std::optional<int64_t> value =
        combine(op, a[a.size() == 1 ? 0 : i], b[b.size() == 1 ? 0 : i]);
    if (!value)
      return std::nullopt;
    result.push_back(*value);
  }
  return result;
}

/// Renames the values of `names` in a graph and those in it.
void rename(pb::GraphProto &graph,
            const std::map<std::string, std::string> &names) {
  auto apply = [&](std::string &name) {
    if (auto it = names.find(name); it != names.end())
      name = it->second;
  };
  for (auto &output : *graph.mutable_output())
    apply(*output.mutable_name());
  for (auto &value : *graph.mutable_value_info())
    apply(*value.mutable_name());
  for (auto &tensor : *graph.mutable_initializer())
    apply(*tensor.mutable_name());
  for (pb::NodeProto &node : *graph.mutable_node()) {
    for (std::string &input : *node.mutable_input())
      apply(input);
    for (std::string &output : *node.mutable_output())
      apply(output);
    for (pb::AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        rename(*attribute.mutable_g(), names);
  }
}

/// Makes a node a constant if it gives int64 elements that are known and only
/// rearranges them.
bool makeConstant(pb::NodeProto &node, const Integers &value,
                  const TypeScope &types) {
  bool isNoOp =
      llvm::StringSwitch<bool>(node.op_type())
          .Cases({"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze"}, true)
          .Default(false);
  const pb::TypeProto_Tensor *type = types.getRanked(node.output(0));
  std::optional<Integers> extents = getExtents(types, node.output(0));
  // Shapes and axes are vectors or scalars.
  if (!isNoOp || !extents || extents->size() > 1 ||
      type->elem_type() != pb::TensorProto::INT64 ||
      std::accumulate(extents->begin(), extents->end(), int64_t(1),
                      std::multiplies<>()) != int64_t(value.size()))
    return false;
  node.set_op_type("Constant");
  node.clear_input();
  node.clear_attribute();
  pb::AttributeProto &attribute = *node.add_attribute();
  attribute.set_name("value");
  attribute.set_type(pb::AttributeProto::TENSOR);
  pb::TensorProto &tensor = *attribute.mutable_t();
  tensor.set_data_type(pb::TensorProto::INT64);
  for (int64_t extent : *extents)
    tensor.add_dims(extent);
  for (int64_t element : value)
    tensor.add_int64_data(element);
  return true;
}

class BranchFolder {
public:
  bool visit(pb::GraphProto &graph, const TypeScope *outerTypes = nullptr,
             const ValueScope *outerValues = nullptr);

private:
  void inlineBranch(pb::GraphProto &graph, pb::NodeProto &node,
                    pb::GraphProto branch,
                    google::protobuf::RepeatedPtrField<pb::NodeProto> &nodes);
  size_t serial = 0;
};

/// Appends the branch's nodes to `nodes`; its outputs become the node's.
void BranchFolder::inlineBranch(
    pb::GraphProto &graph, pb::NodeProto &node, pb::GraphProto branch,
    google::protobuf::RepeatedPtrField<pb::NodeProto> &nodes) {
  // Names are unique along a path of scopes only.
  std::map<std::string, std::string> names;
  std::string prefix = node.output(0) + "/" + std::to_string(serial++) + "/";
  for (const pb::TensorProto &tensor : branch.initializer())
    names[tensor.name()] = prefix + tensor.name();
  for (const pb::NodeProto &inner : branch.node())
    for (const std::string &output : inner.output())
      if (!output.empty())
        names[output] = prefix + output;
  rename(branch, names);
  for (pb::TensorProto &tensor : *branch.mutable_initializer())
    *graph.add_initializer() = std::move(tensor);
  for (pb::NodeProto &inner : *branch.mutable_node())
    *nodes.Add() = std::move(inner);
  for (int i = 0; i < std::min(node.output_size(), branch.output_size()); ++i) {
    if (node.output(i).empty())
      continue;
    pb::NodeProto &identity = *nodes.Add();
    identity.set_name(node.name());
    identity.set_op_type("Identity");
    identity.add_input(branch.output(i).name());
    identity.add_output(node.output(i));
  }
}

bool BranchFolder::visit(pb::GraphProto &graph, const TypeScope *outerTypes,
                         const ValueScope *outerValues) {
  TypeScope types(graph, outerTypes);
  ValueScope values(outerValues);
  for (const pb::TensorProto &tensor : graph.initializer())
    if (std::optional<Integers> elements = getElements(tensor))
      values.set(tensor.name(), *elements);

  // What the file holds, unlike what shapes make known: of that ONNX's
  // inference would compute ranges and their sums, and confuse their ranks.
  std::set<std::string> constants;
  for (const pb::TensorProto &tensor : graph.initializer())
    constants.insert(tensor.name());

  bool changed = false;
  google::protobuf::RepeatedPtrField<pb::NodeProto> nodes;
  for (pb::NodeProto &node : *graph.mutable_node()) {
    if (node.domain().empty() && node.output_size())
      if (std::optional<Integers> value = evaluate(node, values, types)) {
        if (node.input_size() && constants.count(node.input(0)))
          changed |= makeConstant(node, *value, types);
        if (node.op_type() == "Constant")
          constants.insert(node.output(0));
        values.set(node.output(0), *value);
      }
    const Integers *condition = node.op_type() == "If" && node.input_size()
                                    ? values.find(node.input(0))
                                    : nullptr;
    pb::GraphProto *taken = nullptr;
    for (pb::AttributeProto &attribute : *node.mutable_attribute()) {
      if (!attribute.has_g())
        continue;
      if (condition && condition->size() == 1 &&
          attribute.name() == ((*condition)[0] ? "then_branch" : "else_branch"))
        taken = attribute.mutable_g();
    }
    if (taken && node.output_size()) {
      inlineBranch(graph, node, *taken, nodes);
      changed = true;
      continue;
    }
    for (pb::AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        changed |= visit(*attribute.mutable_g(), &types, &values);
    *nodes.Add() = std::move(node);
  }
  graph.mutable_node()->Swap(&nodes);
  return changed;
}

} // namespace

bool foldConstantBranches(pb::ModelProto &model) {
  return BranchFolder().visit(*model.mutable_graph());
}

} // namespace moe::importer
