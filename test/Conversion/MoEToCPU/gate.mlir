// RUN: moe-opt %s --convert-moe-to-cpu=isa=avx512 --canonicalize --cse | FileCheck %s
// RUN: moe-opt %s --convert-moe-to-cpu=isa=avx512 --remark-format=emitRemark \
// RUN:   --remarks-filter=convert-moe-to-cpu 2>&1 | FileCheck %s --check-prefix=REMARK

// Two vectors of columns: scores, then k rounds over keys in registers.
// CHECK-LABEL: func @softmax
func.func @softmax(%s: memref<?x32xf32>, %i: memref<?x2xi32>, %w: memref<?x2xf32>,
                   %c: memref<32xi32>) {
  // CHECK: rt.parallel
  // CHECK: memref.alloca() {alignment = 64 : i64} : memref<768xf32>
  // CHECK: vector.load %arg0{{.*}} vector<16xf32>
  // CHECK: vector.shuffle {{.*}} : vector<16xf32>, vector<16xf32>
  // CHECK: arith.divf {{.*}} : vector<16xf32>
  // CHECK: arith.cmpf uno
  // CHECK: arith.maxsi {{.*}} : vector<16xi32>
  // CHECK-COUNT-2: vector.bitcast {{.*}} : vector<16xi1> to vector<1xi16>
  // CHECK: math.cttz
  // CHECK: memref.store {{.*}}, %arg1
  // CHECK: memref.store {{.*}}, %arg2
  // Counts come behind the threads.
  // CHECK: memref.store {{.*}}, %arg3
  moe.gate scores(%s : memref<?x32xf32>) {
      select = #moe.topk<2>, score = #moe.score<softmax>}
    outs(%i, %w, %c : memref<?x2xi32>, memref<?x2xf32>, memref<32xi32>)
  return
}

// Columns that no vector holds are masked where memory is the caller's, and where
// they would count.
// CHECK-LABEL: func @odd
func.func @odd(%s: memref<?x7xf16>, %b: memref<7xf16>, %i: memref<?x2xi32>,
               %w: memref<?x2xf16>, %c: memref<7xi32>) {
  // CHECK: %[[MASK:.*]] = vector.constant_mask [7] : vector<8xi1>
  // CHECK: vector.maskedload %arg0{{.*}}, %[[MASK]]
  // CHECK: arith.extf {{.*}} : vector<8xf16> to vector<8xf32>
  // CHECK: vector.maskedload %arg1{{.*}}, %[[MASK]]
  // CHECK: arith.select
  // CHECK: arith.maxsi {{.*}} : vector<8xi32>
  // CHECK: math.ctlz
  moe.gate scores(%s : memref<?x7xf16>) bias(%b : memref<7xf16>) {
      select = #moe.topk<2, tie = highest_index>, score = #moe.score<sigmoid>}
    outs(%i, %w, %c : memref<?x2xi32>, memref<?x2xf16>, memref<7xi32>)
  return
}

// CHECK-LABEL: func @unknown_columns
func.func @unknown_columns(%s: memref<?x?xf32>, %i: memref<?x2xi32>,
                           %w: memref<?x2xf32>, %c: memref<?xi32>) {
  // CHECK: moe.gate
  // REMARK: a gate stays on loops: only a run knows its number of columns
  moe.gate scores(%s : memref<?x?xf32>) {select = #moe.topk<2>}
    outs(%i, %w, %c : memref<?x2xi32>, memref<?x2xf32>, memref<?xi32>)
  return
}

// CHECK-LABEL: func @doubles
func.func @doubles(%s: memref<?x8xf64>, %i: memref<?x2xi32>, %w: memref<?x2xf64>,
                   %c: memref<8xi32>) {
  // CHECK: moe.gate
  // REMARK: a gate stays on loops: its scores are f64
  moe.gate scores(%s : memref<?x8xf64>) {select = #moe.topk<2>}
    outs(%i, %w, %c : memref<?x2xi32>, memref<?x2xf64>, memref<8xi32>)
  return
}

// CHECK-LABEL: func @many_columns
func.func @many_columns(%s: memref<?x5000xf32>, %i: memref<?x2xi32>,
                        %w: memref<?x2xf32>, %c: memref<5000xi32>) {
  // CHECK: moe.gate
  // REMARK: a gate stays on loops: it has too many columns
  moe.gate scores(%s : memref<?x5000xf32>) {select = #moe.topk<2>}
    outs(%i, %w, %c : memref<?x2xi32>, memref<?x2xf32>, memref<5000xi32>)
  return
}
