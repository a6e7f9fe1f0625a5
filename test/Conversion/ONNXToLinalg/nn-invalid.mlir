// RUN: moe-opt %s --convert-onnx-to-linalg -split-input-file -verify-diagnostics
//
// What the lowering of constants and of NN.td's ops refuses.

func.func @constant() -> tensor<2xf32> {
  // expected-error@+2 {{expected a dense value}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Constant'}}
  %0 = onnx.Constant dense_resource<data> : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

func.func @constant_of_shape(%s: tensor<1xi64>) -> tensor<?xf32> {
  // expected-error@+2 {{expected a dense value}}
  // expected-error@+1 {{failed to legalize operation 'onnx.ConstantOfShape'}}
  %0 = onnx.ConstantOfShape %s {value = dense_resource<data> : tensor<1xf32>} : (tensor<1xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

func.func @train_one_channel(%x: tensor<8xf32>, %s: tensor<1xf32>) -> tensor<8xf32> {
  // expected-error@+2 {{expected X of rank 2 or more in training mode}}
  // expected-error@+1 {{failed to legalize operation 'onnx.BatchNormalization'}}
  %0 = onnx.BatchNormalization %x, %s, %s, %s, %s {training_mode = 1 : i64} : (tensor<8xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

func.func @dropout(%x: tensor<8xf32>, %r: tensor<f32>, %t: tensor<i1>) -> tensor<8xf32> {
  // expected-error@+2 {{expected training_mode to be constant false, or ratio to be constant 0: training is not supported}}
  // expected-error@+1 {{failed to legalize operation 'onnx.Dropout'}}
  %0, %1 = onnx.Dropout %x ratio %r training_mode %t : (tensor<8xf32>, tensor<f32>, tensor<i1>) -> (tensor<8xf32>, tensor<8xi1>)
  return %0 : tensor<8xf32>
}
