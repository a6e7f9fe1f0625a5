// RUN: moe-opt %s --convert-linalg-to-cpu=isa=avx512 | FileCheck %s

#all = affine_map<(i, j) -> (i, j)>
#row = affine_map<(i, j) -> (i)>

// CHECK-LABEL: func @matmul
func.func @matmul(%a: memref<?x?xf32>, %b: memref<?x?xf32>, %c: memref<?x?xf32>) {
  // CHECK: linalg.matmul
  linalg.matmul ins(%a, %b : memref<?x?xf32>, memref<?x?xf32>) outs(%c : memref<?x?xf32>)
  return
}

// f64 has no polynomial.
// CHECK-LABEL: func @double
func.func @double(%x: memref<?xf64>, %y: memref<?xf64>) {
  // CHECK: linalg.exp
  linalg.exp ins(%x : memref<?xf64>) outs(%y : memref<?xf64>)
  return
}

// What is kept depends on the order in another way than by one operation.
// CHECK-LABEL: func @no_combiner
func.func @no_combiner(%x: memref<?x?xf32>, %y: memref<?xf32>) {
  // CHECK: linalg.generic
  linalg.generic {indexing_maps = [#all, #row],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x?xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %0 = arith.subf %in, %sum : f32
    linalg.yield %0 : f32
  }
  return
}

// No row of a few elements is worth vectors of sums.
// CHECK-LABEL: func @short_rows
func.func @short_rows(%x: memref<?x3xf32>, %y: memref<?xf32>) {
  // CHECK: linalg.generic
  linalg.generic {indexing_maps = [#all, #row],
                  iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<?x3xf32>) outs(%y : memref<?xf32>) {
  ^bb0(%in: f32, %sum: f32):
    %0 = arith.addf %in, %sum : f32
    linalg.yield %0 : f32
  }
  return
}
