// RUN: moe-opt %s -split-input-file -verify-diagnostics
//
// What the verifiers of Shape.td refuse. Extents are checked at run time.

func.func @shape_length_is_rank(%s: tensor<3xi64>) {
  // expected-error@+1 {{expected input of 2 elements, but got 3}}
  %0 = onnx.ConstantOfShape %s : (tensor<3xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @fill_value_is_one_element(%s: tensor<1xi64>) {
  // expected-error@+1 {{expected value of one element, but got 2}}
  %0 = onnx.ConstantOfShape %s {value = dense<1.0> : tensor<2xf32>} : (tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @fill_value_type(%s: tensor<1xi64>) {
  // expected-error@+1 {{expected value of type 'f32', but got 'i64'}}
  %0 = onnx.ConstantOfShape %s {value = dense<1> : tensor<1xi64>} : (tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @range_bound_is_one_element(%a: tensor<i64>, %b: tensor<2xi64>) {
  // expected-error@+1 {{expected limit of one element, but got 'tensor<2xi64>'}}
  %0 = onnx.Range %a, %b, %a : (tensor<i64>, tensor<2xi64>, tensor<i64>) -> tensor<?xi64>
  return
}

// -----

func.func @range_of_one_type(%a: tensor<i64>, %b: tensor<i32>) {
  // expected-error@+1 {{expected delta of element type 'i64', but got 'tensor<i32>'}}
  %0 = onnx.Range %a, %a, %b : (tensor<i64>, tensor<i64>, tensor<i32>) -> tensor<?xi64>
  return
}

// -----

func.func @range_stash_type(%a: tensor<f16>) {
  // expected-error@+1 {{expected stash_type 1 (f32) or 11 (f64), but got 2}}
  %0 = onnx.Range %a, %a, %a {stash_type = 2 : i64} : (tensor<f16>, tensor<f16>, tensor<f16>) -> tensor<?xf16>
  return
}

// -----

func.func @eye_is_a_matrix(%x: tensor<2x3x4xf32>) {
  // expected-error@+1 {{expected input of rank 2, but got 'tensor<2x3x4xf32>'}}
  %0 = onnx.EyeLike %x : (tensor<2x3x4xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @shape_counts_dims(%x: tensor<2x3x4xf32>) {
  // expected-error@+1 {{expected shape of 2 elements, but got 3}}
  %0 = onnx.Shape %x {start = 1 : i64} : (tensor<2x3x4xf32>) -> tensor<3xi64>
  return
}

// -----

func.func @identity_keeps_shape(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected an output of the input's shape, but got 'tensor<5xf32>'}}
  %0 = onnx.Identity %x : (tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @reshape_rank(%x: tensor<4xf32>, %s: tensor<2xi64>) {
  // expected-error@+1 {{expected shape of 3 elements, but got 2}}
  %0 = onnx.Reshape %x, %s : (tensor<4xf32>, tensor<2xi64>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @reshape_keeps_type(%x: tensor<4xf32>, %s: tensor<1xi64>) {
  // expected-error@+1 {{failed to verify that all of {data, reshaped} have same element type}}
  %0 = onnx.Reshape %x, %s : (tensor<4xf32>, tensor<1xi64>) -> tensor<?xf16>
  return
}

// -----

func.func @flatten_axis(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{expected axis in [-2, 2], but got 3}}
  %0 = onnx.Flatten %x {axis = 3 : i64} : (tensor<4x2xf32>) -> tensor<8x1xf32>
  return
}

// -----

func.func @squeeze_axes_rank(%x: tensor<4x1xf32>, %a: tensor<1x1xi64>) {
  // expected-error@+1 {{expected axes of rank 1 at most, but got 'tensor<1x1xi64>'}}
  %0 = onnx.Squeeze %x, %a : (tensor<4x1xf32>, tensor<1x1xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @squeeze_rank(%x: tensor<4x1xf32>) {
  // expected-error@+1 {{expected squeezed of rank 2 at most, but got 'tensor<4x1x1xf32>'}}
  %0 = onnx.Squeeze %x : (tensor<4x1xf32>) -> tensor<4x1x1xf32>
  return
}

// -----

func.func @unsqueeze_rank(%x: tensor<4x1xf32>, %a: tensor<1xi64>) {
  // expected-error@+1 {{expected expanded of rank 2 at least, but got 'tensor<4xf32>'}}
  %0 = onnx.Unsqueeze %x, %a : (tensor<4x1xf32>, tensor<1xi64>) -> tensor<4xf32>
  return
}

// -----

func.func @transpose_permutation(%x: tensor<4x2xf32>) {
  // expected-error@+1 {{expected perm to be a permutation of the dims of 'tensor<4x2xf32>', but got [0, 0]}}
  %0 = onnx.Transpose %x {perm = array<i64: 0, 0>} : (tensor<4x2xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @concat_nothing() {
  // expected-error@+1 {{expected one input at least}}
  %0 = onnx.Concat {axis = 0 : i64} : () -> tensor<0xf32>
  return
}

// -----

func.func @concat_types(%x: tensor<4xf32>, %y: tensor<4xf16>) {
  // expected-error@+1 {{expected inputs of element type 'f32', but got 'tensor<4xf16>'}}
  %0 = onnx.Concat %x, %y {axis = 0 : i64} : (tensor<4xf32>, tensor<4xf16>) -> tensor<8xf32>
  return
}

// -----

func.func @split_count(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected as many results as num_outputs, 3, but got 2}}
  %0:2 = onnx.Split %x {num_outputs = 3 : i64} : (tensor<4xf32>) -> (tensor<2xf32>, tensor<2xf32>)
  return
}

// -----

func.func @split_types(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected outputs of element type 'f32', but got 'tensor<2xf16>'}}
  %0:2 = onnx.Split %x {num_outputs = 2 : i64} : (tensor<4xf32>) -> (tensor<2xf32>, tensor<2xf16>)
  return
}

// -----

func.func @slice_lengths(%x: tensor<4x4xf32>, %s: tensor<1xi64>, %e: tensor<2xi64>) {
  // expected-error@+1 {{expected ends of 1 elements, but got 2}}
  %0 = onnx.Slice %x, %s, %e : (tensor<4x4xf32>, tensor<1xi64>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @slice_too_many(%x: tensor<4xf32>, %s: tensor<2xi64>) {
  // expected-error@+1 {{expected starts of at most one element per dim of 'tensor<4xf32>', but got 2}}
  %0 = onnx.Slice %x, %s, %s : (tensor<4xf32>, tensor<2xi64>, tensor<2xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @expand_rank(%x: tensor<4xf32>, %s: tensor<2xi64>) {
  // expected-error@+1 {{expected output of the rank that broadcasting gives, but got 'tensor<?xf32>'}}
  %0 = onnx.Expand %x, %s : (tensor<4xf32>, tensor<2xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @pad_length(%x: tensor<4x4xf32>, %p: tensor<2xi64>) {
  // expected-error@+1 {{expected pads of 4 elements, but got 2}}
  %0 = onnx.Pad %x, %p : (tensor<4x4xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @pad_value_type(%x: tensor<4xf32>, %p: tensor<2xi64>, %v: tensor<i64>) {
  // expected-error@+1 {{expected constant_value of the data's element type, but got 'tensor<i64>'}}
  %0 = onnx.Pad %x, %p value(%v) : (tensor<4xf32>, tensor<2xi64>, tensor<i64>) -> tensor<?xf32>
  return
}

// -----

func.func @block_size(%x: tensor<1x4x2x2xf32>) {
  // expected-error@+1 {{expected blocksize in [1, 32768], but got 0}}
  %0 = onnx.DepthToSpace %x {blocksize = 0 : i64} : (tensor<1x4x2x2xf32>) -> tensor<1x1x4x4xf32>
  return
}

// -----

func.func @trilu_of_a_vector(%x: tensor<4xf32>) {
  // expected-error@+1 {{expected input of rank 2 at least, but got 'tensor<4xf32>'}}
  %0 = onnx.Trilu %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @reverse_axes(%x: tensor<4x4xf32>, %l: tensor<4xi64>) {
  // expected-error@+1 {{expected batch_axis other than time_axis, but both are 0}}
  %0 = onnx.ReverseSequence %x, %l {batch_axis = 0 : i64} : (tensor<4x4xf32>, tensor<4xi64>) -> tensor<4x4xf32>
  return
}
