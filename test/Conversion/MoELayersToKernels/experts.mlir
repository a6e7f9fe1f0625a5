// RUN: moe-opt %s --convert-moe-layers-to-kernels --canonicalize -split-input-file | FileCheck %s

// SwiGLU with gate and up as halves: two products of one matrix, one epilogue.
// CHECK-LABEL: func @halves
func.func @halves(%s: tensor<?x4xf32>, %x: tensor<?x8xf32>,
                  %w13: tensor<4x8x32xf32>, %b: tensor<4x32xf32>,
                  %w2: tensor<4x16x8xf32>) -> tensor<?x8xf32> {
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  // CHECK: %[[G:.*]]:3 = moe.gate
  // CHECK: %[[R:.*]] = arith.muli %{{.*}}, %c2
  // CHECK: %[[D:.*]]:3 = moe.dispatch ids(%[[G]]#0, %[[G]]#2 : tensor<?x2xi32>, tensor<4xi32>)
  // CHECK: %[[H0:.*]] = tensor.empty(%[[R]]) : tensor<?x16xf32>
  // CHECK: %[[H:.*]] = moe.grouped_matmul rows(%arg1 : tensor<?x8xf32>) slots(%[[D]]#1 : tensor<?xi32>) offsets(%[[D]]#0 : tensor<5xi32>)
  // CHECK-SAME: weights(%arg2, %arg2 : tensor<4x8x32xf32>, tensor<4x8x32xf32>) columns(%{{.*}}, %{{.*}} : tensor<4x16xf32>, tensor<4x16xf32>)
  // CHECK-SAME: {column_offsets = array<i64: 0, 16>, slots_per_row = 2 : i64} outs(%[[H0]] : tensor<?x16xf32>)
  // CHECK-NEXT: ^bb0(%[[A:.*]]: f32, %[[B:.*]]: f32, %[[C:.*]]: f32, %[[E:.*]]: f32):
  // CHECK-NEXT: %[[GATE:.*]] = arith.addf %[[A]], %[[C]]
  // CHECK: %[[UP:.*]] = arith.addf %[[B]], %[[E]]
  // CHECK: %[[O:.*]] = arith.mulf %{{.*}}, %[[UP]]
  // CHECK: moe.yield %[[O]] : f32
  // CHECK: %[[V:.*]] = moe.grouped_matmul rows(%[[H]] : tensor<?x16xf32>) offsets(%[[D]]#0 : tensor<5xi32>) weights(%arg4 : tensor<4x16x8xf32>) outs(
  // CHECK: moe.combine values(%[[V]] : tensor<?x8xf32>) rows(%[[D]]#2 : tensor<?x2xi32>) weights(%[[G]]#1 : tensor<?x2xf32>)
  // CHECK-NOT: onnx
  %y = moe.experts %i, %w rows(%x : tensor<?x8xf32>)
      stacked(%w13, %b, %w2 : tensor<4x8x32xf32>, tensor<4x32xf32>, tensor<4x16x8xf32>)
      {experts = #moe.kinds<ffn = 4>}
      : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x32xf32>, %c: tensor<32xf32>, %d: tensor<16x8xf32>):
    %0 = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x32xf32>) -> tensor<?x32xf32>
    %1 = onnx.Add %0, %c : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
    %2:2 = onnx.Split %1 {axis = 1 : i64, num_outputs = 2 : i64} : (tensor<?x32xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>)
    %3 = onnx.Relu %2#0 : (tensor<?x16xf32>) -> tensor<?x16xf32>
    %4 = onnx.Mul %3, %2#1 : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
    %5 = onnx.MatMul %4, %d : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
    moe.yield %5 : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// Even and odd columns.
// CHECK-LABEL: func @interleaved
func.func @interleaved(%i: tensor<3x2xi32>, %x: tensor<3x8xf32>,
                       %w13: tensor<4x8x32xf32>) -> tensor<3x16xf32> {
  // CHECK: rt.require %{{.*}}, "ids of experts must be in [-1, 4)"
  // CHECK: moe.grouped_matmul {{.*}} {column_offsets = array<i64: 0, 1>, column_strides = array<i64: 2, 2>, slots_per_row = 2 : i64} outs(%{{.*}} : tensor<6x16xf32>)
  // CHECK: moe.combine
  // CHECK-NOT: weights
  %y = moe.experts %i rows(%x : tensor<3x8xf32>)
      stacked(%w13 : tensor<4x8x32xf32>) {experts = #moe.kinds<ffn = 4>}
      : tensor<3x2xi32> -> tensor<3x16xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x32xf32>):
    %zero = onnx.Constant dense<0> : tensor<1xi64>
    %one = onnx.Constant dense<1> : tensor<1xi64>
    %two = onnx.Constant dense<2> : tensor<1xi64>
    %end = onnx.Constant dense<32> : tensor<1xi64>
    %0 = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x32xf32>) -> tensor<?x32xf32>
    %1 = onnx.Slice %0, %zero, %end axes(%one) steps(%two) : (tensor<?x32xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x16xf32>
    %2 = onnx.Slice %0, %one, %end axes(%one) steps(%two) : (tensor<?x32xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?x16xf32>
    %3 = onnx.Mul %1, %2 : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
    moe.yield %3 : tensor<?x16xf32>
  }
  return %y : tensor<3x16xf32>
}

// -----

// Another body: onnx ops on the rows of one expert at a time.
// CHECK-LABEL: func @any_body
func.func @any_body(%s: tensor<?x4xf32>, %x: tensor<?x8xf32>,
                    %w1: tensor<4x8x8xf32>) -> tensor<?x8xf32> {
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  // CHECK: %[[V:.*]] = scf.for %[[E:.*]] = %c0 to %c4 step %c1 iter_args(%[[ALL:.*]] = %{{.*}}) -> (tensor<?x8xf32>)
  // CHECK: scf.if
  // CHECK: %[[ROWS:.*]] = linalg.generic
  // CHECK: %[[SLICE:.*]] = tensor.extract_slice %arg2[%[[E]], 0, 0] [1, 8, 8] [1, 1, 1]
  // CHECK: %[[M:.*]] = onnx.MatMul %[[ROWS]], %[[SLICE]]
  // CHECK: %[[O:.*]] = onnx.Softmax %[[M]]
  // CHECK: tensor.insert_slice %[[O]] into %[[ALL]]
  // CHECK: moe.combine values(%[[V]]
  %y = moe.experts %i, %w rows(%x : tensor<?x8xf32>)
      stacked(%w1 : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4>}
      : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %0 = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    %1 = onnx.Softmax %0 : (tensor<?x8xf32>) -> tensor<?x8xf32>
    moe.yield %1 : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// Kinds that nothing has eliminated: zero ids go nowhere, copies have rows.
// CHECK-LABEL: func @kinds
func.func @kinds(%s: tensor<?x8xf32>, %x: tensor<?x8xf32>,
                 %w1: tensor<4x8x8xf32>) -> tensor<?x8xf32> {
  %i, %w = moe.route scores(%s : tensor<?x8xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  // CHECK: moe.gate {{.*}} table = array<i32: -1, -1, 4, 0, 1, 2, 3, 5>
  // CHECK: %[[D:.*]]:3 = moe.dispatch {{.*}} outs({{.*}} : tensor<7xi32>,
  // CHECK: %[[ENDS:.*]] = tensor.extract_slice %[[D]]#0[0] [5] [1]
  // CHECK: %[[V:.*]] = moe.grouped_matmul {{.*}} offsets(%[[ENDS]] : tensor<5xi32>)
  // CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[V]])
  // CHECK: tensor.extract_slice %arg1
  // CHECK: tensor.insert_slice
  %y = moe.experts %i, %w rows(%x : tensor<?x8xf32>)
      stacked(%w1 : tensor<4x8x8xf32>)
      {experts = #moe.kinds<zero = 2, copy = 1, ffn = 4, copy = 1>}
      : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %0 = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %0 : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}
