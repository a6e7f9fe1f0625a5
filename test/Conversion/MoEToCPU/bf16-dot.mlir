// RUN: moe-opt %s --convert-moe-to-cpu=isa=avx512bf16 | FileCheck %s
// RUN: moe-opt %s --convert-moe-to-cpu=isa=avx512bf16 --convert-vector-to-llvm=enable-x86vector | FileCheck %s --check-prefix=LLVM

// A sum takes two products of bf16 at a time; of 33, the last has a 0 beside it.
// CHECK-LABEL: func.func @matmul
// CHECK: memref.alloc({{.*}}) : memref<?xbf16>
// CHECK: memref.collapse_shape {{.*}} : memref<2x2x17x16x2xbf16>
// Rows are rounded as they are copied.
// CHECK: vector.load {{.*}} vector<16xf32>
// CHECK: x86vector.avx512.cvt.packed.f32_to_bf16 {{.*}} : vector<16xf32> -> vector<16xbf16>
// CHECK: vector.maskedload
// CHECK: x86vector.avx512.cvt.packed.f32_to_bf16
// CHECK: func.call @tile_bf16_1x4x16_rows528_dot_stream_first
// CHECK: func.call @tile_bf16_12x2x16_rows528_dot_first(

func.func @matmul(%x: memref<?x33xf32>, %o: memref<3xi32>, %w: memref<2x2x17x16x2xbf16>, %y: memref<?x20xf32>) {
  moe.grouped_matmul rows(%x : memref<?x33xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x2x17x16x2xbf16>) {schedule = #moe.cpu_schedule<lanes = 16, rows = 12, vectors = 2, row_block = 84, k_block = 512, stream_rows = 3, stream_vectors = 4, k_step = 2>} outs(%y : memref<?x20xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// Rows of bf16 need no rounding.
// CHECK-LABEL: func.func @narrow_rows
// CHECK-NOT: cvt.packed
// CHECK: func.call @tile_bf16_1x4x16_rows528_dot_stream_first
func.func @narrow_rows(%x: memref<?x32xbf16>, %o: memref<2xi32>, %w: memref<1x1x16x16x2xbf16>, %y: memref<?x16xf32>) {
  moe.grouped_matmul rows(%x : memref<?x32xbf16>) offsets(%o : memref<2xi32>) weights(%w : memref<1x1x16x16x2xbf16>) {schedule = #moe.cpu_schedule<lanes = 16, rows = 12, vectors = 2, row_block = 84, k_block = 512, stream_rows = 3, stream_vectors = 4, k_step = 2>} outs(%y : memref<?x16xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// A pair of a row meets a pair of each column.
// CHECK-LABEL: func.func private @tile_bf16_1x4x16_rows528_dot_stream_first
// CHECK: scf.for
// CHECK: vector.load {{.*}} vector<32xbf16>
// CHECK: vector.load {{.*}} vector<2xbf16>
// CHECK: vector.bitcast {{.*}} : vector<2xbf16> to vector<1xi32>
// CHECK: vector.broadcast {{.*}} : i32 to vector<16xi32>
// CHECK: vector.bitcast {{.*}} : vector<16xi32> to vector<32xbf16>
// CHECK-COUNT-16: x86vector.avx512.dot {{.*}} : vector<32xbf16> -> vector<16xf32>
// CHECK-NOT: vector.fma

// LLVM: llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"
// LLVM-NOT: x86vector
