// Kernels in text may be for another CPU: an error in words, no abort of LLVM's.
// RUN: not moe-compile %s --target-cpu=x86-64-v4 --emit=obj -o %t.o 2>&1 | FileCheck %s
// RUN: moe-compile %s --target-cpu=cooperlake --emit=obj -o %t.o

// CHECK: error: {{.*}}is an instruction of AVX512_BF16, which the target CPU 'x86-64-v4' lacks: begin at an earlier stage, or give a --target-cpu that has it
func.func @main(%a: memref<32xbf16> {rt.name = "a"}, %y: memref<16xf32> {rt.name = "y"}) {
  %zero = arith.constant 0 : index
  %pairs = vector.load %a[%zero] : memref<32xbf16>, vector<32xbf16>
  %sums = vector.load %y[%zero] : memref<16xf32>, vector<16xf32>
  %more = x86vector.avx512.dot %sums, %pairs, %pairs : vector<32xbf16> -> vector<16xf32>
  vector.store %more, %y[%zero] : memref<16xf32>, vector<16xf32>
  return
}
