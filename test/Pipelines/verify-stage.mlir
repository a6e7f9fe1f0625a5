// RUN: split-file %s %t
// RUN: not moe-opt %t/tensor.mlir --moe-verify-stage=stage=onnx 2>&1 | FileCheck %s --check-prefix=ONNX
// RUN: not moe-opt %t/onnx.mlir --moe-verify-stage=stage=tensor 2>&1 | FileCheck %s --check-prefix=TENSOR
// RUN: not moe-opt %t/tensor.mlir --moe-verify-stage=stage=buffers 2>&1 | FileCheck %s --check-prefix=BUFFERS
// RUN: not moe-opt %t/buffers.mlir --moe-verify-stage=stage=kernels 2>&1 | FileCheck %s --check-prefix=KERNELS
// RUN: not moe-opt %t/buffers.mlir --moe-verify-stage=stage=llvm 2>&1 | FileCheck %s --check-prefix=LLVM
// RUN: not moe-opt %t/require.mlir --moe-verify-stage=stage=llvm 2>&1 | FileCheck %s --check-prefix=RT
// RUN: not moe-opt %t/onnx.mlir --moe-verify-stage=stage=nothing 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: moe-opt %t/onnx.mlir --moe-verify-stage=stage=onnx
// RUN: moe-opt %t/tensor.mlir --moe-verify-stage=stage=tensor
// RUN: moe-opt %t/buffers.mlir --moe-verify-stage=stage=buffers

// What breaks a contract is named, and so is the contract.
// ONNX: error: 'linalg.fill' op breaks the contract of stage 'onnx': dialect 'linalg' is not allowed (canonical
// TENSOR: error: 'onnx.Relu' op breaks the contract of stage 'tensor': dialect 'onnx' is not allowed (no onnx
// BUFFERS: error: {{.*}} breaks the contract of stage 'buffers': {{a tensor is left|dialect 'tensor' is not allowed}} (no tensors
// KERNELS: error: 'linalg.fill' op breaks the contract of stage 'kernels': dialect 'linalg' is not allowed (no linalg
// LLVM: error: 'func.func' op breaks the contract of stage 'llvm': dialect 'func' is not allowed (translatable
// RT: error: 'rt.require' op breaks the contract of stage 'llvm': only symbols are left of rt
// NAME: nothing

//--- onnx.mlir
func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = onnx.Relu %x : (tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
//--- tensor.mlir
func.func @main(%x: f32, %y: tensor<2xf32>) -> tensor<2xf32> {
  %0 = linalg.fill ins(%x : f32) outs(%y : tensor<2xf32>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}
//--- buffers.mlir
func.func @main(%x: f32, %y: memref<2xf32>) {
  linalg.fill ins(%x : f32) outs(%y : memref<2xf32>)
  return
}
//--- require.mlir
llvm.func @main(%c: i1) {
  rt.require %c, "c" at "node"
  llvm.return
}
