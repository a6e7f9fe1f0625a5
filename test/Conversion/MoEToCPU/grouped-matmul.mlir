// RUN: moe-opt %s --convert-moe-to-cpu | FileCheck %s

// CHECK-LABEL: func.func @matmul
// CHECK: %[[THREADS:.*]] = rt.num_threads
// CHECK: rt.parallel %{{.*}} below
// CHECK: memref.collapse_shape %{{.*}} {{\[}}[0, 1, 2, 3]] : memref<2x2x300x8xf32> into memref<9600xf32>
// Each expert; few rows stream, others come in tiles of up to 6.
// CHECK: scf.for
// CHECK: arith.cmpi ule
// CHECK: func.call @tile_f32_1x4x8_rows272_stream
// CHECK: func.call @tile_f32_2x4x8_rows272_stream
// CHECK-NOT: _stream
// CHECK: func.call @tile_f32_1x2x8_rows272(
// CHECK: func.call @tile_f32_6x2x8_rows272(
// The last panel has one column.
// CHECK: vector.create_mask
// CHECK: vector.maskedstore

func.func @matmul(%x: memref<?x300xf32>, %o: memref<3xi32>, %w: memref<2x2x300x8xf32>, %y: memref<?x9xf32>) {
  moe.grouped_matmul rows(%x : memref<?x300xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x2x300x8xf32>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 2, stream_vectors = 4>} outs(%y : memref<?x9xf32>) {
  ^bb0(%sum: f32):
    %e = math.exp %sum : f32
    moe.yield %e : f32
  }
  return
}

// Columns of two sums that alternate are told apart in registers; the epilogue
// is one of vectors, without calls.
// CHECK-LABEL: func.func @alternating
// CHECK: vector.shuffle {{.*}} [0, 2, 4, 6, 8, 10, 12, 14]
// CHECK: vector.shuffle {{.*}} [1, 3, 5, 7, 9, 11, 13, 15]
// CHECK: arith.mulf {{.*}} : vector<8xf32>
func.func @alternating(%x: memref<?x4xf32>, %o: memref<2xi32>, %w: memref<1x2x4x8xf32>, %y: memref<?x8xf32>) {
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<2xi32>) weights(%w, %w : memref<1x2x4x8xf32>, memref<1x2x4x8xf32>) {column_offsets = array<i64: 0, 1>, column_strides = array<i64: 2, 2>, schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 0, stream_vectors = 2>} outs(%y : memref<?x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %p = arith.mulf %a, %b : f32
    moe.yield %p : f32
  }
  return
}

// A tile keeps its sums in registers and asks for what comes next.
// CHECK-LABEL: func.func private @tile_f32_1x2x8_rows272(
// CHECK-COUNT-2: vector.load {{.*}} vector<8xf32>
// CHECK: %[[SUMS:.*]]:2 = scf.for
// CHECK: memref.prefetch
// CHECK-COUNT-8: vector.fma
// CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[SUMS]]#0, %{{.*}} = %[[SUMS]]#1)
// CHECK-COUNT-2: vector.fma
// CHECK-COUNT-2: vector.store

// The products of a row that fit one block are the first of their sums.
// CHECK-LABEL: func.func private @tile_f32_1x2x8_rows272_first(
// CHECK-SAME: %[[SUMS:[a-z0-9]+]]: memref<?xf32>, %{{[a-z0-9]+}}: index) attributes
// CHECK-NOT: vector.load %[[SUMS]]
// CHECK: vector.store %{{.*}}, %[[SUMS]]
