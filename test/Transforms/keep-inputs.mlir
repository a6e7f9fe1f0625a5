// RUN: moe-opt %s --moe-keep-inputs --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s

// The argument is copied before it is written; one of a private function is the
// caller's business.
// CHECK-LABEL: func.func @main
// CHECK: %[[COPY:.+]] = memref.alloc
// CHECK: memref.copy %arg0, %[[COPY]]
// CHECK: memref.store %arg1, %[[COPY]]
func.func @main(%x: tensor<4xf32>, %v: f32, %i: index) -> tensor<4xf32> {
  %y = tensor.insert %v into %x[%i] : tensor<4xf32>
  return %y : tensor<4xf32>
}

// CHECK-LABEL: func.func private @inner
// CHECK-NOT: memref.copy
// CHECK: memref.store %arg1, %arg0
func.func private @inner(%x: tensor<4xf32>, %v: f32, %i: index) -> tensor<4xf32> {
  %y = tensor.insert %v into %x[%i] : tensor<4xf32>
  return %y : tensor<4xf32>
}
