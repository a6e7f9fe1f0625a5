// RUN: moe-opt %s | moe-opt | FileCheck %s

// CHECK-LABEL: @activations
func.func @activations(%x: tensor<?x4xf32>, %b: tensor<4xf32>) {
  // CHECK: onnx.ms.Gelu %
  %0 = onnx.ms.Gelu %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.ms.QuickGelu %{{.*}} {alpha = 1.000000e+00 : f32}
  %1 = onnx.ms.QuickGelu %x {alpha = 1.0 : f32} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.ms.FastGelu %{{.*}}, %
  %2 = onnx.ms.FastGelu %x, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.ms.BiasGelu %{{.*}}, %
  %3 = onnx.ms.BiasGelu %x, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: @normalisations
func.func @normalisations(%x: tensor<?x4xf32>, %g: tensor<4xf32>) {
  // CHECK: onnx.ms.SimplifiedLayerNormalization
  %0 = onnx.ms.SimplifiedLayerNormalization %x, %g : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.ms.SkipSimplifiedLayerNormalization
  // CHECK-SAME: resultSegmentSizes = array<i32: 1, 0, 0, 1>
  %1:2 = onnx.ms.SkipSimplifiedLayerNormalization %x, %x, %g {resultSegmentSizes = array<i32: 1, 0, 0, 1>} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  // CHECK: onnx.ms.SkipLayerNormalization %{{.*}}, %{{.*}}, %{{.*}} beta %{{.*}} {resultSegmentSizes = array<i32: 1, 0, 0, 0>}
  %2 = onnx.ms.SkipLayerNormalization %x, %x, %g beta %g {resultSegmentSizes = array<i32: 1, 0, 0, 0>} : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: @others
func.func @others(%a: tensor<2x3xf32>, %b: tensor<4x3xf32>, %x: tensor<?x4x?x8xf32>, %pos: tensor<?x?xi64>, %cos: tensor<16x4xf32>) {
  // CHECK: onnx.ms.FusedMatMul %{{.*}}, %{{.*}} {alpha = 5.000000e-01 : f32, transB = 1 : i64}
  %0 = onnx.ms.FusedMatMul %a, %b {alpha = 0.5 : f32, transB = 1 : i64} : (tensor<2x3xf32>, tensor<4x3xf32>) -> tensor<2x4xf32>
  // CHECK: onnx.ms.RotaryEmbedding
  %1 = onnx.ms.RotaryEmbedding %x, %pos, %cos, %cos : (tensor<?x4x?x8xf32>, tensor<?x?xi64>, tensor<16x4xf32>, tensor<16x4xf32>) -> tensor<?x4x?x8xf32>
  return
}

// CHECK-LABEL: func @moe
func.func @moe(%x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x16x8xf32>, %b1: tensor<4x16xf32>, %w2: tensor<4x8x16xf32>, %w3: tensor<4x16x8xf32>, %b3: tensor<4x16xf32>) -> tensor<?x8xf32> {
  // CHECK: onnx.ms.MoE %{{.*}} router %{{.*}} fc1 %{{.*}} bias1 %{{.*}} fc2 %{{.*}} {activation_type = #onnx.activation<silu>, k = 2 : i64}
  %0 = onnx.ms.MoE %x router %z fc1 %w1 bias1 %b1 fc2 %w2 {activation_type = #onnx.activation<silu>, k = 2 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x16x8xf32>, tensor<4x16xf32>, tensor<4x8x16xf32>) -> tensor<?x8xf32>
  // CHECK: onnx.ms.MoE %{{.*}} router %{{.*}} fc1 %{{.*}} fc2 %{{.*}} fc3 %{{.*}} bias3 %{{.*}} {activation_type = #onnx.activation<swiglu>, swiglu_limit = 7.000000e+00 : f32}
  %1 = onnx.ms.MoE %0 router %z fc1 %w1 fc2 %w2 fc3 %w3 bias3 %b3 {activation_type = #onnx.activation<swiglu>, swiglu_limit = 7.0 : f32} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x16x8xf32>, tensor<4x8x16xf32>, tensor<4x16x8xf32>, tensor<4x16xf32>) -> tensor<?x8xf32>
  return %1 : tensor<?x8xf32>
}
