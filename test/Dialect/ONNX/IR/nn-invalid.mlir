// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @matmul_scalar(%a: tensor<f32>, %b: tensor<3xf32>) {
  // expected-error @+1 {{expected operands of rank 1 or more}}
  %0 = onnx.MatMul %a, %b : (tensor<f32>, tensor<3xf32>) -> tensor<f32>
  return
}

// -----

func.func @matmul_inner(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+1 {{expected equal inner dims, but got 3 and 4}}
  %0 = onnx.MatMul %a, %b : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @matmul_batch(%a: tensor<2x2x3xf32>, %b: tensor<3x3x5xf32>) {
  // expected-error @+1 {{expected leading dims that broadcast}}
  %0 = onnx.MatMul %a, %b : (tensor<2x2x3xf32>, tensor<3x3x5xf32>) -> tensor<2x2x5xf32>
  return
}

// -----

func.func @matmul_result(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expected a result of type 'tensor<2x5xf32>', but got 'tensor<5x2xf32>'}}
  %0 = onnx.MatMul %a, %b : (tensor<2x3xf32>, tensor<3x5xf32>) -> tensor<5x2xf32>
  return
}

// -----

func.func @gemm_rank(%a: tensor<1x2x3xf32>, %b: tensor<3x5xf32>) {
  // expected-error @+1 {{expected matrices A and B}}
  %0 = onnx.Gemm %a, %b : (tensor<1x2x3xf32>, tensor<3x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @gemm_bias(%a: tensor<2x3xf32>, %b: tensor<3x5xf32>, %c: tensor<4xf32>) {
  // expected-error @+1 {{expected C to broadcast to 'tensor<2x5xf32>'}}
  %0 = onnx.Gemm %a, %b, %c : (tensor<2x3xf32>, tensor<3x5xf32>, tensor<4xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @gemm_integer(%a: tensor<2x3xi32>, %b: tensor<3x5xi32>) {
  // expected-error @+1 {{expected whole alpha and beta on integers}}
  %0 = onnx.Gemm %a, %b {alpha = 0.5 : f32} : (tensor<2x3xi32>, tensor<3x5xi32>) -> tensor<2x5xi32>
  return
}

// -----

func.func @einsum_terms(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{expected one term per operand, but got 2 terms and 1 operands}}
  %0 = onnx.Einsum %a {equation = "ij,jk->ik"} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @einsum_rank(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{expected a term of 2 letters for an operand of that rank, but got 'ijk'}}
  %0 = onnx.Einsum %a {equation = "ijk->i"} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @einsum_letter(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{expected the result's letters among the operands', but got 'k'}}
  %0 = onnx.Einsum %a {equation = "ij->k"} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @einsum_twice(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{expected each letter once in the result, but got 'i' twice}}
  %0 = onnx.Einsum %a {equation = "ij->ii"} : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @einsum_extent(%a: tensor<2x3xf32>, %b: tensor<4x5xf32>) {
  // expected-error @+1 {{expected one extent per letter, but got 3 and 4}}
  %0 = onnx.Einsum %a, %b {equation = "ij,jk->ik"} : (tensor<2x3xf32>, tensor<4x5xf32>) -> tensor<2x5xf32>
  return
}

// -----

func.func @channels(%x: tensor<2x3x4xf32>, %s: tensor<4xf32>) {
  // expected-error @+1 {{expected vectors of one element per channel}}
  %0 = onnx.InstanceNormalization %x, %s, %s : (tensor<2x3x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<2x3x4xf32>
  return
}

// -----

func.func @norm_axis(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected an axis in [-2, 2), but got 2}}
  %0 = onnx.LpNormalization %x {axis = 2 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @conv_channels(%x: tensor<1x3x8xf32>, %w: tensor<4x2x3xf32>) {
  // expected-error @+1 {{expected 2 input channels, but got 3}}
  %0 = onnx.Conv %x, %w : (tensor<1x3x8xf32>, tensor<4x2x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_strides(%x: tensor<1x3x8xf32>, %w: tensor<4x3x3xf32>) {
  // expected-error @+1 {{expected 1 entries in strides, but got 2}}
  %0 = onnx.Conv %x, %w {strides = array<i64: 1, 1>} : (tensor<1x3x8xf32>, tensor<4x3x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @pool_kernel(%x: tensor<1x3x8xf32>) {
  // expected-error @+1 {{expected entries of at least 1 in kernel_shape, but got 0}}
  %0 = onnx.MaxPool %x {kernel_shape = array<i64: 0>} : (tensor<1x3x8xf32>) -> tensor<1x3x8xf32>
  return
}

// -----

func.func @scales(%x: tensor<2x4xf32>, %s: tensor<2x1x1xf32>) {
  // expected-error @+1 {{expected scales of rank 1, but got 'tensor<2x1x1xf32>'}}
  %0 = onnx.QuantizeLinear %x, %s : (tensor<2x4xf32>, tensor<2x1x1xf32>) -> tensor<2x4xui8>
  return
}

// -----

func.func @resize_antialias(%x: tensor<8xf32>, %n: tensor<1xi64>) {
  // expected-error @+1 {{expected antialias = 0: antialiasing is not supported}}
  %0 = onnx.Resize %x sizes %n {antialias = 1 : i64} : (tensor<8xf32>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @resize_target(%x: tensor<8xf32>) {
  // expected-error @+1 {{expected either scales or sizes}}
  %0 = onnx.Resize %x : (tensor<8xf32>) -> tensor<?xf32>
  return
}

// -----

func.func @einsum_ellipses(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{expected at most one ellipsis per term}}
  %0 = onnx.Einsum %a {equation = "...i...->i"} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @einsum_character(%a: tensor<2x3xf32>) {
  // expected-error @+1 {{expected letters and '...' in the equation, but got '1'}}
  %0 = onnx.Einsum %a {equation = "ij->i1"} : (tensor<2x3xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @batch_scalar(%x: tensor<f32>, %s: tensor<1xf32>) {
  // expected-error @+1 {{expected X of rank 1 or more, but got}}
  %0 = onnx.BatchNormalization %x, %s, %s, %s, %s : (tensor<f32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<f32>
  return
}

// -----

func.func @batch_running(%x: tensor<2x3xf32>, %s: tensor<3xf32>) {
  // expected-error @+1 {{expected running statistics only in training mode}}
  %0:3 = onnx.BatchNormalization %x, %s, %s, %s, %s : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32> running tensor<3xf32>, tensor<3xf32>
  return
}

// -----

func.func @instance_rank(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected an input of rank 2 or more, but got 'tensor<3xf32>'}}
  %0 = onnx.InstanceNormalization %x, %x, %x : (tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @lrn_rank(%x: tensor<3xf32>) {
  // expected-error @+1 {{expected X of rank 2 or more, but got 'tensor<3xf32>'}}
  %0 = onnx.LRN %x {size = 3 : i64} : (tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @lrn_size(%x: tensor<2x3xf32>) {
  // expected-error @+1 {{expected a size of 1 or more, but got 0}}
  %0 = onnx.LRN %x {size = 0 : i64} : (tensor<2x3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @conv_rank(%x: tensor<4x8xf32>, %w: tensor<4x4x3xf32>) {
  // expected-error @+1 {{expected an input of rank 3 or more, but got 'tensor<4x8xf32>'}}
  %0 = onnx.Conv %x, %w : (tensor<4x8xf32>, tensor<4x4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_result_rank(%x: tensor<1x4x8xf32>, %w: tensor<4x4x3xf32>) {
  // expected-error @+1 {{expected a result of rank 3, but got 'tensor<4x6xf32>'}}
  %0 = onnx.Conv %x, %w : (tensor<1x4x8xf32>, tensor<4x4x3xf32>) -> tensor<4x6xf32>
  return
}

// -----

func.func @conv_weights_rank(%x: tensor<1x4x8xf32>, %w: tensor<4x3xf32>) {
  // expected-error @+1 {{expected weights of rank 3, but got 'tensor<4x3xf32>'}}
  %0 = onnx.Conv %x, %w : (tensor<1x4x8xf32>, tensor<4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_group(%x: tensor<1x4x8xf32>, %w: tensor<4x4x3xf32>) {
  // expected-error @+1 {{expected a group of 1 or more, but got 0}}
  %0 = onnx.Conv %x, %w {group = 0 : i64} : (tensor<1x4x8xf32>, tensor<4x4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_kernel(%x: tensor<1x4x8xf32>, %w: tensor<4x4x3xf32>) {
  // expected-error @+1 {{expected weights with the kernel of kernel_shape, but got 3 instead of 5}}
  %0 = onnx.Conv %x, %w {kernel_shape = array<i64: 5>} : (tensor<1x4x8xf32>, tensor<4x4x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_outputs(%x: tensor<1x4x8xf32>, %w: tensor<5x2x3xf32>) {
  // expected-error @+1 {{expected output channels divisible by group 2, but got 5}}
  %0 = onnx.Conv %x, %w {group = 2 : i64} : (tensor<1x4x8xf32>, tensor<5x2x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_integer(%x: tensor<1x3x8xi8>, %w: tensor<4x4x3xi8>) {
  // expected-error @+1 {{expected 4 input channels, but got 3}}
  %0 = onnx.ConvInteger %x, %w : (tensor<1x3x8xi8>, tensor<4x4x3xi8>) -> tensor<1x4x6xi32>
  return
}

// -----

func.func @conv_transpose_channels(%x: tensor<1x4x8xf32>, %w: tensor<3x2x3xf32>) {
  // expected-error @+1 {{expected weights for each of 4 input channels in 1 groups, but got 'tensor<3x2x3xf32>'}}
  %0 = onnx.ConvTranspose %x, %w : (tensor<1x4x8xf32>, tensor<3x2x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_transpose_groups(%x: tensor<1x4x8xf32>, %w: tensor<4x2x3xf32>) {
  // expected-error @+1 {{expected weights for each of 4 input channels in 3 groups, but got 'tensor<4x2x3xf32>'}}
  %0 = onnx.ConvTranspose %x, %w {group = 3 : i64} : (tensor<1x4x8xf32>, tensor<4x2x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @conv_transpose_padding(%x: tensor<1x4x8xf32>, %w: tensor<4x2x3xf32>) {
  // expected-error @+1 {{expected entries of at least 0 in output_padding, but got -1}}
  %0 = onnx.ConvTranspose %x, %w {output_padding = array<i64: -1>} : (tensor<1x4x8xf32>, tensor<4x2x3xf32>) -> tensor<1x4x6xf32>
  return
}

// -----

func.func @lp_pool(%x: tensor<1x3x8xf32>) {
  // expected-error @+1 {{expected p of 1 or more, but got 0}}
  %0 = onnx.LpPool %x {kernel_shape = array<i64: 2>, p = 0 : i64} : (tensor<1x3x8xf32>) -> tensor<1x3x7xf32>
  return
}

// -----

func.func @average_pool(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expected an input of rank 3 or more}}
  %0 = onnx.AveragePool %x {kernel_shape = array<i64: 2>} : (tensor<3x8xf32>) -> tensor<1x3x7xf32>
  return
}

// -----

func.func @global_pool(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expected an input of rank 3 or more and a result of that rank, but got 'tensor<3x8xf32>' and 'tensor<3x1xf32>'}}
  %0 = onnx.GlobalMaxPool %x : (tensor<3x8xf32>) -> tensor<3x1xf32>
  return
}

// -----

func.func @global_lp_pool(%x: tensor<1x3x8xf32>) {
  // expected-error @+1 {{expected p of 1 or more, but got 0}}
  %0 = onnx.GlobalLpPool %x {p = 0 : i64} : (tensor<1x3x8xf32>) -> tensor<1x3x1xf32>
  return
}

// -----

func.func @resize_rank(%x: tensor<8xf32>, %n: tensor<1xi64>) {
  // expected-error @+1 {{expected a result of rank 1, but got 'tensor<?x?xf32>'}}
  %0 = onnx.Resize %x sizes %n : (tensor<8xf32>, tensor<1xi64>) -> tensor<?x?xf32>
  return
}

// -----

func.func @resize_axes(%x: tensor<8xf32>, %n: tensor<1xi64>) {
  // expected-error @+1 {{expected axes in [-1, 1), but got 1}}
  %0 = onnx.Resize %x sizes %n {axes = array<i64: 1>} : (tensor<8xf32>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @resize_roi(%x: tensor<8xf32>, %n: tensor<1xi64>) {
  // expected-error @+1 {{expected roi with tf_crop_and_resize}}
  %0 = onnx.Resize %x sizes %n {coordinate_transformation_mode = #onnx.coordinate_mode<tf_crop_and_resize>} : (tensor<8xf32>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

func.func @scales_axis(%x: tensor<2x4xf32>, %s: tensor<2xf32>) {
  // expected-error @+1 {{expected an axis in [-2, 2), but got 2}}
  %0 = onnx.QuantizeLinear %x, %s {axis = 2 : i64} : (tensor<2x4xf32>, tensor<2xf32>) -> tensor<2x4xui8>
  return
}

// -----

func.func @scales_block(%x: tensor<2x4xf32>, %s: tensor<2x4xf32>) {
  // expected-error @+1 {{expected a block_size of 0 or more, but got -1}}
  %0 = onnx.QuantizeLinear %x, %s {block_size = -1 : i64} : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xui8>
  return
}

// -----

func.func @quantise_precision(%x: tensor<2x4xf32>, %s: tensor<f32>) {
  // expected-error @+1 {{expected precision 0 (the type of y_scale) or 1 (f32), but got 10}}
  %0 = onnx.QuantizeLinear %x, %s {precision = 10 : i64} : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xui8>
  return
}

// -----

func.func @quantise_zero_rank(%x: tensor<2x4xf32>, %s: tensor<2xf32>, %z: tensor<ui8>) {
  // expected-error @+1 {{expected zero points like scales 'tensor<2xf32>', but got 'tensor<ui8>'}}
  %0 = onnx.QuantizeLinear %x, %s, %z : (tensor<2x4xf32>, tensor<2xf32>, tensor<ui8>) -> tensor<2x4xui8>
  return
}

// -----

func.func @quantise_zero_type(%x: tensor<2x4xf32>, %s: tensor<f32>, %z: tensor<i8>) {
  // expected-error @+1 {{expected a zero point of the result's element type, but got 'tensor<i8>'}}
  %0 = onnx.QuantizeLinear %x, %s, %z : (tensor<2x4xf32>, tensor<f32>, tensor<i8>) -> tensor<2x4xui8>
  return
}

// -----

func.func @dequantise_zero_type(%x: tensor<2x4xui8>, %s: tensor<f32>, %z: tensor<i8>) {
  // expected-error @+1 {{expected a zero point of x's element type, but got 'tensor<i8>'}}
  %0 = onnx.DequantizeLinear %x, %s, %z : (tensor<2x4xui8>, tensor<f32>, tensor<i8>) -> tensor<2x4xf32>
  return
}
