//===- ReadModel.h - A file to a ModelProto ---------------------*- C++ -*-===//
#ifndef MOE_LIB_IMPORT_ONNX_READMODEL_H
#define MOE_LIB_IMPORT_ONNX_READMODEL_H

#include "ExternalData.h"

namespace moe::importer {

/// Reads the model of `folder`: binary, or ONNX's text form if the file's name
/// ends in `.onnxtxt`. Big tensors are external afterwards. Throws ImportError.
pb::ModelProto readModel(const ModelFolder &folder, uint64_t inlineBytes);

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_READMODEL_H
