// RUN: moe-opt %s --moe-outline-kernels | FileCheck %s
// RUN: moe-opt %s --moe-outline-kernels --duplicate-function-elimination | FileCheck %s --check-prefix=MERGED
//
// A kernel is named after its node; equal ones merge all the same.

// CHECK-LABEL: func @main
func.func @main(%x: memref<4xf32>, %y: memref<4xf32>) {
  %zero = arith.constant 0.0 : f32
  // CHECK: call @kernel_layers_0_ffn_Relu(
  // MERGED: call @[[KERNEL:kernel_[a-zA-Z0-9_]+]](
  linalg.fill ins(%zero : f32) outs(%x : memref<4xf32>) loc("/layers.0/ffn/Relu"("model.onnx":3:0))
  // Several of one node are counted.
  // CHECK: call @kernel_layers_0_ffn_Relu_0(
  // MERGED: call @[[KERNEL]](
  linalg.fill ins(%zero : f32) outs(%x : memref<4xf32>) loc("/layers.0/ffn/Relu")
  // The node's name, not that of the module around it.
  // CHECK: call @kernel_n_4(
  // MERGED: call @[[KERNEL]](
  linalg.fill ins(%zero : f32) outs(%y : memref<4xf32>) loc("n:4"("model.layers"("model.onnx":4:0)))
  // Names without a letter, and no name.
  // CHECK: call @kernel_(
  // MERGED: call @[[KERNEL]](
  linalg.fill ins(%zero : f32) outs(%y : memref<4xf32>) loc("/")
  // CHECK: call @kernel_linalg_fill(
  // MERGED: call @[[KERNEL]](
  linalg.fill ins(%zero : f32) outs(%y : memref<4xf32>)
  return
}
// MERGED: func private @[[KERNEL]](
// MERGED-NOT: func private
