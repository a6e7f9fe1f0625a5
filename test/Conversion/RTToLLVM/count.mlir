// RUN: moe-opt %s --convert-rt-to-llvm --canonicalize | FileCheck %s

// Counters of a layer: tokens, FLOPs, slots of each expert; of the next one
// behind them. Layers that are not counted have none.
// CHECK: rt.layer @first
rt.layer @first {counted, experts = 3 : i64, null_experts = 0 : i64, slots = 2 : i64}
rt.layer @none {experts = 3 : i64, null_experts = 0 : i64, slots = 2 : i64}
rt.layer @second {counted, experts = 3 : i64, null_experts = 0 : i64, slots = 2 : i64}

// CHECK-LABEL: func @main
func.func @main(%n: memref<1xf32>) {
  // CHECK-DAG: %[[ONE:.+]] = llvm.mlir.constant(1 : i64)
  // CHECK-DAG: %[[SEVEN:.+]] = llvm.mlir.constant(7 : i64)
  // CHECK-DAG: %[[FIVE:.+]] = llvm.mlir.constant(5 : i64)
  // CHECK-DAG: %[[AMOUNT:.+]] = arith.constant 9 : i64
  %amount = arith.constant 9 : index
  // CHECK: llvm.call @moe_rt_count(%[[ONE]], %[[AMOUNT]]) : (i64, i64) -> ()
  rt.count @first expert_flops by %amount
  // CHECK: llvm.call @moe_rt_count(%[[FIVE]], %[[AMOUNT]])
  rt.count @second tokens by %amount
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %three = arith.constant 3 : index
  // CHECK: scf.for %[[E:.+]] =
  scf.for %e = %zero to %three step %one {
    // CHECK: %[[I:.+]] = arith.index_cast %[[E]] : index to i64
    // CHECK: %[[COUNTER:.+]] = arith.addi %[[I]], %[[SEVEN]] : i64
    // CHECK: llvm.call @moe_rt_count(%[[COUNTER]], %[[AMOUNT]])
    rt.count @second expert_slots of %e by %amount
  }
  return
}
