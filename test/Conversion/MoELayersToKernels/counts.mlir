// RUN: moe-opt %s --convert-moe-layers-to-kernels --canonicalize --split-input-file | FileCheck %s

// A gate takes in the renumbering that kinds ask for, and its histogram tells
// the slots of each expert: ids 2 and 3 come to groups 0 and 1.
// CHECK-LABEL: rt.layer @moe
rt.layer @moe {counted, experts = 2 : i64, null_experts = 2 : i64, slots = 3 : i64}
// CHECK: func @by_gate
func.func @by_gate(%s: tensor<?x4xf32>, %x: tensor<?x8xf32>, %w: tensor<2x8x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[GATE:.+]]:3 = moe.gate {{.*}}table = array<i32: -1, -1, 0, 1>
  // CHECK: rt.count @moe tokens by %{{.+}}
  // CHECK: scf.for %[[E:.+]] =
  // CHECK: %[[N:.+]] = tensor.extract %[[GATE]]#2[%[[E]]]
  // CHECK: %[[SLOTS:.+]] = arith.index_cast %[[N]]
  // CHECK: rt.count @moe expert_slots of %[[E]] by %[[SLOTS]]
  // CHECK: moe.grouped_matmul {{.*}} {counter = @moe, slots_per_row = 3 : i64}
  %i, %p = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<3>} -> tensor<?x3xi32>, tensor<?x3xf32>
  moe.count %i {experts = #moe.kinds<zero = 2, ffn = 2>, layer = @moe} : tensor<?x3xi32>
  %y = moe.experts %i, %p rows(%x : tensor<?x8xf32>) stacked(%w : tensor<2x8x8xf32>)
      {experts = #moe.kinds<zero = 2, ffn = 2>, layer = @moe} : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// Merged experts are counted apart: the gate keeps their ids.
// CHECK-LABEL: rt.layer @moe
rt.layer @moe {counted, experts = 2 : i64, null_experts = 0 : i64, slots = 1 : i64}
// CHECK: func @merged
func.func @merged(%s: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<1x8x8xf32>) -> tensor<?x8xf32> {
  // CHECK: %[[GATE:.+]]:3 = moe.gate {{.*}} {select = #moe.topk<1>} {{.*}}tensor<2xi32>
  // CHECK: tensor.extract %[[GATE]]#2
  %i, %p = moe.route scores(%s : tensor<?x2xf32>) {select = #moe.topk<1>} -> tensor<?x1xi32>, tensor<?x1xf32>
  moe.count %i {experts = #moe.kinds<ffn = 2>, layer = @moe} : tensor<?x1xi32>
  %j, %q = moe.renumber %i, %p {table = array<i32: 0, 0>} : tensor<?x1xi32>, tensor<?x1xf32>
  %y = moe.experts %j, %q rows(%x : tensor<?x8xf32>) stacked(%w : tensor<1x8x8xf32>)
      {experts = #moe.kinds<ffn = 1>} : tensor<?x1xi32>, tensor<?x1xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    // CHECK: moe.grouped_matmul
    // CHECK-NOT: counter
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}
