//===- ONNXOps.cpp - Definitions generated from ODS -----------------------===//
//
// Verifiers, folders and builders stand in the file named as the .td file that
// defines the op (MathOps.cpp for Math.td).
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "moe/Dialect/ONNX/IR/ONNXOps.cpp.inc"
