// RUN: moe-opt %s --convert-rt-to-llvm -split-input-file -verify-diagnostics

rt.weight @w {source = [#rt.span<"m", offset = 0, length = 4, hash = 0, tensor<1xf32>>]} : tensor<1xf32>
func.func @main() -> tensor<1xf32> {
  // expected-error@+1 {{expected a memref result: bufferise first}}
  %w = rt.weight_ref @w : tensor<1xf32>
  return %w : tensor<1xf32>
}

// -----

// expected-error@+1 {{expected a public function: the model's entry}}
module {
  func.func private @main()
}

// -----

// expected-note@+1 {{the first is here}}
func.func @one() {
  return
}
// expected-error@+1 {{is a second public function; a model has one}}
func.func @two() {
  return
}

// -----

// expected-error@+1 {{expected argument 1 of a model's entry to be a ranked tensor or contiguous memref of numbers, but it is 'index'}}
func.func @main(%x: memref<2xf32>, %i: index) {
  return
}

// -----

// expected-error@+1 {{expected argument 0 of a model's entry to be a ranked tensor or contiguous memref of numbers, but it is 'tensor<*xf32>'}}
func.func @main(%x: tensor<*xf32>) {
  return
}

// -----

// expected-error@+1 {{but it is 'memref<2x2xf32, strided<[4, 1]>>'}}
func.func @main(%x: memref<2x2xf32, strided<[4, 1]>>) {
  return
}

// -----

// expected-error@+1 {{expected result 0 of a model's entry}}
func.func @main() -> tensor<2xcomplex<f32>> {
  %c = tensor.empty() : tensor<2xcomplex<f32>>
  return %c : tensor<2xcomplex<f32>>
}
