// RUN: moe-opt %s --convert-onnx-to-linalg --canonicalize | FileCheck %s

// Without padding no copy is made.
// CHECK-LABEL: @conv
//   CHECK-NOT: scf.if
//       CHECK: linalg.generic
//  CHECK-SAME:   "reduction", "reduction", "parallel"]
func.func @conv(%x: tensor<1x3x8xf32>, %w: tensor<4x3x3xf32>) -> tensor<1x4x6xf32> {
  %0 = onnx.Conv %x, %w : (tensor<1x3x8xf32>, tensor<4x3x3xf32>) -> tensor<1x4x6xf32>
  return %0 : tensor<1x4x6xf32>
}

// With padding a copy between zeros is.
// CHECK-LABEL: @padded_conv
//       CHECK: tensor.empty() : tensor<1x3x10xf32>
//       CHECK: scf.if
func.func @padded_conv(%x: tensor<1x3x8xf32>, %w: tensor<4x3x3xf32>) -> tensor<1x4x8xf32> {
  %0 = onnx.Conv %x, %w {pads = array<i64: 1, 1>} : (tensor<1x3x8xf32>, tensor<4x3x3xf32>) -> tensor<1x4x8xf32>
  return %0 : tensor<1x4x8xf32>
}

// CHECK-LABEL: @max_pool
//       CHECK: arith.maximumf
func.func @max_pool(%x: tensor<1x3x8xf32>) -> tensor<1x3x7xf32> {
  %0 = onnx.MaxPool %x {kernel_shape = array<i64: 2>} : (tensor<1x3x8xf32>) -> tensor<1x3x7xf32>
  return %0 : tensor<1x3x7xf32>
}

// A quantised NaN is the least value: the numeric maximum, not the IEEE one.
// CHECK-LABEL: @quantize
//       CHECK: math.roundeven
//       CHECK: arith.maxnumf
//       CHECK: arith.minnumf
func.func @quantize(%x: tensor<2x4xf32>, %s: tensor<f32>) -> tensor<2x4xui8> {
  %0 = onnx.QuantizeLinear %x, %s : (tensor<2x4xf32>, tensor<f32>) -> tensor<2x4xui8>
  return %0 : tensor<2x4xui8>
}

// CHECK-LABEL: @rms
//       CHECK: linalg.generic
//  CHECK-SAME:   ["parallel", "reduction"]
//       CHECK: math.sqrt
func.func @rms(%x: tensor<?x4xf32>, %g: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = onnx.ms.SimplifiedLayerNormalization %x, %g : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}
