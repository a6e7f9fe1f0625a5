//===- RankInference.cpp - Ranks that ONNX's inference leaves open --------===//
//
// ONNX's library gives up on the whole shape where it does not know a value, an
// axes input for example. The compiler needs ranks only: dims may be dynamic.
// Each rule fills in what follows from the operator's definition; the library
// then refines it and goes on from there.
//
//===----------------------------------------------------------------------===//
#include "Normalize.h"
#include "Scope.h"
#include "llvm/ADT/StringRef.h"
#include <deque>
#include <unordered_map>

namespace moe::importer {

namespace {

using Shape = pb::TensorShapeProto;

/// One graph; subgraphs have one each.
class RankInference {
public:
  RankInference(pb::GraphProto &graph, const TypeScope *outer);
  bool run();

private:
  void inferNode(pb::NodeProto &node);
  void inferLoop(pb::NodeProto &node);
  const pb::TypeProto_Tensor *getTensor(const pb::NodeProto &node,
                                        int input) const;
  void setShape(const std::string &value, int32_t elementType,
                const Shape &shape);

  pb::GraphProto &graph;
  TypeScope known;
  /// Types of initializers, which no value_info need declare. (A deque: `known`
  /// points to its elements.)
  std::deque<pb::TypeProto> initializerTypes;
  /// Where the graph declares its values' types.
  std::unordered_map<std::string, pb::ValueInfoProto *> declarations;
  bool changed = false;
};

RankInference::RankInference(pb::GraphProto &graph, const TypeScope *outer)
    : graph(graph), known(graph, outer) {
  for (auto *values : {graph.mutable_output(), graph.mutable_value_info()})
    for (pb::ValueInfoProto &value : *values)
      declarations[value.name()] = &value;
  for (const pb::TensorProto &tensor : graph.initializer()) {
    pb::TypeProto &type = initializerTypes.emplace_back();
    type.mutable_tensor_type()->set_elem_type(tensor.data_type());
    Shape &shape = *type.mutable_tensor_type()->mutable_shape();
    for (int64_t extent : tensor.dims())
      shape.add_dim()->set_dim_value(extent);
    known.set(tensor.name(), &type);
  }
}

Shape getOpenShape(int64_t rank) {
  Shape shape;
  for (int64_t i = 0; i < rank; ++i)
    shape.add_dim();
  return shape;
}

/// Elements of a vector, -1 where that is not known.
int64_t getLength(const pb::TypeProto_Tensor *type) {
  if (!type || type->shape().dim_size() != 1 ||
      !type->shape().dim(0).has_dim_value())
    return -1;
  return type->shape().dim(0).dim_value();
}

const pb::TypeProto_Tensor *RankInference::getTensor(const pb::NodeProto &node,
                                                     int input) const {
  return input < node.input_size() ? known.getRanked(node.input(input))
                                   : nullptr;
}

void RankInference::setShape(const std::string &value, int32_t elementType,
                             const Shape &shape) {
  if (value.empty() || known.getRanked(value))
    return;
  pb::ValueInfoProto *&info = declarations[value];
  if (!info) {
    info = graph.add_value_info();
    info->set_name(value);
  }
  pb::TypeProto_Tensor &type = *info->mutable_type()->mutable_tensor_type();
  type.set_elem_type(elementType);
  *type.mutable_shape() = shape;
  known.set(value, &info->type());
  changed = true;
}

void RankInference::inferNode(pb::NodeProto &node) {
  llvm::StringRef op = node.op_type();
  const pb::TypeProto_Tensor *input = getTensor(node, 0);
  if (!input || !node.output_size())
    return;
  int64_t rank = input->shape().dim_size();
  // How many axes or extents input 1 lists, if that is known.
  int64_t axes = getLength(getTensor(node, 1));

  if (op.starts_with("Reduce")) {
    if (getInt(node, "keepdims", 1))
      setShape(node.output(0), input->elem_type(), getOpenShape(rank));
    else if (axes > 0 && axes <= rank)
      setShape(node.output(0), input->elem_type(), getOpenShape(rank - axes));
  } else if (op == "Split") {
    Shape shape = input->shape();
    int64_t axis = getInt(node, "axis", 0);
    axis += axis < 0 ? rank : 0;
    if (axis < 0 || axis >= rank)
      return;
    shape.mutable_dim(static_cast<int>(axis))->Clear();
    for (const std::string &output : node.output())
      setShape(output, input->elem_type(), shape);
  } else if (op == "Squeeze" && axes >= 0 && axes <= rank) {
    setShape(node.output(0), input->elem_type(), getOpenShape(rank - axes));
  } else if (op == "Unsqueeze" && axes >= 0) {
    setShape(node.output(0), input->elem_type(), getOpenShape(rank + axes));
  } else if (op == "Reshape" && axes >= 0) {
    setShape(node.output(0), input->elem_type(), getOpenShape(axes));
  } else if (op == "Expand" && axes >= 0) {
    setShape(node.output(0), input->elem_type(),
             getOpenShape(std::max(rank, axes)));
  } else if (op == "Tile" || op == "Slice" || op == "Pad" || op == "Resize") {
    setShape(node.output(0), input->elem_type(), getOpenShape(rank));
  } else if (op == "ConstantOfShape" && getLength(input) >= 0) {
    int32_t type = pb::TensorProto::FLOAT;
    for (const pb::AttributeProto &attribute : node.attribute())
      if (attribute.name() == "value")
        type = attribute.t().data_type();
    setShape(node.output(0), type, getOpenShape(getLength(input)));
  }
}

/// A loop's carried values keep their rank; what it collects gets one more dim.
/// The body says the types: `Loop` has a condition before its outputs.
void RankInference::inferLoop(pb::NodeProto &node) {
  bool isScan = node.op_type() == "Scan";
  for (pb::AttributeProto &attribute : *node.mutable_attribute()) {
    if (!attribute.has_g())
      continue;
    pb::GraphProto &body = *attribute.mutable_g();
    int carried = isScan
                      ? node.input_size() -
                            static_cast<int>(getInt(node, "num_scan_inputs", 0))
                      : node.input_size() - 2;
    TypeScope bodyTypes(body, &known);
    for (int i = 0; i < node.output_size(); ++i) {
      int result = isScan ? i : i + 1;
      if (result >= body.output_size())
        return;
      const pb::TypeProto_Tensor *type =
          bodyTypes.getRanked(body.output(result).name());
      if (!type)
        continue;
      int64_t rank = type->shape().dim_size() + (i < carried ? 0 : 1);
      setShape(node.output(i), type->elem_type(), getOpenShape(rank));
    }
  }
}

bool RankInference::run() {
  for (pb::NodeProto &node : *graph.mutable_node()) {
    if (node.domain().empty()) {
      if (node.op_type() == "Loop" || node.op_type() == "Scan")
        inferLoop(node);
      else
        inferNode(node);
    }
    for (pb::AttributeProto &attribute : *node.mutable_attribute())
      if (attribute.has_g())
        changed |= RankInference(*attribute.mutable_g(), &known).run();
  }
  return changed;
}

} // namespace

bool inferRanks(pb::ModelProto &model) {
  return RankInference(*model.mutable_graph(), nullptr).run();
}

} // namespace moe::importer
