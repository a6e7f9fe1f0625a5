//===- OnnxLibrary.h - Names of ONNX's own library --------------*- C++ -*-===//
//
// Inside `moe`, `onnx` is our dialect; ONNX's library is `pb` in the importer.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_IMPORT_ONNX_ONNXLIBRARY_H
#define MOE_LIB_IMPORT_ONNX_ONNXLIBRARY_H

#include "onnx/onnx_pb.h"

namespace moe::importer {

namespace pb = ::onnx;

/// Our newest and oldest opset of the default domain.
constexpr int kOldestOpset = 7;
constexpr int kNewestOpset = 28;

/// Calls `fn` for `graph` and all graphs in its nodes' attributes, outermost
/// first. Nesting is bounded by the wire filter. `fn` may change nodes.
template <typename Fn> void forEachGraph(pb::GraphProto &graph, Fn &&fn) {
  fn(graph);
  for (pb::NodeProto &node : *graph.mutable_node())
    for (pb::AttributeProto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        forEachGraph(*attribute.mutable_g(), fn);
      for (pb::GraphProto &nested : *attribute.mutable_graphs())
        forEachGraph(nested, fn);
    }
}

/// Calls `fn` for the nodes of the graphs in `nodes`' attributes and for
/// `nodes`.
template <typename Nodes, typename Fn> void forEachNode(Nodes &nodes, Fn &&fn) {
  for (auto &node : nodes) {
    fn(node);
    for (auto &attribute : *node.mutable_attribute()) {
      if (attribute.has_g())
        forEachNode(*attribute.mutable_g()->mutable_node(), fn);
      for (pb::GraphProto &nested : *attribute.mutable_graphs())
        forEachNode(*nested.mutable_node(), fn);
    }
  }
}

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_ONNXLIBRARY_H
