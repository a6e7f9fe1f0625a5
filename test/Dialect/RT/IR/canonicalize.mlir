// RUN: moe-opt %s --canonicalize --cse | FileCheck %s

// CHECK-LABEL: func @known_conditions
func.func @known_conditions() {
  %true = arith.constant true
  %false = arith.constant false
  // CHECK-NOT: "holds"
  rt.require %true, "holds" at "node"
  // A condition that never holds must still end the run.
  // CHECK: rt.require %{{.*}}, "fails" at "node"
  rt.require %false, "fails" at "node"
  // CHECK: return
  return
}

// Order and number stay: which of two fails first is what the user reads.
// CHECK-LABEL: func @equal_conditions
func.func @equal_conditions(%a: i1, %b: i1) {
  // CHECK: rt.require %arg0, "a" at ""
  // CHECK-NEXT: rt.require %arg1, "b" at ""
  rt.require %a, "a" at ""
  rt.require %b, "b" at ""
  return
}

rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>
// CHECK-LABEL: func @references
func.func @references() -> (tensor<1xf32>, tensor<1xf32>) {
  // CHECK: %[[W:.*]] = rt.weight_ref @w
  // CHECK-NOT: rt.weight_ref
  // CHECK: return %[[W]], %[[W]]
  %0 = rt.weight_ref @w : tensor<1xf32>
  %1 = rt.weight_ref @w : tensor<1xf32>
  %unused = rt.weight_ref @w : tensor<1xf32>
  return %0, %1 : tensor<1xf32>, tensor<1xf32>
}

rt.layer @moe {counted, experts = 8 : i64, null_experts = 0 : i64, slots = 2 : i64}
// Equal counts are two; none is dead.
// CHECK-LABEL: func @counts
func.func @counts(%n: index) {
  // CHECK-COUNT-2: rt.count @moe tokens by %arg0
  rt.count @moe tokens by %n
  rt.count @moe tokens by %n
  return
}
