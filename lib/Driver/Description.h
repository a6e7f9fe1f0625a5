//===- Description.h - What moe_describe says -------------------*- C++ -*-===//
//
// The model's JSON, read once. It comes from a compiled model, perhaps of
// another version: fields that are missing are left empty, never assumed.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DRIVER_DESCRIPTION_H
#define MOE_LIB_DRIVER_DESCRIPTION_H

#include <cstdint>
#include <string>
#include <vector>

namespace moe {

/// An input or an output.
struct ValueDescription {
  std::string name;
  /// "float32[batch,sequence,32]".
  std::string type;
};

struct LayerDescription {
  std::string name;
  int64_t experts = 0;
  int64_t nullExperts = 0;
  int64_t slots = 0;
  /// Whether runs count what it does.
  bool counted = false;
};

struct ModelDescription {
  std::string name;
  std::vector<ValueDescription> inputs;
  std::vector<ValueDescription> outputs;
  std::vector<LayerDescription> layers;
  /// Steps whose time runs take.
  int64_t timedSteps = 0;
  std::string targetCpu;
};

/// Throws DriverError if `json` is no description.
ModelDescription parseDescription(const char *json);

/// The text that `--help` adds: inputs, outputs, layers.
std::string formatDescription(const ModelDescription &model);

} // namespace moe

#endif // MOE_LIB_DRIVER_DESCRIPTION_H
