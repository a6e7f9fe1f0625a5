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

// One unknown extent follows from the number of elements; of two, one must be
// kept. A shape that only the run knows may not fit: that op stays.
// CHECK-LABEL: func @reshape_to_the_same_shape
func.func @reshape_to_the_same_shape(%x: tensor<?x4xf32>, %y: tensor<?x?xf32>, %s: tensor<2xi64>)
    -> (tensor<?x4xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x4xf32>) {
  // CHECK: %[[STAYS:.+]] = onnx.Reshape %arg0, %arg2
  // CHECK: return %arg0, %arg1, %arg1, %[[STAYS]]
  %rest = onnx.Constant dense<[-1, 4]> : tensor<2xi64>
  %kept = onnx.Constant dense<[0, -1]> : tensor<2xi64>
  %own = onnx.Shape %y : (tensor<?x?xf32>) -> tensor<2xi64>
  %0 = onnx.Reshape %x, %rest : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  %1 = onnx.Reshape %y, %kept : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  %2 = onnx.Reshape %y, %own : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  %3 = onnx.Reshape %x, %s : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  return %0, %1, %2, %3 : tensor<?x4xf32>, tensor<?x?xf32>, tensor<?x?xf32>, tensor<?x4xf32>
}

// With allowzero a 0 is an extent: nothing is known.
// CHECK-LABEL: func @reshape_to_zeros
func.func @reshape_to_zeros(%y: tensor<?x?xf32>) -> tensor<?x?xf32> {
  // CHECK: onnx.Reshape
  %zeros = onnx.Constant dense<0> : tensor<2xi64>
  %0 = onnx.Reshape %y, %zeros {allowzero = 1 : i64} : (tensor<?x?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func @transpose_and_back
func.func @transpose_and_back(%x: tensor<2x3x4xf32>) -> (tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<4x2x3xf32>) {
  // CHECK: %[[STAYS:.+]] = onnx.Transpose %arg0 {perm = array<i64: 2, 0, 1>}
  // CHECK: return %arg0, %arg0, %[[STAYS]]
  %0 = onnx.Transpose %x {perm = array<i64: 0, 1, 2>} : (tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %1 = onnx.Transpose %x {perm = array<i64: 2, 0, 1>} : (tensor<2x3x4xf32>) -> tensor<4x2x3xf32>
  %2 = onnx.Transpose %1 {perm = array<i64: 1, 2, 0>} : (tensor<4x2x3xf32>) -> tensor<2x3x4xf32>
  return %0, %2, %1 : tensor<2x3x4xf32>, tensor<2x3x4xf32>, tensor<4x2x3xf32>
}

// CHECK-LABEL: func @squeeze_what_was_added
func.func @squeeze_what_was_added(%x: tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x1xf32>) {
  // CHECK-DAG: %[[STAYS:.+]] = onnx.Squeeze
  // CHECK: return %arg0, %[[STAYS]]
  %last = onnx.Constant dense<-1> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %0 = onnx.Unsqueeze %x, %last : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x4x1xf32>
  %1 = onnx.Squeeze %0, %two : (tensor<?x4x1xf32>, tensor<1xi64>) -> tensor<?x4xf32>
  %2 = onnx.Squeeze %0, %one : (tensor<?x4x1xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  return %1, %2 : tensor<?x4xf32>, tensor<?x1xf32>
}

// Casts to the same type, and back from a type that holds every value.
// CHECK-LABEL: func @casts
func.func @casts(%x: tensor<?xf32>, %b: tensor<?xi1>, %i: tensor<?xi64>)
    -> (tensor<?xf32>, tensor<?xf32>, tensor<?xi1>, tensor<?xf32>, tensor<?xi64>) {
  // CHECK-DAG: %[[HALF:.+]] = onnx.Cast %arg0 : (tensor<?xf32>) -> tensor<?xf16>
  // CHECK-DAG: %[[ROUNDED:.+]] = onnx.Cast %[[HALF]]
  // CHECK-DAG: %[[F32:.+]] = onnx.Cast %arg2 : (tensor<?xi64>) -> tensor<?xf32>
  // CHECK-DAG: %[[BACK:.+]] = onnx.Cast %[[F32]]
  // CHECK: return %arg0, %arg0, %arg1, %[[ROUNDED]], %[[BACK]]
  %0 = onnx.Cast %x : (tensor<?xf32>) -> tensor<?xf32>
  %1 = onnx.Cast %x : (tensor<?xf32>) -> tensor<?xf64>
  %2 = onnx.Cast %1 : (tensor<?xf64>) -> tensor<?xf32>
  %3 = onnx.Cast %b : (tensor<?xi1>) -> tensor<?xf32>
  %4 = onnx.Cast %3 : (tensor<?xf32>) -> tensor<?xi1>
  %5 = onnx.Cast %x : (tensor<?xf32>) -> tensor<?xf16>
  %6 = onnx.Cast %5 : (tensor<?xf16>) -> tensor<?xf32>
  %7 = onnx.Cast %i : (tensor<?xi64>) -> tensor<?xf32>
  %8 = onnx.Cast %7 : (tensor<?xf32>) -> tensor<?xi64>
  return %0, %2, %4, %6, %8 : tensor<?xf32>, tensor<?xf32>, tensor<?xi1>, tensor<?xf32>, tensor<?xi64>
}
