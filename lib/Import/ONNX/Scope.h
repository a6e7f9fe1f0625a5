//===- Scope.h - What a graph and the graphs around it define ---*- C++ -*-===//
#ifndef MOE_LIB_IMPORT_ONNX_SCOPE_H
#define MOE_LIB_IMPORT_ONNX_SCOPE_H

#include "OnnxLibrary.h"
#include <string>
#include <unordered_map>

namespace moe::importer {

/// A map from the names of values, chained to that of the enclosing graph.
template <typename T> class Scope {
public:
  explicit Scope(const Scope *parent) : parent(parent) {}

  /// Null if neither this graph nor those around it have the name.
  const T *find(const std::string &name) const {
    for (const Scope *scope = this; scope; scope = scope->parent)
      if (auto it = scope->values.find(name); it != scope->values.end())
        return &it->second;
    return nullptr;
  }

  void set(const std::string &name, T value) {
    values[name] = std::move(value);
  }

private:
  const Scope *parent;
  std::unordered_map<std::string, T> values;
};

/// Types of a graph's values, as far as the model tells.
class TypeScope : public Scope<const pb::TypeProto *> {
public:
  TypeScope(const pb::GraphProto &graph, const TypeScope *parent)
      : Scope(parent) {
    for (const auto *infos :
         {&graph.input(), &graph.value_info(), &graph.output()})
      for (const pb::ValueInfoProto &info : *infos)
        set(info.name(), &info.type());
  }

  const pb::TypeProto *getType(const std::string &value) const {
    const pb::TypeProto *const *type = find(value);
    return type ? *type : nullptr;
  }

  /// The type if it is a tensor of known rank, or null.
  const pb::TypeProto_Tensor *getRanked(const std::string &value) const {
    const pb::TypeProto *type = getType(value);
    return type && type->has_tensor_type() && type->tensor_type().has_shape()
               ? &type->tensor_type()
               : nullptr;
  }
};

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_SCOPE_H
