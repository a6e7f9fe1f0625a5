//===- ImportONNX.h - From an ONNX file to the onnx dialect -----*- C++ -*-===//
//
// The importer's one function. It reads a binary model (`.onnx`) or ONNX's text
// form (`.onnxtxt`) and gives a module of `func`, `onnx` and `rt` ops in the
// newest opset. Files are untrusted: any byte string gives a module or one
// error.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_IMPORT_ONNX_IMPORTONNX_H
#define MOE_IMPORT_ONNX_IMPORTONNX_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

namespace moe {

struct ImportONNXOptions {
  /// Records the XXH3-64 of each weight's bytes (reads all weights once).
  bool hashWeights = true;
  /// Tensors of more bytes become `rt.weight`s; smaller ones `onnx.Constant`s.
  uint64_t inlineBytes = 1024;
  /// Extents for named dims: every dim of that name becomes static.
  llvm::StringMap<int64_t> dims;
};

/// Imports the model at `path`. Null after one diagnostic. Loads the dialects
/// that it needs. Weight spans name files relative to the folder of `path`.
mlir::OwningOpRef<mlir::ModuleOp>
importONNX(llvm::StringRef path, mlir::MLIRContext &context,
           const ImportONNXOptions &options = {});

} // namespace moe

#endif // MOE_IMPORT_ONNX_IMPORTONNX_H
