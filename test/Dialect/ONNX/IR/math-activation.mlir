// RUN: moe-opt %s | moe-opt | FileCheck %s
//
// Every op of Activation.td prints what it parsed.

// CHECK-LABEL: func @plain
func.func @plain(%x: tensor<?x4xf32>) {
  // CHECK: onnx.Elu %{{.*}}
  %0 = onnx.Elu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Gelu %{{.*}}
  %1 = onnx.Gelu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.HardSigmoid %{{.*}}
  %2 = onnx.HardSigmoid %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.LeakyRelu %{{.*}}
  %3 = onnx.LeakyRelu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Relu %{{.*}}
  %4 = onnx.Relu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Sigmoid %{{.*}}
  %5 = onnx.Sigmoid %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Softplus %{{.*}}
  %6 = onnx.Softplus %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Swish %{{.*}}
  %7 = onnx.Swish %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @attributes
func.func @attributes(%x: tensor<?x4xf32>) {
  // CHECK: onnx.Elu %{{.*}} {alpha = 2.000000e+00 : f32}
  %0 = onnx.Elu %x {alpha = 2.000000e+00 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Gelu %{{.*}} {approximate = #onnx.approximate<tanh>}
  %1 = onnx.Gelu %x {approximate = #onnx.approximate<tanh>} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.HardSigmoid %{{.*}} {alpha = 2.500000e-01 : f32, beta = 7.500000e-01 : f32}
  %2 = onnx.HardSigmoid %x {alpha = 2.500000e-01 : f32, beta = 7.500000e-01 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.LeakyRelu %{{.*}} {alpha = 5.000000e-01 : f32}
  %3 = onnx.LeakyRelu %x {alpha = 5.000000e-01 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Swish %{{.*}} {alpha = 2.000000e+00 : f32}
  %4 = onnx.Swish %x {alpha = 2.000000e+00 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @slope
func.func @slope(%x: tensor<?x4xf32>, %slope: tensor<4xf32>) {
  // CHECK: onnx.PRelu %{{.*}}, %{{.*}}
  %0 = onnx.PRelu %x, %slope : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}
