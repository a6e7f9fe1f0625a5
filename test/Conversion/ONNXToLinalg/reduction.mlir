// RUN: moe-opt %s --convert-onnx-to-linalg --canonicalize --cse | FileCheck %s

// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1) -> (d0)>

// Loops run in the order of the operand's dims; kept dims are a view.
// CHECK-LABEL: func @keep_dims
// CHECK: linalg.generic {indexing_maps = [#[[$ID]], #[[$ROW]]], iterator_types = ["parallel", "reduction"]}
// CHECK: arith.addf
// CHECK: tensor.expand_shape
func.func @keep_dims(%x: tensor<?x4xf32>) -> tensor<?x1xf32> {
  %axes = onnx.Constant dense<-1> : tensor<1xi64>
  %0 = onnx.ReduceSum %x, %axes : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  return %0 : tensor<?x1xf32>
}

// Sums of f16 are kept in f32.
// CHECK-LABEL: func @narrow_sum
// CHECK: arith.extf %{{.*}} : f16 to f32
// CHECK: arith.addf %{{.*}} : f32
// CHECK: arith.truncf
func.func @narrow_sum(%x: tensor<?x4xf16>) -> tensor<?xf16> {
  %axes = onnx.Constant dense<1> : tensor<1xi64>
  %0 = onnx.ReduceSum %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf16>, tensor<1xi64>) -> tensor<?xf16>
  return %0 : tensor<?xf16>
}

// No axes and noop_with_empty_axes: only what is not the reduction is left.
// CHECK-LABEL: func @no_axes
// CHECK: linalg.generic {{.*}}iterator_types = ["parallel", "parallel"]
func.func @no_axes(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %0 = onnx.ReduceSumSquare %x {noop_with_empty_axes = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// Axes that are known at run time only: checked, then a mask per dim.
// CHECK-LABEL: func @run_time_axes
// CHECK: rt.require %{{.*}}, "axes must be in [-rank, rank)"
// CHECK: scf.for
// CHECK: tensor.reshape
func.func @run_time_axes(%x: tensor<?x4xf32>, %axes: tensor<1xi64>) -> tensor<?xf32> {
  %0 = onnx.ReduceSum %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// An empty axis has no greatest element.
// CHECK-LABEL: func @argmax
// CHECK: rt.require %{{.*}}, "the axis must not be empty"
// CHECK: linalg.generic
// CHECK: linalg.index 0
func.func @argmax(%x: tensor<?x4xf32>) -> tensor<4xi64> {
  %0 = onnx.ArgMax %x {keepdims = 0 : i64} : (tensor<?x4xf32>) -> tensor<4xi64>
  return %0 : tensor<4xi64>
}

// Three loops: the greatest element, the sum, the quotient. The extent of the
// lines is known to be the operand's, so that nothing is read by tensor.extract.
// CHECK-LABEL: func @softmax
// CHECK: linalg.generic
// CHECK: arith.maximumf
// CHECK: linalg.generic
// CHECK: math.exp
// CHECK: linalg.generic
// CHECK: arith.divf
// CHECK-NOT: tensor.extract
func.func @softmax(%x: tensor<?x?xf32>) -> tensor<?x?xf32> {
  %0 = onnx.Softmax %x : (tensor<?x?xf32>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// CHECK-LABEL: func @cumsum
// CHECK-NOT: rt.require
// CHECK: scf.for
// CHECK: scf.for
// CHECK: tensor.insert
func.func @cumsum(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %axis = onnx.Constant dense<1> : tensor<i64>
  %0 = onnx.CumSum %x, %axis : (tensor<?x4xf32>, tensor<i64>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// K is compared with the extent of the axis; NaN stands ahead of numbers.
// CHECK-LABEL: func @topk
// CHECK: rt.require %{{.*}}, "K must be in [0, extent of the axis]"
// CHECK: scf.for
// CHECK: arith.cmpf ugt
// CHECK: scf.if
func.func @topk(%x: tensor<?x8xf32>, %k: tensor<1xi64>) -> (tensor<?x?xf32>, tensor<?x?xi64>) {
  %0, %1 = onnx.TopK %x, %k : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x?xf32>, tensor<?x?xi64>)
  return %0, %1 : tensor<?x?xf32>, tensor<?x?xi64>
}
