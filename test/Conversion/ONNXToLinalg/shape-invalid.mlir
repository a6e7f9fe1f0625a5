// RUN: moe-opt %s --convert-onnx-to-linalg -split-input-file -verify-diagnostics
//
// What the lowering of shape ops refuses once operands are constant.

func.func @reshape_two_rests(%x: tensor<?xf32>) -> tensor<?x?xf32> {
  %s = onnx.Constant dense<-1> : tensor<2xi64>
  // expected-error@+2 {{expected one -1 at most in the shape}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Reshape'}}
  %0 = onnx.Reshape %x, %s : (tensor<?xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return %0 : tensor<?x?xf32>
}

// -----

func.func @reshape_negative(%x: tensor<?xf32>) -> tensor<?xf32> {
  %s = onnx.Constant dense<-2> : tensor<1xi64>
  // expected-error@+2 {{expected a shape of extents, 0 and -1, but got -2}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Reshape'}}
  %0 = onnx.Reshape %x, %s : (tensor<?xf32>, tensor<1xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @result_contradicts(%x: tensor<4xf32>) -> tensor<3x2xf32> {
  %s = onnx.Constant dense<2> : tensor<2xi64>
  // expected-error@+2 {{expected dim 0 of the result to be 2 as its operands say, but got 'tensor<3x2xf32>'}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Reshape'}}
  %0 = onnx.Reshape %x, %s : (tensor<4xf32>, tensor<2xi64>) -> tensor<3x2xf32>
  return %0 : tensor<3x2xf32>
}

// -----

func.func @axes_out_of_range(%x: tensor<4x1xf32>) -> tensor<4xf32> {
  %a = onnx.Constant dense<2> : tensor<1xi64>
  // expected-error@+2 {{expected axes in [-2, 1], but got 2}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Squeeze'}}
  %0 = onnx.Squeeze %x, %a : (tensor<4x1xf32>, tensor<1xi64>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @squeeze_too_many(%x: tensor<4x1x1xf32>) -> tensor<4x1xf32> {
  // expected-error@+2 {{expected a result of rank 1, but got 'tensor<4x1xf32>'}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Squeeze'}}
  %0 = onnx.Squeeze %x : (tensor<4x1x1xf32>) -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}

// -----

func.func @unsqueeze_too_few(%x: tensor<4xf32>) -> tensor<1x1x4xf32> {
  %a = onnx.Constant dense<0> : tensor<1xi64>
  // expected-error@+2 {{expected axes for a result of rank 3, but they leave 2 dims to the data of type 'tensor<4xf32>'}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Unsqueeze'}}
  %0 = onnx.Unsqueeze %x, %a : (tensor<4xf32>, tensor<1xi64>) -> tensor<1x1x4xf32>
  return %0 : tensor<1x1x4xf32>
}

// -----

func.func @step_of_zero(%x: tensor<4xf32>) -> tensor<?xf32> {
  %a = onnx.Constant dense<0> : tensor<1xi64>
  // expected-error@+2 {{expected steps other than 0}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Slice'}}
  %0 = onnx.Slice %x, %a, %a steps(%a) : (tensor<4xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @slice_of_unknown_length(%x: tensor<4xf32>, %a: tensor<?xi64>) -> tensor<?xf32> {
  // expected-error@+2 {{expected starts of static length, but got 'tensor<?xi64>'}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Slice'}}
  %0 = onnx.Slice %x, %a, %a : (tensor<4xf32>, tensor<?xi64>, tensor<?xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @expand_by_unknown_length(%x: tensor<4xf32>, %s: tensor<?xi64>) -> tensor<?x4xf32> {
  // expected-error@+2 {{expected a shape of static length, but got 'tensor<?xi64>'}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Expand'}}
  %0 = onnx.Expand %x, %s : (tensor<4xf32>, tensor<?xi64>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// -----

func.func @pad_axes_of_unknown_length(%x: tensor<4xf32>, %p: tensor<?xi64>, %a: tensor<?xi64>) -> tensor<?xf32> {
  // expected-error@+2 {{expected axes of static length, but got 'tensor<?xi64>'}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Pad'}}
  %0 = onnx.Pad %x, %p axes(%a) : (tensor<4xf32>, tensor<?xi64>, tensor<?xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}
