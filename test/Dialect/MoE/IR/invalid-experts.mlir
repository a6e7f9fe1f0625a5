// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @slots(%ids: tensor<?x?xi32>, %weights: tensor<?x?xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>) {
  // expected-error @+1 {{expected a static number of slots, but got}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x?xi32>, tensor<?x?xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @weights(%ids: tensor<?x2xi32>, %weights: tensor<?x3xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>) {
  // expected-error @+1 {{expected weights to have the shape [?, 2]}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x3xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @input_weights(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>, %u: tensor<?x3xf32>) {
  // expected-error @+1 {{expected input_weights to have the shape [?, 2]}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) input_weights(%u : tensor<?x3xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @rows_tokens(%ids: tensor<3x2xi32>, %weights: tensor<3x2xf32>, %x: tensor<4x8xf32>, %w: tensor<4x8x8xf32>) {
  // expected-error @+1 {{expected each operand of rows to have the shape [3, 8]}}
  %y = moe.experts %ids, %weights rows(%x : tensor<4x8xf32>) stacked(%w : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<3x2xi32>, tensor<3x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @stacked(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<3x8x8xf32>) {
  // expected-error @+1 {{expected one slice per expert, 4, of each stacked operand, but got}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<3x8x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @no_constants(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>) {
  // expected-error @+1 {{expected constants for its constant experts}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4, constant = 1>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @constants(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>, %c: tensor<1x8xf32>) {
  // expected-error @+1 {{has constants, but no constant experts}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) constants(%c : tensor<1x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @constants_shape(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>, %c: tensor<1x8xf32>) {
  // expected-error @+1 {{expected constants to have the shape [2, 8]}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) constants(%c : tensor<1x8xf32>) {experts = #moe.kinds<ffn = 4, constant = 2>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @copy_width(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x9xf32>) {
  // expected-error @+1 {{expected the rows that copy experts add to have the shape [?, 9]}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x9xf32>) {experts = #moe.kinds<ffn = 4, copy = 1>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x9xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x9xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x9xf32>) -> tensor<?x9xf32>
    moe.yield %o : tensor<?x9xf32>
  }
  return
}

// -----

func.func @result_tokens(%ids: tensor<3x2xi32>, %weights: tensor<3x2xf32>, %x: tensor<3x8xf32>, %w: tensor<4x8x8xf32>) {
  // expected-error @+1 {{expected the result to have the shape [3, 8]}}
  %y = moe.experts %ids, %weights rows(%x : tensor<3x8xf32>) stacked(%w : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<3x2xi32>, tensor<3x2xf32> -> tensor<4x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @coefficient(%ids: tensor<3x2xi32>, %weights: tensor<3x2xf32>, %x: tensor<3x8xf32>, %w: tensor<4x8x8xf32>, %c: tensor<4xf32>) {
  // expected-error @+1 {{expected each coefficient to have the shape [3]}}
  %y = moe.experts %ids, %weights rows(%x : tensor<3x8xf32>) stacked(%w : tensor<4x8x8xf32>) terms(%c : tensor<4xf32>) times(%x : tensor<3x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<3x2xi32>, tensor<3x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @term(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>, %c: tensor<?xf32>, %t: tensor<?x9xf32>) {
  // expected-error @+1 {{expected each term to have the shape [?, 8]}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) terms(%c : tensor<?xf32>) times(%t : tensor<?x9xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @constant_term(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>, %c: tensor<?xf32>, %t: tensor<9xf32>) {
  // expected-error @+1 {{expected each constant term to have the shape [8]}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) terms(%c : tensor<?xf32>) times(%t : tensor<9xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @term_pairs(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>, %c: tensor<?xf32>) {
  // expected-error @+1 {{expected one coefficient vector per term, but got 1 for 2}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) terms(%c : tensor<?xf32>) times(%x, %x : tensor<?x8xf32>, tensor<?x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @arguments(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>) {
  // expected-error @+1 {{expected the body to take}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<4x8x8xf32>):
    moe.yield %r : tensor<?x8xf32>
  }
  return
}

// -----

func.func @mixes_rows(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>) {
  // expected-error @+1 {{expected a row-wise body, but 'onnx.Softmax' may mix rows}}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    // expected-note @+1 {{the op}}
    %o = onnx.Softmax %r {axis = 0 : i64} : (tensor<?x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}

// -----

func.func @yield_type(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>) {
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    // expected-error @+1 {{expected one value of 'tensor<?x8xf32>', but got}}
    moe.yield %r, %r : tensor<?x8xf32>, tensor<?x8xf32>
  }
  return
}

// -----

func.func @yield_no_rows(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<?x8xf32>, %w: tensor<4x?x8xf32>) {
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x?x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<?x8xf32>):
    // expected-error @+1 {{expected rows, but the value does not depend on the rows}}
    moe.yield %a : tensor<?x8xf32>
  }
  return
}

// -----

func.func @scalar_rows(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>, %x: tensor<f32>, %w: tensor<4x8x8xf32>) {
  // expected-error @+1 {{expected rows of rank 1 at least, but got}}
  %y = moe.experts %ids, %weights rows(%x : tensor<f32>) stacked(%w : tensor<4x8x8xf32>) {experts = #moe.kinds<ffn = 4>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<f32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<f32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return
}
