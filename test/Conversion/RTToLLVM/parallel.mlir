// RUN: moe-opt %s --convert-rt-to-llvm --canonicalize --reconcile-unrealized-casts | FileCheck %s

// CHECK-LABEL: func.func private @main_parallel
// CHECK-SAME: (%[[RECORD:.*]]: !llvm.ptr, %[[INDEX:.*]]: i64)
// CHECK: %[[FIELD:.*]] = llvm.getelementptr %[[RECORD]][0, 0]
// CHECK: %[[VALUE:.*]] = llvm.load %[[FIELD]] : !llvm.ptr -> f32
// CHECK: %[[I:.*]] = arith.index_cast %[[INDEX]]
// CHECK: memref.store %[[VALUE]], %{{.*}}[%[[I]]]

// What the region takes from outside travels in a record on the stack.
// CHECK-LABEL: func.func @main
// CHECK: %[[FN:.*]] = constant @main_parallel
// CHECK: %[[DATA:.*]] = llvm.alloca %{{.*}} x !llvm.struct<(f32, struct<(ptr, ptr, i64, array<1 x i64>, array<1 x i64>)>)>
// CHECK: %[[N:.*]] = llvm.call @moe_rt_num_threads() : () -> i64
// CHECK: %[[PLACE:.*]] = llvm.getelementptr %[[DATA]][0, 0]
// CHECK: llvm.store %{{.*}}, %[[PLACE]] : f32
// CHECK: %[[ADDRESS:.*]] = builtin.unrealized_conversion_cast %[[FN]]
// CHECK: llvm.call @moe_rt_parallel(%[[ADDRESS]], %[[DATA]], %[[N]])
func.func @main(%x: memref<f32> {rt.name = "x", rt.dims = []}, %y: memref<?xf32> {rt.name = "y", rt.dims = ["T"]}) {
  %value = memref.load %x[] : memref<f32>
  %n = rt.num_threads
  rt.parallel %i below %n {
    memref.store %value, %y[%i] : memref<?xf32>
  }
  return
}
