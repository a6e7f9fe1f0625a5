//===- Unsupported.h - Everything that a file asks for in vain --*- C++ -*-===//
//
// Collects what the compiler does not support, so that one diagnostic lists all
// of it and not only the first.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_IMPORT_ONNX_UNSUPPORTED_H
#define MOE_LIB_IMPORT_ONNX_UNSUPPORTED_H

#include "ImportError.h"
#include "llvm/ADT/StringSet.h"
#include <string>
#include <vector>

namespace moe::importer {

class UnsupportedList {
public:
  /// Adds one line, once.
  void add(const llvm::Twine &line) {
    std::string text = line.str();
    if (seen.insert(text).second)
      lines.push_back(std::move(text));
  }

  /// Throws one ImportError that lists all lines, if there are any.
  void throwIfAny() const {
    if (lines.empty())
      return;
    std::string text = "the model uses " + std::to_string(lines.size()) +
                       " thing(s) that the compiler does not support:";
    size_t shown = std::min<size_t>(lines.size(), kMaxLines);
    for (size_t i = 0; i < shown; ++i)
      text += "\n  " + lines[i];
    if (shown < lines.size())
      text += "\n  and " + std::to_string(lines.size() - shown) + " more";
    throw ImportError(text);
  }

private:
  static constexpr size_t kMaxLines = 200;
  llvm::StringSet<> seen;
  std::vector<std::string> lines;
};

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_UNSUPPORTED_H
