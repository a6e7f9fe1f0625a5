// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @no_operand() {
  // expected-error @+1 {{expected at least one operand}}
  %0 = onnx.Max : () -> tensor<f32>
  return
}

// -----

func.func @shapes_do_not_broadcast(%a: tensor<3xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{operand shapes do not broadcast}}
  %0 = onnx.Add %a, %b : (tensor<3xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @other_result_shape(%a: tensor<3x1xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{operands broadcast to 'tensor<3x4xf32>', but the result is 'tensor<3x5xf32>'}}
  %0 = onnx.Add %a, %b : (tensor<3x1xf32>, tensor<4xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @mod_c1(%a: tensor<4xf32>) {
  // expected-error @+1 {{expected fmod = 0 or 1, but got 2}}
  %0 = onnx.Mod %a, %a {fmod = 2 : i64} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @bitcast_c1(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected element types of the same width, but got 'f32' and 'i64'}}
  %0 = onnx.BitCast %x : (tensor<4xf32>) -> tensor<4xi64>
  return
}

// -----

func.func @clip_c1(%x: tensor<4xf32>, %low: tensor<4xf32>) {
  // expected-error @+1 {{expected bounds of one element, but got 'tensor<4xf32>'}}
  %0 = onnx.Clip %x min(%low : tensor<4xf32>) : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @no_integer_sine(%x: tensor<4xi32>) {
  // expected-error @+1 {{operand #0 must be ranked tensor of float values, but got 'tensor<4xi32>'}}
  %0 = onnx.Sin %x : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

func.func @unequal_element_types(%a: tensor<4xi32>, %b: tensor<4xi64>) {
  // expected-error @+1 {{failed to verify that all of {A, B} have same element type}}
  %0 = onnx.Less %a, %b : (tensor<4xi32>, tensor<4xi64>) -> tensor<4xi1>
  return
}
