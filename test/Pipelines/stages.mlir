// RUN: moe-opt %s --moe-onnx-pipeline | FileCheck %s --check-prefix=ONNX
// RUN: moe-opt %s --moe-onnx-pipeline --moe-tensor-pipeline | FileCheck %s --check-prefix=TENSOR --implicit-check-not=onnx.
// RUN: moe-opt %s --moe-onnx-pipeline --moe-tensor-pipeline --moe-buffers-pipeline \
// RUN:   | FileCheck %s --check-prefix=BUFFERS --implicit-check-not='-> tensor<'
// RUN: moe-opt %s --moe-onnx-pipeline --moe-tensor-pipeline --moe-buffers-pipeline \
// RUN:   --moe-kernels-pipeline | FileCheck %s --check-prefix=KERNELS --implicit-check-not=linalg.
// RUN: moe-opt %s --moe-onnx-pipeline --moe-tensor-pipeline --moe-buffers-pipeline \
// RUN:   --moe-kernels-pipeline --moe-llvm-pipeline \
// RUN:   | FileCheck %s --check-prefix=LLVM --implicit-check-not='{{(func|memref|scf|arith|cf)[.]}}'

// One layer on its way: a matrix product with a weight, then an op that is dead,
// one that is equal to another, and a precondition on data.
rt.weight @w {source = [#rt.span<"m.onnx", offset = 0, length = 2048, hash = 0, tensor<16x32xf32>>]} : tensor<16x32xf32>
func.func @main(%x: tensor<?x16xf32> {rt.name = "x", rt.dims = ["T", ""]},
                %i: tensor<?xi64> {rt.name = "i", rt.dims = ["S"]})
    -> (tensor<?x32xf32> {rt.name = "y", rt.dims = ["S", ""]}) {
  %w = rt.weight_ref @w : tensor<16x32xf32>
  %0 = onnx.MatMul %x, %w : (tensor<?x16xf32>, tensor<16x32xf32>) -> tensor<?x32xf32>
  %dead = onnx.Relu %0 : (tensor<?x32xf32>) -> tensor<?x32xf32>
  %1 = onnx.Exp %0 : (tensor<?x32xf32>) -> tensor<?x32xf32>
  %2 = onnx.Exp %0 : (tensor<?x32xf32>) -> tensor<?x32xf32>
  %3 = onnx.Add %1, %2 : (tensor<?x32xf32>, tensor<?x32xf32>) -> tensor<?x32xf32>
  %4 = onnx.Gather %3, %i {axis = 0 : i64} : (tensor<?x32xf32>, tensor<?xi64>) -> tensor<?x32xf32>
  return %4 : tensor<?x32xf32>
}

// ONNX: rt.weight @w
// ONNX: func.func @main(%{{.*}}: tensor<?x16xf32> {rt.dims = ["T", ""], rt.name = "x"}
// ONNX: onnx.MatMul
// ONNX-NOT: onnx.Relu
// ONNX: %[[EXP:.*]] = onnx.Exp
// ONNX: onnx.Add %[[EXP]], %[[EXP]]
// ONNX: onnx.Gather

// TENSOR: rt.weight @w
// TENSOR: func.func @main(%{{.*}}: tensor<?x16xf32> {rt.dims = ["T", ""], rt.name = "x"}
// TENSOR: rt.weight_ref @w : tensor<16x32xf32>
// TENSOR: linalg.
// TENSOR: math.exp
// TENSOR: rt.require

// BUFFERS: rt.weight @w
// BUFFERS: func.func @main(%{{.*}}: memref<?x16xf32> {rt.dims = ["T", ""], rt.name = "x"}
// BUFFERS: rt.weight_ref @w : memref<16x32xf32>
// BUFFERS: memref.alloc
// BUFFERS: rt.require
// BUFFERS: memref.dealloc

// KERNELS: rt.weight @w
// KERNELS: func.func @main(%{{.*}}: memref<?x16xf32> {rt.dims = ["T", ""], rt.name = "x"}
// KERNELS: call @kernel_linalg
// KERNELS: func.func private @kernel_linalg
// KERNELS: scf.for

// LLVM: rt.weight @w
// LLVM: rt.entry @main inputs [#rt.value<"x", tensor<?x16xf32>, ["T", ""]>, #rt.value<"i", tensor<?xi64>, ["S"]>]
// LLVM-SAME: outputs [#rt.value<"y", tensor<?x32xf32>, ["S", ""]>]
// LLVM: llvm.func @main
// LLVM: llvm.call @moe_rt_weight
// LLVM: llvm.call @_mlir_memref_to_llvm_alloc
// LLVM: llvm.call @moe_rt_require
