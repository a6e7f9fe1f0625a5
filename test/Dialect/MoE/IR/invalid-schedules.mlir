// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @lanes(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x4x8xf32>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected lanes to be a power of two, but got 6}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x4x8xf32>) {schedule = #moe.cpu_schedule<lanes = 6, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>} outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @rows(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x4x8xf32>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected rows of at least 1, but got 0}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x4x8xf32>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 0, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>} outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @stream_rows(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x4x8xf32>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected stream_rows of at least 0, but got -1}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x4x8xf32>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = -1, stream_vectors = 4>} outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @panels(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x4x8xf32>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected weights in panels of 8 columns, as the schedule has lanes, but got 'memref<2x4x8xf32>'}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x4x8xf32>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>} outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @types(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x4x8xf32>, %v: memref<2x1x4x8xbf16>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected weights of one element type under a schedule, but got 'memref<2x1x4x8xf32>' and 'memref<2x1x4x8xbf16>'}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w, %v : memref<2x1x4x8xf32>, memref<2x1x4x8xbf16>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>} outs(%y : memref<?x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @vectors(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x4x8xf32>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected the schedule's vectors to divide among 2 sums, but got 3}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w, %w : memref<2x1x4x8xf32>, memref<2x1x4x8xf32>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 3, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>} outs(%y : memref<?x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @columns(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x2x4x8xf32>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected the columns of each sum to start with a panel and follow each other, or those of two sums to alternate in one matrix}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w, %w : memref<2x2x4x8xf32>, memref<2x2x4x8xf32>) {column_offsets = array<i64: 0, 6>, schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>} outs(%y : memref<?x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    moe.yield %a : f32
  }
  return
}

// -----

func.func @too_few_panels(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x4x8xf32>, %y: memref<?x9xf32>) {
  // expected-error @+1 {{reads column 8 of weights 0, which have 8}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x4x8xf32>) outs(%y : memref<?x9xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @k_step(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x4x8xbf16>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected k_step of 1 or 2, but got 3}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x4x8xbf16>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4, k_step = 3>} outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @lanes_of_dot_products(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x2x4x2xbf16>, %y: memref<?x4xf32>) {
  // expected-error @+1 {{expected 8 or 16 lanes, for which there are dot products of bf16, but got 4}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x2x4x2xbf16>) {schedule = #moe.cpu_schedule<lanes = 4, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4, k_step = 2>} outs(%y : memref<?x4xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @half_a_step(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x2x8x2xbf16>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected k_block to be a multiple of k_step, but got 255}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x2x8x2xbf16>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 255, stream_rows = 3, stream_vectors = 4, k_step = 2>} outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @no_pairs(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x4x8xbf16>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected panels with 2 products of a column side by side, as the schedule has k_step, but got 'memref<2x1x4x8xbf16>'}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x4x8xbf16>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4, k_step = 2>} outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @pairs_one_by_one(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x2x8x2xbf16>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected panels with 1 products of a column side by side, as the schedule has k_step, but got 'memref<2x1x2x8x2xbf16>'}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x2x8x2xbf16>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>} outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @type_of_pairs(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x2x8x2xf16>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected weights of bf16, which a k_step of 2 takes, but got 'memref<2x1x2x8x2xf16>'}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x2x8x2xf16>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4, k_step = 2>} outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @number_of_pairs(%x: memref<?x5xf32>, %o: memref<3xi32>, %w: memref<2x1x2x8x2xbf16>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected weights to have the shape [2, ?, 3, ?, 2], but it is 'memref<2x1x2x8x2xbf16>'}}
  moe.grouped_matmul rows(%x : memref<?x5xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x2x8x2xbf16>) outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}

// -----

func.func @unknown_groups(%x: memref<?x4xf32>, %o: memref<3xi32>, %w: memref<2x1x2x8x?xbf16>, %y: memref<?x8xf32>) {
  // expected-error @+1 {{expected panels of pairs of a static extent, but got 'memref<2x1x2x8x?xbf16>'}}
  moe.grouped_matmul rows(%x : memref<?x4xf32>) offsets(%o : memref<3xi32>) weights(%w : memref<2x1x2x8x?xbf16>) outs(%y : memref<?x8xf32>) {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return
}
