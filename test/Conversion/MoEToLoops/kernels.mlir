// RUN: moe-opt %s --convert-moe-to-loops | FileCheck %s

// CHECK-LABEL: func @gate
// CHECK-NOT: moe.
func.func @gate(%s: memref<?x4xf32>, %i: memref<?x2xi32>, %w: memref<?x2xf32>,
                %c: memref<2xi32>) {
  // CHECK-DAG: memref.alloca() : memref<4xf32>
  // CHECK-DAG: memref.get_global @moe_table : memref<4xi32>
  // CHECK: scf.for %[[T:.*]] = %{{.*}} to %{{.*}} step
  // CHECK: memref.load %arg0[%[[T]], %{{.*}}]
  // CHECK: math.exp
  // CHECK: arith.divf
  // CHECK: scf.while
  // CHECK: memref.store %{{.*}}, %arg1[%[[T]], %{{.*}}]
  // CHECK: memref.store %{{.*}}, %arg2[%[[T]], %{{.*}}]
  // CHECK: memref.store %{{.*}}, %arg3
  // CHECK-NOT: moe.
  moe.gate scores(%s : memref<?x4xf32>) {
      select = #moe.topk<2>, score = #moe.score<softmax>,
      table = array<i32: 0, 1, -1, 0>}
    outs(%i, %w, %c : memref<?x2xi32>, memref<?x2xf32>, memref<2xi32>)
  return
}

// Sums of f16 are taken in f32, and rounded once.
// CHECK-LABEL: func @grouped_matmul
func.func @grouped_matmul(%x: memref<?x8xf16>, %s: memref<?xi32>,
                          %o: memref<5xi32>, %w: memref<4x8x32xf16>,
                          %out: memref<?x16xf16>) {
  // CHECK-COUNT-16: memref.alloca() : memref<128xf32>
  // CHECK: %[[W:.*]] = memref.load %arg3
  // CHECK: arith.extf %[[W]] : f16 to f32
  // CHECK: arith.addf %{{.*}} : f32
  // CHECK: arith.truncf %{{.*}} : f32 to f16
  // CHECK: memref.store %{{.*}}, %arg4
  // CHECK-NOT: moe.
  moe.grouped_matmul rows(%x : memref<?x8xf16>) slots(%s : memref<?xi32>)
      offsets(%o : memref<5xi32>)
      weights(%w, %w : memref<4x8x32xf16>, memref<4x8x32xf16>)
      {slots_per_row = 2 : i64, column_offsets = array<i64: 0, 16>}
      outs(%out : memref<?x16xf16>) {
  ^bb0(%gate: f32, %up: f32):
    %0 = arith.mulf %gate, %up : f32
    %1 = arith.truncf %0 : f32 to f16
    moe.yield %1 : f16
  }
  return
}

// CHECK-LABEL: func @dispatch_and_combine
func.func @dispatch_and_combine(
    %i: memref<?x2xi32>, %c: memref<4xi32>, %o: memref<5xi32>, %s: memref<?xi32>,
    %r: memref<?x2xi32>, %v: memref<?x4096xf32>, %p: memref<?x2xf32>,
    %k: memref<?xf32>, %t: memref<4096xf32>, %y: memref<?x4096xf32>) {
  // CHECK-NOT: moe.
  moe.dispatch ids(%i, %c : memref<?x2xi32>, memref<4xi32>)
    outs(%o, %s, %r : memref<5xi32>, memref<?xi32>, memref<?x2xi32>)
  moe.combine values(%v : memref<?x4096xf32>) rows(%r : memref<?x2xi32>)
    weights(%p : memref<?x2xf32>)
    terms(%k : memref<?xf32>) times(%t : memref<4096xf32>)
    outs(%y : memref<?x4096xf32>)
  return
}
