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
