// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --mlir-print-op-generic | moe-opt | FileCheck %s
// RUN: moe-opt %s --canonicalize | FileCheck %s --check-prefix=FOLD

// CHECK-LABEL: func @route
func.func @route(%s: tensor<?x16xf32>, %b: tensor<16xf32>, %x: tensor<?x8xf32>,
                 %w: tensor<8x16xf32>) {
  // CHECK: moe.route scores(%{{.*}} : tensor<?x16xf32>) {denominator = #moe.denominator<zero_as_one>, normalize_over = #moe.columns<0, 8>, score = #moe.score<softmax>, select = #moe.topk<3>} -> tensor<?x3xi32>, tensor<?x3xf32>
  %i0, %w0 = moe.route scores(%s : tensor<?x16xf32>) {
      select = #moe.topk<3>, score = #moe.score<softmax>,
      normalize_over = #moe.columns<0, 8>,
      denominator = #moe.denominator<zero_as_one>}
    -> tensor<?x3xi32>, tensor<?x3xf32>
  // CHECK: moe.route project(%{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<8x16xf32>) bias(%{{.*}} : tensor<16xf32>) mask(%{{.*}} : tensor<16xf32>) mix(%{{.*}} : tensor<?x16xf32>)
  // CHECK-SAME: denominator = #moe.denominator<plus 9.99999968E-21>
  // CHECK-SAME: groups = #moe.groups<count = 4, keep = 2, score = sum_top2, masked = 0xFF800000>
  // CHECK-SAME: order = #moe.order<after>, scale = 2.500000e+00 : f32
  // CHECK-SAME: select = #moe.topk<2, tie = highest_index>
  %i1, %w1 = moe.route project(%x, %w : tensor<?x8xf32>, tensor<8x16xf32>)
      bias(%b : tensor<16xf32>) mask(%b : tensor<16xf32>)
      mix(%s : tensor<?x16xf32>) {
      select = #moe.topk<2, tie = highest_index>, score = #moe.score<sigmoid>,
      order = #moe.order<after>, scale = 2.5 : f32,
      groups = #moe.groups<count = 4, keep = 2, score = sum_top2,
                           masked = 0xFF800000>,
      normalize_over = #moe.columns<0, 16>,
      denominator = #moe.denominator<plus 1.0e-20>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  // CHECK: select = #moe.sparse_mixer<threshold = 2.000000e-02>
  %i2, %w2 = moe.route scores(%s : tensor<?x16xf32>) {
      select = #moe.sparse_mixer<threshold = 2.0e-02>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  // CHECK: moe.slot_sum %{{.*}}, %{{.*}} {columns = #moe.columns<8, 16>}
  %c = moe.slot_sum %i0, %w0 {columns = #moe.columns<8, 16>}
    : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?xf32>
  // CHECK: moe.renumber %{{.*}}, %{{.*}} {table = array<i32: 0, -1, 1, 0>}
  %i3, %w3 = moe.renumber %i1, %w1 {table = array<i32: 0, -1, 1, 0>}
    : tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// FOLD-LABEL: func @renumber_by_the_identity
// FOLD-NEXT: return %arg0, %arg1
func.func @renumber_by_the_identity(%i: tensor<?x2xi32>, %w: tensor<?x2xf32>)
    -> (tensor<?x2xi32>, tensor<?x2xf32>) {
  %i1, %w1 = moe.renumber %i, %w {table = array<i32: 0, 1, 2>}
    : tensor<?x2xi32>, tensor<?x2xf32>
  return %i1, %w1 : tensor<?x2xi32>, tensor<?x2xf32>
}

// CHECK-LABEL: func @experts
func.func @experts(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>,
                   %x: tensor<?x8xf32>, %w1: tensor<4x8x16xf32>,
                   %w2: tensor<4x16x8xf32>, %k: tensor<1x8xf32>,
                   %lora: tensor<8x16xf32>, %c: tensor<?xf32>)
    -> tensor<?x8xf32> {
  // CHECK: moe.experts %{{.*}}, %{{.*}} rows(%{{.*}} : tensor<?x8xf32>) stacked(%{{.*}}, %{{.*}} : tensor<4x8x16xf32>, tensor<4x16x8xf32>) shared(%{{.*}} : tensor<8x16xf32>) constants(%{{.*}} : tensor<1x8xf32>) input_weights(%{{.*}} : tensor<?x2xf32>) terms(%{{.*}} : tensor<?xf32>) times(%{{.*}} : tensor<?x8xf32>) {experts = #moe.kinds<ffn = 4, zero = 2, copy = 1, constant = 1>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>)
      stacked(%w1, %w2 : tensor<4x8x16xf32>, tensor<4x16x8xf32>)
      shared(%lora : tensor<8x16xf32>)
      constants(%k : tensor<1x8xf32>)
      input_weights(%weights : tensor<?x2xf32>)
      terms(%c : tensor<?xf32>) times(%x : tensor<?x8xf32>)
      {experts = #moe.kinds<ffn = 4, zero = 2, copy = 1, constant = 1>}
      : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x16xf32>, %b: tensor<16x8xf32>,
       %s: tensor<8x16xf32>):
    %h = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x16xf32>) -> tensor<?x16xf32>
    %l = onnx.MatMul %r, %s : (tensor<?x8xf32>, tensor<8x16xf32>) -> tensor<?x16xf32>
    %g = onnx.Add %h, %l : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
    %o = onnx.MatMul %g, %b : (tensor<?x16xf32>, tensor<16x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @candidate
func.func @candidate(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>) -> tensor<?x8xf32> {
  // CHECK: moe.candidate(%{{.*}}, %{{.*}}) {rows = 2 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32> original {
  // CHECK: } raised {
  %y = moe.candidate(%x, %s) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>):
    moe.yield %a : tensor<?x8xf32>
  } raised {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>):
    moe.yield %a : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}
