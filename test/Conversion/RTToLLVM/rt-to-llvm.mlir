// RUN: moe-opt %s --convert-rt-to-llvm | FileCheck %s

// The weights stay: they are the artefact's table, and slots count them.
// CHECK: rt.weight @a
// CHECK: rt.weight @b
rt.weight @a {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>
rt.weight @b {source = [#rt.span<"m", offset = 4, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>

// CHECK: rt.entry @main inputs [#rt.value<"x", tensor<?xui8>, ["T"]>, #rt.value<"arg1", tensor<i1>, []>]
// CHECK-SAME: outputs [#rt.value<"result0", tensor<1xf32>, [""]>]
// CHECK: func.func @main(%{{.*}}: memref<?xi8>, %[[FLAG:.*]]: memref<i1>) -> memref<1xf32>
// CHECK-SAME: llvm.emit_c_interface
// CHECK-NOT: rt.name
func.func @main(%x: memref<?xi8> {rt.name = "x", rt.dims = ["T"], rt.type = tensor<?xui8>}, %flag: memref<i1>) -> memref<1xf32> {
  %c = memref.load %flag[] : memref<i1>
  // Equal strings are one global.
  // CHECK: %[[C:.*]] = memref.load %[[FLAG]]
  // CHECK: %[[TEXT:.*]] = llvm.mlir.addressof @[[MESSAGE:.*]] :
  // CHECK: %[[NODE:.*]] = llvm.mlir.addressof @[[WHERE:.*]] :
  // CHECK: llvm.call @moe_rt_require(%[[C]], %[[TEXT]], %[[NODE]])
  rt.require %c, "must hold" at "node"
  // CHECK: llvm.mlir.addressof @[[MESSAGE]] :
  // CHECK: llvm.mlir.addressof @[[WHERE]] :
  // CHECK: llvm.call @moe_rt_require
  rt.require %c, "must hold" at "node"
  // CHECK: %[[SLOT:.*]] = llvm.mlir.constant(1 : i64)
  // CHECK: llvm.call @moe_rt_weight(%[[SLOT]])
  %b = rt.weight_ref @b : memref<1xf32>
  return %b : memref<1xf32>
}

// CHECK-DAG: llvm.func @moe_rt_require(i1 {llvm.zeroext}, !llvm.ptr, !llvm.ptr)
// CHECK-DAG: llvm.func @moe_rt_weight(i64) -> !llvm.ptr
// CHECK-DAG: llvm.mlir.global private constant @[[MESSAGE]]("must hold\00")
// CHECK-DAG: llvm.mlir.global private constant @[[WHERE]]("node\00")
