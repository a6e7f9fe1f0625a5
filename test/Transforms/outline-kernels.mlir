// RUN: moe-opt %s --moe-outline-kernels | FileCheck %s

// Allocation, preconditions and order stay in the entry; computations leave it,
// each with the constants that it uses.
// CHECK-LABEL: func @main
// CHECK-SAME: (%[[X:.*]]: memref<4xf32>, %[[N:.*]]: memref<i64>)
func.func @main(%x: memref<4xf32>, %n: memref<i64>) -> memref<4xf32> {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %i = memref.load %n[] : memref<i64>
  %end = arith.index_cast %i : i64 to index
  // CHECK: %[[Y:.*]] = memref.alloc
  %y = memref.alloc() : memref<4xf32>
  // CHECK: call @kernel_linalg_fill(%[[Y]])
  // CHECK-NOT: linalg.
  linalg.fill ins(%zero : f32) outs(%y : memref<4xf32>)
  // CHECK: call @kernel_scf_for(%{{.*}}, %[[X]], %[[Y]])
  scf.for %k = %c0 to %end step %c1 {
    %v = memref.load %x[%k] : memref<4xf32>
    memref.store %v, %y[%k] : memref<4xf32>
  }
  // A value that a loop computes comes back.
  // CHECK: call @kernel_scf_for_{{[0-9]+}}(%{{.*}}, %[[Y]]) : {{.*}} -> f32
  %sum = scf.for %k = %c0 to %end step %c1 iter_args(%s = %zero) -> f32 {
    %v = memref.load %y[%k] : memref<4xf32>
    %t = arith.addf %s, %v : f32
    scf.yield %t : f32
  }
  memref.store %sum, %y[%c0] : memref<4xf32>
  // A loop that allocates or checks stays.
  // CHECK: scf.for
  // CHECK: rt.require
  scf.for %k = %c0 to %end step %c1 {
    %ok = arith.cmpi slt, %k, %end : index
    rt.require %ok, "k" at "node"
    // CHECK: call @kernel_linalg_fill
    linalg.fill ins(%zero : f32) outs(%y : memref<4xf32>)
  }
  return %y : memref<4xf32>
}
// CHECK: func private @kernel_linalg_fill(%[[OUT:.*]]: memref<4xf32>)
// CHECK: %[[ZERO:.*]] = arith.constant 0.0
// CHECK: linalg.fill ins(%[[ZERO]] : f32) outs(%[[OUT]]
