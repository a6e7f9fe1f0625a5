//===- LayerName.h - What a layer is called in messages ---------*- C++ -*-===//
//
// Exporters leave the module path of a node in its name or in metadata, which
// the importer keeps in locations. It names a layer and decides on nothing.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_LAYERNAME_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_LAYERNAME_H

#include "mlir/IR/Location.h"

namespace moe::raise {

/// The location of a layer between two nodes, `router` and `result`: the module
/// that both are in, or the result's own name.
mlir::Location getLayerLocation(mlir::Location router, mlir::Location result);

/// The node's own name; empty without one.
llvm::StringRef getNodeName(mlir::Location location);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_LAYERNAME_H
