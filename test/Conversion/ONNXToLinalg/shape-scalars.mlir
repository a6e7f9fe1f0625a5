// RUN: moe-opt %s --convert-onnx-to-linalg --canonicalize --cse | FileCheck %s
//
// Shape arithmetic on small integer tensors is scalar arithmetic: no loop, no
// tensor in memory.

// Shape -> Gather -> Unsqueeze -> Concat -> Reshape, as exporters write it. The
// grouping of dims is visible, so the reshape is a view.
// CHECK-LABEL: func @split_heads
// CHECK-NOT: linalg
// CHECK-NOT: from_elements
// CHECK-NOT: rt.require
// CHECK: tensor.expand_shape %{{.*}} {{\[\[}}0], [1], [2, 3]]
// CHECK-NOT: linalg
func.func @split_heads(%x: tensor<?x?x256xf32>) -> tensor<?x?x4x64xf32> {
  %zero = onnx.Constant dense<0> : tensor<i64>
  %one = onnx.Constant dense<1> : tensor<i64>
  %axes = onnx.Constant dense<0> : tensor<1xi64>
  %heads = onnx.Constant dense<4> : tensor<1xi64>
  %rest = onnx.Constant dense<-1> : tensor<1xi64>
  %shape = onnx.Shape %x : (tensor<?x?x256xf32>) -> tensor<3xi64>
  %b = onnx.Gather %shape, %zero : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %t = onnx.Gather %shape, %one : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  %b1 = onnx.Unsqueeze %b, %axes : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %t1 = onnx.Unsqueeze %t, %axes : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %to = onnx.Concat %b1, %t1, %heads, %rest {axis = 0 : i64}
      : (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xi64>
  %y = onnx.Reshape %x, %to : (tensor<?x?x256xf32>, tensor<4xi64>) -> tensor<?x?x4x64xf32>
  return %y : tensor<?x?x4x64xf32>
}

// Slice, Squeeze, Size, Identity and ConstantOfShape of scalars: the extents of
// the fill are computed from dims, no tensor of integers is made.
// CHECK-LABEL: func @slice_and_size
// CHECK-NOT: from_elements
// CHECK: %[[D:.*]] = tensor.dim %{{.*}}, %c1
// CHECK-NOT: from_elements
// CHECK: tensor.empty(%{{.*}}, %[[D]])
// CHECK: linalg.fill
func.func @slice_and_size(%x: tensor<?x?x256xf32>) -> tensor<?x?xf32> {
  %c0 = onnx.Constant dense<0> : tensor<1xi64>
  %c1 = onnx.Constant dense<1> : tensor<1xi64>
  %c2 = onnx.Constant dense<2> : tensor<1xi64>
  %shape = onnx.Shape %x : (tensor<?x?x256xf32>) -> tensor<3xi64>
  %t = onnx.Slice %shape, %c1, %c2 axes(%c0) : (tensor<3xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<1xi64>
  %ts = onnx.Squeeze %t, %c0 : (tensor<1xi64>, tensor<1xi64>) -> tensor<i64>
  %tu = onnx.Unsqueeze %ts, %c0 : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %size = onnx.Size %x : (tensor<?x?x256xf32>) -> tensor<i64>
  %su = onnx.Unsqueeze %size, %c0 : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  %si = onnx.Identity %su : (tensor<1xi64>) -> tensor<1xi64>
  %to = onnx.Concat %si, %tu {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %y = onnx.ConstantOfShape %to : (tensor<2xi64>) -> tensor<?x?xf32>
  return %y : tensor<?x?xf32>
}

// Constants all the way: Range, Expand, Tile, Gather with several indices and a
// slice with a negative step fold to constants.
// CHECK-LABEL: func @constants
// CHECK-NEXT: %[[C:.*]] = arith.constant dense<[6, 4, 2, 0, 5, 5, 7, 7]>
// CHECK-NEXT: return %[[C]]
func.func @constants() -> tensor<8xi64> {
  %start = onnx.Constant dense<0> : tensor<i64>
  %limit = onnx.Constant dense<8> : tensor<i64>
  %delta = onnx.Constant dense<2> : tensor<i64>
  %last = onnx.Constant dense<-1> : tensor<1xi64>
  %before = onnx.Constant dense<-9223372036854775808> : tensor<1xi64>
  %axis = onnx.Constant dense<0> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %five = onnx.Constant dense<5> : tensor<1xi64>
  %seven = onnx.Constant dense<7> : tensor<1xi64>
  %picks = onnx.Constant dense<[0, 0]> : tensor<2xi64>
  %r = onnx.Range %start, %limit, %delta : (tensor<i64>, tensor<i64>, tensor<i64>) -> tensor<4xi64>
  %down = onnx.Slice %r, %last, %before axes(%axis) steps(%last)
      : (tensor<4xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<4xi64>
  %t = onnx.Tile %five, %two : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  %g = onnx.Gather %seven, %picks : (tensor<1xi64>, tensor<2xi64>) -> tensor<2xi64>
  %c = onnx.Concat %down, %t, %g {axis = 0 : i64}
      : (tensor<4xi64>, tensor<2xi64>, tensor<2xi64>) -> tensor<8xi64>
  return %c : tensor<8xi64>
}
