//===- ONNXOps.td - All ops of the onnx dialect ------------*- tablegen -*-===//
#ifndef MOE_DIALECT_ONNX_IR_ONNXOPS_TD
#define MOE_DIALECT_ONNX_IR_ONNXOPS_TD

include "moe/Dialect/ONNX/IR/Activation.td"
include "moe/Dialect/ONNX/IR/ControlFlow.td"
include "moe/Dialect/ONNX/IR/Indexing.td"
include "moe/Dialect/ONNX/IR/Logic.td"
include "moe/Dialect/ONNX/IR/Math.td"
include "moe/Dialect/ONNX/IR/Microsoft.td"
include "moe/Dialect/ONNX/IR/NN.td"
include "moe/Dialect/ONNX/IR/Quantization.td"
include "moe/Dialect/ONNX/IR/Reduction.td"
include "moe/Dialect/ONNX/IR/Shape.td"
include "moe/Dialect/ONNX/IR/Window.td"

#endif // MOE_DIALECT_ONNX_IR_ONNXOPS_TD
