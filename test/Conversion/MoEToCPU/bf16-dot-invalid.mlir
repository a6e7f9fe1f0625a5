// A schedule in text may be for another CPU.
// RUN: not moe-opt %s --convert-moe-to-cpu=isa=avx512 2>&1 | FileCheck %s
// RUN: not moe-compile %s --target-cpu=x86-64-v4 --emit=kernels 2>&1 | FileCheck %s

// CHECK: error: {{.*}}expected a CPU with dot products of bf16 (AVX512_BF16) for a schedule with a k_step of 2, but kernels are built for avx512: schedule it for this CPU, or build for one that has them
func.func @main(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x2x16x2xbf16>, %y: memref<?x16xf32>) {
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x2x16x2xbf16>) {schedule = #moe.cpu_schedule<lanes = 16, rows = 12, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4, k_step = 2>} outs(%y : memref<?x16xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}
