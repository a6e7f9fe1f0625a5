// RUN: moe-opt %s | moe-opt | FileCheck %s
//
// Every op of Math.td prints what it parsed.

// CHECK-LABEL: func @binary
func.func @binary(%a: tensor<?x4xf32>, %b: tensor<4xf32>) {
  // CHECK: onnx.Add %{{.*}}, %{{.*}}
  %0 = onnx.Add %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Div %{{.*}}, %{{.*}}
  %1 = onnx.Div %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Mod %{{.*}}, %{{.*}}
  %2 = onnx.Mod %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Mul %{{.*}}, %{{.*}}
  %3 = onnx.Mul %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Sub %{{.*}}, %{{.*}}
  %4 = onnx.Sub %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Mod %{{.*}}, %{{.*}} {fmod = 1 : i64}
  %5 = onnx.Mod %a, %b {fmod = 1 : i64} : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @mixed_types
func.func @mixed_types(%x: tensor<?x4xf32>, %y: tensor<i64>) {
  // CHECK: onnx.Pow %{{.*}}, %{{.*}}
  %0 = onnx.Pow %x, %y : (tensor<?x4xf32>, tensor<i64>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @unsigned
func.func @unsigned(%a: tensor<?xui8>, %b: tensor<1xui8>) {
  // CHECK: onnx.Add %{{.*}}, %{{.*}}
  %0 = onnx.Add %a, %b : (tensor<?xui8>, tensor<1xui8>) -> tensor<?xui8>
  return
}

// CHECK-LABEL: func @variadic
func.func @variadic(%a: tensor<?x4xf32>, %b: tensor<4xf32>) {
  // CHECK: onnx.Max %{{.*}}, %{{.*}}
  %0 = onnx.Max %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Mean %{{.*}}, %{{.*}}
  %1 = onnx.Mean %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Min %{{.*}}, %{{.*}}
  %2 = onnx.Min %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Sum %{{.*}}, %{{.*}}
  %3 = onnx.Sum %a, %b : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Max %{{.*}}
  %4 = onnx.Max %a : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @unary
func.func @unary(%x: tensor<?x4xf32>) {
  // CHECK: onnx.Abs %{{.*}}
  %0 = onnx.Abs %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Acos %{{.*}}
  %1 = onnx.Acos %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Acosh %{{.*}}
  %2 = onnx.Acosh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Asin %{{.*}}
  %3 = onnx.Asin %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Asinh %{{.*}}
  %4 = onnx.Asinh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Atan %{{.*}}
  %5 = onnx.Atan %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Atanh %{{.*}}
  %6 = onnx.Atanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Ceil %{{.*}}
  %7 = onnx.Ceil %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Cos %{{.*}}
  %8 = onnx.Cos %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Cosh %{{.*}}
  %9 = onnx.Cosh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Erf %{{.*}}
  %10 = onnx.Erf %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Exp %{{.*}}
  %11 = onnx.Exp %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Floor %{{.*}}
  %12 = onnx.Floor %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Log %{{.*}}
  %13 = onnx.Log %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Neg %{{.*}}
  %14 = onnx.Neg %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Reciprocal %{{.*}}
  %15 = onnx.Reciprocal %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Round %{{.*}}
  %16 = onnx.Round %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Sign %{{.*}}
  %17 = onnx.Sign %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Sin %{{.*}}
  %18 = onnx.Sin %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Sinh %{{.*}}
  %19 = onnx.Sinh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Sqrt %{{.*}}
  %20 = onnx.Sqrt %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Tan %{{.*}}
  %21 = onnx.Tan %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Tanh %{{.*}}
  %22 = onnx.Tanh %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @conversions
func.func @conversions(%x: tensor<?x4xf32>) {
  // CHECK: onnx.Cast %{{.*}}
  %0 = onnx.Cast %x : (tensor<?x4xf32>) -> tensor<?x4xi32>
  // CHECK: onnx.BitCast %{{.*}}
  %1 = onnx.BitCast %x : (tensor<?x4xf32>) -> tensor<?x4xi32>
  return
}

// CHECK-LABEL: func @clip
func.func @clip(%x: tensor<?x4xf32>, %low: tensor<f32>, %high: tensor<f32>) {
  // CHECK: onnx.Clip %{{.*}} min(%{{.*}} : tensor<f32>) max(%{{.*}} : tensor<f32>)
  %0 = onnx.Clip %x min(%low : tensor<f32>) max(%high : tensor<f32>) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Clip %{{.*}} max(%{{.*}} : tensor<f32>)
  %1 = onnx.Clip %x max(%high : tensor<f32>) : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // CHECK: onnx.Clip %{{.*}}
  %2 = onnx.Clip %x : (tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// CHECK-LABEL: func @where
func.func @where(%c: tensor<?x1xi1>, %x: tensor<4xf32>, %y: tensor<f32>) {
  // CHECK: onnx.Where %{{.*}}, %{{.*}}, %{{.*}}
  %0 = onnx.Where %c, %x, %y : (tensor<?x1xi1>, tensor<4xf32>, tensor<f32>) -> tensor<?x4xf32>
  return
}
