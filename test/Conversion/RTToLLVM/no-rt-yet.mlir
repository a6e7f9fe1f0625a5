// RUN: moe-opt %s --convert-rt-to-llvm | FileCheck %s

// Nothing of rt is in the input: the pass itself must load the dialect whose
// rt.entry it makes.
// CHECK: rt.entry @main inputs [#rt.value<"arg0", tensor<4xf32>, [""]>] outputs []
// CHECK: func.func @main
func.func @main(%x: memref<4xf32>) {
  return
}
