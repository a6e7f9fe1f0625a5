// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @gate_outs(%s: tensor<?x4xf32>, %i: tensor<?x2xi32>, %w: tensor<?x2xf32>) {
  // expected-error @+1 {{expected 3 outs, but got 2}}
  %0:2 = moe.gate scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>} outs(%i, %w : tensor<?x2xi32>, tensor<?x2xf32>) -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @gate_mixed(%s: tensor<?x4xf32>, %i: memref<?x2xi32>, %w: memref<?x2xf32>, %c: memref<4xi32>) {
  // expected-error @+1 {{expected all operands to be tensors or all to be memrefs, but got}}
  moe.gate scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>} outs(%i, %w, %c : memref<?x2xi32>, memref<?x2xf32>, memref<4xi32>)
  return
}

// -----

func.func @gate_results(%s: tensor<?x4xf32>, %i: tensor<?x2xi32>, %w: tensor<?x2xf32>, %c: tensor<4xi32>) {
  // expected-error @+1 {{expected results of}}
  %0 = moe.gate scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>} outs(%i, %w, %c : tensor<?x2xi32>, tensor<?x2xf32>, tensor<4xi32>) -> tensor<?x2xi32>
  return
}

// -----

func.func @gate_sum(%s: memref<3x4xf32>, %i: memref<3x2xi32>, %w: memref<3x2xf32>, %c: memref<4xi32>, %m: memref<4xf32>) {
  // expected-error @+1 {{expected each sum to have the shape [3], but it is 'memref<4xf32>'}}
  moe.gate scores(%s : memref<3x4xf32>) {select = #moe.topk<2>, sums = [#moe.columns<2, 4>]} outs(%i, %w, %c, %m : memref<3x2xi32>, memref<3x2xf32>, memref<4xi32>, memref<4xf32>)
  return
}

// -----

func.func @gate_counts_rank(%s: memref<3x4xf32>, %i: memref<3x2xi32>, %w: memref<3x2xf32>, %c: memref<4x1xi32>) {
  // expected-error @+1 {{expected counts to have the shape [?], but it is 'memref<4x1xi32>'}}
  moe.gate scores(%s : memref<3x4xf32>) {select = #moe.topk<2>} outs(%i, %w, %c : memref<3x2xi32>, memref<3x2xf32>, memref<4x1xi32>)
  return
}

// -----

func.func @gate_counts(%s: memref<3x4xf32>, %i: memref<3x2xi32>, %w: memref<3x2xf32>, %c: memref<3xi32>) {
  // expected-error @+1 {{expected one count per column, 4, but got 3}}
  moe.gate scores(%s : memref<3x4xf32>) {select = #moe.topk<2>} outs(%i, %w, %c : memref<3x2xi32>, memref<3x2xf32>, memref<3xi32>)
  return
}

// -----

func.func @gate_table(%s: memref<3x4xf32>, %i: memref<3x2xi32>, %w: memref<3x2xf32>, %c: memref<3xi32>) {
  // expected-error @+1 {{expected table to have an entry per column, 4, but it has 3}}
  moe.gate scores(%s : memref<3x4xf32>) {select = #moe.topk<2>, table = array<i32: 0, 1, 2>} outs(%i, %w, %c : memref<3x2xi32>, memref<3x2xf32>, memref<3xi32>)
  return
}

// -----

func.func @gate_table_entry(%s: memref<3x4xf32>, %i: memref<3x2xi32>, %w: memref<3x2xf32>, %c: memref<3xi32>) {
  // expected-error @+1 {{expected entries of table to be -1 or below the number of counts, but got 3}}
  moe.gate scores(%s : memref<3x4xf32>) {select = #moe.topk<2>, table = array<i32: 0, 1, 2, 3>} outs(%i, %w, %c : memref<3x2xi32>, memref<3x2xf32>, memref<3xi32>)
  return
}

// -----

func.func @dispatch_offsets(%i: memref<3x2xi32>, %c: memref<4xi32>, %o: memref<4xi32>, %s: memref<6xi32>, %r: memref<3x2xi32>) {
  // expected-error @+1 {{expected offsets to have the shape [5], but it is 'memref<4xi32>'}}
  moe.dispatch ids(%i, %c : memref<3x2xi32>, memref<4xi32>) outs(%o, %s, %r : memref<4xi32>, memref<6xi32>, memref<3x2xi32>)
  return
}

// -----

func.func @dispatch_rows(%i: memref<3x2xi32>, %c: memref<4xi32>, %o: memref<5xi32>, %s: memref<6xi32>, %r: memref<3x3xi32>) {
  // expected-error @+1 {{expected rows to have the shape [3, 2], but it is 'memref<3x3xi32>'}}
  moe.dispatch ids(%i, %c : memref<3x2xi32>, memref<4xi32>) outs(%o, %s, %r : memref<5xi32>, memref<6xi32>, memref<3x3xi32>)
  return
}

// -----

func.func @matmul_weights(%x: memref<?x8xf32>, %o: memref<5xi32>, %w: memref<4x9x16xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{expected weights to have the shape [4, 8, ?], but it is 'memref<4x9x16xf32>'}}
  moe.grouped_matmul rows(%x : memref<?x8xf32>) offsets(%o : memref<5xi32>) weights(%w : memref<4x9x16xf32>) outs(%y : memref<?x16xf32>) {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @matmul_no_weights(%x: memref<?x8xf32>, %o: memref<5xi32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{expected at least one operand of weights}}
  "moe.grouped_matmul"(%x, %o, %y) <{operandSegmentSizes = array<i32: 1, 0, 1, 0, 0, 0, 1>}> ({
    %0 = arith.constant 0.0 : f32
    moe.yield %0 : f32
  }) : (memref<?x8xf32>, memref<5xi32>, memref<?x16xf32>) -> ()
  return
}

// -----

func.func @matmul_offsets_size(%x: memref<?x8xf32>, %o: memref<5xi32>, %w: memref<4x8x32xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{expected column_offsets to have one entry per operand of weights, 1, but it has 2}}
  moe.grouped_matmul rows(%x : memref<?x8xf32>) offsets(%o : memref<5xi32>) weights(%w : memref<4x8x32xf32>) {column_offsets = array<i64: 0, 16>} outs(%y : memref<?x16xf32>) {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @matmul_stride(%x: memref<?x8xf32>, %o: memref<5xi32>, %w: memref<4x8x32xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{expected column offsets >= 0 and strides >= 1, but got 0 and 0}}
  moe.grouped_matmul rows(%x : memref<?x8xf32>) offsets(%o : memref<5xi32>) weights(%w : memref<4x8x32xf32>) {column_strides = array<i64: 0>} outs(%y : memref<?x16xf32>) {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @matmul_past_end(%x: memref<?x8xf32>, %o: memref<5xi32>, %w: memref<4x8x32xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{reads column 32 of weights 0, which have 32}}
  moe.grouped_matmul rows(%x : memref<?x8xf32>) offsets(%o : memref<5xi32>) weights(%w : memref<4x8x32xf32>) {column_offsets = array<i64: 17>} outs(%y : memref<?x16xf32>) {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @matmul_columns(%x: memref<?x8xf32>, %o: memref<5xi32>, %w: memref<4x8x16xf32>, %b: memref<4x8xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{expected columns to have the shape [4, 16], but it is 'memref<4x8xf32>'}}
  moe.grouped_matmul rows(%x : memref<?x8xf32>) offsets(%o : memref<5xi32>) weights(%w : memref<4x8x16xf32>) columns(%b : memref<4x8xf32>) outs(%y : memref<?x16xf32>) {
  ^bb0(%a: f32, %c: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @matmul_no_slots(%x: memref<?x8xf32>, %o: memref<5xi32>, %w: memref<4x8x16xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{expected slots, which slots_per_row and slot values refer to}}
  moe.grouped_matmul rows(%x : memref<?x8xf32>) offsets(%o : memref<5xi32>) weights(%w : memref<4x8x16xf32>) {slots_per_row = 2 : i64} outs(%y : memref<?x16xf32>) {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @matmul_slots(%x: memref<?x8xf32>, %s: memref<5xi32>, %o: memref<5xi32>, %w: memref<4x8x16xf32>, %y: memref<6x16xf32>) {
  // expected-error @+1 {{expected slots to have the shape [6], but it is 'memref<5xi32>'}}
  moe.grouped_matmul rows(%x : memref<?x8xf32>) slots(%s : memref<5xi32>) offsets(%o : memref<5xi32>) weights(%w : memref<4x8x16xf32>) outs(%y : memref<6x16xf32>) {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @matmul_slot_values(%x: memref<?x8xf32>, %s: memref<?xi32>, %o: memref<5xi32>, %w: memref<4x8x16xf32>, %v: memref<?x2xf32>, %y: memref<?x16xf32>) {
  // expected-error @+1 {{expected slot values to have the shape [?], but it is 'memref<?x2xf32>'}}
  moe.grouped_matmul rows(%x : memref<?x8xf32>) slots(%s : memref<?xi32>) offsets(%o : memref<5xi32>) weights(%w : memref<4x8x16xf32>) slot_values(%v : memref<?x2xf32>) outs(%y : memref<?x16xf32>) {
  ^bb0(%a: f32, %b: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @matmul_epilogue(%x: memref<?x8xbf16>, %o: memref<5xi32>, %w: memref<4x8x16xbf16>, %y: memref<?x16xbf16>) {
  // expected-error @+1 {{expected the epilogue to take 'f32', but it takes 'bf16'}}
  moe.grouped_matmul rows(%x : memref<?x8xbf16>) offsets(%o : memref<5xi32>) weights(%w : memref<4x8x16xbf16>) outs(%y : memref<?x16xbf16>) {
  ^bb0(%a: bf16):
    moe.yield %a : bf16
  }
  return
}

// -----

func.func @matmul_yield(%x: memref<?x8xf32>, %o: memref<5xi32>, %w: memref<4x8x16xf32>, %y: memref<?x16xf32>) {
  moe.grouped_matmul rows(%x : memref<?x8xf32>) offsets(%o : memref<5xi32>) weights(%w : memref<4x8x16xf32>) outs(%y : memref<?x16xf32>) {
  ^bb0(%a: f32):
    // expected-error @+1 {{expected one 'f32', but got 'f32', 'f32'}}
    moe.yield %a, %a : f32, f32
  }
  return
}

// -----

func.func @combine_values(%h: memref<?x9xf32>, %r: memref<?x2xi32>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected values to have the shape [?, 8], but it is 'memref<?x9xf32>'}}
  moe.combine values(%h : memref<?x9xf32>) rows(%r : memref<?x2xi32>) outs(%y : memref<?x8xf32>)
  return
}

// -----

func.func @combine_rows(%h: memref<?x8xf32>, %r: memref<4x2xi32>, %y: memref<3x8xf32>) {
  // expected-error @+1 {{expected rows to have the shape [3, ?], but it is 'memref<4x2xi32>'}}
  moe.combine values(%h : memref<?x8xf32>) rows(%r : memref<4x2xi32>) outs(%y : memref<3x8xf32>)
  return
}

// -----

func.func @combine_weights(%h: memref<?x8xf32>, %r: memref<?x2xi32>, %w: memref<?x3xf32>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected weights to have the shape [?, 2], but it is 'memref<?x3xf32>'}}
  moe.combine values(%h : memref<?x8xf32>) rows(%r : memref<?x2xi32>) weights(%w : memref<?x3xf32>) outs(%y : memref<?x8xf32>)
  return
}

// -----

func.func @pack_inner(%m: memref<2x4x20xf32>, %p: memref<2x2x5x16xf32>) {
  // expected-error @+1 {{expected panels to have the shape [2, ?, 4, ?], but it is 'memref<2x2x5x16xf32>'}}
  moe.pack matrices(%m : memref<2x4x20xf32>) outs(%p : memref<2x2x5x16xf32>)
  return
}

// -----

func.func @pack_count(%m: memref<2x4x20xf32>, %p: memref<2x3x4x16xf32>) {
  // expected-error @+1 {{expected 20 columns to fill the panels, but got 3 of 16}}
  moe.pack matrices(%m : memref<2x4x20xf32>) outs(%p : memref<2x3x4x16xf32>)
  return
}

// -----

func.func @pack_type(%m: memref<2x20x4xf32>, %p: memref<2x2x4x16xf16>) {
  // expected-error @+1 {{expected panels of 'f32', but got 'f16'}}
  moe.pack matrices(%m : memref<2x20x4xf32>) {transposed} outs(%p : memref<2x2x4x16xf16>)
  return
}
