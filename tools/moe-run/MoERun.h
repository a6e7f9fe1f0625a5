//===- MoERun.h - Parts of moe-run ------------------------------*- C++ -*-===//
#ifndef MOE_TOOLS_MOE_RUN_MOERUN_H
#define MOE_TOOLS_MOE_RUN_MOERUN_H

#include "moe/Driver/Driver.h"

namespace moe {

/// Opens a shared library, or compiles a model file to one and opens that.
/// Throws std::runtime_error with what went wrong. `instrumentation` is for
/// what is compiled.
ModelFunctions openModel(const char *argv0, const std::string &input,
                         Instrumentation instrumentation);

/// Runs an ONNX file with ONNX Runtime through the Python it finds
/// ($MOE_PYTHON, or python3); returns the path of an .npz of outputs. Throws
/// std::runtime_error.
std::string runOnnxRuntime(const std::string &input,
                           const std::string &inputsNpz);

} // namespace moe

#endif // MOE_TOOLS_MOE_RUN_MOERUN_H
