// RUN: moe-opt %s --convert-linalg-to-cpu=isa=avx512 --canonicalize --cse | FileCheck %s
// RUN: moe-opt %s --convert-linalg-to-cpu=isa=avx2 | FileCheck %s --check-prefix=AVX2
// RUN: moe-opt %s --convert-linalg-to-cpu | FileCheck %s --check-prefix=NONE

// AVX2: vector<8xf32>
// AVX2-NOT: vector<16x
// NONE-NOT: vector

#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>
#column = affine_map<(i, j) -> (j)>

// Contiguous dims are one loop; what is left at its end goes by a mask.
// CHECK-LABEL: func @one_loop
func.func @one_loop(%x: memref<5x7xf32>, %y: memref<5x7xf32>) {
  // CHECK-COUNT-1: scf.for
  // CHECK: vector.load
  // CHECK: vector.maskedload
  // CHECK: vector.maskedstore
  // CHECK-NOT: scf.for
  // CHECK: return
  linalg.negf ins(%x : memref<5x7xf32>) outs(%y : memref<5x7xf32>)
  return
}

// What is the same along a row is computed once, as a scalar.
// CHECK-LABEL: func @uniform
func.func @uniform(%x: memref<?x?xf32>, %s: memref<?xf32>, %y: memref<?x?xf32>) {
  // CHECK: scf.for
  // CHECK: math.sqrt %{{.*}} : f32
  // CHECK: scf.for
  // CHECK: arith.divf %{{.*}} : vector<16xf32>
  linalg.generic {indexing_maps = [#all, #row, #all],
                  iterator_types = ["parallel", "parallel"]}
      ins(%x, %s : memref<?x?xf32>, memref<?xf32>) outs(%y : memref<?x?xf32>) {
  ^bb0(%in: f32, %square: f32, %out: f32):
    %0 = math.sqrt %square : f32
    %1 = arith.divf %in, %0 : f32
    linalg.yield %1 : f32
  }
  return
}

// Four vectors of sums along a row, added up in pairs.
// CHECK-LABEL: func @sum_of_rows
func.func @sum_of_rows(%x: memref<?x?xf32>, %y: memref<?xf32>) {
  // CHECK: %[[ZERO:.*]] = arith.constant dense<-0.000000e+00> : vector<16xf32>
  // CHECK: iter_args(%{{.*}} = %[[ZERO]], %{{.*}} = %[[ZERO]], %{{.*}} = %[[ZERO]], %{{.*}} = %[[ZERO]])
  // CHECK: vector.maskedload
  // CHECK: arith.select
  // CHECK: vector.extract_strided_slice {{.*}} to vector<1xf32>
  // CHECK-NOT: vector.reduction
  linalg.generic {indexing_maps = [#all, #row],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %0 = arith.addf %sum, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// Sums of columns are side by side: each takes its elements in order.
// CHECK-LABEL: func @sum_of_columns
func.func @sum_of_columns(%x: memref<?x?xf32>, %y: memref<?xf32>) {
  // CHECK: %[[SUM:.*]] = vector.load %arg1
  // CHECK: scf.for {{.*}} iter_args(%{{.*}} = %[[SUM]])
  // CHECK: vector.load
  // CHECK: vector.store
  linalg.generic {indexing_maps = [#all, #column],
                  iterator_types = ["reduction", "parallel"]}
      ins(%x : memref<?x?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %0 = arith.addf %sum, %in : f32
    linalg.yield %0 : f32
  }
  return
}

// A sum beside what each element gives.
// CHECK-LABEL: func @exp_and_sum
func.func @exp_and_sum(%x: memref<?x?xf32>, %y: memref<?x?xf32>, %s: memref<?xf32>) {
  // CHECK: scf.for {{.*}} iter_args
  // CHECK: vector.store
  // CHECK: scf.yield
  linalg.generic {indexing_maps = [#all, #all, #row],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%y, %s : memref<?x?xf32>, memref<?xf32>) {
  ^bb0(%in: f32, %out: f32, %sum: f32):
    %0 = math.exp %in : f32
    %1 = arith.addf %sum, %0 : f32
    linalg.yield %0, %1 : f32, f32
  }
  return
}

// Rows of a table, by number: whole vectors.
// CHECK-LABEL: func @rows_of_table
func.func @rows_of_table(%i: memref<?xindex>, %table: memref<?x?xf32>, %y: memref<?x?xf32>) {
  // CHECK: %[[ROW:.*]] = memref.load %arg0
  // CHECK: vector.load %arg1[%[[ROW]], %{{.*}}]
  linalg.generic {indexing_maps = [#row, #all], iterator_types = ["parallel", "parallel"]}
      ins(%i : memref<?xindex>) outs(%y : memref<?x?xf32>) {
  ^bb0(%row: index, %out: f32):
    %column = linalg.index 1 : index
    %0 = memref.load %table[%row, %column] : memref<?x?xf32>
    linalg.yield %0 : f32
  }
  return
}

// An i1 is a byte in memory and a bit in a vector.
// CHECK-LABEL: func @booleans
func.func @booleans(%x: memref<?xf32>, %y: memref<?xi1>) {
  // CHECK: %[[BYTES:.*]] = builtin.unrealized_conversion_cast %arg1 : memref<?xi1> to memref<?xi8>
  // CHECK: %[[BITS:.*]] = arith.cmpf {{.*}} : vector<16xf32>
  // CHECK: arith.extui %[[BITS]] : vector<16xi1> to vector<16xi8>
  // CHECK: vector.store %{{.*}}, %[[BYTES]]
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>],
                  iterator_types = ["parallel"]}
      ins(%x : memref<?xf32>) outs(%y : memref<?xi1>) {
  ^bb0(%in: f32, %out: i1):
    %0 = arith.cmpf oeq, %in, %in : f32
    linalg.yield %0 : i1
  }
  return
}

// Divisions would trap on elements that do not exist: one by one at the end.
// CHECK-LABEL: func @divisions
func.func @divisions(%x: memref<?xi32>, %y: memref<?xi32>) {
  // CHECK: arith.divsi {{.*}} : vector<16xi32>
  // CHECK: arith.divsi {{.*}} : vector<1xi32>
  linalg.div ins(%x, %y : memref<?xi32>, memref<?xi32>) outs(%y : memref<?xi32>)
  return
}

// Enough work for threads: they share rows.
// CHECK-LABEL: func @threads
func.func @threads(%x: memref<512x1024xf32>, %y: memref<512x1024xf32, strided<[2048, 1]>>) {
  // CHECK: rt.num_threads
  // CHECK: rt.parallel
  // CHECK-NEXT: arith.muli
  linalg.exp ins(%x : memref<512x1024xf32>)
             outs(%y : memref<512x1024xf32, strided<[2048, 1]>>)
  return
}

// Too little of it.
// CHECK-LABEL: func @no_threads
func.func @no_threads(%x: memref<16x16xf32>, %y: memref<16x16xf32>) {
  // CHECK-NOT: rt.parallel
  // CHECK: return
  linalg.exp ins(%x : memref<16x16xf32>) outs(%y : memref<16x16xf32>)
  return
}

// A copy that turns the innermost dim goes by tiles of 16 x 16.
// CHECK-LABEL: func @transpose
func.func @transpose(%x: memref<?x?xf32>, %y: memref<?x?xf32>) {
  // CHECK-COUNT-16: vector.load
  // CHECK-COUNT-64: vector.shuffle
  // CHECK-COUNT-16: vector.store
  linalg.transpose ins(%x : memref<?x?xf32>) outs(%y : memref<?x?xf32>) permutation = [1, 0]
  return
}

// Elements that lie apart are read one by one where a function pays for it.
// CHECK-LABEL: func @apart
func.func @apart(%x: memref<64xf32, strided<[2]>>, %y: memref<64xf32>) {
  // CHECK-COUNT-16: memref.load
  // CHECK: vector.store
  linalg.exp ins(%x : memref<64xf32, strided<[2]>>) outs(%y : memref<64xf32>)
  return
}
