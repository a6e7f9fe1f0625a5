// The passes and pipelines of the project are there, next to upstream's.
// RUN: moe-opt --help | FileCheck %s
// CHECK-DAG: --canonicalize
// CHECK-DAG: --convert-onnx-to-linalg
// CHECK-DAG: --convert-rt-to-llvm
// CHECK-DAG: --moe-lower-strided-copies
// CHECK-DAG: --moe-outline-kernels
// CHECK-DAG: --moe-verify-stage
// CHECK-DAG: --onnx-infer-shapes
// CHECK-DAG: --moe-onnx-pipeline
// CHECK-DAG: --moe-tensor-pipeline
// CHECK-DAG: --moe-buffers-pipeline
// CHECK-DAG: --moe-kernels-pipeline
// CHECK-DAG: --moe-llvm-pipeline

// Each runs alone, also where there is nothing for it to do.
// RUN: moe-opt %s --onnx-infer-shapes --convert-onnx-to-linalg | FileCheck %s --check-prefix=NOTHING
// RUN: moe-opt %s --moe-lower-strided-copies --moe-outline-kernels | FileCheck %s --check-prefix=NOTHING
// RUN: moe-opt %s --moe-verify-stage=stage=kernels | FileCheck %s --check-prefix=NOTHING
// NOTHING: func.func @main(%[[X:.*]]: memref<2xf32>) -> memref<2xf32>
// NOTHING-NEXT: return %[[X]]
func.func @main(%x: memref<2xf32>) -> memref<2xf32> {
  return %x : memref<2xf32>
}
