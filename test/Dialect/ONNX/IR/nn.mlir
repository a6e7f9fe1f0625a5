// RUN: moe-opt %s | moe-opt | FileCheck %s
//
// Ops of NN.td, Window.td and Quantization.td print what they parse.

// CHECK-LABEL: @contractions
func.func @contractions(%a: tensor<?x2x3xf32>, %m: tensor<2x3xf32>, %n: tensor<4x3xf32>, %c: tensor<4xf32>) {
  // CHECK: onnx.MatMul %{{.*}}, %{{.*}} : (tensor<?x2x3xf32>, tensor<3x4xf32>) -> tensor<?x2x4xf32>
  %t = onnx.Constant dense<1.0> : tensor<3x4xf32>
  %0 = onnx.MatMul %a, %t : (tensor<?x2x3xf32>, tensor<3x4xf32>) -> tensor<?x2x4xf32>
  // CHECK: onnx.Gemm %{{.*}}, %{{.*}}, %{{.*}} {alpha = 5.000000e-01 : f32, transB = 1 : i64}
  %1 = onnx.Gemm %m, %n, %c {alpha = 0.5 : f32, transB = 1 : i64} : (tensor<2x3xf32>, tensor<4x3xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  // CHECK: onnx.Einsum %{{.*}}, %{{.*}} {equation = "...ij,kj->...ik"}
  %2 = onnx.Einsum %a, %n {equation = "...ij,kj->...ik"} : (tensor<?x2x3xf32>, tensor<4x3xf32>) -> tensor<?x2x4xf32>
  return
}

// CHECK-LABEL: @normalisations
func.func @normalisations(%x: tensor<?x3x4xf32>, %s: tensor<3xf32>) {
  // CHECK: onnx.BatchNormalization
  // CHECK-SAME: {training_mode = 1 : i64}
  // CHECK-SAME: running tensor<3xf32>, tensor<3xf32>
  %0:3 = onnx.BatchNormalization %x, %s, %s, %s, %s {training_mode = 1 : i64} : (tensor<?x3x4xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x3x4xf32> running tensor<3xf32>, tensor<3xf32>
  // CHECK: onnx.InstanceNormalization
  %1 = onnx.InstanceNormalization %x, %s, %s : (tensor<?x3x4xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<?x3x4xf32>
  // CHECK: onnx.LRN %{{.*}} {size = 3 : i64}
  %2 = onnx.LRN %x {size = 3 : i64} : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  // CHECK: onnx.LpNormalization %{{.*}} {axis = 1 : i64, p = 1 : i64}
  %3 = onnx.LpNormalization %x {axis = 1 : i64, p = 1 : i64} : (tensor<?x3x4xf32>) -> tensor<?x3x4xf32>
  // CHECK: onnx.Dropout %{{.*}} :
  %4, %5 = onnx.Dropout %x : (tensor<?x3x4xf32>) -> (tensor<?x3x4xf32>, tensor<?x3x4xi1>)
  return
}

// CHECK-LABEL: @windows
func.func @windows(%x: tensor<1x3x8xf32>, %w: tensor<4x3x3xf32>, %b: tensor<4xf32>, %v: tensor<3x2x2xf32>) {
  // CHECK: onnx.Conv %{{.*}}, %{{.*}}, %{{.*}} {auto_pad = #onnx.auto_pad<SAME_UPPER>}
  %0 = onnx.Conv %x, %w, %b {auto_pad = #onnx.auto_pad<SAME_UPPER>} : (tensor<1x3x8xf32>, tensor<4x3x3xf32>, tensor<4xf32>) -> tensor<1x4x8xf32>
  // CHECK: onnx.ConvTranspose %{{.*}}, %{{.*}} {strides = array<i64: 2>}
  %1 = onnx.ConvTranspose %x, %v {strides = array<i64: 2>} : (tensor<1x3x8xf32>, tensor<3x2x2xf32>) -> tensor<1x2x16xf32>
  // CHECK: onnx.MaxPool %{{.*}} {kernel_shape = array<i64: 2>}
  %2, %3 = onnx.MaxPool %x {kernel_shape = array<i64: 2>} : (tensor<1x3x8xf32>) -> (tensor<1x3x7xf32>, tensor<1x3x7xi64>)
  // CHECK: onnx.AveragePool %{{.*}} {ceil_mode = 1 : i64, kernel_shape = array<i64: 2>}
  %4 = onnx.AveragePool %x {ceil_mode = 1 : i64, kernel_shape = array<i64: 2>} : (tensor<1x3x8xf32>) -> tensor<1x3x7xf32>
  // CHECK: onnx.LpPool %{{.*}} {kernel_shape = array<i64: 2>, p = 3 : i64}
  %5 = onnx.LpPool %x {kernel_shape = array<i64: 2>, p = 3 : i64} : (tensor<1x3x8xf32>) -> tensor<1x3x7xf32>
  // CHECK: onnx.Resize %{{.*}} sizes %{{.*}} {axes = array<i64: 2>, mode = #onnx.resize_mode<linear>}
  %n = onnx.Constant dense<16> : tensor<1xi64>
  %r = onnx.Resize %x sizes %n {axes = array<i64: 2>, mode = #onnx.resize_mode<linear>} : (tensor<1x3x8xf32>, tensor<1xi64>) -> tensor<1x3x16xf32>
  // CHECK: onnx.GlobalAveragePool
  %6 = onnx.GlobalAveragePool %x : (tensor<1x3x8xf32>) -> tensor<1x3x1xf32>
  // CHECK: onnx.GlobalMaxPool
  %7 = onnx.GlobalMaxPool %x : (tensor<1x3x8xf32>) -> tensor<1x3x1xf32>
  // CHECK: onnx.GlobalLpPool %{{.*}} {p = 1 : i64}
  %8 = onnx.GlobalLpPool %x {p = 1 : i64} : (tensor<1x3x8xf32>) -> tensor<1x3x1xf32>
  return
}

// CHECK-LABEL: @quantised
func.func @quantised(%x: tensor<2x4xf32>, %s: tensor<2xf32>, %z: tensor<2xui8>, %a: tensor<2x3xui8>, %b: tensor<3x4xi8>, %az: tensor<ui8>) {
  // CHECK: onnx.QuantizeLinear %{{.*}}, %{{.*}}, %{{.*}} {axis = 0 : i64}
  %0 = onnx.QuantizeLinear %x, %s, %z {axis = 0 : i64} : (tensor<2x4xf32>, tensor<2xf32>, tensor<2xui8>) -> tensor<2x4xui8>
  // CHECK: onnx.DequantizeLinear %{{.*}}, %{{.*}} {axis = 0 : i64}
  %1 = onnx.DequantizeLinear %0, %s {axis = 0 : i64} : (tensor<2x4xui8>, tensor<2xf32>) -> tensor<2x4xf32>
  // CHECK: onnx.MatMulInteger %{{.*}}, %{{.*}} a_zero_point %{{.*}} :
  %2 = onnx.MatMulInteger %a, %b a_zero_point %az : (tensor<2x3xui8>, tensor<3x4xi8>, tensor<ui8>) -> tensor<2x4xi32>
  return
}
