// RUN: moe-opt %s | moe-opt | FileCheck %s
// RUN: moe-opt %s --one-shot-bufferize=bufferize-function-boundaries | FileCheck %s --check-prefix=BUFFERS

// A whole layer as kernels: tensors bufferise to the same ops on memrefs.
// CHECK-LABEL: func @layer
// BUFFERS-LABEL: func @layer
func.func @layer(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>,
                 %w13: tensor<3x8x32xf32>, %w2: tensor<3x16x8xf32>,
                 %b: tensor<3x16xf32>, %t: index, %r: index) -> tensor<?x8xf32> {
  %i0 = tensor.empty(%t) : tensor<?x2xi32>
  %p0 = tensor.empty(%t) : tensor<?x2xf32>
  %c0 = tensor.empty() : tensor<3xi32>
  // CHECK: moe.gate scores(%{{.*}} : tensor<?x4xf32>) {{{.*}}} outs(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x2xi32>, tensor<?x2xf32>, tensor<3xi32>) -> tensor<?x2xi32>, tensor<?x2xf32>, tensor<3xi32>
  // BUFFERS: moe.gate scores(%{{.*}} : memref<{{.*}}>) {{{.*}}} outs(%{{.*}}, %{{.*}}, %{{.*}} : memref<?x2xi32>, memref<?x2xf32>, memref<3xi32>)
  %ids, %p, %counts = moe.gate scores(%s : tensor<?x4xf32>) {
      select = #moe.topk<2>, score = #moe.score<softmax>,
      table = array<i32: 0, 1, 2, -1>}
    outs(%i0, %p0, %c0 : tensor<?x2xi32>, tensor<?x2xf32>, tensor<3xi32>)
    -> tensor<?x2xi32>, tensor<?x2xf32>, tensor<3xi32>
  %o0 = tensor.empty() : tensor<4xi32>
  %s0 = tensor.empty(%r) : tensor<?xi32>
  %r0 = tensor.empty(%t) : tensor<?x2xi32>
  // CHECK: moe.dispatch ids(%{{.*}}, %{{.*}} : tensor<?x2xi32>, tensor<3xi32>) outs(
  // BUFFERS: moe.dispatch ids(%{{.*}}, %{{.*}} : memref<?x2xi32>, memref<3xi32>) outs(
  %offsets, %slots, %rows = moe.dispatch
    ids(%ids, %counts : tensor<?x2xi32>, tensor<3xi32>)
    outs(%o0, %s0, %r0 : tensor<4xi32>, tensor<?xi32>, tensor<?x2xi32>)
    -> tensor<4xi32>, tensor<?xi32>, tensor<?x2xi32>
  %h0 = tensor.empty(%r) : tensor<?x16xf32>
  // CHECK: moe.grouped_matmul rows(%{{.*}} : tensor<?x8xf32>) slots(%{{.*}} : tensor<?xi32>) offsets(%{{.*}} : tensor<4xi32>) weights(%{{.*}}, %{{.*}} : tensor<3x8x32xf32>, tensor<3x8x32xf32>) columns(%{{.*}} : tensor<3x16xf32>) {column_offsets = array<i64: 0, 16>, slots_per_row = 2 : i64} outs(%{{.*}} : tensor<?x16xf32>) -> tensor<?x16xf32> {
  // BUFFERS: moe.grouped_matmul rows({{.*}} outs(%{{.*}} : memref<?x16xf32>) {
  %h = moe.grouped_matmul rows(%x : tensor<?x8xf32>)
      slots(%slots : tensor<?xi32>) offsets(%offsets : tensor<4xi32>)
      weights(%w13, %w13 : tensor<3x8x32xf32>, tensor<3x8x32xf32>)
      columns(%b : tensor<3x16xf32>)
      {slots_per_row = 2 : i64, column_offsets = array<i64: 0, 16>}
      outs(%h0 : tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%gate: f32, %up: f32, %bias: f32):
    %0 = arith.addf %gate, %bias : f32
    %1 = arith.mulf %0, %up : f32
    moe.yield %1 : f32
  }
  %v0 = tensor.empty(%r) : tensor<?x8xf32>
  %v = moe.grouped_matmul rows(%h : tensor<?x16xf32>)
      offsets(%offsets : tensor<4xi32>) weights(%w2 : tensor<3x16x8xf32>)
      outs(%v0 : tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%acc: f32):
    moe.yield %acc : f32
  }
  %y0 = tensor.empty(%t) : tensor<?x8xf32>
  // CHECK: moe.combine values(%{{.*}} : tensor<?x8xf32>) rows(%{{.*}} : tensor<?x2xi32>) weights(%{{.*}} : tensor<?x2xf32>) outs(%{{.*}} : tensor<?x8xf32>) -> tensor<?x8xf32>
  // BUFFERS: moe.combine values(%{{.*}} : memref<?x8xf32>) rows(%{{.*}} : memref<?x2xi32>) weights(%{{.*}} : memref<?x2xf32>) outs(%{{.*}} : memref<?x8xf32>)
  %y = moe.combine values(%v : tensor<?x8xf32>) rows(%rows : tensor<?x2xi32>)
      weights(%p : tensor<?x2xf32>) outs(%y0 : tensor<?x8xf32>)
      -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// Weights in panels, and how to read them.
// CHECK-LABEL: func.func @scheduled
func.func @scheduled(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x2x4x8xf32>, %y: memref<?x9xf32>) {
  // CHECK: moe.grouped_matmul
  // CHECK-SAME: schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x2x4x8xf32>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>} outs(%y : memref<?x9xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// The same in pairs, for dot products of bf16.
// CHECK-LABEL: func.func @scheduled_in_pairs
func.func @scheduled_in_pairs(%x: memref<?x5xf32>, %o: memref<3xi32>, %w: memref<2x2x3x8x2xbf16>, %y: memref<?x9xf32>) {
  // CHECK: moe.grouped_matmul
  // CHECK-SAME: stream_vectors = 4, k_step = 2>
  moe.grouped_matmul rows(%x : memref<?x5xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x2x3x8x2xbf16>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4, k_step = 2>} outs(%y : memref<?x9xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}
