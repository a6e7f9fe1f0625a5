//===- Description.cpp - What moe_describe says ---------------------------===//
//
// Reads the JSON
//
//   {"name": .., "inputs": [{"name": .., "dtype": "float32",
//    "dims": [2, "batch", ..]}], "outputs": [..], "moe_layers": [{"name": ..,
//    "experts": 8, "null_experts": 0, "slots": 2, "counted": false}],
//    "timed_steps": 0, "target_cpu": ..}
//
//===----------------------------------------------------------------------===//
#include "Description.h"
#include "Array.h"

#include <algorithm>
#include <nlohmann/json.hpp>

using namespace moe;
using nlohmann::json;

static std::string getString(const json &object, const char *key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

/// A number or a bool.
static int64_t getInteger(const json &object, const char *key) {
  auto found = object.find(key);
  if (found == object.end() ||
      !(found->is_number_integer() || found->is_boolean()))
    return 0;
  return found->is_boolean() ? found->get<bool>() : found->get<int64_t>();
}

static json getArray(const json &object, const char *key) {
  auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : json::array();
}

/// `{"dtype": "float32", "dims": [2, "batch", null]}` as "float32[2,batch,?]".
static std::string formatType(const json &value) {
  std::string text = getString(value, "dtype") + "[";
  const char *separator = "";
  for (const json &dim : getArray(value, "dims")) {
    text += separator;
    separator = ",";
    if (dim.is_number_integer() && dim.get<int64_t>() >= 0)
      text += std::to_string(dim.get<int64_t>());
    else if (dim.is_string() && !dim.get<std::string>().empty())
      text += dim.get<std::string>();
    else
      text += "?";
  }
  return text + "]";
}

static std::vector<ValueDescription> parseValues(const json &model,
                                                 const char *key) {
  std::vector<ValueDescription> values;
  for (const json &value : getArray(model, key))
    values.push_back({getString(value, "name"), formatType(value)});
  return values;
}

ModelDescription moe::parseDescription(const char *text) {
  json model = json::parse(text ? text : "", nullptr,
                           /*allow_exceptions=*/false);
  if (!model.is_object())
    throw DriverError("the model's description is no JSON object; it was "
                      "compiled by another version");
  ModelDescription result;
  result.name = getString(model, "name");
  result.inputs = parseValues(model, "inputs");
  result.outputs = parseValues(model, "outputs");
  result.targetCpu = getString(model, "target_cpu");
  result.timedSteps = getInteger(model, "timed_steps");
  for (const json &layer : getArray(model, "moe_layers"))
    result.layers.push_back(
        {getString(layer, "name"), getInteger(layer, "experts"),
         getInteger(layer, "null_experts"), getInteger(layer, "slots"),
         getInteger(layer, "counted") != 0});
  return result;
}

static std::string formatValues(const char *title,
                                const std::vector<ValueDescription> &values) {
  size_t width = 0;
  for (const ValueDescription &value : values)
    width = std::max(width, value.name.size());
  std::string text = std::string(title) + ":\n";
  for (const ValueDescription &value : values)
    text += "  " + value.name +
            std::string(width - value.name.size() + 2, ' ') + value.type + "\n";
  return values.empty() ? std::string(title) + ": none\n" : text;
}

std::string moe::formatDescription(const ModelDescription &model) {
  std::string text = "Model " + model.name;
  if (!model.targetCpu.empty())
    text += ", compiled for " + model.targetCpu;
  text += "\n\n" + formatValues("Inputs", model.inputs) + "\n" +
          formatValues("Outputs", model.outputs) + "\n";
  if (model.layers.empty())
    return text + "MoE layers: none\n";
  text += "MoE layers:\n";
  for (const LayerDescription &layer : model.layers) {
    text += "  " + layer.name + "  top-" + std::to_string(layer.slots) +
            " of " + std::to_string(layer.experts) + " experts";
    if (layer.nullExperts)
      text += " and " + std::to_string(layer.nullExperts) + " null experts";
    text += "\n";
  }
  return text;
}
