// RUN: moe-opt %s | moe-opt | FileCheck %s
//
// Every op of Reduction.td prints what it parsed.

// CHECK-LABEL: func @reductions
func.func @reductions(%x: tensor<?x4xf32>, %axes: tensor<1xi64>) {
  // CHECK: onnx.ReduceL1 %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %0 = onnx.ReduceL1 %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: onnx.ReduceL2 %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %1 = onnx.ReduceL2 %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: onnx.ReduceLogSum %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %2 = onnx.ReduceLogSum %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: onnx.ReduceLogSumExp %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %3 = onnx.ReduceLogSumExp %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: onnx.ReduceMax %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %4 = onnx.ReduceMax %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: onnx.ReduceMean %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %5 = onnx.ReduceMean %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: onnx.ReduceMin %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %6 = onnx.ReduceMin %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: onnx.ReduceProd %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %7 = onnx.ReduceProd %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: onnx.ReduceSum %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %8 = onnx.ReduceSum %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  // CHECK: onnx.ReduceSumSquare %{{.*}}, %{{.*}} {keepdims = 0 : i64}
  %9 = onnx.ReduceSumSquare %x, %axes {keepdims = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// CHECK-LABEL: func @all_axes
func.func @all_axes(%x: tensor<?x4xf32>) {
  // CHECK: onnx.ReduceSum %{{.*}}
  %0 = onnx.ReduceSum %x : (tensor<?x4xf32>) -> tensor<1x1xf32>
  // CHECK: onnx.ReduceSum %{{.*}} {noop_with_empty_axes = 1 : i64}
  %1 = onnx.ReduceSum %x {noop_with_empty_axes = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @args
func.func @args(%x: tensor<?x4xf32>) {
  // CHECK: onnx.ArgMax %{{.*}} {axis = 1 : i64, keepdims = 0 : i64, select_last_index = 1 : i64}
  %0 = onnx.ArgMax %x {axis = 1 : i64, keepdims = 0 : i64, select_last_index = 1 : i64} : (tensor<?x4xf32>) -> tensor<?xi64>
  // CHECK: onnx.ArgMin %{{.*}} {axis = 1 : i64, keepdims = 0 : i64, select_last_index = 1 : i64}
  %1 = onnx.ArgMin %x {axis = 1 : i64, keepdims = 0 : i64, select_last_index = 1 : i64} : (tensor<?x4xf32>) -> tensor<?xi64>
  return
}

// CHECK-LABEL: func @lines
func.func @lines(%x: tensor<?x4xf32>) {
  // CHECK: onnx.Hardmax %{{.*}} {axis = 0 : i64}
  %0 = onnx.Hardmax %x {axis = 0 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.LogSoftmax %{{.*}} {axis = 0 : i64}
  %1 = onnx.LogSoftmax %x {axis = 0 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Softmax %{{.*}} {axis = 0 : i64}
  %2 = onnx.Softmax %x {axis = 0 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.LpNormalization %{{.*}} {p = 1 : i64}
  %3 = onnx.LpNormalization %x {p = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @scans
func.func @scans(%x: tensor<?x4xf32>, %axis: tensor<i64>) {
  // CHECK: onnx.CumProd %{{.*}}, %{{.*}} {exclusive = 1 : i64, reverse = 1 : i64}
  %0 = onnx.CumProd %x, %axis {exclusive = 1 : i64, reverse = 1 : i64} : (tensor<?x4xf32>, tensor<i64>) -> tensor<?x4xf32>
  // CHECK: onnx.CumSum %{{.*}}, %{{.*}} {exclusive = 1 : i64, reverse = 1 : i64}
  %1 = onnx.CumSum %x, %axis {exclusive = 1 : i64, reverse = 1 : i64} : (tensor<?x4xf32>, tensor<i64>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @topk
func.func @topk(%x: tensor<?x8xf32>, %k: tensor<1xi64>) {
  // CHECK: onnx.TopK %{{.*}}, %{{.*}} {axis = 0 : i64, largest = 0 : i64, sorted = 0 : i64}
  %values, %indices = onnx.TopK %x, %k {axis = 0 : i64, largest = 0 : i64, sorted = 0 : i64}
      : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x8xf32>, tensor<?x8xi64>)
  return
}
