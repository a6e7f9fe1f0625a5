// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @if_rank(%c: tensor<i1>, %a: tensor<2xf32>, %b: tensor<2x1xf32>) {
  // expected-error @+1 {{expected else_branch to yield a value of rank 1, but got 'tensor<2x1xf32>': ranks that depend on data are not supported}}
  %0 = onnx.If %c then {
    onnx.Yield %a : tensor<2xf32>
  } else {
    onnx.Yield %b : tensor<2x1xf32>
  } : (tensor<i1>) -> tensor<?xf32>
  return
}

// -----

func.func @if_count(%c: tensor<i1>, %a: tensor<2xf32>) {
  // expected-error @+1 {{expected else_branch to yield 1 values, but got 0}}
  %0 = onnx.If %c then {
    onnx.Yield %a : tensor<2xf32>
  } else {
    onnx.Yield
  } : (tensor<i1>) -> tensor<?xf32>
  return
}

// -----

func.func @if_cond(%c: tensor<2xi1>, %a: tensor<2xf32>) {
  // expected-error @+1 {{expected cond of one element, but got 'tensor<2xi1>'}}
  %0 = onnx.If %c then {
    onnx.Yield %a : tensor<2xf32>
  } else {
    onnx.Yield %a : tensor<2xf32>
  } : (tensor<2xi1>) -> tensor<2xf32>
  return
}

// -----

func.func @loop_arguments(%m: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error @+1 {{expected a body of 3 arguments, but got 2}}
  %0 = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>):
    onnx.Yield %c, %x : tensor<i1>, tensor<4xf32>
  } : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @loop_carried(%m: tensor<i64>, %x: tensor<4xf32>, %y: tensor<5xf32>) {
  // expected-error @+1 {{expected next value of carried value 0 of type 'tensor<4xf32>', but got 'tensor<5xf32>'}}
  %0 = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
    onnx.Yield %c, %y : tensor<i1>, tensor<5xf32>
  } : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @scan_count(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected num_scan_inputs in [1, 1], but got 2}}
  %0 = onnx.Scan %x {num_scan_inputs = 2 : i64} body {
  ^bb0(%v: tensor<f32>):
    onnx.Yield %v : tensor<f32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @loop_number(%m: tensor<i64>, %x: tensor<4xf32>, %b: tensor<2xi1>, %s: tensor<f32>) {
  // expected-error @+1 {{expected an iteration number of type tensor<i64>, but got 'tensor<i32>'}}
  %0 = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i32>, %c: tensor<i1>, %v: tensor<4xf32>):
    onnx.Yield %c, %v : tensor<i1>, tensor<4xf32>
  } : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @loop_condition(%m: tensor<i64>, %x: tensor<4xf32>, %b: tensor<2xi1>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a condition of type tensor<i1>, but got 'tensor<f32>'}}
  %0 = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<f32>, %v: tensor<4xf32>):
    onnx.Yield %c, %v : tensor<f32>, tensor<4xf32>
  } : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @loop_next_condition(%m: tensor<i64>, %x: tensor<4xf32>, %b: tensor<2xi1>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a next condition of type tensor<i1>, but got 'tensor<f32>'}}
  %0 = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
    onnx.Yield %s, %v : tensor<f32>, tensor<4xf32>
  } : (tensor<i64>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @loop_scan_scalar(%m: tensor<i64>, %x: tensor<4xf32>, %b: tensor<2xi1>, %s: tensor<f32>) {
  // expected-error @+1 {{expected scan output 0 with an axis 0, but got 'tensor<f32>'}}
  %0:2 = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
    onnx.Yield %c, %v, %s : tensor<i1>, tensor<4xf32>, tensor<f32>
  } : (tensor<i64>, tensor<4xf32>) -> (tensor<4xf32>, tensor<f32>)
  return
}

// -----

func.func @loop_scan_type(%m: tensor<i64>, %x: tensor<4xf32>, %b: tensor<2xi1>, %s: tensor<f32>) {
  // expected-error @+1 {{expected a slice of scan output 0 of rank 1, but got 'tensor<f32>'}}
  %0:2 = onnx.Loop M %m carried %x {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
    onnx.Yield %c, %v, %s : tensor<i1>, tensor<4xf32>, tensor<f32>
  } : (tensor<i64>, tensor<4xf32>) -> (tensor<4xf32>, tensor<?x4xf32>)
  return
}

// -----

func.func @loop_results(%m: tensor<i64>, %x: tensor<4xf32>) {
  // expected-error @+1 {{expected at least 1 results, but got 0}}
  "onnx.Loop"(%m, %x) <{operandSegmentSizes = array<i32: 1, 0, 1>}> ({
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %v: tensor<4xf32>):
    onnx.Yield %c : tensor<i1>
  }) : (tensor<i64>, tensor<4xf32>) -> ()
  return
}

// -----

func.func @scan_axis(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected scan input 0 with an axis 1, but got 'tensor<4xf32>'}}
  %0 = onnx.Scan %x {num_scan_inputs = 1 : i64, scan_input_axes = array<i64: 1>} body {
  ^bb0(%v: tensor<f32>):
    onnx.Yield %v : tensor<f32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @scan_axes(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected 1 entries in scan_input_axes, but got 2}}
  %0 = onnx.Scan %x {num_scan_inputs = 1 : i64, scan_input_axes = array<i64: 0, 0>} body {
  ^bb0(%v: tensor<f32>):
    onnx.Yield %v : tensor<f32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @scan_results(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected at least 1 results, but got 0}}
  "onnx.Scan"(%x, %x) <{num_scan_inputs = 1 : i64}> ({
  ^bb0(%s: tensor<4xf32>, %v: tensor<f32>):
    onnx.Yield %s : tensor<4xf32>
  }) : (tensor<4xf32>, tensor<4xf32>) -> ()
  return
}

// -----

func.func @scan_arguments(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected a body of 1 arguments, but got 2}}
  %0 = onnx.Scan %x {num_scan_inputs = 1 : i64} body {
  ^bb0(%v: tensor<f32>, %w: tensor<f32>):
    onnx.Yield %v : tensor<f32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return
}
