// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @reduce_c1_range(%x: tensor<?x4xf32>) {
  %axes = onnx.Constant dense<2> : tensor<1xi64>
  // expected-error @+1 {{expected an axis in [-2, 2), but got 2}}
  %0 = onnx.ReduceSum %x, %axes : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x1xf32>
  return
}

// -----

func.func @reduce_c1_twice(%x: tensor<?x4xf32>) {
  %axes = onnx.Constant dense<[1, -1]> : tensor<2xi64>
  // expected-error @+1 {{expected each axis once, but got 1 twice}}
  %0 = onnx.ReduceSum %x, %axes : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x1xf32>
  return
}

// -----

func.func @reduce_c2_constant(%x: tensor<?x4xf32>) {
  %axes = onnx.Constant dense<1> : tensor<1xi64>
  // expected-error @+1 {{expected a result like 'tensor<?x1xf32>', but got 'tensor<?xf32>'}}
  %0 = onnx.ReduceSum %x, %axes : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @reduce_c2_run_time(%x: tensor<?x4xf32>, %axes: tensor<1xi64>) {
  // expected-error @+1 {{expected a result of rank 2, but got 'tensor<?xf32>'}}
  %0 = onnx.ReduceSum %x, %axes : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @reduce_axes_rank(%x: tensor<?x4xf32>, %axes: tensor<i64>) {
  // expected-error @+1 {{expected axes of rank 1, but got 'tensor<i64>'}}
  %0 = onnx.ReduceSum %x, %axes : (tensor<?x4xf32>, tensor<i64>) -> tensor<?x1xf32>
  return
}

// -----

func.func @arg_c1(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{expected an axis in [-2, 2), but got -3}}
  %0 = onnx.ArgMax %x {axis = -3 : i64} : (tensor<?x4xf32>) -> tensor<1x4xi64>
  return
}

// -----

func.func @arg_c2(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{expected a result like 'tensor<1x4xi64>', but got 'tensor<4xi64>'}}
  %0 = onnx.ArgMin %x {axis = 0 : i64} : (tensor<?x4xf32>) -> tensor<4xi64>
  return
}

// -----

func.func @line_c1(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{expected an axis in [-2, 2), but got 2}}
  %0 = onnx.Softmax %x {axis = 2 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @lp_c1(%x: tensor<?x4xf32>) {
  // expected-error @+1 {{expected p = 1 or 2, but got 3}}
  %0 = onnx.LpNormalization %x {p = 3 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

func.func @cumulative_c1_axis(%x: tensor<?x4xf32>, %axis: tensor<2xi64>) {
  // expected-error @+1 {{expected an axis of one element, but got 'tensor<2xi64>'}}
  %0 = onnx.CumSum %x, %axis : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x4xf32>
  return
}

// -----

func.func @cumulative_c1_rank(%x: tensor<f32>, %axis: tensor<i64>) {
  // expected-error @+1 {{expected an operand of rank 1 or more, but got 'tensor<f32>'}}
  %0 = onnx.CumProd %x, %axis : (tensor<f32>, tensor<i64>) -> tensor<f32>
  return
}

// -----

func.func @topk_c1(%x: tensor<?x8xf32>, %k: tensor<1xi64>) {
  // expected-error @+1 {{expected an axis in [-2, 2), but got 2}}
  %0, %1 = onnx.TopK %x, %k {axis = 2 : i64} : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x?xf32>, tensor<?x?xi64>)
  return
}

// -----

func.func @topk_c2(%x: tensor<?x8xf32>, %k: tensor<2xi64>) {
  // expected-error @+1 {{expected K of one element, but got 'tensor<2xi64>'}}
  %0, %1 = onnx.TopK %x, %k : (tensor<?x8xf32>, tensor<2xi64>) -> (tensor<?x?xf32>, tensor<?x?xi64>)
  return
}

// -----

func.func @topk_c3(%x: tensor<4x8xf32>, %k: tensor<1xi64>) {
  // expected-error @+1 {{expected a result like 'tensor<4x?xi64>', but got 'tensor<3x?xi64>'}}
  %0, %1 = onnx.TopK %x, %k : (tensor<4x8xf32>, tensor<1xi64>) -> (tensor<4x?xf32>, tensor<3x?xi64>)
  return
}
