// RUN: moe-opt %s -split-input-file -verify-diagnostics
//
// What the verifiers of Indexing.td refuse. Indices are checked at run time.

func.func @gather_axis(%x: tensor<4x2xf32>, %i: tensor<3xi64>) {
  // expected-error@+1 {{expected axis in [-2, 1], but got 2}}
  %0 = onnx.Gather %x, %i {axis = 2 : i64} : (tensor<4x2xf32>, tensor<3xi64>) -> tensor<4x3xf32>
  return
}

// -----

func.func @gather_rank(%x: tensor<4x2xf32>, %i: tensor<3xi64>) {
  // expected-error@+1 {{expected output of rank 2, but got 'tensor<3xf32>'}}
  %0 = onnx.Gather %x, %i : (tensor<4x2xf32>, tensor<3xi64>) -> tensor<3xf32>
  return
}

// -----

func.func @gather_elements_rank(%x: tensor<4x2xf32>, %i: tensor<3xi64>) {
  // expected-error@+1 {{expected indices of rank 2, but got 'tensor<3xi64>'}}
  %0 = onnx.GatherElements %x, %i : (tensor<4x2xf32>, tensor<3xi64>) -> tensor<3x2xf32>
  return
}

// -----

func.func @gather_nd_scalar(%x: tensor<4x2xf32>, %i: tensor<i64>) {
  // expected-error@+1 {{expected indices of rank 1 at least, but got 'tensor<i64>'}}
  %0 = onnx.GatherND %x, %i : (tensor<4x2xf32>, tensor<i64>) -> tensor<2xf32>
  return
}

// -----

func.func @gather_nd_batch_dims(%x: tensor<4x2xf32>, %i: tensor<4x1xi64>) {
  // expected-error@+1 {{expected batch_dims in [0, 1], but got 2}}
  %0 = onnx.GatherND %x, %i {batch_dims = 2 : i64} : (tensor<4x2xf32>, tensor<4x1xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @gather_nd_long_tuples(%x: tensor<4x2xf32>, %i: tensor<5x6x3xi64>) {
  // expected-error@+1 {{expected index tuples of at most 2 elements, but the ranks mean 3}}
  %0 = onnx.GatherND %x, %i : (tensor<4x2xf32>, tensor<5x6x3xi64>) -> tensor<5xf32>
  return
}

// -----

func.func @gather_nd_tuple_length(%x: tensor<4x2xf32>, %i: tensor<5x2xi64>) {
  // expected-error@+1 {{expected index tuples of 1 elements, but got 'tensor<5x2xi64>'}}
  %0 = onnx.GatherND %x, %i : (tensor<4x2xf32>, tensor<5x2xi64>) -> tensor<5x2xf32>
  return
}

// -----

func.func @scatter_elements_rank(%x: tensor<4x2xf32>, %i: tensor<4x2xi64>, %u: tensor<4xf32>) {
  // expected-error@+1 {{expected updates of rank 2, but got 'tensor<4xf32>'}}
  %0 = onnx.ScatterElements %x, %i, %u : (tensor<4x2xf32>, tensor<4x2xi64>, tensor<4xf32>) -> tensor<4x2xf32>
  return
}

// -----

func.func @scatter_nd_scalar(%x: tensor<4xf32>, %i: tensor<i64>, %u: tensor<f32>) {
  // expected-error@+1 {{expected indices of rank 1 at least, but got 'tensor<i64>'}}
  %0 = onnx.ScatterND %x, %i, %u : (tensor<4xf32>, tensor<i64>, tensor<f32>) -> tensor<4xf32>
  return
}

// -----

func.func @scatter_types(%x: tensor<4xf32>, %i: tensor<2x1xi64>, %u: tensor<2xf16>) {
  // expected-error@+1 {{failed to verify that all of {data, output, updates} have same element type}}
  %0 = onnx.ScatterND %x, %i, %u : (tensor<4xf32>, tensor<2x1xi64>, tensor<2xf16>) -> tensor<4xf32>
  return
}

// -----

func.func @cache_batch_dim(%x: tensor<4x8xf32>, %u: tensor<4x8xf32>) {
  // expected-error@+1 {{expected an axis other than the batch dim 0}}
  %0 = onnx.TensorScatter %x, %u : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @non_zero_rows(%x: tensor<4x8xf32>) {
  // expected-error@+1 {{expected Y of 2 rows, but got 'tensor<3x?xi64>'}}
  %0 = onnx.NonZero %x : (tensor<4x8xf32>) -> tensor<3x?xi64>
  return
}

// -----

func.func @one_hot_values(%i: tensor<4xi64>, %d: tensor<i64>, %v: tensor<3xf32>) {
  // expected-error@+1 {{expected values of 2 elements, but got 3}}
  %0 = onnx.OneHot %i, %d, %v : (tensor<4xi64>, tensor<i64>, tensor<3xf32>) -> tensor<4x?xf32>
  return
}

// -----

func.func @compress_condition(%x: tensor<4xf32>, %c: tensor<2x2xi1>) {
  // expected-error@+1 {{expected condition of rank 1, but got 'tensor<2x2xi1>'}}
  %0 = onnx.Compress %x, %c : (tensor<4xf32>, tensor<2x2xi1>) -> tensor<?xf32>
  return
}
