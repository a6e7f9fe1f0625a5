//===- Header.cpp - The C header of a compiled library --------------------===//
//
// The functions are those of MoERuntime.h, which the header includes in whole:
// it stands alone. What it adds is the model's interface, as comments and as
// constants.
//
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace moe;

/// "float32[batch,128]"
static std::string spell(rt::ValueAttr value) {
  std::string text = getDTypeName(value.getType().getElementType()) + "[";
  llvm::raw_string_ostream out(text);
  llvm::interleave(
      llvm::zip(value.getType().getShape(), value.getDimNames()), out,
      [&](auto pair) {
        auto [dim, name] = pair;
        if (!ShapedType::isDynamic(dim))
          out << dim;
        else if (StringRef text = cast<StringAttr>(name).getValue();
                 !text.empty())
          out << text;
        else
          out << "?";
      },
      ",");
  return text + "]";
}

std::string moe::makeHeader(rt::EntryOp entry, const ArtefactOptions &options) {
  std::string text;
  llvm::raw_string_ostream out(text);
  std::string guard = "MOE_MODEL_";
  for (char c : options.modelName)
    guard.push_back(llvm::isAlnum(c) ? llvm::toUpper(c) : '_');
  out << "/* Interface of the compiled model '" << options.modelName
      << "'.\n *\n";
  auto list = [&](StringRef what, ArrayAttr values) {
    for (auto [i, attr] : llvm::enumerate(values)) {
      auto value = cast<rt::ValueAttr>(attr);
      std::string name = value.getName().str();
      // A name from a file must not end the comment.
      std::replace(name.begin(), name.end(), '/', '.');
      out << " * " << what << " " << i << ": " << name << " : "
          << StringRef(spell(value)).take_front(200) << "\n";
    }
  };
  list("input", entry.getInputs());
  list("output", entry.getOutputs());
  out << " */\n#ifndef " << guard << "_H\n#define " << guard << "_H\n\n"
      << "#define MOE_MODEL_NUM_INPUTS " << entry.getInputs().size() << "\n"
      << "#define MOE_MODEL_NUM_OUTPUTS " << entry.getOutputs().size()
      << "\n\n";
  auto runtime = llvm::MemoryBuffer::getFile(options.runtimeDir +
                                             "/../include/MoERuntime.h");
  if (runtime)
    out << (*runtime)->getBuffer() << "\n";
  out << "#endif /* " << guard << "_H */\n";
  return runtime ? text : std::string();
}
