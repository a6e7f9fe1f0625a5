//===- Normalize.cpp - One form of ONNX for all files ---------------------===//
//
// Each step leaves a valid model. ONNX's library does the work; here are the
// order and what it does not do: metadata, fixed dims, dialect-shaped results.
//
//===----------------------------------------------------------------------===//
#include "Normalize.h"

#include "ImportError.h"
#include "Scope.h"
#include "Types.h"
#include "Unsupported.h"
#include "onnx/checker.h"
#include "onnx/defs/schema.h"
#include "onnx/inliner/inliner.h"
#include "onnx/shape_inference/implementation.h"
#include <map>
#include <set>

namespace moe::importer {

namespace {

/// Rounds of function expansion: bodies hold operators with bodies.
constexpr int kMaxExpansions = 16;
/// Rounds of type inference: a chain of operators that each need a rule of
/// ours.
constexpr int kMaxInferences = 64;

/// One spelling of the default domain; contrib operators that exporters write
/// without their domain get it.
void fixDomains(pb::ModelProto &model) {
  bool usesContrib = false;
  auto fixNode = [&](pb::NodeProto &node) {
    if (node.domain() == "ai.onnx")
      node.clear_domain();
    if (node.domain().empty() &&
        node.op_type() == "SimplifiedLayerNormalization") {
      node.set_domain("com.microsoft");
      usesContrib = true;
    }
  };
  auto fixImports = [](auto &proto) {
    for (pb::OperatorSetIdProto &opset : *proto.mutable_opset_import())
      if (opset.domain() == "ai.onnx")
        opset.set_domain("");
  };
  fixImports(model);
  forEachNode(*model.mutable_graph()->mutable_node(), fixNode);
  for (pb::FunctionProto &function : *model.mutable_functions()) {
    fixImports(function);
    forEachNode(*function.mutable_node(), fixNode);
  }
  bool imports = false;
  for (const pb::OperatorSetIdProto &opset : model.opset_import())
    imports |= opset.domain() == "com.microsoft";
  if (usesContrib && !imports) {
    pb::OperatorSetIdProto &opset = *model.add_opset_import();
    opset.set_domain("com.microsoft");
    opset.set_version(1);
  }
}

/// A model of other domains only need not import the default one, which later
/// steps use.
void importDefaultDomain(pb::ModelProto &model) {
  bool isUsed = false;
  for (const pb::OperatorSetIdProto &opset : model.opset_import())
    isUsed |= opset.domain().empty();
  forEachNode(*model.mutable_graph()->mutable_node(),
              [&](pb::NodeProto &node) { isUsed |= node.domain().empty(); });
  if (isUsed)
    return;
  pb::OperatorSetIdProto &opset = *model.add_opset_import();
  opset.set_domain("");
  opset.set_version(kNewestOpset);
}

/// ONNX's checker refuses inputs and outputs without a rank too, but does not
/// say which.
void checkInterface(const pb::GraphProto &graph) {
  UnsupportedList unsupported;
  auto check = [&](const auto &values, const llvm::Twine &what) {
    for (const pb::ValueInfoProto &value : values)
      if (value.type().has_tensor_type() &&
          !value.type().tensor_type().has_shape())
        unsupported.add(what + " '" + value.name() + "' has no known rank");
  };
  check(graph.input(), "input");
  check(graph.output(), "output");
  unsupported.throwIfAny();
}

/// ONNX lets a caller override an initialiser that is an input too. Weights are
/// compiled in, so such inputs go. Subgraphs may not have them.
void removeInitializedInputs(pb::GraphProto &graph,
                             const WeightTable &weights) {
  std::map<std::string, const pb::TensorProto *> initializers;
  for (const pb::TensorProto &tensor : graph.initializer())
    initializers[tensor.name()] = &tensor;
  auto &inputs = *graph.mutable_input();
  int kept = 0;
  for (int i = 0; i < inputs.size(); ++i) {
    auto it = initializers.find(inputs[i].name());
    if (it == initializers.end() || weights.values.count(inputs[i].name())) {
      inputs.SwapElements(i, kept++);
      continue;
    }
    checkInitializedInput(inputs[i], it->second->data_type(),
                          getDims(*it->second));
  }
  inputs.DeleteSubrange(kept, inputs.size() - kept);
}

/// Replaces named dims by extents, in every type of the model.
void fixDims(pb::ModelProto &model, const llvm::StringMap<int64_t> &dims) {
  if (dims.empty())
    return;
  llvm::StringMap<int64_t> unused = dims;
  auto fix = [&](pb::ValueInfoProto &value) {
    if (!value.type().has_tensor_type() ||
        !value.type().tensor_type().has_shape())
      return;
    for (auto &dim : *value.mutable_type()
                          ->mutable_tensor_type()
                          ->mutable_shape()
                          ->mutable_dim()) {
      auto it = dims.find(dim.dim_param());
      if (!dim.has_dim_param() || it == dims.end())
        continue;
      unused.erase(dim.dim_param());
      dim.set_dim_value(it->second);
    }
  };
  forEachGraph(*model.mutable_graph(), [&](pb::GraphProto &graph) {
    for (pb::ValueInfoProto &value : *graph.mutable_input())
      fix(value);
    for (pb::ValueInfoProto &value : *graph.mutable_output())
      fix(value);
    for (pb::ValueInfoProto &value : *graph.mutable_value_info())
      fix(value);
  });
  if (unused.empty())
    return;
  std::set<std::string> names;
  for (const pb::ValueInfoProto &input : model.graph().input())
    for (const auto &dim : input.type().tensor_type().shape().dim())
      if (dim.has_dim_param())
        names.insert(dim.dim_param());
  std::string known;
  for (const std::string &name : names)
    known += (known.empty() ? "" : ", ") + name;
  throw ImportError(
      "no dim has the name '" + unused.begin()->getKey() +
      "'; the inputs' named dims are: " + (known.empty() ? "none" : known));
}

/// Optional outputs that nothing reads go; then every result that an op of the
/// dialect has gets a name, since ops have all their results.
void completeOutputs(pb::ModelProto &model, const Dialect &dialect) {
  std::set<std::string> used;
  forEachGraph(*model.mutable_graph(), [&](pb::GraphProto &graph) {
    for (const pb::NodeProto &node : graph.node())
      used.insert(node.input().begin(), node.input().end());
    for (const pb::ValueInfoProto &output : graph.output())
      used.insert(output.name());
  });
  size_t serial = 0;
  forEachNode(*model.mutable_graph()->mutable_node(), [&](pb::NodeProto &node) {
    auto &outputs = *node.mutable_output();
    if (const pb::OpSchema *schema = getNewestSchema(node)) {
      int formals = static_cast<int>(schema->outputs().size());
      for (int i = 0; i < std::min(formals, outputs.size()); ++i)
        if (schema->outputs()[i].GetOption() == pb::OpSchema::Optional &&
            !used.count(outputs[i]))
          outputs[i].clear();
    }
    std::optional<unsigned> results =
        dialect.getNumResults(node.domain(), node.op_type());
    if (!results)
      return;
    int wanted = static_cast<int>(*results);
    while (outputs.size() > wanted && outputs[outputs.size() - 1].empty())
      outputs.RemoveLast();
    while (outputs.size() < wanted)
      *outputs.Add() = "";
    for (std::string &name : outputs)
      if (name.empty())
        name = "moe.import/unused/" + std::to_string(serial++);
  });
}

/// ONNX infers the types of some operators through their function bodies and
/// fails there on attributes that are left to their defaults.
void writeDefaults(pb::ModelProto &model) {
  forEachNode(*model.mutable_graph()->mutable_node(), [](pb::NodeProto &node) {
    const pb::OpSchema *schema = getNewestSchema(node);
    if (schema && schema->HasFunction())
      addDefaults(node, *schema);
  });
}

/// Loop bodies may leave the shapes of their carried values open, and ONNX does
/// not look into the loop for them: they get the rank of the initial value.
bool seedLoopTypes(pb::GraphProto &graph, const TypeScope *outer = nullptr) {
  TypeScope types(graph, outer);
  bool changed = false;
  for (pb::NodeProto &node : *graph.mutable_node())
    for (pb::AttributeProto &attribute : *node.mutable_attribute()) {
      if (!attribute.has_g())
        continue;
      pb::GraphProto &body = *attribute.mutable_g();
      // Loop: M, cond, initial values...; body: iteration, cond, values...
      for (int i = 2; node.op_type() == "Loop" && i < node.input_size() &&
                      i < body.input_size();
           ++i) {
        const pb::TypeProto_Tensor *initial = types.getRanked(node.input(i));
        pb::TypeProto &type = *body.mutable_input(i)->mutable_type();
        if (!initial ||
            (type.has_tensor_type() && type.tensor_type().has_shape()))
          continue;
        type.mutable_tensor_type()->set_elem_type(initial->elem_type());
        auto &shape = *type.mutable_tensor_type()->mutable_shape();
        for (int dim = 0; dim < initial->shape().dim_size(); ++dim)
          shape.add_dim();
        changed = true;
      }
      changed |= seedLoopTypes(body, &types);
    }
  return changed;
}

void inferTypes(pb::ModelProto &model) {
  pb::ShapeInferenceOptions options(/*check_type_val=*/true,
                                    /*strict_mode_val=*/1,
                                    /*data_prop_val=*/true);
  // What one round fills in, the next one carries further.
  for (int round = 0; round < kMaxInferences; ++round) {
    pb::shape_inference::InferShapes(model, pb::OpSchemaRegistry::Instance(),
                                     options);
    bool changed = foldConstantBranches(model);
    changed |= seedLoopTypes(*model.mutable_graph());
    changed |= inferRanks(model);
    if (!changed)
      return;
  }
}

} // namespace

const pb::OpSchema *getNewestSchema(const pb::NodeProto &node) {
  return pb::OpSchemaRegistry::Schema(
      node.op_type(), node.domain().empty() ? kNewestOpset : 1, node.domain());
}

void addDefaults(pb::NodeProto &node, const pb::OpSchema &schema) {
  std::set<std::string> present;
  for (const pb::AttributeProto &attribute : node.attribute())
    present.insert(attribute.name());
  for (const auto &[name, attribute] : schema.attributes())
    if (attribute.default_value.has_name() && !present.count(name))
      *node.add_attribute() = attribute.default_value;
}

int64_t getInt(const pb::NodeProto &node, llvm::StringRef name,
               int64_t fallback) {
  for (const pb::AttributeProto &attribute : node.attribute())
    if (attribute.name() == name)
      return attribute.i();
  return fallback;
}

int getDefaultOpset(const pb::ModelProto &model) {
  for (const pb::OperatorSetIdProto &opset : model.opset_import()) {
    if (!opset.domain().empty())
      continue;
    if (opset.version() >= kOldestOpset && opset.version() <= kNewestOpset)
      return static_cast<int>(opset.version());
    throw ImportError("the model has opset " + llvm::Twine(opset.version()) +
                      "; opsets " + llvm::Twine(kOldestOpset) + " to " +
                      llvm::Twine(kNewestOpset) + " are supported");
  }
  throw ImportError("the model imports no opset of ONNX's own domain");
}

void normalize(pb::ModelProto &model, WeightTable &weights,
               const llvm::StringMap<int64_t> &dims, const Dialect &dialect) {
  registerMicrosoftSchemas();
  fixDomains(model);
  importDefaultDomain(model);
  getDefaultOpset(model);
  checkOperators(model, dialect);
  checkInterface(model.graph());
  // Functions of another opset are converted when they are inlined.
  pb::checker::check_model(model, /*full_check=*/false,
                           /*skip_opset_compatibility_check=*/true);

  pb::inliner::InlineLocalFunctions(model, /*convert_version=*/true);
  if (!model.functions().empty())
    throw ImportError("function '" + model.functions(0).name() +
                      "' needs another opset of domain '" +
                      model.functions(0).domain() + "' than the model");
  hoistPlaceholders(model, weights);
  removeInitializedInputs(*model.mutable_graph(), weights);
  fixDims(model, dims);
  // Constants need not be inputs since IR version 4: later steps add some.
  model.set_ir_version(pb::IR_VERSION);

  convertToNewestOpset(model);
  writeDefaults(model);
  inferTypes(model);
  for (int round = 0; expandFunctionOps(model, dialect); ++round) {
    if (round == kMaxExpansions)
      throw ImportError("function bodies are nested too deep");
    writeDefaults(model);
    inferTypes(model);
  }
  checkOperators(model, dialect);
  completeOutputs(model, dialect);
  inferTypes(model);
  checkTypes(model);
}

} // namespace moe::importer
