// RUN: moe-opt %s | moe-opt | FileCheck %s
//
// Every op of Logic.td prints what it parsed.

// CHECK-LABEL: func @comparisons
func.func @comparisons(%a: tensor<?x4xf32>, %b: tensor<4xf32>) {
  // CHECK: onnx.Equal %{{.*}}, %{{.*}}
  %0 = onnx.Equal %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xi1>
  // CHECK: onnx.Greater %{{.*}}, %{{.*}}
  %1 = onnx.Greater %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xi1>
  // CHECK: onnx.GreaterOrEqual %{{.*}}, %{{.*}}
  %2 = onnx.GreaterOrEqual %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xi1>
  // CHECK: onnx.Less %{{.*}}, %{{.*}}
  %3 = onnx.Less %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xi1>
  // CHECK: onnx.LessOrEqual %{{.*}}, %{{.*}}
  %4 = onnx.LessOrEqual %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xi1>
  return
}

// CHECK-LABEL: func @classes
func.func @classes(%x: tensor<?x4xf32>) {
  // CHECK: onnx.IsInf %{{.*}} {detect_negative = 0 : i64}
  %0 = onnx.IsInf %x {detect_negative = 0 : i64} : (tensor<?x4xf32>) -> tensor<?x4xi1>
  // CHECK: onnx.IsNaN %{{.*}}
  %1 = onnx.IsNaN %x : (tensor<?x4xf32>) -> tensor<?x4xi1>
  return
}

// CHECK-LABEL: func @bools
func.func @bools(%a: tensor<?x4xi1>, %b: tensor<4xi1>) {
  // CHECK: onnx.And %{{.*}}, %{{.*}}
  %0 = onnx.And %a, %b : (tensor<?x4xi1>, tensor<4xi1>) -> tensor<?x4xi1>
  // CHECK: onnx.Equal %{{.*}}, %{{.*}}
  %1 = onnx.Equal %a, %b : (tensor<?x4xi1>, tensor<4xi1>) -> tensor<?x4xi1>
  // CHECK: onnx.Or %{{.*}}, %{{.*}}
  %2 = onnx.Or %a, %b : (tensor<?x4xi1>, tensor<4xi1>) -> tensor<?x4xi1>
  // CHECK: onnx.Xor %{{.*}}, %{{.*}}
  %3 = onnx.Xor %a, %b : (tensor<?x4xi1>, tensor<4xi1>) -> tensor<?x4xi1>
  // CHECK: onnx.Not %{{.*}}
  %4 = onnx.Not %a : (tensor<?x4xi1>) -> tensor<?x4xi1>
  return
}

// CHECK-LABEL: func @bits
func.func @bits(%a: tensor<?x4xui8>, %b: tensor<4xui8>) {
  // CHECK: onnx.BitwiseAnd %{{.*}}, %{{.*}}
  %0 = onnx.BitwiseAnd %a, %b : (tensor<?x4xui8>, tensor<4xui8>) -> tensor<?x4xui8>
  // CHECK: onnx.BitwiseOr %{{.*}}, %{{.*}}
  %1 = onnx.BitwiseOr %a, %b : (tensor<?x4xui8>, tensor<4xui8>) -> tensor<?x4xui8>
  // CHECK: onnx.BitwiseXor %{{.*}}, %{{.*}}
  %2 = onnx.BitwiseXor %a, %b : (tensor<?x4xui8>, tensor<4xui8>) -> tensor<?x4xui8>
  // CHECK: onnx.BitwiseNot %{{.*}}
  %3 = onnx.BitwiseNot %a : (tensor<?x4xui8>) -> tensor<?x4xui8>
  // CHECK: onnx.BitShift %{{.*}}, %{{.*}} {direction = #onnx.shift<LEFT>}
  %4 = onnx.BitShift %a, %b {direction = #onnx.shift<LEFT>} : (tensor<?x4xui8>, tensor<4xui8>) -> tensor<?x4xui8>
  return
}
