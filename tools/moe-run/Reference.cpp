//===- Reference.cpp - Outputs of ONNX Runtime ----------------------------===//
#include "MoERun.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

#include <cstdlib>
#include <stdexcept>

using namespace moe;

/// Arguments: model, npz of inputs, npz of outputs to write.
static constexpr llvm::StringLiteral script = R"(
import sys
import numpy, onnxruntime
model, inputs, outputs = sys.argv[1:]
onnxruntime.set_default_logger_severity(3)
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
arrays = dict(numpy.load(inputs))
names = [value.name for value in session.get_outputs()]
numpy.savez(outputs, **dict(zip(names, session.run(names, arrays))))
)";

std::string moe::runOnnxRuntime(const std::string &input,
                                const std::string &inputsNpz) {
  const char *chosen = std::getenv("MOE_PYTHON");
  auto python = llvm::sys::findProgramByName(chosen ? chosen : "python3");
  if (!python)
    throw std::runtime_error("comparing with onnxruntime needs Python: set "
                             "MOE_PYTHON to one that has the package");
  llvm::SmallString<128> outputs, log;
  if (llvm::sys::fs::createTemporaryFile("moe-reference", "npz", outputs) ||
      llvm::sys::fs::createTemporaryFile("moe-reference", "log", log))
    throw std::runtime_error("cannot make a temporary file");
  llvm::StringRef arguments[] = {*python, "-c",      script,
                                 input,   inputsNpz, outputs};
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(), log.str(),
                                                log.str()};
  int rc =
      llvm::sys::ExecuteAndWait(*python, arguments, std::nullopt, redirects);
  auto printed = llvm::MemoryBuffer::getFile(log);
  (void)llvm::sys::fs::remove(log);
  if (rc != 0) {
    (void)llvm::sys::fs::remove(outputs);
    std::string last =
        printed ? (*printed)->getBuffer().rtrim().rsplit('\n').second.str()
                : "";
    throw std::runtime_error("onnxruntime could not run the model: " + last +
                             " (set MOE_PYTHON to a Python that has numpy and "
                             "onnxruntime)");
  }
  return outputs.str().str();
}
