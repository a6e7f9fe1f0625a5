//===- GraphBuilder.h - Normal-form ONNX to MLIR ----------------*- C++ -*-===//
#ifndef MOE_LIB_IMPORT_ONNX_GRAPHBUILDER_H
#define MOE_LIB_IMPORT_ONNX_GRAPHBUILDER_H

#include "ExternalData.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include <map>
#include <string>

namespace moe::importer {

/// Where the model's nodes stand in its file, by first output name.
using NodeIndices = std::map<std::string, unsigned>;

/// Builds the module of a model in the normal form (Normalize.h). Throws
/// ImportError, or AlreadyReported when an op does not verify.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const pb::ModelProto &model,
                                              const WeightTable &weights,
                                              const NodeIndices &indices,
                                              const std::string &fileName,
                                              mlir::MLIRContext *context);

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_GRAPHBUILDER_H
