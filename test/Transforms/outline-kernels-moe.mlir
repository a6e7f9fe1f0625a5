// RUN: moe-opt %s --moe-outline-kernels | FileCheck %s

// Each kernel of a layer is a function with its name.
// CHECK: call @kernel_layers_0_moe_dispatch(%arg0, %arg1, %arg2, %arg3, %arg4)
// CHECK: call @kernel_layers_0_moe_grouped_matmul(
// CHECK: func private @kernel_layers_0_moe_dispatch
// CHECK-NEXT: moe.dispatch
// CHECK: func private @kernel_layers_0_moe_grouped_matmul
// CHECK-NEXT: %{{.*}} = arith.constant 2.0
// CHECK-NEXT: moe.grouped_matmul
func.func @main(%i: memref<?x2xi32>, %c: memref<4xi32>, %o: memref<5xi32>,
                %s: memref<?xi32>, %r: memref<?x2xi32>, %x: memref<?x8xf32>,
                %w: memref<4x8x16xf32>, %out: memref<?x16xf32>) {
  moe.dispatch ids(%i, %c : memref<?x2xi32>, memref<4xi32>)
    outs(%o, %s, %r : memref<5xi32>, memref<?xi32>, memref<?x2xi32>)
    loc("layers.0.moe/dispatch")
  %two = arith.constant 2.0 : f32
  moe.grouped_matmul rows(%x : memref<?x8xf32>) slots(%s : memref<?xi32>)
      offsets(%o : memref<5xi32>) weights(%w : memref<4x8x16xf32>)
      {slots_per_row = 2 : i64} outs(%out : memref<?x16xf32>) {
  ^bb0(%a: f32):
    %0 = arith.mulf %a, %two : f32
    moe.yield %0 : f32
  } loc("layers.0.moe/grouped_matmul")
  return
}
