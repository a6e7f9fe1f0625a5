//===- Attributes.h - ONNX types and attributes in MLIR ---------*- C++ -*-===//
#ifndef MOE_LIB_IMPORT_ONNX_ATTRIBUTES_H
#define MOE_LIB_IMPORT_ONNX_ATTRIBUTES_H

#include "OnnxLibrary.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OperationSupport.h"

namespace moe::importer {

/// The MLIR type of an element; null if unsupported.
mlir::Type convertElementType(int32_t elementType, mlir::MLIRContext *context);

/// The MLIR type of a value: a ranked tensor, dims without a value dynamic.
/// Null if the type is unsupported or unknown, or its rank is.
mlir::RankedTensorType convertType(const pb::TypeProto &type,
                                   mlir::MLIRContext *context);

/// The elements of a tensor that holds its data. Throws ImportError.
mlir::DenseElementsAttr convertTensor(const pb::TensorProto &tensor,
                                      const std::string &name,
                                      mlir::MLIRContext *context);

/// The value of a `Constant` node, whatever attribute holds it.
mlir::DenseElementsAttr convertConstant(const pb::NodeProto &node,
                                        mlir::MLIRContext *context);

/// Attribute `attribute` of operator `op`, in MLIR. Throws ImportError.
mlir::Attribute convertAttribute(const pb::AttributeProto &attribute,
                                 mlir::OperationName op);

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_ATTRIBUTES_H
