//===- ImportError.h - The importer's exception -----------------*- C++ -*-===//
//
// ONNX's library reports by exceptions, so this directory does too. They end at
// one boundary, `importONNX`, which turns each into one MLIR diagnostic.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_IMPORT_ONNX_IMPORTERROR_H
#define MOE_LIB_IMPORT_ONNX_IMPORTERROR_H

#include "llvm/ADT/Twine.h"
#include <stdexcept>
#include <string>

namespace moe::importer {

/// What is wrong with the file, in words for its owner.
class ImportError : public std::runtime_error {
public:
  explicit ImportError(const llvm::Twine &message)
      : std::runtime_error(escapeNul(message.str())) {}

private:
  /// Names come from the file, and `what()` ends at a NUL.
  static std::string escapeNul(const std::string &message) {
    std::string text;
    for (char c : message)
      text += c ? std::string(1, c) : "\\x00";
    return text;
  }
};

/// Thrown after the diagnostic went out (an op that does not verify).
class AlreadyReported : public std::exception {};

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_IMPORTERROR_H
