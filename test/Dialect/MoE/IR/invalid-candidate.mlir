// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @rows(%x: tensor<3x8xf32>, %s: tensor<3x4xf32>) {
  // expected-error @+1 {{expected at least 3 operands, the rows, but got 2}}
  %y = moe.candidate(%x, %s) {rows = 3 : i64} : (tensor<3x8xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  original {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    moe.yield %a : tensor<3x8xf32>
  } raised {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    moe.yield %a : tensor<3x8xf32>
  }
  return
}

// -----

func.func @tokens(%x: tensor<3x8xf32>, %s: tensor<4x4xf32>) {
  // expected-error @+1 {{expected rows of one number of tokens, but got 3 and 4}}
  %y = moe.candidate(%x, %s) {rows = 2 : i64} : (tensor<3x8xf32>, tensor<4x4xf32>) -> tensor<3x8xf32>
  original {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<4x4xf32>):
    moe.yield %a : tensor<3x8xf32>
  } raised {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<4x4xf32>):
    moe.yield %a : tensor<3x8xf32>
  }
  return
}

// -----

func.func @scalar(%x: tensor<f32>) {
  // expected-error @+1 {{expected rows of rank 1 at least}}
  %y = moe.candidate(%x) {rows = 1 : i64} : (tensor<f32>) -> tensor<f32>
  original {
  ^bb0(%a: tensor<f32>):
    moe.yield %a : tensor<f32>
  } raised {
  ^bb0(%a: tensor<f32>):
    moe.yield %a : tensor<f32>
  }
  return
}

// -----

func.func @arguments(%x: tensor<3x8xf32>, %s: tensor<3x4xf32>) {
  // expected-error @+1 {{expected region 'original' to take}}
  %y = moe.candidate(%x, %s) {rows = 1 : i64} : (tensor<3x8xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  original {
  ^bb0(%a: tensor<3x8xf32>):
    moe.yield %a : tensor<3x8xf32>
  } raised {
  ^bb0(%a: tensor<3x8xf32>):
    moe.yield %a : tensor<3x8xf32>
  }
  return
}

// -----

func.func @no_yield(%x: tensor<3x8xf32>, %s: tensor<3x4xf32>) {
  // expected-error @+1 {{expected region 'raised' to end in moe.yield}}
  %y = moe.candidate(%x, %s) {rows = 1 : i64} : (tensor<3x8xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  original {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    moe.yield %a : tensor<3x8xf32>
  } raised {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    llvm.unreachable
  }
  return
}

// -----

func.func @results(%x: tensor<3x8xf32>, %s: tensor<3x4xf32>) {
  // expected-error @+1 {{expected region 'raised' to yield}}
  %y = moe.candidate(%x, %s) {rows = 1 : i64} : (tensor<3x8xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  original {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    moe.yield %a : tensor<3x8xf32>
  } raised {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    moe.yield %b : tensor<3x4xf32>
  }
  return
}

// -----

func.func @evidence(%x: tensor<3x8xf32>, %s: tensor<3x4xf32>) {
  // expected-error @+1 {{expected both regions to yield as much evidence, but they yield}}
  %y = moe.candidate(%x, %s) {rows = 1 : i64} : (tensor<3x8xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  original {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    moe.yield %a : tensor<3x8xf32>
  } raised {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    moe.yield %a, %b : tensor<3x8xf32>, tensor<3x4xf32>
  }
  return
}

// -----

func.func @evidence_shape(%x: tensor<3x8xf32>, %s: tensor<3x4xf32>) {
  // expected-error @+1 {{expected evidence of one shape, but got}}
  %y = moe.candidate(%x, %s) {rows = 1 : i64} : (tensor<3x8xf32>, tensor<3x4xf32>) -> tensor<3x8xf32>
  original {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    moe.yield %a, %a : tensor<3x8xf32>, tensor<3x8xf32>
  } raised {
  ^bb0(%a: tensor<3x8xf32>, %b: tensor<3x4xf32>):
    moe.yield %a, %b : tensor<3x8xf32>, tensor<3x4xf32>
  }
  return
}
