// RUN: moe-opt %s -onnx-infer-shapes | FileCheck %s

// The result's type follows, and a static dim has no name.
// CHECK-LABEL: func.func @constant_dims
// CHECK-SAME: -> (tensor<?x4xf32> {rt.dims = ["n", ""], rt.name = "z"})
func.func @constant_dims(%x: tensor<?x4xf32> {rt.dims = ["n", ""]})
    -> (tensor<?x?xf32> {rt.dims = ["n", "m"], rt.name = "z"}) {
  %s = onnx.Shape %x : (tensor<?x4xf32>) -> tensor<2xi64>
  // CHECK: onnx.ConstantOfShape {{.*}} -> tensor<?x4xf32>
  %z = onnx.ConstantOfShape %s : (tensor<2xi64>) -> tensor<?x?xf32>
  return %z : tensor<?x?xf32>
}

// Types of regions' arguments and results follow too.
// CHECK-LABEL: func.func @loop
func.func @loop(%m: tensor<i64>, %x: tensor<?x4xf32>) -> tensor<?x?xf32> {
  %s = onnx.Shape %x : (tensor<?x4xf32>) -> tensor<2xi64>
  %z = onnx.ConstantOfShape %s : (tensor<2xi64>) -> tensor<?x?xf32>
  // CHECK: ^bb0({{.*}}, %{{.*}}: tensor<?x4xf32>):
  // CHECK: onnx.Yield {{.*}} tensor<?x4xf32>
  // CHECK: -> tensor<?x4xf32>
  %0 = onnx.Loop M %m carried %z {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<?x?xf32>):
    %next = onnx.Neg %v : (tensor<?x?xf32>) -> tensor<?x?xf32>
    onnx.Yield %c, %next : tensor<i1>, tensor<?x?xf32>
  } : (tensor<i64>, tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// A caller relies on the type.
// CHECK-LABEL: func.func @no_change_when_called
// CHECK-SAME: -> tensor<?xf32>
func.func @no_change_when_called() -> tensor<?xf32> {
  %s = onnx.Constant dense<3> : tensor<1xi64>
  // CHECK: onnx.ConstantOfShape {{.*}} -> tensor<?xf32>
  %z = onnx.ConstantOfShape %s : (tensor<1xi64>) -> tensor<?xf32>
  return %z : tensor<?xf32>
}
func.func @caller() -> tensor<?xf32> {
  %0 = call @no_change_when_called() : () -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// Without axes, Squeeze removes what the type says is 1: a new 1 would be one
// more.
// CHECK-LABEL: func.func @no_new_one_below_squeeze
func.func @no_new_one_below_squeeze(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %s = onnx.Constant dense<[1, 1, 4]> : tensor<3xi64>
  // CHECK: onnx.Reshape {{.*}} -> tensor<1x?x4xf32>
  %r = onnx.Reshape %x, %s : (tensor<?x4xf32>, tensor<3xi64>) -> tensor<1x?x4xf32>
  %0 = onnx.Squeeze %r : (tensor<1x?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
