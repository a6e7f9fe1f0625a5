// A process that runs out of memory before it can say so proves nothing.
//
// AddressSanitizer takes more than any limit.
// UNSUPPORTED: asan
// RUN: moe-opt %s --moe-verify-raise="memory-mib=1" \
// RUN:   --remarks-filter=moe-verify-raise --remark-format=emitRemark 2>&1 \
// RUN:   | FileCheck %s
//
// Neither does one that is not there.
// RUN: rm -rf %t && mkdir %t && cp %build_root/bin/moe-opt %t/moe-opt
// RUN: %t/moe-opt %s --moe-verify-raise \
// RUN:   --remarks-filter=moe-verify-raise --remark-format=emitRemark 2>&1 \
// RUN:   | FileCheck %s --check-prefix=MISSING
//
// MISSING: the raise is undone: '{{.*}}moe-prove' cannot be started
// CHECK: the raise is undone: its proof ended early ({{.*}}) while starting
// CHECK-LABEL: @main
// CHECK-NEXT: return
func.func @main(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  %y = moe.candidate(%x) {rows = 1 : i64} : (tensor<?x4xf32>) -> tensor<?x4xf32>
  original {
  ^bb0(%a: tensor<?x4xf32>):
    moe.yield %a : tensor<?x4xf32>
  } raised {
  ^bb0(%a: tensor<?x4xf32>):
    moe.yield %a : tensor<?x4xf32>
  }
  return %y : tensor<?x4xf32>
}
