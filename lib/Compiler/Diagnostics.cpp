//===- Diagnostics.cpp - How the tools print errors -----------------------===//
#include "moe/Compiler/Compiler.h"

#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace moe;

/// "model.onnx:12: node '/layers.0/Gather': ", as far as the location tells.
static void printLocation(Location loc, llvm::raw_ostream &out) {
  FileLineColLoc file;
  StringAttr node;
  loc->walk([&](Location inner) {
    if (auto fileLoc = dyn_cast<FileLineColLoc>(inner)) {
      if (!file)
        file = fileLoc;
    } else if (auto name = dyn_cast<NameLoc>(inner)) {
      if (!node)
        node = name.getName();
    }
    return WalkResult::advance();
  });
  if (file) {
    out << file.getFilename().getValue() << ":";
    // Line 0: the file as a whole.
    if (file.getLine())
      out << file.getLine() << ":";
    out << " ";
  }
  if (node && !node.empty())
    out << (file ? "node '" : "'") << node.getValue() << "': ";
}

static LogicalResult print(Diagnostic &diagnostic) {
  llvm::raw_ostream &out = llvm::errs();
  auto label = [](DiagnosticSeverity severity) -> StringRef {
    switch (severity) {
    case DiagnosticSeverity::Note:
      return "note: ";
    case DiagnosticSeverity::Warning:
      return "warning: ";
    case DiagnosticSeverity::Error:
      return "error: ";
    case DiagnosticSeverity::Remark:
      return "remark: ";
    }
    return "";
  };
  out << label(diagnostic.getSeverity());
  printLocation(diagnostic.getLocation(), out);
  out << diagnostic << "\n";
  for (Diagnostic &note : diagnostic.getNotes()) {
    // MLIR adds the whole op to some errors: no help to a model's author.
    std::string text = note.str();
    if (StringRef(text).starts_with("see current operation"))
      continue;
    out << "note: " << text << "\n";
  }
  return success();
}

DiagnosticPrinter::DiagnosticPrinter(MLIRContext &context)
    : handler(&context, print) {}
