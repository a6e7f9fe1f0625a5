// A raised side that never ends.
//
// RUN: moe-opt %s --moe-verify-raise="seconds=3" \
// RUN:   --remarks-filter=moe-verify-raise --remark-format=emitRemark 2>&1 \
// RUN:   | FileCheck %s
//
// CHECK: remark: {{.*}}the raise is undone: its proof took longer than 3 seconds while 
func.func @hangs(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    %many = onnx.Constant dense<9223372036854775807> : tensor<i64>
    %n = onnx.Loop M %many carried %many {
    ^bb0(%m: tensor<i64>, %c: tensor<i1>, %u: tensor<i64>):
      %square = onnx.Mul %u, %u : (tensor<i64>, tensor<i64>) -> tensor<i64>
      %next = onnx.Add %square, %m : (tensor<i64>, tensor<i64>) -> tensor<i64>
      onnx.Yield %c, %next : tensor<i1>, tensor<i64>
    } : (tensor<i64>, tensor<i64>) -> tensor<i64>
    %f = onnx.Cast %n : (tensor<i64>) -> tensor<f32>
    %z = onnx.Add %y, %f : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
    moe.yield %z, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}
