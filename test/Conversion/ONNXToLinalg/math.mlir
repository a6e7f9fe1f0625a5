// RUN: moe-opt %s --convert-onnx-to-linalg --canonicalize --cse | FileCheck %s

// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1) -> (d0, d1)>
// CHECK-DAG: #[[$ROW:.*]] = affine_map<(d0, d1) -> (d1)>

// Static broadcasting is an indexing map.
// CHECK-LABEL: func @broadcast
// CHECK: linalg.generic {indexing_maps = [#[[$ID]], #[[$ROW]], #[[$ID]]]
// CHECK: arith.addf
func.func @broadcast(%a: tensor<?x4xf32>, %b: tensor<4xf32>) -> tensor<?x4xf32> {
  %0 = onnx.Add %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// Dynamic extents are compared ahead of the loop; one of them may be 1.
// CHECK-LABEL: func @dynamic_broadcast
// CHECK: rt.require %{{.*}}, "operand shapes must broadcast
// CHECK: linalg.generic
func.func @dynamic_broadcast(%a: tensor<?xf32>, %b: tensor<?xf32>) -> tensor<?xf32> {
  %0 = onnx.Mul %a, %b : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// f16 and bf16 are computed in f32, and rounded once.
// CHECK-LABEL: func @narrow_floats
// CHECK: arith.extf %{{.*}} : bf16 to f32
// CHECK: math.exp %{{.*}} : f32
// CHECK: arith.truncf %{{.*}} : f32 to bf16
func.func @narrow_floats(%x: tensor<?xbf16>) -> tensor<?xbf16> {
  %0 = onnx.Exp %x : (tensor<?xbf16>) -> tensor<?xbf16>
  return %0 : tensor<?xbf16>
}

// Signedness is that of the type before the conversion.
// CHECK-LABEL: func @unsigned
// CHECK: arith.cmpi ult
// CHECK: arith.maxui
// CHECK: arith.uitofp
func.func @unsigned(%a: tensor<?xui8>, %b: tensor<ui8>)
    -> (tensor<?xi1>, tensor<?xui8>, tensor<?xf32>) {
  %0 = onnx.Less %a, %b : (tensor<?xui8>, tensor<ui8>) -> tensor<?xi1>
  %1 = onnx.Max %a, %b : (tensor<?xui8>, tensor<ui8>) -> tensor<?xui8>
  %2 = onnx.Cast %a : (tensor<?xui8>) -> tensor<?xf32>
  return %0, %1, %2 : tensor<?xi1>, tensor<?xui8>, tensor<?xf32>
}

// Divisors are checked ahead of the loop, and -1 is divided by no instruction.
// CHECK-LABEL: func @integer_division
// CHECK: rt.require %{{.*}}, "an integer divisor must not be 0"
// CHECK: linalg.generic
// CHECK: %[[ONE:.*]] = arith.cmpi eq, %{{.*}}, %c-1_i32
// CHECK: arith.select %[[ONE]], %c1_i32
// CHECK: arith.divsi
func.func @integer_division(%a: tensor<?xi32>, %b: tensor<i32>) -> tensor<?xi32> {
  %0 = onnx.Div %a, %b : (tensor<?xi32>, tensor<i32>) -> tensor<?xi32>
  return %0 : tensor<?xi32>
}

// A constant divisor needs no check.
// CHECK-LABEL: func @constant_divisor
// CHECK-NOT: rt.require
// CHECK: arith.divsi
// CHECK-NOT: arith.select
func.func @constant_divisor(%a: tensor<2xi64>) -> tensor<2xi64> {
  %two = onnx.Constant dense<2> : tensor<i64>
  %0 = onnx.Div %a, %two : (tensor<2xi64>, tensor<i64>) -> tensor<2xi64>
  return %0 : tensor<2xi64>
}

// The square that normalisations write is a product.
// CHECK-LABEL: func @square
// CHECK-NOT: math.powf
// CHECK: arith.mulf
func.func @square(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %two = onnx.Constant dense<2.0> : tensor<f32>
  %0 = onnx.Pow %x, %two : (tensor<?x4xf32>, tensor<f32>) -> tensor<?x4xf32>
  return %0 : tensor<?x4xf32>
}

// A conversion out of range would be poison: the float is compared first.
// CHECK-LABEL: func @float_to_integer
// CHECK: arith.cmpf oge
// CHECK: %[[SAFE:.*]] = arith.select
// CHECK: arith.fptosi %[[SAFE]] : f32 to i64
// CHECK: arith.trunci
func.func @float_to_integer(%x: tensor<?xf32>) -> tensor<?xi8> {
  %0 = onnx.Cast %x : (tensor<?xf32>) -> tensor<?xi8>
  return %0 : tensor<?xi8>
}

// Small integer tensors are scalars.
// CHECK-LABEL: func @shape_arithmetic
// CHECK-NOT: linalg
// CHECK: tensor.from_elements
func.func @shape_arithmetic(%a: tensor<2xi64>, %b: tensor<2xi64>) -> tensor<2xi64> {
  %0 = onnx.Add %a, %b : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  %1 = onnx.Less %0, %b : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi1>
  %2 = onnx.Where %1, %a, %0 : (tensor<2xi1>, tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  return %2 : tensor<2xi64>
}
