// RUN: moe-opt %s --convert-rt-to-llvm --canonicalize | FileCheck %s

// Timers are numbered in order; what is not known is -1.
// CHECK: rt.timer @first
rt.timer @first matmul at "/first"
rt.timer @second loop at "/second"

// CHECK-LABEL: func @main
func.func @main(%n: memref<1xf32>) {
  // CHECK-DAG: %[[FIRST:.+]] = llvm.mlir.constant(0 : i64)
  // CHECK-DAG: %[[SECOND:.+]] = llvm.mlir.constant(1 : i64)
  // CHECK-DAG: %[[UNKNOWN:.+]] = llvm.mlir.constant(-1 : i64)
  // CHECK-DAG: %[[FLOPS:.+]] = arith.constant 9 : i64
  // CHECK-DAG: %[[BYTES:.+]] = arith.constant 7 : i64
  %flops = arith.constant 9 : index
  %bytes = arith.constant 7 : index
  // Neither clock goes, though nothing is between them.
  // CHECK: %[[A:.+]] = llvm.call @moe_rt_clock() : () -> i64
  %a = rt.clock
  // CHECK: %[[B:.+]] = llvm.call @moe_rt_clock() : () -> i64
  %b = rt.clock
  // CHECK: llvm.call @moe_rt_record(%[[SECOND]], %[[B]], %[[UNKNOWN]], %[[UNKNOWN]])
  rt.record @second since %b
  // CHECK: llvm.call @moe_rt_record(%[[FIRST]], %[[A]], %[[FLOPS]], %[[BYTES]])
  rt.record @first since %a flops %flops bytes %bytes
  return
}
