//===- OpenModel.cpp - A model file as functions --------------------------===//
#include "MoERun.h"

#include "moe/Compiler/Compiler.h"
#include "moe/Target/ScratchFolder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <dlfcn.h>
#include <stdexcept>

using namespace moe;

/// The functions of a shared library, which stays open until the process ends.
static ModelFunctions openLibrary(const std::string &path) {
  llvm::SmallString<256> absolute(path);
  if (std::error_code code = llvm::sys::fs::make_absolute(absolute))
    throw std::runtime_error("cannot open '" + path + "': " + code.message());
  void *library = dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error("cannot open '" + path + "': " + dlerror());
  auto find = [&](const char *name) {
    void *symbol = dlsym(library, name);
    if (!symbol)
      throw std::runtime_error("'" + path +
                               "' is not a compiled model: it has "
                               "no function '" +
                               name + "'");
    return symbol;
  };
  ModelFunctions model;
  model.describe =
      reinterpret_cast<decltype(&moe_describe)>(find("moe_describe"));
  model.create = reinterpret_cast<decltype(&moe_create)>(find("moe_create"));
  model.run = reinterpret_cast<decltype(&moe_run)>(find("moe_run"));
  model.layerLoad = reinterpret_cast<decltype(&moe_get_layer_load)>(
      find("moe_get_layer_load"));
  model.stepTime =
      reinterpret_cast<decltype(&moe_get_step_time)>(find("moe_get_step_time"));
  model.destroy = reinterpret_cast<decltype(&moe_destroy)>(find("moe_destroy"));
  model.lastError =
      reinterpret_cast<decltype(&moe_last_error)>(find("moe_last_error"));
  return model;
}

ModelFunctions moe::openModel(const char *argv0, const std::string &input,
                              Instrumentation instrumentation) {
  llvm::StringRef extension = llvm::sys::path::extension(input);
  if (extension == ".so")
    return openLibrary(input);
  if (extension != ".onnx" && extension != ".onnxtxt" && extension != ".mlir")
    throw std::runtime_error("'" + input +
                             "' is neither a model (.onnx, "
                             ".onnxtxt, .mlir) nor a compiled library (.so); a "
                             "compiled executable takes the same flags itself");

  llvm::SmallString<128> temporary;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, temporary);
  auto folder = ScratchFolder::create(temporary + "/moe-run");
  if (!folder)
    throw std::runtime_error("cannot make a temporary folder: " +
                             llvm::toString(folder.takeError()));
  CompilerOptions options;
  options.input = input;
  options.output = (*folder)->file("model.so");
  options.emit = Stage::Lib;
  // The library is gone once it is open: its weights cannot lie beside it.
  options.weights = WeightsMode::Embed;
  options.runtimeDir = findRuntimeDir(argv0);
  options.instrumentLoad = instrumentation.load;
  options.instrumentProfile = instrumentation.profile;
  std::unique_ptr<mlir::MLIRContext> context = createCompilerContext();
  DiagnosticPrinter printer(*context);
  if (failed(compile(*context, options)))
    throw std::runtime_error("'" + input + "' could not be compiled");
  return openLibrary(options.output);
}
