// What the proof undoes, and why. Each layer scales rows by their greatest score.
//
// RUN: moe-opt %s --split-input-file \
// RUN:   --moe-verify-raise="memory-mib=1024" \
// RUN:   --remarks-filter=moe-verify-raise --remark-format=emitRemark \
// RUN:   -o %t.mlir 2> %t.err
// RUN: FileCheck %s < %t.err
// RUN: FileCheck %s --check-prefix=IR < %t.mlir
//
// IR-NOT: moe.candidate

// CHECK: remark: {{.*}}the raise is undone: values differ, most at [{{.*}}] of result 0: {{.*}} (each expert in turn, T = 7)
func.func @values(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    %z = onnx.Add %y, %x : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
    moe.yield %z, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: values differ
func.func @by_a_thousandth(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    %f = onnx.Constant dense<1.001> : tensor<f32>
    %z = onnx.Mul %y, %f : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
    moe.yield %z, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: routing differs: slot 0 of token 0 selects expert {{[0-9]}}, raised {{[0-9]}}
func.func @selection(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k {largest = 0 : i64} : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: routing weights differ: slot 0 of token 0, expert {{[0-9]}}, has
func.func @weights(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    %u = onnx.Tanh %v : (tensor<?x2xf32>) -> tensor<?x2xf32>
    moe.yield %y, %i, %u : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: {{.*}}(exact ties, T = 
func.func @only_ties(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %e = onnx.Constant dense<[0.0, 1.0e-6, 2.0e-6, 3.0e-6]> : tensor<4xf32>
    %t = onnx.Add %s, %e : (tensor<?x4xf32>, tensor<4xf32>) -> tensor<?x4xf32>
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %t, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: {{.*}}(NaN scores, T = 7)
func.func @only_nan(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %isnan = onnx.IsNaN %w : (tensor<?x1xf32>) -> tensor<?x1xi1>
    %zero = onnx.Constant dense<0.0> : tensor<f32>
    %safe = onnx.Where %isnan, %zero, %w : (tensor<?x1xi1>, tensor<f32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %safe : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: the inputs show too little: result 0 was zero for all inputs
func.func @always_zero(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %none = onnx.Constant dense<0.0> : tensor<f32>
    %sh = onnx.Shape %x : (tensor<?x8xf32>) -> tensor<2xi64>
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Expand %none, %sh : (tensor<f32>, tensor<2xi64>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %none = onnx.Constant dense<0.0> : tensor<f32>
    %sh = onnx.Shape %x : (tensor<?x8xf32>) -> tensor<2xi64>
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Expand %none, %sh : (tensor<f32>, tensor<2xi64>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: the raised side fails on each expert in turn, T = 7, where the original does not: indices must be in [-8, 7]
func.func @refuses(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %far = onnx.Constant dense<9> : tensor<i64>
    %one = onnx.Constant dense<1> : tensor<i64>
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    %first = onnx.Gather %i, %i0 {axis = 1 : i64} : (tensor<?x2xi64>, tensor<1xi64>) -> tensor<?x1xi64>
    %index = onnx.Add %first, %far : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi64>
    %bad = onnx.GatherElements %y, %index {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x1xi64>) -> tensor<?x1xf32>
    %z = onnx.Add %y, %bad : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %z, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: no input could be run; the last was the raised side on {{.*}}: out of memory
func.func @takes_all_memory(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    %axes = onnx.Constant dense<[0, 1]> : tensor<2xi64>
    %large = onnx.Constant dense<[100000, 100000]> : tensor<2xi64>
    %zeros = onnx.ConstantOfShape %large : (tensor<2xi64>) -> tensor<100000x100000xf32>
    %sum = onnx.ReduceSum %zeros, %axes {keepdims = 0 : i64} : (tensor<100000x100000xf32>, tensor<2xi64>) -> tensor<f32>
    %z = onnx.Add %y, %sum : (tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
    moe.yield %z, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: it yields no routing to compare
func.func @no_evidence(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y : tensor<?x8xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y : tensor<?x8xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: an operand that is not a row is not made of weights and constants
func.func @operand(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>, %c: tensor<8xf32>) -> tensor<?x8xf32> {
  %r = moe.candidate(%a, %b, %c) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<8xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>, %m: tensor<8xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xf32>, %s: tensor<?x4xf32>, %m: tensor<8xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %y = onnx.Mul %x, %w : (tensor<?x8xf32>, tensor<?x1xf32>) -> tensor<?x8xf32>
    moe.yield %y, %i, %v : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xf32>
}

// -----

// CHECK: remark: {{.*}}the raise is undone: row operand 0 has integers: their range in use is not known
func.func @integers(%a: tensor<?x8xi64>, %b: tensor<?x4xf32>) -> tensor<?x8xi64> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<?x8xi64>, tensor<?x4xf32>) -> tensor<?x8xi64>
  original {
  ^bb0(%x: tensor<?x8xi64>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %wf = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %w = onnx.Cast %wf : (tensor<?x1xf32>) -> tensor<?x1xi64>
    %y = onnx.Mul %x, %w : (tensor<?x8xi64>, tensor<?x1xi64>) -> tensor<?x8xi64>
    moe.yield %y, %i, %v : tensor<?x8xi64>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%x: tensor<?x8xi64>, %s: tensor<?x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %wf = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %w = onnx.Cast %wf : (tensor<?x1xf32>) -> tensor<?x1xi64>
    %y = onnx.Mul %x, %w : (tensor<?x8xi64>, tensor<?x1xi64>) -> tensor<?x8xi64>
    moe.yield %y, %i, %v : tensor<?x8xi64>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %r : tensor<?x8xi64>
}

// -----

// A static number of tokens is the only one that is run.
// CHECK: remark: {{.*}}the raised layer is proven: equal on {{.*}} inputs, T in {5}
func.func @static_tokens(%a: tensor<5x8xf32>, %b: tensor<5x4xf32>) -> tensor<5x8xf32> {
  %r = moe.candidate(%a, %b) {rows = 2 : i64}
      : (tensor<5x8xf32>, tensor<5x4xf32>) -> tensor<5x8xf32>
  original {
  ^bb0(%x: tensor<5x8xf32>, %s: tensor<5x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<5x4xf32>, tensor<1xi64>) -> (tensor<5x2xf32>, tensor<5x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<5x2xf32>, tensor<1xi64>) -> tensor<5x1xf32>
    %y = onnx.Mul %x, %w : (tensor<5x8xf32>, tensor<5x1xf32>) -> tensor<5x8xf32>
    moe.yield %y, %i, %v : tensor<5x8xf32>, tensor<5x2xi64>, tensor<5x2xf32>
  } raised {
  ^bb0(%x: tensor<5x8xf32>, %s: tensor<5x4xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %i0 = onnx.Constant dense<0> : tensor<1xi64>
    %v, %i = onnx.TopK %s, %k : (tensor<5x4xf32>, tensor<1xi64>) -> (tensor<5x2xf32>, tensor<5x2xi64>)
    %w = onnx.Gather %v, %i0 {axis = 1 : i64} : (tensor<5x2xf32>, tensor<1xi64>) -> tensor<5x1xf32>
    %y = onnx.Mul %x, %w : (tensor<5x8xf32>, tensor<5x1xf32>) -> tensor<5x8xf32>
    moe.yield %y, %i, %v : tensor<5x8xf32>, tensor<5x2xi64>, tensor<5x2xf32>
  }
  return %r : tensor<5x8xf32>
}
