//===- CheckTypes.cpp - Values without a supported type -------------------===//
//
// The last check before the graph builder: every value is a tensor of known
// rank and supported element type, or it is in the list of what is not
// supported.
//
//===----------------------------------------------------------------------===//
#include "Normalize.h"
#include "Types.h"
#include "Unsupported.h"
#include <map>

namespace moe::importer {

namespace {

/// What is wrong with the type of a value, or "".
std::string getTypeObstacle(const pb::TypeProto *type) {
  if (!type || type->value_case() == pb::TypeProto::VALUE_NOT_SET)
    return "has no known type";
  if (!type->has_tensor_type() ||
      !getElementSize(type->tensor_type().elem_type()))
    return "has the type " + describeType(*type);
  if (!type->tensor_type().has_shape())
    return "has no known rank";
  for (const auto &dim : type->tensor_type().shape().dim())
    if (dim.has_dim_value() && dim.dim_value() < 0)
      return "has a negative dim";
  return "";
}

void checkGraph(const pb::GraphProto &graph, const std::string &owner,
                UnsupportedList &unsupported) {
  std::map<std::string, const pb::TypeProto *> types;
  for (const auto *values :
       {&graph.input(), &graph.value_info(), &graph.output()})
    for (const pb::ValueInfoProto &value : *values)
      types[value.name()] = &value.type();
  auto check = [&](const std::string &name, const std::string &where) {
    auto it = types.find(name);
    std::string obstacle =
        getTypeObstacle(it == types.end() ? nullptr : it->second);
    if (!obstacle.empty())
      unsupported.add(where + " '" + name + "' " + obstacle);
  };
  for (const pb::ValueInfoProto &input : graph.input())
    check(input.name(), owner + "input");
  for (const pb::ValueInfoProto &output : graph.output())
    check(output.name(), owner + "output");
  for (const pb::TensorProto &tensor : graph.initializer())
    if (!getElementSize(tensor.data_type()))
      unsupported.add(owner + "initialiser '" + tensor.name() +
                      "' has the type tensor(" +
                      getElementTypeName(tensor.data_type()) + ")");
  for (const pb::SparseTensorProto &tensor : graph.sparse_initializer())
    unsupported.add(owner + "initialiser '" + tensor.values().name() +
                    "' is a sparse tensor");
  for (const pb::NodeProto &node : graph.node()) {
    std::string label = "node '" + node.name() + "' (" + node.op_type() + "): ";
    for (const std::string &output : node.output())
      if (!output.empty())
        check(output, label + "output");
    for (const pb::AttributeProto &attribute : node.attribute())
      if (attribute.has_g())
        checkGraph(attribute.g(), label + attribute.name() + "'s ",
                   unsupported);
  }
}

} // namespace

void checkTypes(const pb::ModelProto &model) {
  UnsupportedList unsupported;
  checkGraph(model.graph(), "", unsupported);
  unsupported.throwIfAny();
}

} // namespace moe::importer
