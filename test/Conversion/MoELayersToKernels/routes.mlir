// RUN: moe-opt %s --convert-moe-layers-to-kernels | FileCheck %s

// A route, its renumbering and the sums of its slots are one gate.
// CHECK-LABEL: func @fused
func.func @fused(%s: tensor<?x4xf32>)
    -> (tensor<?x2xi32>, tensor<?x2xf32>, tensor<?xf32>) {
  // CHECK-DAG: %[[T:.*]] = tensor.dim %arg0
  // CHECK-DAG: %[[COUNTS:.*]] = tensor.empty() : tensor<2xi32>
  // CHECK: %[[G:.*]]:4 = moe.gate scores(%arg0 : tensor<?x4xf32>) {
  // CHECK-SAME: sums = [#moe.columns<2, 3>]
  // CHECK-SAME: table = array<i32: 0, 1, -1, 0>
  // CHECK-SAME: outs(%{{.*}}, %{{.*}}, %[[COUNTS]], %{{.*}} : tensor<?x2xi32>, tensor<?x2xf32>, tensor<2xi32>, tensor<?xf32>)
  // CHECK-NOT: moe.{{renumber|slot_sum}}
  // CHECK: return %[[G]]#0, %[[G]]#1, %[[G]]#3
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  %i1, %w1 = moe.renumber %i, %w {table = array<i32: 0, 1, -1, 0>}
    : tensor<?x2xi32>, tensor<?x2xf32>
  %c = moe.slot_sum %i, %w {columns = #moe.columns<2, 3>}
    : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?xf32>
  return %i1, %w1, %c : tensor<?x2xi32>, tensor<?x2xf32>, tensor<?xf32>
}

// What else needs the route's ids keeps the gate from renumbering them.
// CHECK-LABEL: func @apart
func.func @apart(%s: tensor<?x4xf32>) -> (tensor<?x2xi32>, tensor<?x2xi32>) {
  // CHECK: %[[G:.*]]:3 = moe.gate
  // CHECK-NOT: table
  // CHECK: rt.require %{{.*}}, "ids of experts must be in [-1, 4)"
  // CHECK: linalg.generic
  // CHECK: return %[[G]]#0, %{{.*}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  %i1, %w1 = moe.renumber %i, %w {table = array<i32: 0, 1, -1, 0>}
    : tensor<?x2xi32>, tensor<?x2xf32>
  return %i, %i1 : tensor<?x2xi32>, tensor<?x2xi32>
}

// Columns that are counted at run time only.
// CHECK-LABEL: func @dynamic_columns
func.func @dynamic_columns(%s: tensor<?x?xf32>) -> tensor<?x2xi32> {
  // CHECK: rt.require %{{.*}}, "a route must have as many columns as it selects"
  // CHECK: moe.gate {{.*}} outs({{.*}} : tensor<?x2xi32>, tensor<?x2xf32>, tensor<?xi32>)
  %i, %w = moe.route scores(%s : tensor<?x?xf32>) {select = #moe.topk<2>}
    -> tensor<?x2xi32>, tensor<?x2xf32>
  return %i : tensor<?x2xi32>
}
