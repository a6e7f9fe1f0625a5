// RUN: moe-opt %s --convert-moe-to-cpu=isa=avx512 --canonicalize --cse | FileCheck %s
// RUN: moe-opt %s --convert-moe-to-cpu --canonicalize --cse | FileCheck %s --check-prefix=NONE

// Threads share tokens; four vectors of sums at a time, then one by one. A slot
// that is null reads nothing.
// CHECK-LABEL: func @whole
// NONE-LABEL: func @whole
// NONE: moe.combine
func.func @whole(%v: memref<?x80xf32>, %r: memref<?x2xi32>, %w: memref<?x2xf32>,
                 %y: memref<?x80xf32>) {
  // CHECK: rt.parallel
  // CHECK: scf.for %[[T:.*]] =
  // CHECK: %[[SUMS:.*]]:4 = scf.for %[[S:.*]] = {{.*}} iter_args
  // CHECK: %[[ROW:.*]] = memref.load %arg1[%[[T]], %[[S]]]
  // CHECK: %[[TAKEN:.*]] = arith.cmpi sge, %[[ROW]]
  // CHECK: scf.if %[[TAKEN]]
  // CHECK: memref.load %arg2[%[[T]], %[[S]]]
  // CHECK-COUNT-4: vector.load %arg0[%{{.*}}] : memref<?x80xf32>, vector<16xf32>
  // CHECK-COUNT-4: vector.store {{.*}} : memref<?x80xf32>, vector<16xf32>
  // CHECK: scf.for
  // CHECK: vector.load %arg0{{.*}} vector<16xf32>
  // CHECK: vector.store
  // CHECK-NOT: vector.mask
  moe.combine values(%v : memref<?x80xf32>) rows(%r : memref<?x2xi32>)
      weights(%w : memref<?x2xf32>) outs(%y : memref<?x80xf32>)
  return
}

// What is left at the end takes a mask; f16 is summed in f32 and rounded once.
// CHECK-LABEL: func @rest
func.func @rest(%v: memref<?x17xf16>, %r: memref<?x2xi32>, %c: memref<?xf16>,
                %t: memref<17xf16>, %y: memref<?x17xf16>) {
  // CHECK: vector.load %arg0{{.*}} : memref<?x17xf16>, vector<16xf16>
  // CHECK: arith.extf {{.*}} : vector<16xf16> to vector<16xf32>
  // CHECK-NOT: arith.mulf
  // CHECK: arith.addf {{.*}} : vector<16xf32>
  // CHECK: arith.truncf {{.*}} : vector<16xf32> to vector<16xf16>
  // CHECK: %[[MASK:.*]] = vector.constant_mask [1] : vector<16xi1>
  // CHECK: vector.maskedload %arg0[{{.*}}], %[[MASK]]
  // CHECK: vector.maskedload %arg3[{{.*}}], %[[MASK]]
  // CHECK: vector.maskedstore %arg4[{{.*}}], %[[MASK]]
  moe.combine values(%v : memref<?x17xf16>) rows(%r : memref<?x2xi32>)
      terms(%c : memref<?xf16>) times(%t : memref<17xf16>)
      outs(%y : memref<?x17xf16>)
  return
}

// Too little work for two threads, as far as is known.
// CHECK-LABEL: func @few
// CHECK-NOT: rt.parallel
// CHECK: return
func.func @few(%v: memref<8x64xf32>, %r: memref<4x2xi32>, %y: memref<4x64xf32>) {
  moe.combine values(%v : memref<8x64xf32>) rows(%r : memref<4x2xi32>)
      outs(%y : memref<4x64xf32>)
  return
}

// Of columns that only a run counts, the rest is a loop of at most one turn.
// CHECK-LABEL: func @dynamic
func.func @dynamic(%v: memref<?x?xf32>, %r: memref<?x2xi32>, %y: memref<?x?xf32>) {
  // CHECK: vector.store
  // CHECK: vector.create_mask
  // CHECK: vector.maskedstore
  moe.combine values(%v : memref<?x?xf32>) rows(%r : memref<?x2xi32>)
      outs(%y : memref<?x?xf32>)
  return
}
