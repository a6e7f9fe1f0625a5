// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --canonicalize | FileCheck %s --check-prefix=FOLD

// A branch may be known more precisely than the result.
// CHECK-LABEL: @if
// FOLD-LABEL: @if
func.func @if(%c: tensor<i1>, %a: tensor<2xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  // CHECK: onnx.If %{{.*}} then {
  // CHECK:   onnx.Yield %{{.*}} : tensor<2xf32>
  // CHECK: } else {
  // CHECK: } : (tensor<i1>) -> tensor<?xf32>
  // FOLD: onnx.If
  %0 = onnx.If %c then {
    onnx.Yield %a : tensor<2xf32>
  } else {
    onnx.Yield %b : tensor<?xf32>
  } : (tensor<i1>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// A constant condition leaves one branch.
// FOLD-LABEL: @constant_if
//  FOLD-SAME: %[[A:.*]]: tensor<2xf32>, %{{.*}}: tensor<2xf32>
//   FOLD-NOT: onnx.If
//       FOLD: return %[[A]]
func.func @constant_if(%a: tensor<2xf32>, %b: tensor<2xf32>) -> tensor<2xf32> {
  %c = onnx.Constant dense<true> : tensor<i1>
  %0 = onnx.If %c then {
    onnx.Yield %a : tensor<2xf32>
  } else {
    onnx.Yield %b : tensor<2xf32>
  } : (tensor<i1>) -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// CHECK-LABEL: @loop
func.func @loop(%m: tensor<i64>, %x: tensor<4xf32>) {
  // CHECK: onnx.Loop M %{{.*}} carried %{{.*}} {
  // CHECK: onnx.Yield
  // CHECK: } : (tensor<i64>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>)
  %last, %all = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
    %next = onnx.Add %v, %v : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %c, %next, %next : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  } : (tensor<i64>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>)
  return
}

// CHECK-LABEL: @scan
func.func @scan(%z: tensor<4xf32>, %rows: tensor<?x4xf32>) {
  // CHECK: onnx.Scan %{{.*}}, %{{.*}} {num_scan_inputs = 1 : i64} body {
  %sum, %sums = onnx.Scan %z, %rows {num_scan_inputs = 1 : i64} body {
  ^bb0(%s: tensor<4xf32>, %row: tensor<4xf32>):
    %next = onnx.Add %s, %row : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %next, %next : tensor<4xf32>, tensor<4xf32>
  } : (tensor<4xf32>, tensor<?x4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>)
  return
}
