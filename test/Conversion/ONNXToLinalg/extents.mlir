// RUN: moe-opt %s -convert-onnx-to-linalg -canonicalize -cse | FileCheck %s

// Dims of one name are one value: no select, no check.
// CHECK-LABEL: func.func @equal_names
// CHECK-COUNT-1: tensor.dim
// CHECK-NOT: rt.require
// CHECK-NOT: arith.select
// CHECK: linalg.generic
func.func @equal_names(%x: tensor<?x4xf32> {rt.dims = ["n", ""]},
                       %y: tensor<?x1xf32> {rt.dims = ["n", ""]}) -> tensor<?x4xf32> {
  %0 = onnx.Add %x, %y : (tensor<?x4xf32>, tensor<?x1xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// Either of two unnamed dims may be 1.
// CHECK-LABEL: func.func @unnamed
// CHECK: rt.require %{{.*}}, "operand shapes must broadcast
// CHECK: linalg.generic
// CHECK: arith.select
func.func @unnamed(%x: tensor<?xf32>, %y: tensor<?xf32>) -> tensor<?xf32> {
  %0 = onnx.Add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// An extent that depends on data is the first tensor's.
// CHECK-LABEL: func.func @data_dependent
// CHECK-NOT: operand shapes must broadcast
// CHECK: return
func.func @data_dependent(%x: tensor<?x8xf32> {rt.dims = ["n", ""]},
                          %m: tensor<?xi1> {rt.dims = ["n"]}) -> tensor<?x8xf32> {
  %0 = onnx.Compress %x, %m {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?xi1>) -> tensor<?x8xf32>
  %1 = onnx.Exp %0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %2 = onnx.Mul %0, %1 : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return %2 : tensor<?x8xf32>
}

// Arguments of unsigned elements are replaced by the conversion.
// CHECK-LABEL: func.func @unsigned_arguments
// CHECK-NOT: rt.require
// CHECK: return
func.func @unsigned_arguments(%x: tensor<?xui8> {rt.dims = ["n"]},
                              %y: tensor<?xui8> {rt.dims = ["n"]}) -> tensor<?xui8> {
  %0 = onnx.Add %x, %y : (tensor<?xui8>, tensor<?xui8>) -> tensor<?xui8>
  return %0 : tensor<?xui8>
}

// A rest that the analysis knows is not computed by a division.
// CHECK-LABEL: func.func @reshape_rest
// CHECK-NOT: arith.divui
// CHECK: return
func.func @reshape_rest(%x: tensor<?x?x8xf32> {rt.dims = ["b", "s", ""]}) -> tensor<?x?x4xf32> {
  %tail = onnx.Constant dense<[-1, 4]> : tensor<2xi64>
  %b = onnx.Shape %x {end = 1 : i64} : (tensor<?x?x8xf32>) -> tensor<1xi64>
  %shape = onnx.Concat %b, %tail {axis = 0 : i64} : (tensor<1xi64>, tensor<2xi64>) -> tensor<3xi64>
  %0 = onnx.Reshape %x, %shape : (tensor<?x?x8xf32>, tensor<3xi64>) -> tensor<?x?x4xf32>
  return %0 : tensor<?x?x4xf32>
}
