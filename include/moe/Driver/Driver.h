//===- Driver.h - The command line that runs a model ------------*- C++ -*-===//
//
// Flags, files, comparison, timing and report of `moe-run` and of compiled
// executables. A model is a table of the functions of MoERuntime.h, so
// the same code runs one that is linked in, opened or compiled in memory.
//
// Links neither MLIR nor LLVM: it is part of every executable.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DRIVER_DRIVER_H
#define MOE_DRIVER_DRIVER_H

#include "moe/Runtime/MoERuntime.h"

#include <functional>
#include <string>

namespace moe {

/// The functions of a model.
struct ModelFunctions {
  std::function<const char *()> describe;
  std::function<moe_status(const moe_options *, moe_context **)> create;
  std::function<moe_status(moe_context *, const moe_tensor *, int32_t,
                           moe_tensor *, int32_t)>
      run;
  std::function<moe_status(moe_context *, int32_t, moe_layer_load *)> layerLoad;
  std::function<moe_status(moe_context *, int32_t, moe_step_time *)> stepTime;
  std::function<void(moe_context *)> destroy;
  std::function<const char *(const moe_context *)> lastError;
};

/// Exit codes of every program built on the driver.
enum class ExitCode : int {
  Done = 0,    ///< ran; equal, if a comparison was asked for
  Failed = 1,  ///< a failure or a difference, explained on standard error
  BadUsage = 2 ///< wrong command line
};

/// What a model has to be compiled with for what the command line asks.
struct Instrumentation {
  /// Layers count their tokens.
  bool load = false;
  /// The time of each step is taken.
  bool profile = false;
};

/// What distinguishes the programs.
struct DriverOptions {
  /// First line of `--help`.
  std::string description = "Runs the compiled model.";
  /// Set for `moe-run`: gets the positional IN and makes the model, or throws
  /// std::runtime_error with what went wrong. Unset: the model is given.
  std::function<ModelFunctions(const std::string &input, Instrumentation)>
      openModel;
  /// Set for `moe-run`, where a comparison with ONNX Runtime is offered: gets
  /// IN and the inputs' npz and returns the path of an npz of outputs, or
  /// throws std::runtime_error. Unset: `--compare-with=onnxruntime` is refused.
  std::function<std::string(const std::string &input,
                            const std::string &inputsNpz)>
      runReference;
};

/// Runs the command line of a program whose model is `model`; returns the
/// process's exit code. Never throws.
int runDriver(int argc, char **argv, const ModelFunctions &model);

/// The same for a program that opens the model named on its command line.
int runDriver(int argc, char **argv, const DriverOptions &options);

/// The model that is linked into this program.
ModelFunctions getLinkedModel();

} // namespace moe

#endif // MOE_DRIVER_DRIVER_H
