// RUN: moe-opt %s --test-symbolic-dims -split-input-file -verify-diagnostics

// With pads of 1, a kernel of 3 keeps extents; a stride of 2 halves them,
// rounded up.
func.func @conv(%x: tensor<?x4x?x?xf32> {rt.dims = ["n", "", "h", "w"]},
                %k: tensor<8x4x3x3xf32>) {
  // expected-remark @below {{[n, 8, h, w]}}
  %0 = onnx.Conv %x, %k {pads = array<i64: 1, 1, 1, 1>} : (tensor<?x4x?x?xf32>, tensor<8x4x3x3xf32>) -> tensor<?x8x?x?xf32>
  // expected-remark @below {{[n, 8, h - 2, w - 2]}}
  %1 = onnx.Conv %x, %k : (tensor<?x4x?x?xf32>, tensor<8x4x3x3xf32>) -> tensor<?x8x?x?xf32>
  // expected-remark @below {{[n, 8, h - 4, w]}}
  %2 = onnx.Conv %x, %k {dilations = array<i64: 2, 1>, pads = array<i64: 0, 1, 0, 1>} : (tensor<?x4x?x?xf32>, tensor<8x4x3x3xf32>) -> tensor<?x8x?x?xf32>
  // expected-remark @below {{[n, 8, floordiv(h + 1, 2), floordiv(w + 1, 2)]}}
  %3 = onnx.Conv %x, %k {pads = array<i64: 1, 1, 1, 1>, strides = array<i64: 2, 2>} : (tensor<?x4x?x?xf32>, tensor<8x4x3x3xf32>) -> tensor<?x8x?x?xf32>
  // expected-remark @below {{[n, 8, floordiv(h + 1, 2), w]}}
  %4 = onnx.Conv %x, %k {auto_pad = #onnx.auto_pad<SAME_UPPER>, strides = array<i64: 2, 1>} : (tensor<?x4x?x?xf32>, tensor<8x4x3x3xf32>) -> tensor<?x8x?x?xf32>
  // A sum of two of them needs no run-time choice.
  // expected-remark @below {{[n, 8, h - 2, w - 2]}}
  %5 = onnx.Add %1, %1 : (tensor<?x8x?x?xf32>, tensor<?x8x?x?xf32>) -> tensor<?x8x?x?xf32>
  return
}

// -----

// What a stride cuts off is not known, unless the room is.
func.func @open(%x: tensor<?x4x?xf32> {rt.dims = ["n", "", "w"]},
                %k: tensor<8x4x?xf32>, %t: tensor<4x2x3xf32>) {
  // expected-remark-re @below {{[n, 8, ?{{[0-9]+}}]}}
  %0 = onnx.Conv %x, %k : (tensor<?x4x?xf32>, tensor<8x4x?xf32>) -> tensor<?x8x?xf32>
  // expected-remark-re @below {{[n, 4, ?{{[0-9]+}}]}}
  %1 = onnx.ConvTranspose %x, %t {group = 2 : i64} : (tensor<?x4x?xf32>, tensor<4x2x3xf32>) -> tensor<?x?x?xf32>
  // expected-remark-re @below {{[n, 4, ?{{[0-9]+}}]}}
  %2 = onnx.AveragePool %x {ceil_mode = 1 : i64, kernel_shape = array<i64: 2>} : (tensor<?x4x?xf32>) -> tensor<?x4x?xf32>
  return
}

// -----

func.func @pools(%x: tensor<?x?x?xf32> {rt.dims = ["n", "c", "w"]}) {
  // expected-remark @below {{[n, c, w - 1]}}
  %0, %1 = onnx.MaxPool %x {kernel_shape = array<i64: 2>} : (tensor<?x?x?xf32>) -> (tensor<?x?x?xf32>, tensor<?x?x?xi64>)
  // expected-remark @below {{[n, c, floordiv(w, 2)]}}
  %2 = onnx.AveragePool %x {kernel_shape = array<i64: 2>, strides = array<i64: 2>} : (tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  // expected-remark @below {{[n, c, 1]}}
  %3 = onnx.GlobalMaxPool %x : (tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

func.func @resize(%x: tensor<?x3x?xf32> {rt.dims = ["n", "", "w"]},
                  %y: tensor<?x?xf32> {rt.dims = ["a", "b"]},
                  %s: tensor<1xf32>) {
  // expected-remark @below {{[2] = {a, b}}}
  %0 = onnx.Shape %y : (tensor<?x?xf32>) -> tensor<2xi64>
  // expected-remark @below {{[n, a, b]}}
  %1 = onnx.Resize %x sizes %0 {axes = array<i64: 1, -1>} : (tensor<?x3x?xf32>, tensor<2xi64>) -> tensor<?x?x?xf32>
  // expected-remark-re @below {{[n, 3, ?{{[0-9]+}}]}}
  %2 = onnx.Resize %x scales %s {axes = array<i64: 2>} : (tensor<?x3x?xf32>, tensor<1xf32>) -> tensor<?x3x?xf32>
  return
}
