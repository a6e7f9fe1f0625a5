// RUN: moe-opt %s | moe-opt | FileCheck %s
//
// Every op of Indexing.td prints what it parsed.

// CHECK-LABEL: func @gathers
func.func @gathers(%x: tensor<?x8x4xf32>, %i: tensor<?x2xi64>, %e: tensor<?x2x4xi32>) {
  // CHECK: onnx.Gather %{{.*}}, %{{.*}} {axis = 1 : i64}
  %0 = onnx.Gather %x, %i {axis = 1 : i64} : (tensor<?x8x4xf32>, tensor<?x2xi64>) -> tensor<?x?x2x4xf32>
  // CHECK: onnx.GatherElements %{{.*}}, %{{.*}} {axis = 1 : i64}
  %1 = onnx.GatherElements %x, %e {axis = 1 : i64} : (tensor<?x8x4xf32>, tensor<?x2x4xi32>) -> tensor<?x2x4xf32>
  // CHECK: onnx.GatherND %{{.*}}, %{{.*}} {batch_dims = 1 : i64}
  %2 = onnx.GatherND %x, %i {batch_dims = 1 : i64} : (tensor<?x8x4xf32>, tensor<?x2xi64>) -> tensor<?xf32>
  return
}

// CHECK-LABEL: func @scatters
func.func @scatters(%x: tensor<?x8xf32>, %e: tensor<?x2xi64>, %u: tensor<?x2xf32>,
                    %i: tensor<?x1xi64>, %v: tensor<?x8xf32>, %w: tensor<?xi64>) {
  // CHECK: onnx.ScatterElements %{{.*}}, %{{.*}}, %{{.*}} {axis = 1 : i64, reduction = #onnx.reduction<max>}
  %0 = onnx.ScatterElements %x, %e, %u {axis = 1 : i64, reduction = #onnx.reduction<max>}
      : (tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x8xf32>
  // CHECK: onnx.ScatterND %{{.*}}, %{{.*}}, %{{.*}} {reduction = #onnx.reduction<add>}
  %1 = onnx.ScatterND %x, %i, %v {reduction = #onnx.reduction<add>}
      : (tensor<?x8xf32>, tensor<?x1xi64>, tensor<?x8xf32>) -> tensor<?x8xf32>
  // CHECK: onnx.TensorScatter %{{.*}}, %{{.*}}, %{{.*}} {axis = 1 : i64, mode = #onnx.cache_mode<circular>}
  %2 = onnx.TensorScatter %x, %u, %w {axis = 1 : i64, mode = #onnx.cache_mode<circular>}
      : (tensor<?x8xf32>, tensor<?x2xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  return
}

// CHECK-LABEL: func @selections
func.func @selections(%x: tensor<?x8xf32>, %i: tensor<?xi64>, %d: tensor<i64>,
                      %v: tensor<2xf32>, %c: tensor<?xi1>) {
  // CHECK: onnx.NonZero
  %0 = onnx.NonZero %x : (tensor<?x8xf32>) -> tensor<2x?xi64>
  // CHECK: onnx.OneHot %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64}
  %1 = onnx.OneHot %i, %d, %v {axis = 0 : i64} : (tensor<?xi64>, tensor<i64>, tensor<2xf32>) -> tensor<?x?xf32>
  // CHECK: onnx.Compress %{{.*}}, %{{.*}} {axis = 0 : i64}
  %2 = onnx.Compress %x, %c {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?xi1>) -> tensor<?x8xf32>
  return
}
