// RUN: moe-opt %s --canonicalize | FileCheck %s

// An identity of the same type is its input.
// CHECK-LABEL: func @identity_is_its_input
// CHECK-SAME: %[[X:.*]]: tensor
func.func @identity_is_its_input(%x: tensor<4xf32>) -> tensor<4xf32> {
  // CHECK-NEXT: return %[[X]]
  %0 = onnx.Identity %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// The result type forgets an extent: the op stays.
// CHECK-LABEL: func @identity_between_types_stays
func.func @identity_between_types_stays(%x: tensor<4xf32>) -> tensor<?xf32> {
  // CHECK: onnx.Identity
  %0 = onnx.Identity %x : (tensor<4xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
