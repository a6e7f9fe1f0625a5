//===- ONNX.h - The onnx dialect --------------------------------*- C++ -*-===//
//
// Umbrella header: dialect, enums, attributes, interfaces and ops of `onnx`.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_IR_ONNX_H
#define MOE_DIALECT_ONNX_IR_ONNX_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "moe/Dialect/ONNX/IR/ONNXDialect.h.inc"

#include "moe/Dialect/ONNX/IR/ONNXEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "moe/Dialect/ONNX/IR/ONNXAttrs.h.inc"

namespace moe::onnx {

/// Verifies that the operands' shapes broadcast (ONNX "Broadcasting") to the
/// one result's shape, as far as static dims tell.
mlir::LogicalResult verifyBroadcast(mlir::Operation *op);

/// Verifies axes and result rank of a ReduceOpInterface op.
mlir::LogicalResult verifyReduction(mlir::Operation *op);

/// The enum attribute for string attribute `attrName` = `value` of op `opName`
/// (`onnx.ScatterND`), or failure when the op has no such attribute or value.
mlir::FailureOr<mlir::Attribute> symbolizeStringAttr(mlir::OperationName opName,
                                                     llvm::StringRef attrName,
                                                     llvm::StringRef value);

} // namespace moe::onnx

#include "moe/Dialect/ONNX/IR/ONNXInterfaces.h.inc"

#define GET_OP_CLASSES
#include "moe/Dialect/ONNX/IR/ONNXOps.h.inc"

#endif // MOE_DIALECT_ONNX_IR_ONNX_H
