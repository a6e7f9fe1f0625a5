// RUN: moe-opt %s --arith-emulate-unsupported-floats=source-types=bf16 \
// RUN:   --moe-keep-roundings --arith-expand=include-bf16=true | FileCheck %s

// The sum is rounded to bf16 before the product takes it.
// CHECK-LABEL: func @rounds_between_operations
func.func @rounds_between_operations(%x: bf16) -> bf16 {
  // CHECK: %[[SUM:.*]] = arith.addf
  // CHECK: arith.trunci
  // CHECK-NOT: arith.mulf %[[SUM]]
  // CHECK: arith.mulf
  %sum = arith.addf %x, %x : bf16
  %product = arith.mulf %sum, %x : bf16
  return %product : bf16
}
