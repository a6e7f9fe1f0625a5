// RUN: moe-opt %s --convert-onnx-to-linalg --canonicalize | FileCheck %s

// CHECK-LABEL: @if
//       CHECK: scf.if %{{.*}} -> (tensor<?xf32>)
//       CHECK:   tensor.cast
//       CHECK:   scf.yield
func.func @if(%c: tensor<i1>, %a: tensor<2xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %0 = onnx.If %c then {
    onnx.Yield %a : tensor<2xf32>
  } else {
    onnx.Yield %b : tensor<?xf32>
  } : (tensor<i1>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// A condition that is passed through never ends the loop: slices are written
// into their place.
// CHECK-LABEL: @counted
//       CHECK: scf.for
//       CHECK:   tensor.insert_slice %{{.*}} into %{{.*}} : tensor<4xf32> into tensor<?x4xf32>
//   CHECK-NOT:   tensor.insert_slice
//       CHECK:   scf.yield
func.func @counted(%m: tensor<i64>, %x: tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>) {
  %last, %all = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
    %next = onnx.Add %v, %v : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %c, %next, %next : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  } : (tensor<i64>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>)
  return %last, %all : tensor<4xf32>, tensor<?x4xf32>
}

// A condition of the body's own may end it early: scan outputs grow.
// CHECK-LABEL: @conditional
//       CHECK: scf.while
//       CHECK:   scf.condition
//       CHECK:   tensor.insert_slice
//       CHECK:   tensor.insert_slice
func.func @conditional(%c0: tensor<i1>, %x: tensor<4xf32>, %stop: tensor<4xi1>) -> tensor<?x4xf32> {
  %last, %all = onnx.Loop cond %c0 carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
    %next = onnx.Add %v, %v : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    %go = onnx.Constant dense<false> : tensor<i1>
    onnx.Yield %go, %next, %next : tensor<i1>, tensor<4xf32>, tensor<4xf32>
  } : (tensor<i1>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>)
  return %all : tensor<?x4xf32>
}

// A carried dim that the body's argument fixes is checked.
// CHECK-LABEL: @checked
//       CHECK: rt.require %{{.*}}, "a value must have the extent that its type says: 4"
//       CHECK: scf.for
func.func @checked(%m: tensor<i64>, %x: tensor<?xf32>) -> tensor<4xf32> {
  %last = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
    %next = onnx.Add %v, %v : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %c, %next : tensor<i1>, tensor<4xf32>
  } : (tensor<i64>, tensor<?xf32>) -> tensor<4xf32>
  return %last : tensor<4xf32>
}

// The last row comes first.
// CHECK-LABEL: @reversed
//       CHECK: scf.for
//       CHECK:   arith.subi
//       CHECK:   tensor.extract_slice
func.func @reversed(%z: tensor<4xf32>, %rows: tensor<?x4xf32>) -> tensor<4xf32> {
  %sum = onnx.Scan %z, %rows {num_scan_inputs = 1 : i64, scan_input_directions = array<i64: 1>} body {
  ^bb0(%s: tensor<4xf32>, %row: tensor<4xf32>):
    %next = onnx.Add %s, %row : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    onnx.Yield %next : tensor<4xf32>
  } : (tensor<4xf32>, tensor<?x4xf32>) -> tensor<4xf32>
  return %sum : tensor<4xf32>
}

// Extents of the slices are known after the first iteration only: the output
// grows, and no scf.for carries it, whose canonicalisation would keep the first
// iteration's shape.
// CHECK-LABEL: @growing
//   CHECK-NOT: scf.for
//       CHECK: scf.while
//       CHECK:   rt.require %{{.*}}, "slices of a scan output must have equal shapes"
func.func @growing(%m: tensor<i64>, %x: tensor<?xf32>) -> tensor<?x?xf32> {
  %last, %all = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<?xf32>):
    %next = onnx.Add %v, %v : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    onnx.Yield %c, %next, %next : tensor<i1>, tensor<?xf32>, tensor<?xf32>
  } : (tensor<i64>, tensor<?xf32>) -> (tensor<?xf32>, tensor<?x?xf32>)
  return %all : tensor<?x?xf32>
}
