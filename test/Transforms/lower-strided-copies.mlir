// RUN: moe-opt %s --moe-lower-strided-copies | FileCheck %s

// A window of rows is not one block of memory.
// CHECK-LABEL: func @window_is_a_loop_nest
func.func @window_is_a_loop_nest(%x: memref<4x8xf32>, %y: memref<4x8xf32, strided<[16, 1], offset: ?>>) {
  // CHECK: linalg.generic
  // CHECK-NOT: memref.copy
  memref.copy %x, %y : memref<4x8xf32> to memref<4x8xf32, strided<[16, 1], offset: ?>>
  return
}

// CHECK-LABEL: func @contiguous_stays
func.func @contiguous_stays(%x: memref<?x8xf32>, %y: memref<?x8xf32>) {
  // CHECK: memref.copy
  memref.copy %x, %y : memref<?x8xf32> to memref<?x8xf32>
  return
}
