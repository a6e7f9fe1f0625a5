//===- VersionConversion.cpp - From any opset to the newest ---------------===//
//
// ONNX's converter goes through an old graph form that drops metadata and knows
// little of subgraphs. Most operators only gained types between two opsets:
// then raising the number is enough, and the converter is not called.
//
//===----------------------------------------------------------------------===//
#include "ImportError.h"
#include "Normalize.h"
#include "onnx/version_converter/convert.h"
#include <map>

namespace moe::importer {

namespace {

/// Asks the converter's table whether an operator changed meaning.
class ConverterTable : public pb::version_conversion::DefaultVersionConverter {
public:
  bool isUnchanged(const std::string &op, int from) const {
    const pb::OpSchema *newest = getSchema(op, kNewestOpset);
    const pb::OpSchema *old = getSchema(op, from);
    // Unknown operators are refused elsewhere, with all others.
    if (!newest || !old || newest == old)
      return true;
    auto steps = adapters.find(op);
    for (int version = from; version < kNewestOpset; ++version) {
      if (getSchema(op, version) == getSchema(op, version + 1))
        continue;
      if (steps == adapters.end())
        return false;
      auto source = steps->second.find(pb::OpSetID(version).toString());
      if (source == steps->second.end())
        return false;
      auto target = source->second.find(pb::OpSetID(version + 1).toString());
      if (target == source->second.end() ||
          !dynamic_cast<const pb::version_conversion::CompatibleAdapter *>(
              target->second.get()))
        return false;
    }
    return true;
  }

private:
  static const pb::OpSchema *getSchema(const std::string &op, int version) {
    return pb::OpSchemaRegistry::Schema(op, version, "");
  }
};

/// What the converter loses of a node, found again by its first output.
struct NodeExtras {
  std::string name;
  google::protobuf::RepeatedPtrField<pb::StringStringEntryProto> metadata;
};

std::string getFirstOutput(const pb::NodeProto &node) {
  for (const std::string &output : node.output())
    if (!output.empty())
      return output;
  return {};
}

/// ONNX's converter takes Hardmax for unchanged in opset 13, but it flattened
/// its operand to a matrix at `axis` (default 1) before. Both agree on the last
/// axis.
void refuseOldHardmax(pb::ModelProto &model) {
  forEachNode(*model.mutable_graph()->mutable_node(), [](pb::NodeProto &node) {
    if (!node.domain().empty() || node.op_type() != "Hardmax")
      return;
    int64_t axis = 1;
    for (const pb::AttributeProto &attribute : node.attribute())
      if (attribute.name() == "axis")
        axis = attribute.i();
    if (axis != -1)
      throw ImportError("node '" + node.name() +
                        "' (Hardmax): before opset 13 only axis = -1 is "
                        "supported, but it is " +
                        llvm::Twine(axis));
  });
}

/// Opset 8's Scan had a batch axis and an optional input before the others;
/// ONNX's converter takes it for unchanged.
void refuseOldScan(pb::ModelProto &model) {
  forEachNode(*model.mutable_graph()->mutable_node(), [](pb::NodeProto &node) {
    if (node.domain().empty() && node.op_type() == "Scan")
      throw ImportError("node '" + node.name() +
                        "' (Scan): its form before opset 9, which has a batch "
                        "axis, is not supported; export the model with opset "
                        "9 or later");
  });
}

} // namespace

bool isUnchangedSince(
    const google::protobuf::RepeatedPtrField<pb::NodeProto> &nodes, int from) {
  static const ConverterTable table;
  for (const pb::NodeProto &node : nodes) {
    if (node.domain().empty() && !table.isUnchanged(node.op_type(), from))
      return false;
    for (const pb::AttributeProto &attribute : node.attribute()) {
      if (attribute.has_g() && !isUnchangedSince(attribute.g().node(), from))
        return false;
      for (const pb::GraphProto &graph : attribute.graphs())
        if (!isUnchangedSince(graph.node(), from))
          return false;
    }
  }
  return true;
}

void convertToNewestOpset(pb::ModelProto &model) {
  int opset = getDefaultOpset(model);
  if (opset == kNewestOpset)
    return;
  if (opset < 9)
    refuseOldScan(model);
  if (opset < 13)
    refuseOldHardmax(model);
  if (isUnchangedSince(model.graph().node(), opset)) {
    for (pb::OperatorSetIdProto &import : *model.mutable_opset_import())
      if (import.domain().empty())
        import.set_version(kNewestOpset);
    return;
  }

  std::map<std::string, NodeExtras> extras;
  forEachNode(*model.mutable_graph()->mutable_node(), [&](pb::NodeProto &node) {
    extras[getFirstOutput(node)] = {node.name(), node.metadata_props()};
  });
  // Types that the file declares stay; those that the converter inferred in the
  // old opset go, since its adapters do not maintain them.
  auto declared = model.graph().value_info();
  try {
    model = pb::version_conversion::ConvertVersion(model, kNewestOpset);
  } catch (const std::exception &error) {
    throw ImportError("cannot convert the model from opset " +
                      llvm::Twine(opset) + " to " + llvm::Twine(kNewestOpset) +
                      ": " + error.what());
  }
  *model.mutable_graph()->mutable_value_info() = declared;
  forEachNode(*model.mutable_graph()->mutable_node(), [&](pb::NodeProto &node) {
    auto it = extras.find(getFirstOutput(node));
    if (it == extras.end())
      return;
    *node.mutable_metadata_props() = it->second.metadata;
    if (node.name().empty())
      node.set_name(it->second.name);
  });
}

} // namespace moe::importer
