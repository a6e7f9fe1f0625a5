//===- moe-run.cpp - Run, check and time a model --------------------------===//
//
// The command line is the driver's, as in compiled executables; what moe-run
// adds is the model on its command line and ONNX Runtime as a reference.
//
//===----------------------------------------------------------------------===//
#include "MoERun.h"

int main(int argc, char **argv) {
  moe::DriverOptions options;
  options.description = "Runs a model: compiles it first where it is not.";
  options.openModel = [&](const std::string &input,
                          moe::Instrumentation instrumentation) {
    return moe::openModel(argv[0], input, instrumentation);
  };
  options.runReference = moe::runOnnxRuntime;
  return moe::runDriver(argc, argv, options);
}
