// REQUIRES: asan
// RUN: moe-compile %s -o %t
// RUN: %python -c 'import sys, numpy; numpy.save(sys.argv[1], numpy.ones(5, "f4"))' %t.npy
// RUN: not --crash %t --input x=%t.npy 2>&1 | FileCheck %s
// The control of all other tests of this tier: four bytes too far are found, in
// memory of the run and in code of the kernel.
// CHECK: heap-buffer-overflow
// CHECK-NEXT: WRITE of size 4
// CHECK-NEXT: kernel_
func.func @main(%x: memref<?xf32> {rt.dims = ["n"], rt.name = "x"})
    -> (memref<?xf32> {rt.dims = ["n"], rt.name = "y"}) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %fewer = arith.subi %n, %c1 : index
  %y = memref.alloc(%fewer) : memref<?xf32>
  scf.for %i = %c0 to %n step %c1 {
    %value = memref.load %x[%i] : memref<?xf32>
    memref.store %value, %y[%i] : memref<?xf32>
  }
  return %y : memref<?xf32>
}
