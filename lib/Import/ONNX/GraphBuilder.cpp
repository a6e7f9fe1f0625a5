//===- GraphBuilder.cpp - Normal-form ONNX to MLIR ------------------------===//
//
// Generic: the op's name comes from the operator's, operand and result groups
// from ONNX's schema, attributes from ODS. A node becomes one op of the
// dialect, which is verified at once, so that a failure names the node.
//
//===----------------------------------------------------------------------===//
#include "GraphBuilder.h"

#include "Attributes.h"
#include "DialectOps.h"
#include "ImportError.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "onnx/defs/schema.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace moe::importer {

namespace {

using FormalParameter = pb::OpSchema::FormalParameter;

/// The graph attributes of an operator in the order of the op's regions.
SmallVector<StringRef> getRegionNames(const pb::NodeProto &node) {
  if (node.op_type() == "If")
    return {"then_branch", "else_branch"};
  for (const pb::AttributeProto &attribute : node.attribute())
    if (attribute.has_g())
      return {"body"};
  return {};
}

/// Attributes that no lowering needs, whatever their value.
bool isHarmless(StringRef op, StringRef attribute) {
  // Result types say it.
  if (attribute == "to" || attribute == "dtype" || attribute == "output_dtype")
    return true;
  // Overflow to 8-bit floats, which are not supported.
  if (attribute == "saturate")
    return true;
  // Any order may be given where none is asked for.
  if (op == "TopK" && attribute == "sorted")
    return true;
  // How a sum is accumulated, which each op states; training only.
  return attribute == "stash_type" || attribute == "momentum" ||
         (op == "Dropout" && attribute == "seed");
}

bool isEqual(const pb::AttributeProto &a, const pb::AttributeProto &b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

class GraphBuilder {
public:
  GraphBuilder(const WeightTable &weights, const NodeIndices &indices,
               StringRef fileName, MLIRContext *context)
      : weights(weights), indices(indices), context(context), builder(context),
        fileName(StringAttr::get(context, fileName)) {}

  OwningOpRef<ModuleOp> build(const pb::GraphProto &graph);

private:
  /// The names that a graph defines.
  struct Scope {
    llvm::StringMap<const pb::TypeProto *> types;
    llvm::StringMap<Value> values;
  };

  [[noreturn]] void failNode(const pb::NodeProto &node,
                             const llvm::Twine &what) const;
  void pushScope(const pb::GraphProto &graph);
  void define(const std::string &name, Value value);
  Value lookup(const std::string &name, const pb::NodeProto *user) const;
  RankedTensorType getValueType(const std::string &name,
                                const pb::NodeProto &node) const;
  Location getLocation(const pb::NodeProto &node) const;
  void buildWeights(const pb::GraphProto &graph, ModuleOp module);
  func::FuncOp buildSignature(const pb::GraphProto &graph);
  void nameDims(const pb::ValueInfoProto &value,
                function_ref<void(StringRef, Attribute)> set) const;
  Value buildConstant(Location location, DenseElementsAttr value);
  void buildBody(const pb::GraphProto &graph);
  void buildNode(const pb::NodeProto &node);
  void addOperands(const pb::NodeProto &node, const pb::OpSchema &schema,
                   OperationState &state) const;
  void addResults(const pb::NodeProto &node, const pb::OpSchema &schema,
                  OperationState &state) const;
  void addAttributes(const pb::NodeProto &node, const pb::OpSchema &schema,
                     RegisteredOperationName op, OperationState &state) const;
  void buildRegion(const pb::GraphProto &graph, const pb::NodeProto &node,
                   Region &region);

  const WeightTable &weights;
  const NodeIndices &indices;
  MLIRContext *context;
  OpBuilder builder;
  StringAttr fileName;
  std::vector<Scope> scopes;
};

void GraphBuilder::failNode(const pb::NodeProto &node,
                            const llvm::Twine &what) const {
  throw ImportError("node '" + node.name() + "' (" + node.op_type() +
                    "): " + what);
}

void GraphBuilder::pushScope(const pb::GraphProto &graph) {
  scopes.emplace_back();
  for (const auto *values :
       {&graph.input(), &graph.value_info(), &graph.output()})
    for (const pb::ValueInfoProto &value : *values)
      scopes.back().types[value.name()] = &value.type();
}

void GraphBuilder::define(const std::string &name, Value value) {
  if (!scopes.back().values.try_emplace(name, value).second)
    throw ImportError("two values have the name '" + name + "'");
}

Value GraphBuilder::lookup(const std::string &name,
                           const pb::NodeProto *user) const {
  for (const Scope &scope : llvm::reverse(scopes))
    if (auto it = scope.values.find(name); it != scope.values.end())
      return it->second;
  throw ImportError(
      "'" + name + "', read by " +
      (user ? "node '" + user->name() + "' (" + user->op_type() + ")"
            : std::string("the graph's outputs")) +
      ", is not defined before it");
}

RankedTensorType GraphBuilder::getValueType(const std::string &name,
                                            const pb::NodeProto &node) const {
  auto it = scopes.back().types.find(name);
  RankedTensorType type;
  if (it != scopes.back().types.end())
    type = convertType(*it->second, context);
  if (!type)
    failNode(node, "the type of its output '" + name + "' is not known");
  return type;
}

Location GraphBuilder::getLocation(const pb::NodeProto &node) const {
  std::string output = node.output_size() ? node.output(0) : "";
  auto it = indices.find(output);
  Location location = FileLineColLoc::get(
      fileName, it == indices.end() ? 0 : it->second, /*column=*/0);
  // The exporters' module path, outermost first.
  for (StringRef key : {"namespace", "pkg.torch.onnx.name_scopes"})
    for (const pb::StringStringEntryProto &entry : node.metadata_props())
      if (entry.key() == key && !entry.value().empty()) {
        location =
            NameLoc::get(StringAttr::get(context, entry.value()), location);
        key = "";
      }
  const std::string &name = node.name().empty() ? output : node.name();
  return NameLoc::get(StringAttr::get(context, name), location);
}

//===----------------------------------------------------------------------===//
// The module and its function
//===----------------------------------------------------------------------===//

void GraphBuilder::buildWeights(const pb::GraphProto &graph, ModuleOp module) {
  llvm::StringSet<> used;
  std::function<void(const pb::GraphProto &)> collect =
      [&](const pb::GraphProto &nested) {
        for (const pb::NodeProto &node : nested.node()) {
          for (const std::string &input : node.input())
            used.insert(input);
          for (const pb::AttributeProto &attribute : node.attribute())
            if (attribute.has_g())
              collect(attribute.g());
        }
        for (const pb::ValueInfoProto &output : nested.output())
          used.insert(output.name());
      };
  collect(graph);

  SymbolTable symbols(module);
  std::map<size_t, rt::WeightOp> weightOps;
  for (const pb::ValueInfoProto &input : graph.input()) {
    auto it = weights.values.find(input.name());
    if (it == weights.values.end() || !used.contains(input.name()))
      continue;
    const WeightSpan &span = weights.spans[it->second];
    auto type = RankedTensorType::get(
        span.dims, convertElementType(span.elementType, context));
    Location location = NameLoc::get(builder.getStringAttr(span.name),
                                     FileLineColLoc::get(fileName, 0, 0));
    rt::WeightOp &weight = weightOps[it->second];
    if (!weight) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPoint(builder.getBlock()->getParentOp());
      Attribute source = rt::SpanAttr::get(context, span.file, span.offset,
                                           span.length, span.hash, type);
      weight = rt::WeightOp::create(builder, location, span.name,
                                    builder.getArrayAttr(source),
                                    builder.getArrayAttr({}), type);
      symbols.insert(weight);
    }
    define(input.name(),
           rt::WeightRefOp::create(builder, location, type,
                                   FlatSymbolRefAttr::get(weight)));
  }
}

void GraphBuilder::nameDims(
    const pb::ValueInfoProto &value,
    function_ref<void(StringRef, Attribute)> set) const {
  Builder attributes(context);
  set(rt::RTDialect::nameAttrName, attributes.getStringAttr(value.name()));
  SmallVector<Attribute> names;
  for (const auto &dim : value.type().tensor_type().shape().dim()) {
    StringRef name = dim.has_dim_value() ? "" : StringRef(dim.dim_param());
    // ONNX's inference makes up names for the dims that have none.
    names.push_back(
        attributes.getStringAttr(name.starts_with("unk__") ? "" : name));
  }
  set(rt::RTDialect::dimsAttrName, attributes.getArrayAttr(names));
}

func::FuncOp GraphBuilder::buildSignature(const pb::GraphProto &graph) {
  SmallVector<Type> inputs, outputs;
  SmallVector<const pb::ValueInfoProto *> arguments;
  SmallVector<Location> locations;
  for (const pb::ValueInfoProto &input : graph.input()) {
    if (weights.values.count(input.name()))
      continue;
    arguments.push_back(&input);
    inputs.push_back(convertType(input.type(), context));
    locations.push_back(NameLoc::get(builder.getStringAttr(input.name())));
  }
  for (const pb::ValueInfoProto &output : graph.output())
    outputs.push_back(convertType(output.type(), context));
  auto function =
      func::FuncOp::create(builder, FileLineColLoc::get(fileName, 0, 0), "main",
                           builder.getFunctionType(inputs, outputs));
  for (auto [i, argument] : llvm::enumerate(arguments))
    nameDims(*argument,
             [&, index = unsigned(i)](StringRef name, Attribute value) {
               function.setArgAttr(index, name, value);
             });
  for (auto [i, output] : llvm::enumerate(graph.output()))
    nameDims(output, [&, index = unsigned(i)](StringRef name, Attribute value) {
      function.setResultAttr(index, name, value);
    });
  Block *block =
      builder.createBlock(&function.getBody(), {}, inputs, locations);
  for (auto [argument, value] :
       llvm::zip_equal(arguments, block->getArguments()))
    define(argument->name(), value);
  return function;
}

OwningOpRef<ModuleOp> GraphBuilder::build(const pb::GraphProto &graph) {
  OwningOpRef<ModuleOp> module =
      ModuleOp::create(FileLineColLoc::get(fileName, 0, 0));
  builder.setInsertionPointToEnd(module->getBody());
  pushScope(graph);
  func::FuncOp function = buildSignature(graph);
  buildWeights(graph, *module);
  buildBody(graph);
  SmallVector<Value> results;
  for (const pb::ValueInfoProto &output : graph.output())
    results.push_back(lookup(output.name(), nullptr));
  func::ReturnOp::create(builder, function.getLoc(), results);
  if (failed(verify(*module)))
    throw AlreadyReported();
  return module;
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

Value GraphBuilder::buildConstant(Location location, DenseElementsAttr value) {
  return ::moe::onnx::ConstantOp::create(builder, location, value.getType(),
                                         value)
      ->getResult(0);
}

void GraphBuilder::buildBody(const pb::GraphProto &graph) {
  for (const pb::TensorProto &tensor : graph.initializer()) {
    Location location = NameLoc::get(builder.getStringAttr(tensor.name()),
                                     FileLineColLoc::get(fileName, 0, 0));
    define(
        tensor.name(),
        buildConstant(location, convertTensor(tensor, tensor.name(), context)));
  }
  for (const pb::NodeProto &node : graph.node())
    buildNode(node);
}

void GraphBuilder::buildNode(const pb::NodeProto &node) {
  Location location = getLocation(node);
  if (node.domain().empty() && node.op_type() == "Constant") {
    define(node.output(0),
           buildConstant(location, convertConstant(node, context)));
    return;
  }
  std::optional<RegisteredOperationName> op =
      lookupOp(node.domain(), node.op_type(), context);
  const pb::OpSchema *schema = getNewestSchema(node);
  if (!op || !schema)
    failNode(node, "the operator is not supported");

  OperationState state(location, *op);
  addOperands(node, *schema, state);
  addResults(node, *schema, state);
  try {
    addAttributes(node, *schema, *op, state);
  } catch (const ImportError &error) {
    failNode(node, error.what());
  }
  for (StringRef name : getRegionNames(node)) {
    Region *region = state.addRegion();
    for (const pb::AttributeProto &attribute : node.attribute())
      if (attribute.name() == name && attribute.has_g())
        buildRegion(attribute.g(), node, *region);
  }
  Operation *result = builder.create(state);
  unsigned next = 0;
  for (const std::string &output : node.output())
    if (!output.empty())
      define(output, result->getResult(next++));
  if (failed(verify(result)))
    throw AlreadyReported();
}

/// Splits `count` actual parameters into the schema's groups: calls `group`
/// with the range of each formal parameter.
template <typename Fn>
static void forEachGroup(const std::vector<FormalParameter> &formals,
                         unsigned count, Fn &&group) {
  for (auto [i, formal] : llvm::enumerate(formals)) {
    unsigned begin = std::min<unsigned>(i, count);
    unsigned end = formal.GetOption() == pb::OpSchema::Variadic
                       ? count
                       : std::min<unsigned>(i + 1, count);
    group(formal, begin, end);
  }
}

void GraphBuilder::addOperands(const pb::NodeProto &node,
                               const pb::OpSchema &schema,
                               OperationState &state) const {
  SmallVector<int32_t> segments;
  forEachGroup(schema.inputs(), node.input_size(),
               [&](const FormalParameter &, unsigned begin, unsigned end) {
                 size_t before = state.operands.size();
                 for (unsigned i = begin; i < end; ++i)
                   if (!node.input(i).empty())
                     state.operands.push_back(lookup(node.input(i), &node));
                 segments.push_back(
                     static_cast<int32_t>(state.operands.size() - before));
               });
  if (state.name.hasTrait<OpTrait::AttrSizedOperandSegments>())
    state.addAttribute(
        OpTrait::AttrSizedOperandSegments<void>::getOperandSegmentSizeAttr(),
        DenseI32ArrayAttr::get(context, segments));
}

void GraphBuilder::addResults(const pb::NodeProto &node,
                              const pb::OpSchema &schema,
                              OperationState &state) const {
  SmallVector<int32_t> segments;
  forEachGroup(schema.outputs(), node.output_size(),
               [&](const FormalParameter &, unsigned begin, unsigned end) {
                 size_t before = state.types.size();
                 for (unsigned i = begin; i < end; ++i)
                   if (!node.output(i).empty())
                     state.types.push_back(getValueType(node.output(i), node));
                 segments.push_back(
                     static_cast<int32_t>(state.types.size() - before));
               });
  if (state.name.hasTrait<OpTrait::AttrSizedResultSegments>())
    state.addAttribute(
        OpTrait::AttrSizedResultSegments<void>::getResultSegmentSizeAttr(),
        DenseI32ArrayAttr::get(context, segments));
}

void GraphBuilder::addAttributes(const pb::NodeProto &node,
                                 const pb::OpSchema &schema,
                                 RegisteredOperationName op,
                                 OperationState &state) const {
  auto isKnown = [&](StringRef name) {
    return llvm::any_of(op.getAttributeNames(),
                        [&](StringAttr known) { return known == name; });
  };
  llvm::StringSet<> present;
  for (const pb::AttributeProto &attribute : node.attribute()) {
    const std::string &name = attribute.name();
    // A function's attribute that its call left out.
    if (!attribute.ref_attr_name().empty() || attribute.has_g())
      continue;
    present.insert(name);
    if (isKnown(name)) {
      state.addAttribute(name, convertAttribute(attribute, op));
      continue;
    }
    auto formal = schema.attributes().find(name);
    bool isDefault = formal != schema.attributes().end() &&
                     isEqual(formal->second.default_value, attribute);
    if (!isDefault && !isHarmless(node.op_type(), name))
      throw ImportError("attribute '" + name + "' is not supported");
  }
  // ONNX's defaults are written out where ODS has none; equal ones are elided
  // when printed.
  for (const auto &[name, formal] : schema.attributes())
    if (formal.default_value.has_name() && !present.contains(name) &&
        isKnown(name))
      state.addAttribute(name, convertAttribute(formal.default_value, op));
}

void GraphBuilder::buildRegion(const pb::GraphProto &graph,
                               const pb::NodeProto &node, Region &region) {
  OpBuilder::InsertionGuard guard(builder);
  pushScope(graph);
  Block *block = builder.createBlock(&region);
  for (const pb::ValueInfoProto &input : graph.input())
    define(input.name(), block->addArgument(getValueType(input.name(), node),
                                            getLocation(node)));
  buildBody(graph);
  SmallVector<Value> results;
  for (const pb::ValueInfoProto &output : graph.output())
    results.push_back(lookup(output.name(), &node));
  ::moe::onnx::YieldOp::create(builder, getLocation(node), results);
  scopes.pop_back();
}

} // namespace

OwningOpRef<ModuleOp> buildModule(const pb::ModelProto &model,
                                  const WeightTable &weights,
                                  const NodeIndices &indices,
                                  const std::string &fileName,
                                  MLIRContext *context) {
  return GraphBuilder(weights, indices, fileName, context).build(model.graph());
}

} // namespace moe::importer
