//===- Driver.cpp - The command line that runs a model --------------------===//
//
// The order of things: parse, open the model, read inputs, create a context,
// warm up, run and time, write, compare, report. Whatever goes wrong on the way
// is a DriverError, printed once in runDriver.
//
//===----------------------------------------------------------------------===//
#include "moe/Driver/Driver.h"
#include "Array.h"
#include "Compare.h"
#include "Description.h"
#include "Options.h"
#include "Profile.h"
#include "Report.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>
#include <new>
#include <sys/stat.h>
#include <unistd.h>

using namespace moe;

namespace {

/// A context of the model, destroyed with this.
class Session {
public:
  Session(const ModelFunctions &model, const CommandLine &line) : model(model) {
    moe_options options{};
    options.struct_size = sizeof(options);
    options.weights_path =
        line.weights.empty() ? nullptr : line.weights.c_str();
    options.num_threads = line.threads;
    options.device.type = 1;
    if (model.create(&options, &context) != MOE_OK)
      throw DriverError(model.lastError(nullptr));
  }
  ~Session() { model.destroy(context); }
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  void run(const std::vector<moe_tensor> &inputs,
           std::vector<moe_tensor> &outputs) {
    if (model.run(context, inputs.data(), (int32_t)inputs.size(),
                  outputs.data(), (int32_t)outputs.size()) != MOE_OK)
      throw DriverError(model.lastError(context));
  }

  moe_layer_load getLayerLoad(size_t layer) {
    moe_layer_load load{};
    if (model.layerLoad(context, (int32_t)layer, &load) != MOE_OK)
      throw DriverError(model.lastError(context));
    return load;
  }

  std::vector<moe_step_time> getStepTimes(int64_t count) {
    std::vector<moe_step_time> times((size_t)count);
    for (size_t i = 0; i < times.size(); ++i)
      if (model.stepTime(context, (int32_t)i, &times[i]) != MOE_OK)
        throw DriverError(model.lastError(context));
    return times;
  }

private:
  const ModelFunctions &model;
  moe_context *context = nullptr;
};

} // namespace

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

static std::vector<std::string>
getNames(const std::vector<ValueDescription> &values) {
  std::vector<std::string> names;
  for (const ValueDescription &value : values)
    names.push_back(value.name);
  return names;
}

/// "FILE.npz:KEY" into its parts; false if `text` has no such form.
static bool splitMember(const std::string &text, std::string &file,
                        std::string &key) {
  size_t at = text.rfind(".npz:");
  if (at == std::string::npos)
    return false;
  file = text.substr(0, at + 4);
  key = text.substr(at + 5);
  return true;
}

/// Reads FILE.npy or FILE.npz:KEY.
static Array readArray(const std::string &place) {
  std::string file, key;
  if (!splitMember(place, file, key))
    return readNpyFile(place);
  for (auto &[name, array] : readNpzFile(file))
    if (name == key)
      return std::move(array);
  throw DriverError("'" + file + "' has no array '" + key + "'");
}

/// Reads every input that the command line names, in the model's order.
static NamedArrays readInputs(const CommandLine &line,
                              const ModelDescription &model) {
  std::vector<std::string> names = getNames(model.inputs);
  std::vector<std::unique_ptr<Array>> found(names.size());
  if (!line.inputsNpz.empty()) {
    NamedArrays arrays = readNpzFile(line.inputsNpz);
    for (size_t i = 0; i < names.size(); ++i)
      if (const Array *array = findByNameOrOrder(arrays, names, i))
        found[i] = std::make_unique<Array>(*array);
  }
  for (const std::string &flag : line.inputFiles) {
    size_t equals = flag.find('=');
    std::string name = flag.substr(0, equals);
    auto place = std::find(names.begin(), names.end(), name);
    if (place == names.end())
      throw DriverError("--input: the model has no input '" + name +
                        "'; run with --help for its inputs");
    found[place - names.begin()] =
        std::make_unique<Array>(readArray(flag.substr(equals + 1)));
  }
  NamedArrays inputs;
  std::string missing;
  for (size_t i = 0; i < names.size(); ++i) {
    if (!found[i])
      missing += "\n  --input " + names[i] + "=FILE.npy  (" +
                 model.inputs[i].type + ")";
    else
      inputs.emplace_back(names[i], std::move(*found[i]));
  }
  if (!missing.empty())
    throw DriverError("inputs are missing:" + missing);
  return inputs;
}

static std::vector<moe_tensor> makeTensors(NamedArrays &arrays) {
  std::vector<moe_tensor> tensors;
  for (auto &[name, array] : arrays) {
    moe_tensor tensor{};
    tensor.data = array.bytes.data();
    tensor.device.type = 1;
    tensor.ndim = (int32_t)array.shape.size();
    tensor.dtype = array.dtype;
    tensor.shape = array.shape.data();
    tensors.push_back(tensor);
  }
  return tensors;
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

static NamedArrays copyOutputs(const std::vector<moe_tensor> &tensors,
                               const ModelDescription &model) {
  NamedArrays outputs;
  for (size_t i = 0; i < tensors.size(); ++i) {
    Array array;
    array.dtype = tensors[i].dtype;
    array.shape.assign(tensors[i].shape, tensors[i].shape + tensors[i].ndim);
    size_t size =
        (size_t)array.numElements() * (size_t)getElementSize(array.dtype);
    const char *data = static_cast<const char *>(tensors[i].data);
    if (size > 0)
      array.bytes.assign(data, data + size);
    outputs.emplace_back(model.outputs[i].name, std::move(array));
  }
  return outputs;
}

/// Output names come from the model and become file names.
static std::string makeFileName(std::string name) {
  std::replace(name.begin(), name.end(), '/', '_');
  if (name.empty() || name[0] == '.')
    name.insert(0, "_");
  return name + ".npy";
}

static void writeOutputs(const std::string &folder,
                         const NamedArrays &outputs) {
  if (mkdir(folder.c_str(), 0777) != 0 && errno != EEXIST)
    throw DriverError("cannot make folder '" + folder +
                      "': " + std::strerror(errno));
  for (const auto &[name, array] : outputs)
    writeNpyFile(folder + "/" + makeFileName(name), array);
}

/// Reads the references and prints one line per output. Returns whether all
/// that have a reference agree.
static bool compareOutputs(const std::string &place, const CommandLine &line,
                           const NamedArrays &outputs, Report &report) {
  NamedArrays references;
  std::string file, key;
  if (splitMember(place, file, key))
    references.emplace_back(outputs.size() == 1 ? outputs[0].first : key,
                            readArray(place));
  else
    references = readNpzFile(place);

  std::vector<std::string> names;
  for (const auto &[name, array] : outputs)
    names.push_back(name);
  bool allEqual = true, anyCompared = false;
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Array *reference = findByNameOrOrder(references, names, i);
    if (!reference) {
      std::cout << names[i] << ": no reference in '" << place << "'\n";
      continue;
    }
    Comparison comparison =
        compareArrays(outputs[i].second, *reference, line.tolerance);
    std::cout << names[i] << ": " << (comparison.equal ? "" : "DIFFERENT: ")
              << comparison.summary << "\n";
    report.addComparison(names[i], comparison);
    allEqual &= comparison.equal;
    anyCompared = true;
  }
  if (!anyCompared)
    throw DriverError("'" + place + "' has an array for none of the " +
                      std::to_string(outputs.size()) +
                      " outputs: names differ, and so does the count (" +
                      std::to_string(references.size()) + ")");
  return allEqual;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

/// Runs as often as asked and keeps the outputs of the last run.
static NamedArrays runTimed(const CommandLine &line,
                            const ModelFunctions &functions,
                            const ModelDescription &model, NamedArrays &inputs,
                            Report &report) {
  Session session(functions, line);
  std::vector<moe_tensor> inputTensors = makeTensors(inputs);
  std::vector<moe_tensor> outputTensors(model.outputs.size());
  std::optional<Profile> profile;
  if (line.profile)
    profile.emplace(measureMachine(line.threads));
  for (int i = 0; i < line.warmup; ++i)
    session.run(inputTensors, outputTensors);
  for (int i = 0; i < line.repeat; ++i) {
    auto start = std::chrono::steady_clock::now();
    session.run(inputTensors, outputTensors);
    std::chrono::duration<double, std::milli> time =
        std::chrono::steady_clock::now() - start;
    report.addTime(time.count());
    if (profile)
      profile->addRun(time.count() / 1e3,
                      session.getStepTimes(model.timedSteps));
  }
  if (profile) {
    std::cerr << profile->format(model.layers);
    report.setProfile(*profile);
  }
  for (size_t i = 0; i < model.layers.size(); ++i) {
    const LayerDescription &layer = model.layers[i];
    if (layer.counted)
      report.addLayer(layer, session.getLayerLoad(i));
    else
      report.addLayer(layer);
  }
  return copyOutputs(outputTensors, model);
}

/// Where the references are: the file given, or what ONNX Runtime computes.
static std::string getReferencePlace(const CommandLine &line,
                                     const DriverOptions &options,
                                     const NamedArrays &inputs) {
  if (line.compareWith != "onnxruntime")
    return line.compareWith;
  if (!options.runReference)
    throw DriverError("--compare-with=onnxruntime needs the ONNX file: use "
                      "moe-run, or give an .npz");
  const char *folder = std::getenv("TMPDIR");
  std::string path = std::string(folder ? folder : "/tmp") + "/moe-inputs-" +
                     std::to_string((long)getpid()) + ".npz";
  writeNpzFile(path, inputs);
  try {
    std::string outputs = options.runReference(line.model, path);
    std::remove(path.c_str());
    return outputs;
  } catch (...) {
    std::remove(path.c_str());
    throw;
  }
}

static ExitCode runModel(const CommandLine &line, const DriverOptions &options,
                         const ModelFunctions &functions) {
  ModelDescription model = parseDescription(functions.describe());
  if (line.profile && model.timedSteps == 0)
    throw DriverError("--profile: no step of the model is timed; compile it "
                      "with moe-compile --instrument-profile");
  NamedArrays inputs = readInputs(line, model);
  Report report;
  NamedArrays outputs = runTimed(line, functions, model, inputs, report);
  for (const auto &[name, array] : outputs)
    report.addOutput(name, array);
  if (!line.outputDir.empty())
    writeOutputs(line.outputDir, outputs);

  bool equal = true;
  if (!line.compareWith.empty()) {
    std::string place = getReferencePlace(line, options, inputs);
    equal = compareOutputs(place, line, outputs, report);
    if (place != line.compareWith)
      std::remove(place.c_str());
  } else {
    for (const auto &[name, array] : outputs)
      std::cout << name << ": " << getTypeName(array.dtype, array.shape)
                << "\n";
  }
  if (line.repeat > 1 || line.warmup > 0)
    std::cout << report.formatTimes() << "\n";
  if (!line.reportFile.empty() && !report.countsLayers())
    std::cerr << "note: the model was compiled without --instrument-load: the "
                 "report does not tell what its layers did\n";
  if (!line.reportFile.empty())
    writeTextFile(line.reportFile, report.toJson());
  std::cout.flush();
  if (!std::cout)
    throw DriverError("cannot write to standard output");
  if (!equal)
    std::cerr << "error: outputs differ from '" << line.compareWith << "'\n";
  return equal ? ExitCode::Done : ExitCode::Failed;
}

/// `given` is null where the command line names the model.
static ExitCode runCommand(int argc, char **argv, const DriverOptions &options,
                           const ModelFunctions *given) {
  std::string helpText;
  std::optional<CommandLine> line =
      parseCommandLine(argc, argv, options, helpText);
  if (!line)
    return ExitCode::BadUsage;
  ModelFunctions opened;
  if (!given && !line->model.empty()) {
    Instrumentation instrumentation;
    instrumentation.load = !line->reportFile.empty();
    instrumentation.profile = line->profile;
    opened = options.openModel(line->model, instrumentation);
    given = &opened;
  }
  if (!line->help)
    return runModel(*line, options, *given);
  std::cout << helpText;
  if (given)
    std::cout << "\n" << formatDescription(parseDescription(given->describe()));
  return ExitCode::Done;
}

static int runGuarded(int argc, char **argv, const DriverOptions &options,
                      const ModelFunctions *given) {
  try {
    return (int)runCommand(argc, argv, options, given);
  } catch (const std::bad_alloc &) {
    std::cerr << "error: out of memory\n";
  } catch (const std::exception &error) {
    std::cerr << "error: " << error.what() << "\n";
  }
  return (int)ExitCode::Failed;
}

int moe::runDriver(int argc, char **argv, const ModelFunctions &model) {
  return runGuarded(argc, argv, DriverOptions(), &model);
}

int moe::runDriver(int argc, char **argv, const DriverOptions &options) {
  return runGuarded(argc, argv, options, nullptr);
}
