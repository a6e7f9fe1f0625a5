// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @no_scores(%b: tensor<4xf32>) {
  // expected-error @+1 {{expected exactly one of scores and project}}
  %i, %w = moe.route bias(%b : tensor<4xf32>) {select = #moe.topk<2>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @both(%s: tensor<?x4xf32>) {
  // expected-error @+1 {{expected exactly one of scores and project}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) project(%s, %s : tensor<?x4xf32>, tensor<?x4xf32>) {select = #moe.topk<2>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @no_matrix(%s: tensor<?x4xf32>) {
  // expected-error @+1 {{expected project to take rows and at least one matrix, but it takes one operand}}
  %i, %w = moe.route project(%s : tensor<?x4xf32>) {select = #moe.topk<2>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @matrix_shape(%s: tensor<?x4xf32>, %m: tensor<5x8xf32>) {
  // expected-error @+1 {{expected each matrix of project to have the shape [4, ?], but it is 'tensor<5x8xf32>'}}
  %i, %w = moe.route project(%s, %m : tensor<?x4xf32>, tensor<5x8xf32>) {select = #moe.topk<2>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @bias(%s: tensor<?x4xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{expected bias to have the shape [4], but it is 'tensor<5xf32>'}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) bias(%b : tensor<5xf32>) {select = #moe.topk<2>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @mask(%s: tensor<?x4xf32>, %b: tensor<5xf32>) {
  // expected-error @+1 {{expected mask to have the shape [4], but it is 'tensor<5xf32>'}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) mask(%b : tensor<5xf32>) {select = #moe.topk<2>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @mix(%s: tensor<3x4xf32>, %m: tensor<4x4xf32>) {
  // expected-error @+1 {{expected mix to have the shape [3, 4], but it is 'tensor<4x4xf32>'}}
  %i, %w = moe.route scores(%s : tensor<3x4xf32>) mix(%m : tensor<4x4xf32>) {select = #moe.topk<2>} -> tensor<3x2xi32>, tensor<3x2xf32>
  return
}

// -----

func.func @element_type(%s: tensor<?x4xf32>, %b: tensor<4xf16>) {
  // expected-error @+1 {{expected all of its floats to be 'f32' as the scores are, but got 'tensor<4xf16>'}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) bias(%b : tensor<4xf16>) {select = #moe.topk<2>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @too_many(%s: tensor<?x4xf32>) {
  // expected-error @+1 {{selects 5 of 4 columns}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<5>} -> tensor<?x5xi32>, tensor<?x5xf32>
  return
}

// -----

func.func @range(%s: tensor<?x4xf32>) {
  // expected-error @+1 {{expected normalize_over to lie in [0, 4), but got #moe.columns<0, 5>}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>, normalize_over = #moe.columns<0, 5>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @denominator(%s: tensor<?x4xf32>) {
  // expected-error @+1 {{has a denominator, but nothing to normalize_over}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>, denominator = #moe.denominator<plain>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @unequal_groups(%s: tensor<?x4xf32>) {
  // expected-error @+1 {{expected 4 columns to be 3 equal groups}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>, groups = #moe.groups<count = 3, keep = 1, score = max, masked = 0.0>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @small_groups(%s: tensor<?x4xf32>) {
  // expected-error @+1 {{expected groups of at least 2 columns to sum the two greatest}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.topk<2>, groups = #moe.groups<count = 4, keep = 2, score = sum_top2, masked = 0.0>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @sparse_mixer(%s: tensor<?x4xf32>) {
  // expected-error @+1 {{expected #moe.sparse_mixer without score, mix, bias and groups: it has its own softmax}}
  %i, %w = moe.route scores(%s : tensor<?x4xf32>) {select = #moe.sparse_mixer<threshold = 0.02>, score = #moe.score<softmax>} -> tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @ids_shape(%s: tensor<3x4xf32>) {
  // expected-error @+1 {{expected ids to have the shape [3, 2], but it is 'tensor<3x3xi32>'}}
  %i, %w = moe.route scores(%s : tensor<3x4xf32>) {select = #moe.topk<2>} -> tensor<3x3xi32>, tensor<3x2xf32>
  return
}

// -----

func.func @weights_shape(%s: tensor<3x4xf32>) {
  // expected-error @+1 {{expected weights to have the shape [3, 2], but it is 'tensor<3x1xf32>'}}
  %i, %w = moe.route scores(%s : tensor<3x4xf32>) {select = #moe.topk<2>} -> tensor<3x2xi32>, tensor<3x1xf32>
  return
}

// -----

func.func @weights_type(%s: tensor<3x4xf32>) {
  // expected-error @+1 {{expected weights of the scores' element type, but got 'tensor<3x2xf16>'}}
  %i, %w = moe.route scores(%s : tensor<3x4xf32>) {select = #moe.topk<2>} -> tensor<3x2xi32>, tensor<3x2xf16>
  return
}

// -----

func.func @slot_sum(%i: tensor<?x2xi32>, %w: tensor<?x3xf32>) {
  // expected-error @+1 {{expected weights to have the shape [?, 2], but it is 'tensor<?x3xf32>'}}
  %c = moe.slot_sum %i, %w {columns = #moe.columns<0, 1>} : tensor<?x2xi32>, tensor<?x3xf32> -> tensor<?xf32>
  return
}

// -----

func.func @slot_sum_result(%i: tensor<3x2xi32>, %w: tensor<3x2xf32>) {
  // expected-error @+1 {{expected sums to have the shape [3], but it is 'tensor<2xf32>'}}
  %c = moe.slot_sum %i, %w {columns = #moe.columns<0, 1>} : tensor<3x2xi32>, tensor<3x2xf32> -> tensor<2xf32>
  return
}

// -----

func.func @renumber(%i: tensor<?x2xi32>, %w: tensor<?x2xf32>) {
  // expected-error @+1 {{expected entries of table to be at least -1, but got -2}}
  %j, %v = moe.renumber %i, %w {table = array<i32: 0, -2>} : tensor<?x2xi32>, tensor<?x2xf32>
  return
}

// -----

func.func @renumber_shape(%i: tensor<?x2xi32>, %w: tensor<?x3xf32>) {
  // expected-error @+1 {{expected weights to have the shape [?, 2], but it is 'tensor<?x3xf32>'}}
  %j, %v = moe.renumber %i, %w {table = array<i32: 0>} : tensor<?x2xi32>, tensor<?x3xf32>
  return
}
