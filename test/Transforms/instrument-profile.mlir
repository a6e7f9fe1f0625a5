// RUN: moe-opt %s --moe-instrument-profile --canonicalize --split-input-file | FileCheck %s

// Kinds, and names: the node's, or the kernel's. A call in a loop is recorded
// in the loop.
// CHECK-DAG: rt.timer @"/a/MatMul" matmul at "/a/MatMul"
// CHECK-DAG: rt.timer @kernel_sum_{{[0-9]+}} reduction at "kernel_sum"
// CHECK-DAG: rt.timer @"/a/Gather" gather at "/a/Gather"
// CHECK-DAG: rt.timer @"/a/Fill" fill at "/a/Fill"
// CHECK-DAG: rt.timer @"/a/Transpose" copy at "/a/Transpose"
// CHECK-DAG: rt.timer @"/a/Loop" loop at "/a/Loop"
// CHECK-DAG: rt.timer @memref.copy copy at "memref.copy"

// CHECK-LABEL: func.func @kinds
// CHECK-SAME: %[[X:[^:]*]]: memref<?x8xf32>
func.func @kinds(%x: memref<?x8xf32>, %w: memref<8x4xf32>, %y: memref<?x4xf32>, %sum: memref<4xf32>, %other: memref<8x4xf32>,
                 %ids: memref<2xi32>, %rows: memref<2x4xf32>, %turned: memref<4x2xf32>) {
  // CHECK-DAG: %[[C64:.*]] = arith.constant 64 : index
  // CHECK-DAG: %[[TWICE:.*]] = arith.constant 32 : index
  // 2 * rows * 8 * 4; the bytes of three operands.
  // CHECK-DAG: %[[ROWS:.*]] = memref.dim %[[X]],
  // CHECK-DAG: %[[FLOPS:.*]] = arith.muli %{{.*}}, %[[C64]]
  // CHECK: %[[START:.*]] = rt.clock
  // CHECK-NEXT: call @kernel_matmul
  // CHECK-NEXT: rt.record @"/a/MatMul" since %[[START]] flops %[[FLOPS]] bytes
  call @kernel_matmul(%x, %w, %y) : (memref<?x8xf32>, memref<8x4xf32>, memref<?x4xf32>) -> () loc("/a/MatMul")
  // CHECK: call @kernel_sum
  // CHECK-NEXT: rt.record @kernel_sum_{{[0-9]+}} since %{{[^ ]+}} bytes
  call @kernel_sum(%y, %sum) : (memref<?x4xf32>, memref<4xf32>) -> ()
  // CHECK: call @kernel_gather
  // CHECK-NEXT: rt.record @"/a/Gather" since %{{[^ ]+$}}
  call @kernel_gather(%ids, %w, %rows) : (memref<2xi32>, memref<8x4xf32>, memref<2x4xf32>) -> () loc("/a/Gather")
  // CHECK: rt.record @"/a/Fill" since %{{.*}} bytes %[[TWICE]]
  call @kernel_fill(%rows) : (memref<2x4xf32>) -> () loc("/a/Fill")
  // CHECK: rt.record @"/a/Transpose" since %{{.*}} bytes %[[C64]]
  call @kernel_transpose(%rows, %turned) : (memref<2x4xf32>, memref<4x2xf32>) -> () loc("/a/Transpose")
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  // CHECK: scf.for
  %four = arith.constant 4 : index
  scf.for %i = %zero to %four step %one {
    // CHECK-NEXT: %{{.*}} = rt.clock
    // CHECK-NEXT: call @kernel_loop
    // CHECK-NEXT: rt.record @"/a/Loop" since %{{[^ ]+$}}
    func.call @kernel_loop(%sum, %i) : (memref<4xf32>, index) -> () loc("/a/Loop")
  }
  // CHECK: memref.copy
  // CHECK-NEXT: rt.record @memref.copy since %{{.*}} bytes %{{.*}}
  memref.copy %w, %other : memref<8x4xf32> to memref<8x4xf32>
  return
}
// Kernels stay as they are.
// CHECK-NOT: rt.clock
func.func private @kernel_matmul(%x: memref<?x8xf32>, %w: memref<8x4xf32>, %y: memref<?x4xf32>) {
  linalg.matmul ins(%x, %w : memref<?x8xf32>, memref<8x4xf32>) outs(%y : memref<?x4xf32>)
  return
}
func.func private @kernel_sum(%y: memref<?x4xf32>, %sum: memref<4xf32>) {
  linalg.reduce {arith.addf} ins(%y : memref<?x4xf32>) outs(%sum : memref<4xf32>) dimensions = [0]
  return
}
#ids = affine_map<(i, j) -> (i)>
#all = affine_map<(i, j) -> (i, j)>
func.func private @kernel_gather(%ids: memref<2xi32>, %w: memref<8x4xf32>, %rows: memref<2x4xf32>) {
  linalg.generic {indexing_maps = [#ids, #all], iterator_types = ["parallel", "parallel"]}
      ins(%ids : memref<2xi32>) outs(%rows : memref<2x4xf32>) {
  ^bb0(%id: i32, %out: f32):
    %i = arith.index_cast %id : i32 to index
    %j = linalg.index 1 : index
    %v = memref.load %w[%i, %j] : memref<8x4xf32>
    linalg.yield %v : f32
  }
  return
}
func.func private @kernel_fill(%rows: memref<2x4xf32>) {
  %zero = arith.constant 0.0 : f32
  linalg.fill ins(%zero : f32) outs(%rows : memref<2x4xf32>)
  return
}
func.func private @kernel_transpose(%rows: memref<2x4xf32>, %turned: memref<4x2xf32>) {
  linalg.transpose ins(%rows : memref<2x4xf32>) outs(%turned : memref<4x2xf32>) permutation = [1, 0]
  return
}
func.func private @kernel_loop(%sum: memref<4xf32>, %n: index) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %i = %zero to %n step %one {
    %v = memref.load %sum[%i] : memref<4xf32>
    memref.store %v, %sum[%i] : memref<4xf32>
  }
  return
}

// -----

// The parts of a layer, by its name. What a grouped matmul computes hangs on
// the offsets.
// CHECK: rt.layer @layers.0.moe
rt.layer @layers.0.moe {experts = 4 : i64, null_experts = 0 : i64, slots = 2 : i64}
// CHECK: rt.timer @"layers.0.moe/dispatch" dispatch at "layers.0.moe/dispatch" of @layers.0.moe
// CHECK: rt.timer @"layers.0.moe/up" grouped_matmul at "layers.0.moe/up" of @layers.0.moe
// CHECK: rt.timer @layers.0.moe_{{[0-9]+}} combine at "layers.0.moe" of @layers.0.moe
// Outside of layers, groups are batches.
// CHECK: rt.timer @layers.0.moe_norm matmul at "layers.0.moe_norm"{{$}}

// CHECK-LABEL: func.func @layer
// CHECK-SAME: %[[OFFSETS:[^:]*]]: memref<5xi32>
func.func @layer(%o: memref<5xi32>, %i: memref<?x2xi32>, %c: memref<4xi32>, %s: memref<?xi32>, %r: memref<?x2xi32>,
                 %x: memref<?x8xf32>, %w: memref<4x8x16xf32>, %out: memref<?x16xf32>, %y: memref<?x16xf32>) {
  call @dispatch(%o, %i, %c, %s, %r) : (memref<5xi32>, memref<?x2xi32>, memref<4xi32>, memref<?xi32>, memref<?x2xi32>) -> () loc("layers.0.moe/dispatch")
  // Of the combine, whose offsets may be freed by then.
  // CHECK: memref.load %[[OFFSETS]][%c4]
  // CHECK: rt.record @"layers.0.moe/dispatch"
  // CHECK: %[[LAST:.*]] = memref.load %[[OFFSETS]][%c4]
  // CHECK: %[[ROWS:.*]] = arith.index_cast %[[LAST]]
  // CHECK: %[[EXPERTS:.*]] = scf.for
  // CHECK: %[[FLOPS:.*]] = arith.muli %[[ROWS]], %c256
  // CHECK: %[[TOKENS:.*]] = arith.minsi %[[ROWS]],
  // CHECK: %[[INPUT:.*]] = arith.muli %[[TOKENS]], %c32
  // CHECK: %[[MATRICES:.*]] = arith.muli %[[EXPERTS]], %c512
  // CHECK: %[[READ:.*]] = arith.addi %[[MATRICES]], %[[INPUT]]
  // CHECK: %[[OUT:.*]] = arith.muli %[[ROWS]], %c64
  // CHECK: %[[BYTES:.*]] = arith.addi %[[READ]], %[[OUT]]
  // CHECK: %[[START:.*]] = rt.clock
  // CHECK-NEXT: call @up
  // CHECK-NEXT: rt.record @"layers.0.moe/up" since %[[START]] flops %[[FLOPS]] bytes %[[BYTES]]
  call @up(%x, %s, %o, %w, %out) : (memref<?x8xf32>, memref<?xi32>, memref<5xi32>, memref<4x8x16xf32>, memref<?x16xf32>) -> () loc("layers.0.moe/up")
  // The dispatch has the offsets of the rows.
  // CHECK: rt.record @layers.0.moe_{{[0-9]+}} since %{{.*}} bytes
  call @combine(%out, %r, %y) : (memref<?x16xf32>, memref<?x2xi32>, memref<?x16xf32>) -> () loc("layers.0.moe")
  call @up(%x, %s, %o, %w, %out) : (memref<?x8xf32>, memref<?xi32>, memref<5xi32>, memref<4x8x16xf32>, memref<?x16xf32>) -> () loc("layers.0.moe_norm")
  return
}
func.func private @dispatch(%o: memref<5xi32>, %i: memref<?x2xi32>, %c: memref<4xi32>, %s: memref<?xi32>, %r: memref<?x2xi32>) {
  moe.dispatch ids(%i, %c : memref<?x2xi32>, memref<4xi32>)
    outs(%o, %s, %r : memref<5xi32>, memref<?xi32>, memref<?x2xi32>)
  return
}
func.func private @up(%x: memref<?x8xf32>, %s: memref<?xi32>, %o: memref<5xi32>, %w: memref<4x8x16xf32>, %out: memref<?x16xf32>) {
  moe.grouped_matmul rows(%x : memref<?x8xf32>) slots(%s : memref<?xi32>)
      offsets(%o : memref<5xi32>) weights(%w : memref<4x8x16xf32>)
      {slots_per_row = 2 : i64} outs(%out : memref<?x16xf32>) {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return
}
func.func private @combine(%h: memref<?x16xf32>, %r: memref<?x2xi32>, %y: memref<?x16xf32>) {
  moe.combine values(%h : memref<?x16xf32>) rows(%r : memref<?x2xi32>)
      outs(%y : memref<?x16xf32>)
  return
}

// -----

// Two projections of one row: 2 * rows * 8 * (4 + 2).
// CHECK: rt.timer @gate_{{[0-9]+}} gate at "gate"
// CHECK-LABEL: func.func @project
// CHECK-SAME: %[[X:[^:]*]]: memref<?x8xf32>
func.func @project(%x: memref<?x8xf32>, %a: memref<8x4xf32>, %b: memref<8x2xf32>, %i: memref<?x2xi32>,
                   %w: memref<?x2xf32>, %c: memref<6xi32>) {
  // CHECK: %[[T:.*]] = memref.dim %[[X]]
  // CHECK: %[[FLOPS:.*]] = arith.muli %{{.*}}, %c96
  // CHECK: rt.record @gate_{{[0-9]+}} since %{{.*}} flops %[[FLOPS]] bytes
  call @gate(%x, %a, %b, %i, %w, %c) : (memref<?x8xf32>, memref<8x4xf32>, memref<8x2xf32>, memref<?x2xi32>, memref<?x2xf32>, memref<6xi32>) -> ()
  return
}
func.func private @gate(%x: memref<?x8xf32>, %a: memref<8x4xf32>, %b: memref<8x2xf32>, %i: memref<?x2xi32>,
                        %w: memref<?x2xf32>, %c: memref<6xi32>) {
  moe.gate project(%x, %a, %b : memref<?x8xf32>, memref<8x4xf32>, memref<8x2xf32>) {select = #moe.topk<2>}
    outs(%i, %w, %c : memref<?x2xi32>, memref<?x2xf32>, memref<6xi32>)
  return
}

// -----

// An index is 8 bytes, a bool one.
// CHECK-LABEL: func.func @sizes
func.func @sizes(%x: memref<4xf32>) {
  %indices = memref.alloc() : memref<4xindex>
  %bools = memref.alloc() : memref<4xi1>
  // CHECK: rt.record @indices_{{[0-9]+}} since %{{.*}} bytes %c32
  call @indices(%indices) : (memref<4xindex>) -> ()
  // CHECK: rt.record @bools_{{[0-9]+}} since %{{.*}} bytes %c4
  call @bools(%bools) : (memref<4xi1>) -> ()
  return
}
func.func private @indices(%indices: memref<4xindex>) {
  %zero = arith.constant 0 : index
  linalg.fill ins(%zero : index) outs(%indices : memref<4xindex>)
  return
}
func.func private @bools(%bools: memref<4xi1>) {
  %false = arith.constant false
  linalg.fill ins(%false : i1) outs(%bools : memref<4xi1>)
  return
}
