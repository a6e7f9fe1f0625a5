//===- Importer.cpp - From an ONNX file to the onnx dialect ---------------===//
//
// The importer's story, and the one place where exceptions end.
//
//===----------------------------------------------------------------------===//
#include "moe/Import/ONNX/ImportONNX.h"

#include "DialectOps.h"
#include "GraphBuilder.h"
#include "ImportError.h"
#include "Normalize.h"
#include "ReadModel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Diagnostics.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include <google/protobuf/stubs/logging.h>

using namespace mlir;
using namespace moe;
using namespace moe::importer;

/// Positions of the main graph's nodes, for locations.
static NodeIndices getNodeIndices(const pb::GraphProto &graph) {
  NodeIndices indices;
  for (int i = 0; i < graph.node_size(); ++i)
    if (graph.node(i).output_size())
      indices.emplace(graph.node(i).output(0), i);
  return indices;
}

static OwningOpRef<ModuleOp> import(const std::string &path,
                                    MLIRContext &context,
                                    const ImportONNXOptions &options) {
  // Bytes to a proto without big tensors; those become spans of files.
  ModelFolder folder(path);
  pb::ModelProto model = readModel(folder, options.inlineBytes);
  NodeIndices indices = getNodeIndices(model.graph());
  WeightTable weights = resolveExternalData(model, folder, options.inlineBytes,
                                            options.hashWeights);
  // Any valid ONNX to the newest opset, typed, in the dialect's operators.
  normalize(model, weights, options.dims, RegisteredDialect(&context));
  // One op per node.
  return buildModule(model, weights, indices, folder.name(), &context);
}

/// ONNX's messages end in blank lines and contexts; keep the words. Names come
/// from the file: control characters in them are escaped.
static std::string tidy(llvm::StringRef message) {
  std::string text;
  llvm::SmallVector<llvm::StringRef> lines;
  message.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (line.trim().empty())
      continue;
    if (!text.empty())
      text += "\n  ";
    for (unsigned char c : line.trim()) {
      if (c >= 0x20 && c != 0x7f)
        text += static_cast<char>(c);
      else
        text += "\\x" + llvm::utohexstr(c, /*LowerCase=*/true, /*Width=*/2);
    }
  }
  return text;
}

OwningOpRef<ModuleOp> moe::importONNX(llvm::StringRef path,
                                      MLIRContext &context,
                                      const ImportONNXOptions &options) {
  context.loadDialect<func::FuncDialect, onnx::ONNXDialect, rt::RTDialect>();
  Location location = FileLineColLoc::get(&context, path, 0, 0);
  // Protobuf writes to standard error what it also returns.
  auto *logger = google::protobuf::SetLogHandler(nullptr);
  llvm::scope_exit restore([&] { google::protobuf::SetLogHandler(logger); });
  try {
    return import(path.str(), context, options);
  } catch (const AlreadyReported &) {
    return nullptr;
  } catch (const std::bad_alloc &) {
    emitError(location, "out of memory while importing the model");
  } catch (const std::exception &error) {
    emitError(location, tidy(error.what()));
  }
  return nullptr;
}
