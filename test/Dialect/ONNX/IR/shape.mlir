// RUN: moe-opt %s | moe-opt | FileCheck %s
//
// Every op of Shape.td prints what it parsed.

// CHECK-LABEL: func @making
func.func @making(%shape: tensor<2xi64>, %x: tensor<?x4xf32>, %f: tensor<f32>) {
  // CHECK: onnx.Constant dense<[1, 2]> : tensor<2xi64>
  %0 = onnx.Constant dense<[1, 2]> : tensor<2xi64>
  // CHECK: onnx.ConstantOfShape %{{.*}} {value = dense<1> : tensor<1xi64>}
  %1 = onnx.ConstantOfShape %shape {value = dense<1> : tensor<1xi64>}
      : (tensor<2xi64>) -> tensor<?x?xi64>
  // CHECK: onnx.Range %{{.*}}, %{{.*}}, %{{.*}} : (tensor<f32>, tensor<f32>, tensor<f32>)
  %2 = onnx.Range %f, %f, %f : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<?xf32>
  // CHECK: onnx.EyeLike %{{.*}} {k = 1 : i64}
  %3 = onnx.EyeLike %x {k = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf64>
  return
}

// CHECK-LABEL: func @asking
func.func @asking(%x: tensor<?x?x4xf32>) {
  // CHECK: onnx.Shape %{{.*}} {end = -1 : i64, start = 1 : i64}
  %0 = onnx.Shape %x {start = 1 : i64, end = -1 : i64} : (tensor<?x?x4xf32>) -> tensor<1xi64>
  // CHECK: onnx.Size
  %1 = onnx.Size %x : (tensor<?x?x4xf32>) -> tensor<i64>
  return
}

// CHECK-LABEL: func @same_order
func.func @same_order(%x: tensor<?x1x4xf32>, %s: tensor<2xi64>, %a: tensor<1xi64>) {
  // CHECK: onnx.Identity
  %0 = onnx.Identity %x : (tensor<?x1x4xf32>) -> tensor<?x?x4xf32>
  // CHECK: onnx.Reshape %{{.*}}, %{{.*}} {allowzero = 1 : i64}
  %1 = onnx.Reshape %x, %s {allowzero = 1 : i64} : (tensor<?x1x4xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  // CHECK: onnx.Flatten %{{.*}} {axis = 2 : i64}
  %2 = onnx.Flatten %x {axis = 2 : i64} : (tensor<?x1x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Squeeze %{{[a-z0-9]*}} :
  %3 = onnx.Squeeze %x : (tensor<?x1x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Squeeze %{{.*}}, %{{.*}} :
  %4 = onnx.Squeeze %x, %a : (tensor<?x1x4xf32>, tensor<1xi64>) -> tensor<?x4xf32>
  // CHECK: onnx.Unsqueeze
  %5 = onnx.Unsqueeze %x, %a : (tensor<?x1x4xf32>, tensor<1xi64>) -> tensor<1x?x1x4xf32>
  return
}

// CHECK-LABEL: func @moving
func.func @moving(%x: tensor<?x8xf32>, %y: tensor<?x8x2x2xf32>, %a: tensor<1xi64>,
                  %p: tensor<2xi64>, %k: tensor<i64>, %v: tensor<f32>, %n: tensor<?xi64>) {
  // CHECK: onnx.Transpose %{{.*}} {perm = array<i64: 1, 0>}
  %0 = onnx.Transpose %x {perm = array<i64: 1, 0>} : (tensor<?x8xf32>) -> tensor<8x?xf32>
  // CHECK: onnx.Concat %{{.*}}, %{{.*}} {axis = -1 : i64}
  %1 = onnx.Concat %x, %x {axis = -1 : i64} : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x16xf32>
  // CHECK: onnx.Split %{{[a-z0-9]*}} {axis = 1 : i64, num_outputs = 2 : i64}
  %2:2 = onnx.Split %x {axis = 1 : i64, num_outputs = 2 : i64}
      : (tensor<?x8xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  // CHECK: onnx.Split %{{.*}}, %{{.*}} {axis = 1 : i64}
  %3:2 = onnx.Split %x, %p {axis = 1 : i64} : (tensor<?x8xf32>, tensor<2xi64>) -> (tensor<?x?xf32>, tensor<?x?xf32>)
  // CHECK: onnx.Slice %{{.*}}, %{{.*}}, %{{.*}} steps(%{{.*}}) :
  %4 = onnx.Slice %x, %a, %a steps(%a) : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x8xf32>
  // CHECK: onnx.Slice %{{.*}} axes(%{{.*}}) steps(%{{.*}}) :
  %5 = onnx.Slice %x, %a, %a axes(%a) steps(%a)
      : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x?xf32>
  // CHECK: onnx.Expand
  %6 = onnx.Expand %x, %p : (tensor<?x8xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  // CHECK: onnx.Tile
  %7 = onnx.Tile %x, %p : (tensor<?x8xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  // CHECK: onnx.Pad %{{.*}}, %{{.*}} value(%{{.*}}) axes(%{{.*}}) :
  %8 = onnx.Pad %x, %p value(%v) axes(%a) : (tensor<?x8xf32>, tensor<2xi64>, tensor<f32>, tensor<1xi64>) -> tensor<?x?xf32>
  // CHECK: onnx.Pad %{{.*}}, %{{.*}} axes(%{{.*}}) {mode = #onnx.pad_mode<reflect>}
  %9 = onnx.Pad %x, %p axes(%a) {mode = #onnx.pad_mode<reflect>} : (tensor<?x8xf32>, tensor<2xi64>, tensor<1xi64>) -> tensor<?x?xf32>
  // CHECK: onnx.DepthToSpace %{{.*}} {blocksize = 2 : i64, mode = #onnx.depth_mode<CRD>}
  %10 = onnx.DepthToSpace %y {blocksize = 2 : i64, mode = #onnx.depth_mode<CRD>} : (tensor<?x8x2x2xf32>) -> tensor<?x2x4x4xf32>
  // CHECK: onnx.SpaceToDepth %{{.*}} {blocksize = 2 : i64}
  %11 = onnx.SpaceToDepth %y {blocksize = 2 : i64} : (tensor<?x8x2x2xf32>) -> tensor<?x32x1x1xf32>
  // CHECK: onnx.Trilu %{{.*}}, %{{.*}} {upper = 0 : i64}
  %12 = onnx.Trilu %x, %k {upper = 0 : i64} : (tensor<?x8xf32>, tensor<i64>) -> tensor<?x8xf32>
  // CHECK: onnx.ReverseSequence %{{.*}}, %{{.*}} {batch_axis = 0 : i64, time_axis = 1 : i64}
  %13 = onnx.ReverseSequence %x, %n {batch_axis = 0 : i64, time_axis = 1 : i64} : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  return
}
