// What moe.route says by operands, and null experts with rows of their own.
//
// RUN: moe-opt %s --moe-raise-onnx | FileCheck %s

!rows = tensor<?x2xf32>

// Padded columns are closed by a vector, ahead of the softmax.
// CHECK-LABEL: func.func @closed_columns
// CHECK: moe.candidate(%{{.*}}, %[[S:.*]]) {rows = 2 : i64}
// CHECK: raised
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<?x2xf32>, %[[SCORES:.*]]: tensor<?x3xf32>
// CHECK: %[[MASK:.*]] = onnx.Constant dense<[0.000000e+00, 0.000000e+00, 0xFF800000]>
// CHECK: moe.route scores(%[[SCORES]] : {{.*}}) mask(%[[MASK]] : tensor<3xf32>)
// CHECK-SAME: score = #moe.score<softmax>
func.func @closed_columns(%x: !rows {rt.dims = ["T", ""]}, %s: tensor<?x3xf32> {rt.dims = ["T", ""]}) -> !rows {
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %w = onnx.Constant dense<[[[1., 2.], [3., 4.]], [[5., 6.], [7., 8.]], [[0., 1.], [1., 0.]]]> : tensor<3x2x2xf32>
  %mask = onnx.Constant dense<[0., 0., 0xFF800000]> : tensor<3xf32>
  %z = onnx.Add %s, %mask : (tensor<?x3xf32>, tensor<3xf32>) -> tensor<?x3xf32>
  %p = onnx.Softmax %z : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %v, %i = onnx.TopK %p, %one : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
  %e = onnx.Squeeze %i, %one : (tensor<?x1xi64>, tensor<1xi64>) -> tensor<?xi64>
  %g = onnx.Gather %w, %e : (tensor<3x2x2xf32>, tensor<?xi64>) -> tensor<?x2x2xf32>
  %r = onnx.Unsqueeze %x, %one : (!rows, tensor<1xi64>) -> tensor<?x1x2xf32>
  %h = onnx.MatMul %r, %g : (tensor<?x1x2xf32>, tensor<?x2x2xf32>) -> tensor<?x1x2xf32>
  %o = onnx.Squeeze %h, %one : (tensor<?x1x2xf32>, tensor<1xi64>) -> !rows
  %y = onnx.Mul %o, %v : (!rows, tensor<?x1xf32>) -> !rows
  return %y : !rows
}

// Selection by one tensor, weights from another.
// CHECK-LABEL: func.func @other_weights
// CHECK: moe.candidate(%{{.*}}, %{{.*}}, %{{.*}}) {rows = 3 : i64}
// CHECK: raised
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<?x2xf32>, %[[SCORES:.*]]: tensor<?x3xf32>, %[[MIX:.*]]: tensor<?x3xf32>
// CHECK: moe.route scores(%[[SCORES]] : {{.*}}) mix(%[[MIX]] : tensor<?x3xf32>)
func.func @other_weights(%x: !rows {rt.dims = ["T", ""]}, %s: tensor<?x3xf32> {rt.dims = ["T", ""]}, %m: tensor<?x3xf32> {rt.dims = ["T", ""]}) -> !rows {
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %w = onnx.Constant dense<[[[1., 2.], [3., 4.]], [[5., 6.], [7., 8.]], [[0., 1.], [1., 0.]]]> : tensor<3x2x2xf32>
  %p, %i = onnx.TopK %s, %one : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
  %v = onnx.GatherElements %m, %i {axis = 1 : i64} : (tensor<?x3xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
  %e = onnx.Squeeze %i, %one : (tensor<?x1xi64>, tensor<1xi64>) -> tensor<?xi64>
  %g = onnx.Gather %w, %e : (tensor<3x2x2xf32>, tensor<?xi64>) -> tensor<?x2x2xf32>
  %r = onnx.Unsqueeze %x, %one : (!rows, tensor<1xi64>) -> tensor<?x1x2xf32>
  %h = onnx.MatMul %r, %g : (tensor<?x1x2xf32>, tensor<?x2x2xf32>) -> tensor<?x1x2xf32>
  %o = onnx.Squeeze %h, %one : (tensor<?x1x2xf32>, tensor<1xi64>) -> !rows
  %y = onnx.Mul %o, %v : (!rows, tensor<?x1xf32>) -> !rows
  return %y : !rows
}

// The least are the greatest of the negated, where NaN is behind all numbers.
// CHECK-LABEL: func.func @least_scores
// CHECK: raised
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<?x2xf32>, %[[SCORES:.*]]: tensor<?x3xf32>
// CHECK: %[[NAN:.*]] = onnx.IsNaN %[[SCORES]]
// CHECK: %[[NEG:.*]] = onnx.Neg %[[SCORES]]
// CHECK: %[[LAST:.*]] = onnx.Where %[[NAN]], %{{.*}}, %[[NEG]]
// CHECK: moe.route scores(%[[LAST]] : {{.*}}) mix(%[[SCORES]] : tensor<?x3xf32>)
func.func @least_scores(%x: !rows {rt.dims = ["T", ""]}, %s: tensor<?x3xf32> {rt.dims = ["T", ""]}) -> !rows {
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %w = onnx.Constant dense<[[[1., 2.], [3., 4.]], [[5., 6.], [7., 8.]], [[0., 1.], [1., 0.]]]> : tensor<3x2x2xf32>
  %v, %i = onnx.TopK %s, %one {largest = 0 : i64} : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
  %e = onnx.Squeeze %i, %one : (tensor<?x1xi64>, tensor<1xi64>) -> tensor<?xi64>
  %g = onnx.Gather %w, %e : (tensor<3x2x2xf32>, tensor<?xi64>) -> tensor<?x2x2xf32>
  %r = onnx.Unsqueeze %x, %one : (!rows, tensor<1xi64>) -> tensor<?x1x2xf32>
  %h = onnx.MatMul %r, %g : (tensor<?x1x2xf32>, tensor<?x2x2xf32>) -> tensor<?x1x2xf32>
  %o = onnx.Squeeze %h, %one : (tensor<?x1x2xf32>, tensor<1xi64>) -> !rows
  %y = onnx.Mul %o, %v : (!rows, tensor<?x1xf32>) -> !rows
  return %y : !rows
}

// Ids 2 and 3 are rows of their own, computed on no token.
// CHECK-LABEL: func.func @constant_rows
// CHECK: raised
// CHECK: moe.experts {{.*}} constants(%{{.*}} : tensor<2x2xf32>)
// CHECK-SAME: experts = #moe.kinds<ffn = 2, constant = 2>
func.func @constant_rows(%x: !rows {rt.dims = ["T", ""]}, %s: tensor<?x4xf32> {rt.dims = ["T", ""]}) -> !rows {
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %i0 = onnx.Constant dense<0> : tensor<i64>
  %i1 = onnx.Constant dense<1> : tensor<i64>
  %i2 = onnx.Constant dense<2> : tensor<i64>
  %i3 = onnx.Constant dense<3> : tensor<i64>
  %w0 = onnx.Constant dense<[[1., 2.], [3., 4.]]> : tensor<2x2xf32>
  %w1 = onnx.Constant dense<[[5., 6.], [7., 8.]]> : tensor<2x2xf32>
  %r2 = onnx.Constant dense<[[1., 0.]]> : tensor<1x2xf32>
  %r3 = onnx.Constant dense<[[0., 1.]]> : tensor<1x2xf32>
  %shape = onnx.Shape %x : (!rows) -> tensor<2xi64>
  %v, %i = onnx.TopK %s, %one : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
  %m0 = onnx.Equal %i, %i0 : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi1>
  %m1 = onnx.Equal %i, %i1 : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi1>
  %m2 = onnx.Equal %i, %i2 : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi1>
  %m3 = onnx.Equal %i, %i3 : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi1>
  %f0 = onnx.Cast %m0 : (tensor<?x1xi1>) -> tensor<?x1xf32>
  %f1 = onnx.Cast %m1 : (tensor<?x1xi1>) -> tensor<?x1xf32>
  %f2 = onnx.Cast %m2 : (tensor<?x1xi1>) -> tensor<?x1xf32>
  %f3 = onnx.Cast %m3 : (tensor<?x1xi1>) -> tensor<?x1xf32>
  %u0 = onnx.Mul %v, %f0 : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %u1 = onnx.Mul %v, %f1 : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %u2 = onnx.Mul %v, %f2 : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %u3 = onnx.Mul %v, %f3 : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %h0 = onnx.MatMul %x, %w0 : (!rows, tensor<2x2xf32>) -> !rows
  %h1 = onnx.MatMul %x, %w1 : (!rows, tensor<2x2xf32>) -> !rows
  %h2 = onnx.Expand %r2, %shape : (tensor<1x2xf32>, tensor<2xi64>) -> !rows
  %h3 = onnx.Expand %r3, %shape : (tensor<1x2xf32>, tensor<2xi64>) -> !rows
  %y0 = onnx.Mul %h0, %u0 : (!rows, tensor<?x1xf32>) -> !rows
  %y1 = onnx.Mul %h1, %u1 : (!rows, tensor<?x1xf32>) -> !rows
  %y2 = onnx.Mul %h2, %u2 : (!rows, tensor<?x1xf32>) -> !rows
  %y3 = onnx.Mul %h3, %u3 : (!rows, tensor<?x1xf32>) -> !rows
  %a = onnx.Add %y0, %y1 : (!rows, !rows) -> !rows
  %b = onnx.Add %a, %y2 : (!rows, !rows) -> !rows
  %y = onnx.Add %b, %y3 : (!rows, !rows) -> !rows
  return %y : !rows
}
