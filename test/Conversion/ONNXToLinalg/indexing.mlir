// RUN: moe-opt %s --convert-onnx-to-linalg --canonicalize --cse | FileCheck %s
//
// Indices from data are checked by a pass of their own, ahead of the loop that
// reads them; the message says the range.

// CHECK-LABEL: func @gather_rows
// CHECK: linalg.generic
// CHECK-SAME: iterator_types = ["reduction", "reduction"]
// CHECK: rt.require %{{.*}}, "indices must be in [-256, 255]"
// CHECK: linalg.generic
// CHECK: tensor.extract
func.func @gather_rows(%x: tensor<256x128xf32>, %i: tensor<?x?xi64>) -> tensor<?x?x128xf32> {
  %0 = onnx.Gather %x, %i : (tensor<256x128xf32>, tensor<?x?xi64>) -> tensor<?x?x128xf32>
  return %0 : tensor<?x?x128xf32>
}

// One constant index that fits is a view, without a check.
// CHECK-LABEL: func @gather_last
// CHECK-NOT: rt.require
// CHECK-NOT: linalg
// CHECK: tensor.extract_slice %{{.*}}[0, 7] [%{{.*}}, 1]
func.func @gather_last(%x: tensor<?x8xf32>) -> tensor<?xf32> {
  %i = onnx.Constant dense<-1> : tensor<i64>
  %0 = onnx.Gather %x, %i {axis = 1 : i64} : (tensor<?x8xf32>, tensor<i64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// CHECK-LABEL: func @gather_elements
// CHECK: rt.require %{{.*}}, "dim 0 of the indices must not exceed that of the data"
// CHECK: rt.require %{{.*}}, "indices must be in [-s, s - 1], s being the extent of the gathered dim"
func.func @gather_elements(%x: tensor<?x?xf32>, %i: tensor<?x2xi32>) -> tensor<?x2xf32> {
  %0 = onnx.GatherElements %x, %i {axis = 1 : i64} : (tensor<?x?xf32>, tensor<?x2xi32>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// Each element of a tuple has its dim's range.
// CHECK-LABEL: func @gather_nd
// CHECK: rt.require %{{.*}}, "indices must be in [-4, 3]"
// CHECK: rt.require %{{.*}}, "indices must be in [-8, 7]"
func.func @gather_nd(%x: tensor<4x8x2xf32>, %i: tensor<?x2xi64>) -> tensor<?x2xf32> {
  %0 = onnx.GatherND %x, %i : (tensor<4x8x2xf32>, tensor<?x2xi64>) -> tensor<?x2xf32>
  return %0 : tensor<?x2xf32>
}

// Updates are sequential and in order: duplicates are deterministic.
// CHECK-LABEL: func @scatter_add
// CHECK: rt.require %{{.*}}, "indices must be in [-8, 7]"
// CHECK: scf.for
// CHECK: scf.for
// CHECK: arith.addf
// CHECK: tensor.insert
func.func @scatter_add(%x: tensor<?x8xf32>, %i: tensor<?x2xi64>, %u: tensor<?x2xf32>) -> tensor<?x8xf32> {
  %0 = onnx.ScatterElements %x, %i, %u {axis = 1 : i64, reduction = #onnx.reduction<add>}
      : (tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}

// Bools: add is or. Unsigned integers compare as such.
// CHECK-LABEL: func @scatter_types
// CHECK: arith.ori
// CHECK: arith.maxui
func.func @scatter_types(%x: tensor<8xi1>, %i: tensor<?x1xi64>, %u: tensor<?xi1>,
                         %y: tensor<8xui8>, %v: tensor<?xui8>) -> (tensor<8xi1>, tensor<8xui8>) {
  %0 = onnx.ScatterND %x, %i, %u {reduction = #onnx.reduction<add>}
      : (tensor<8xi1>, tensor<?x1xi64>, tensor<?xi1>) -> tensor<8xi1>
  %1 = onnx.ScatterND %y, %i, %v {reduction = #onnx.reduction<max>}
      : (tensor<8xui8>, tensor<?x1xi64>, tensor<?xui8>) -> tensor<8xui8>
  return %0, %1 : tensor<8xi1>, tensor<8xui8>
}

// A ring buffer: positions wrap around, so their range is that of the start.
// CHECK-LABEL: func @cache
// CHECK: rt.require %{{.*}}, "the update must fit into the cache"
// CHECK: rt.require %{{.*}}, "write_indices must be in [0, 2^62)"
// CHECK: arith.remui
func.func @cache(%x: tensor<4x8xf32>, %u: tensor<4x?xf32>, %w: tensor<4xi64>) -> tensor<4x8xf32> {
  %0 = onnx.TensorScatter %x, %u, %w {axis = 1 : i64, mode = #onnx.cache_mode<circular>}
      : (tensor<4x8xf32>, tensor<4x?xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// Count, then fill.
// CHECK-LABEL: func @non_zero
// CHECK: linalg.generic
// CHECK: tensor.empty(%{{.*}}) : tensor<2x?xi64>
// CHECK: scf.for
// CHECK: scf.if
func.func @non_zero(%x: tensor<?x8xf32>) -> tensor<2x?xi64> {
  %0 = onnx.NonZero %x : (tensor<?x8xf32>) -> tensor<2x?xi64>
  return %0 : tensor<2x?xi64>
}

// CHECK-LABEL: func @one_hot
// CHECK: rt.require %{{.*}}, "depth must not be negative"
// CHECK: linalg.generic
// CHECK: arith.select
func.func @one_hot(%i: tensor<?xi64>, %d: tensor<i64>, %v: tensor<2xf32>) -> tensor<?x?xf32> {
  %0 = onnx.OneHot %i, %d, %v : (tensor<?xi64>, tensor<i64>, tensor<2xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func @compress
// CHECK: scf.for
// CHECK: linalg.generic
func.func @compress(%x: tensor<?x8xf32>, %c: tensor<?xi1>) -> tensor<?x8xf32> {
  %0 = onnx.Compress %x, %c {axis = 0 : i64} : (tensor<?x8xf32>, tensor<?xi1>) -> tensor<?x8xf32>
  return %0 : tensor<?x8xf32>
}
