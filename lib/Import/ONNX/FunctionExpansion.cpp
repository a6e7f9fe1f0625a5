//===- FunctionExpansion.cpp - Operators by their ONNX definitions --------===//
//
// ONNX defines many operators by others. Those that the dialect lacks become
// calls of local functions with that body, and ONNX's inliner does the rest.
//
//===----------------------------------------------------------------------===//
#include "Normalize.h"
#include "Scope.h"
#include "Unsupported.h"
#include "onnx/defs/function.h"
#include "onnx/defs/schema.h"
#include "onnx/inliner/inliner.h"
#include <map>
#include <set>

namespace moe::importer {

namespace {

constexpr const char *kExpansionDomain = "moe.expansion";

bool hasBody(const pb::OpSchema *schema) {
  return schema &&
         (schema->HasFunction() || schema->HasContextDependentFunction());
}

/// `node 'name' (Op)`, or by its first output when it has no name.
std::string describeNode(const pb::NodeProto &node) {
  std::string op = node.domain().empty()
                       ? node.op_type()
                       : node.domain() + "::" + node.op_type();
  if (!node.name().empty())
    return "node '" + node.name() + "' (" + op + ")";
  return "the node of '" + (node.output_size() ? node.output(0) : "") + "' (" +
         op + ")";
}

class Expander {
public:
  Expander(pb::ModelProto &model, const Dialect &dialect)
      : model(model), dialect(dialect) {}

  void visit(pb::GraphProto &graph, const TypeScope *outer = nullptr) {
    TypeScope types(graph, outer);
    for (pb::NodeProto &node : *graph.mutable_node()) {
      if (!dialect.hasOp(node.domain(), node.op_type()))
        expand(node, types);
      for (pb::AttributeProto &attribute : *node.mutable_attribute())
        if (attribute.has_g())
          visit(*attribute.mutable_g(), &types);
    }
  }

  bool changed = false;

private:
  void expand(pb::NodeProto &node, const TypeScope &types);

  pb::ModelProto &model;
  const Dialect &dialect;
};

void Expander::expand(pb::NodeProto &node, const TypeScope &types) {
  const pb::OpSchema *schema = getNewestSchema(node);
  if (!hasBody(schema))
    return;
  addDefaults(node, *schema);
  pb::FunctionProto body;
  if (const pb::FunctionProto *function = schema->GetFunction(kNewestOpset)) {
    body = *function;
  } else {
    std::vector<pb::TypeProto> inputs;
    for (const std::string &input : node.input()) {
      const pb::TypeProto *type = types.getType(input);
      inputs.push_back(type ? *type : pb::TypeProto());
    }
    pb::FunctionBodyBuildContextImpl context(node, inputs);
    if (!schema->BuildContextDependentFunction(context, body, kNewestOpset))
      return;
  }
  for (pb::OperatorSetIdProto &opset : *body.mutable_opset_import())
    if (opset.domain().empty() &&
        isUnchangedSince(body.node(), static_cast<int>(opset.version())))
      opset.set_version(kNewestOpset);
  body.set_name(node.op_type() + "_" + std::to_string(model.functions_size()));
  body.set_domain(kExpansionDomain);
  for (pb::NodeProto &inner : *body.mutable_node())
    if (inner.name().empty())
      inner.set_name(node.name());
  for (pb::NodeProto &inner : *body.mutable_node())
    if (inner.metadata_props().empty())
      *inner.mutable_metadata_props() = node.metadata_props();
  node.set_op_type(body.name());
  node.set_domain(kExpansionDomain);
  *model.add_functions() = std::move(body);
  changed = true;
}

/// Why `node` can not become ops of the dialect, or "".
std::string getObstacle(const pb::NodeProto &node,
                        const std::map<std::string, int> &opsets,
                        const Dialect &dialect) {
  auto it = opsets.find(node.domain());
  int opset = it == opsets.end() ? 1 : it->second;
  std::string at = " at opset " + std::to_string(opset) + ": ";
  if (node.domain() == "com.microsoft" && node.op_type() == "QMoE")
    return at +
           "quantised experts are not supported, and what QMoE routes depends "
           "on the provider (on the CPU it ignores normalize_routing_weights "
           "unless it has router_weights, which CUDA ignores); export "
           "com.microsoft::MoE or ordinary operators";
  if (node.domain() == "com.microsoft")
    return dialect.hasOp(node.domain(), node.op_type())
               ? ""
               : at + "this com.microsoft operator has no lowering";
  if (!node.domain().empty())
    return at + "unknown domain; supported are ai.onnx and com.microsoft, and "
                "functions of the model";
  const pb::OpSchema *schema =
      pb::OpSchemaRegistry::Schema(node.op_type(), opset, "");
  if (!schema)
    return at + "ONNX has no such operator";
  if (dialect.hasOp("", node.op_type()))
    return "";
  const pb::OpSchema *newest = getNewestSchema(node);
  // The version converter replaces deprecated operators.
  if (hasBody(newest) || ((!newest || newest->deprecated()) &&
                          opset < kNewestOpset && !schema->deprecated()))
    return "";
  return at + "the operator has no lowering and ONNX defines no body for it";
}

} // namespace

bool expandFunctionOps(pb::ModelProto &model, const Dialect &dialect) {
  Expander expander(model, dialect);
  expander.visit(*model.mutable_graph());
  if (!expander.changed)
    return false;
  bool imports = false;
  for (const pb::OperatorSetIdProto &opset : model.opset_import())
    imports |= opset.domain() == kExpansionDomain;
  if (!imports) {
    pb::OperatorSetIdProto &opset = *model.add_opset_import();
    opset.set_domain(kExpansionDomain);
    opset.set_version(1);
  }
  pb::inliner::InlineLocalFunctions(model, /*convert_version=*/true);
  if (!model.functions().empty())
    throw ImportError("cannot inline the definition of '" +
                      model.functions(0).name() + "'");
  return true;
}

void checkOperators(pb::ModelProto &model, const Dialect &dialect) {
  std::set<std::pair<std::string, std::string>> functions;
  for (const pb::FunctionProto &function : model.functions())
    functions.emplace(function.domain(), function.name());
  UnsupportedList unsupported;
  auto check = [&](auto &nodes, const auto &imports) {
    std::map<std::string, int> opsets;
    for (const pb::OperatorSetIdProto &opset : imports)
      opsets[opset.domain()] = static_cast<int>(opset.version());
    forEachNode(nodes, [&](pb::NodeProto &node) {
      if (functions.count({node.domain(), node.op_type()}) ||
          node.domain() == kPlaceholderDomain)
        return;
      std::string obstacle = getObstacle(node, opsets, dialect);
      if (!obstacle.empty())
        unsupported.add(describeNode(node) + obstacle);
    });
  };
  check(*model.mutable_graph()->mutable_node(), model.opset_import());
  for (pb::FunctionProto &function : *model.mutable_functions())
    check(*function.mutable_node(), function.opset_import());
  unsupported.throwIfAny();
}

} // namespace moe::importer
