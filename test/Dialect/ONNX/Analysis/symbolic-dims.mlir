// RUN: moe-opt %s -split-input-file -test-symbolic-dims -verify-diagnostics

// Dims of one name are one symbol; broadcasting keeps it.
func.func @named_dims(%x: tensor<?x?x8xf32> {rt.dims = ["batch", "seq", ""]},
                      %y: tensor<?x1xf32> {rt.dims = ["seq", ""]}) {
  // expected-remark @below {{[batch, seq, 8]}}
  %0 = onnx.Add %x, %y : (tensor<?x?x8xf32>, tensor<?x1xf32>) -> tensor<?x?x8xf32>
  return
}

// -----

// Nothing says that two unnamed dims are equal: either may be 1.
func.func @unnamed_dims(%x: tensor<?xf32>, %y: tensor<?xf32>) {
  // expected-remark @below {{[broadcast(arg0#0, arg1#0)]}}
  %0 = onnx.Add %x, %y : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  // expected-remark @below {{[broadcast(arg0#0, arg1#0)]}}
  %1 = onnx.Mul %x, %0 : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
  return
}

// -----

// A shape that goes through elements: view(batch * seq, 2, -1).
func.func @shape_chain(%x: tensor<?x?x8xf32> {rt.dims = ["batch", "seq", ""]}) {
  %zero = onnx.Constant dense<0> : tensor<i64>
  %axis = onnx.Constant dense<0> : tensor<1xi64>
  %tail = onnx.Constant dense<[2, -1]> : tensor<2xi64>
  // expected-remark @below {{[3] = {batch, seq, 8}}}
  %s = onnx.Shape %x : (tensor<?x?x8xf32>) -> tensor<3xi64>
  // expected-remark @below {{[2] = {batch, seq}}}
  %bs = onnx.Shape %x {end = -1 : i64} : (tensor<?x?x8xf32>) -> tensor<2xi64>
  // expected-remark @below {{[] = {batch}}}
  %b = onnx.Gather %s, %zero : (tensor<3xi64>, tensor<i64>) -> tensor<i64>
  // expected-remark @below {{[1] = {batch*seq}}}
  %p = onnx.ReduceProd %bs : (tensor<2xi64>) -> tensor<1xi64>
  // expected-remark @below {{[3] = {batch*seq, 2, -1}}}
  %shape = onnx.Concat %p, %tail {axis = 0 : i64} : (tensor<1xi64>, tensor<2xi64>) -> tensor<3xi64>
  // expected-remark @below {{[batch*seq, 2, 4]}}
  %r = onnx.Reshape %x, %shape : (tensor<?x?x8xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  // expected-remark @below {{[1] = {batch}}}
  %u = onnx.Unsqueeze %b, %axis : (tensor<i64>, tensor<1xi64>) -> tensor<1xi64>
  // expected-remark @below {{[batch]}}
  %z = onnx.ConstantOfShape %u : (tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

// Flags that signs decide: expand(-1, batch) as exporters write it.
func.func @decided_flags(%x: tensor<?x1xf32> {rt.dims = ["batch", ""]},
                         %y: tensor<?xf32> {rt.dims = ["seq"]}) {
  %minus = onnx.Constant dense<-1> : tensor<2xi64>
  // expected-remark @below {{[1] = {batch}}}
  %b = onnx.Shape %x {end = 1 : i64} : (tensor<?x1xf32>) -> tensor<1xi64>
  // expected-remark @below {{[1] = {seq}}}
  %n = onnx.Shape %y : (tensor<?xf32>) -> tensor<1xi64>
  // expected-remark @below {{[2] = {batch, seq}}}
  %s = onnx.Concat %b, %n {axis = 0 : i64} : (tensor<1xi64>, tensor<1xi64>) -> tensor<2xi64>
  // expected-remark @below {{[2] = {0, 0}}}
  %e = onnx.Equal %s, %minus : (tensor<2xi64>, tensor<2xi64>) -> tensor<2xi1>
  // expected-remark @below {{[2] = {batch, seq}}}
  %w = onnx.Where %e, %minus, %s : (tensor<2xi1>, tensor<2xi64>, tensor<2xi64>) -> tensor<2xi64>
  // expected-remark @below {{[batch, seq]}}
  %r = onnx.Expand %x, %w : (tensor<?x1xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

// Slices: to the end, of a length, from the end.
func.func @slices(%x: tensor<?xf32> {rt.dims = ["seq"]}) {
  %0 = onnx.Constant dense<0> : tensor<1xi64>
  %2 = onnx.Constant dense<2> : tensor<1xi64>
  %last = onnx.Constant dense<-1> : tensor<1xi64>
  %end = onnx.Constant dense<9223372036854775807> : tensor<1xi64>
  // expected-remark @below {{[seq]}}
  %a = onnx.Slice %x, %0, %end : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  // expected-remark @below {{[min(seq, 2)]}}
  %b = onnx.Slice %x, %0, %2 : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  // expected-remark @below {{[max(0, seq - 1)]}}
  %c = onnx.Slice %x, %0, %last : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  // expected-remark @below {{[min(seq, 1)]}}
  %d = onnx.Slice %x, %last, %end : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  // expected-remark @below {{[floordiv(seq + 1, 2)]}}
  %e = onnx.Slice %x, %0, %end axes(%0) steps(%2) : (tensor<?xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<?xf32>
  return
}

// -----

// Extents that depend on data are symbols, one per op.
func.func @data_dependent(%x: tensor<?x8xf32> {rt.dims = ["tokens", ""]}) {
  %perm = onnx.Constant dense<1> : tensor<i64>
  // expected-remark @below {{[2, ?1]}}
  %i = onnx.NonZero %x : (tensor<?x8xf32>) -> tensor<2x?xi64>
  // expected-remark @below {{[?1, 2]}}
  %t = onnx.Transpose %i : (tensor<2x?xi64>) -> tensor<?x2xi64>
  // expected-remark @below {{[?1]}}
  %g = onnx.GatherND %x, %t : (tensor<?x8xf32>, tensor<?x2xi64>) -> tensor<?xf32>
  // expected-remark @below {{[tokens, 8]}}
  %s = onnx.ScatterND %x, %t, %g : (tensor<?x8xf32>, tensor<?x2xi64>, tensor<?xf32>) -> tensor<?x8xf32>
  return
}

// -----

// A -1 in data may stand for the rest: no extent is known.
func.func @reshape_by_data(%x: tensor<?x8xf32> {rt.dims = ["n", ""]},
                           %s: tensor<2xi64>) {
  // expected-remark-re @below {{[?{{[0-9]+}}, ?{{[0-9]+}}]}}
  %r = onnx.Reshape %x, %s : (tensor<?x8xf32>, tensor<2xi64>) -> tensor<?x?xf32>
  return
}

// -----

// 32-bit arithmetic wraps around where expressions do not.
func.func @narrow_integers(%x: tensor<?xf32> {rt.dims = ["n"]}) {
  // expected-remark @below {{[1] = {n}}}
  %s = onnx.Shape %x : (tensor<?xf32>) -> tensor<1xi64>
  // expected-remark-re @below {{[1] = {?{{[0-9]+}}}}}
  %c = onnx.Cast %s : (tensor<1xi64>) -> tensor<1xi32>
  return
}

// -----

// A carried extent that stays is known behind the loop; one that grows is not.
func.func @loop(%m: tensor<i64>, %x: tensor<?x4xf32> {rt.dims = ["n", ""]},
                %y: tensor<?x4xf32> {rt.dims = ["k", ""]}) {
  // expected-remark @below {{[n, 4]}}
  // expected-remark-re @below {{[?{{[0-9]+}}, 4]}}
  %0:2 = onnx.Loop M %m carried %x, %y {
  ^bb0(%i: tensor<i64>, %c: tensor<i1>, %a: tensor<?x4xf32>, %b: tensor<?x4xf32>):
    // expected-remark @below {{[n, 4]}}
    %next = onnx.Add %a, %x : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    // expected-remark-re @below {{[n + ?{{[0-9]+}}, 4]}}
    %grown = onnx.Concat %b, %x {axis = 0 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
    onnx.Yield %c, %next, %grown : tensor<i1>, tensor<?x4xf32>, tensor<?x4xf32>
  } : (tensor<i64>, tensor<?x4xf32>, tensor<?x4xf32>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  return
}

// -----

// Branches that agree, and those that do not.
func.func @if(%c: tensor<i1>, %x: tensor<?xf32> {rt.dims = ["n"]},
              %y: tensor<?xf32> {rt.dims = ["m"]}) {
  // expected-remark @below {{[n]}}
  // expected-remark-re @below {{[?{{[0-9]+}}]}}
  %0:2 = onnx.If %c then {
    onnx.Yield %x, %x : tensor<?xf32>, tensor<?xf32>
  } else {
    // expected-remark @below {{[n]}}
    %n = onnx.Neg %x : (tensor<?xf32>) -> tensor<?xf32>
    onnx.Yield %n, %y : tensor<?xf32>, tensor<?xf32>
  } : (tensor<i1>) -> (tensor<?xf32>, tensor<?xf32>)
  return
}

// -----

func.func @contractions(%x: tensor<?x?x8xf32> {rt.dims = ["b", "s", ""]},
                        %k: tensor<?x8x?xf32> {rt.dims = ["b", "", "s"]},
                        %n: tensor<1xi64>) {
  // expected-remark @below {{[b, s, s]}}
  %0 = onnx.MatMul %x, %k : (tensor<?x?x8xf32>, tensor<?x8x?xf32>) -> tensor<?x?x?xf32>
  // expected-remark @below {{[b, s, s]}}
  %1 = onnx.Softmax %0 : (tensor<?x?x?xf32>) -> tensor<?x?x?xf32>
  // expected-remark @below {{[b, s, ?2]}}
  %v, %i = onnx.TopK %1, %n : (tensor<?x?x?xf32>, tensor<1xi64>) -> (tensor<?x?x?xf32>, tensor<?x?x?xi64>)
  // expected-remark @below {{[b*s, 8]}}
  %f = onnx.Flatten %x {axis = 2 : i64} : (tensor<?x?x8xf32>) -> tensor<?x?xf32>
  // expected-remark @below {{[b, s, 8]}}
  %e = onnx.Einsum %0, %x {equation = "bst,bth->bsh"} : (tensor<?x?x?xf32>, tensor<?x?x8xf32>) -> tensor<?x?x?xf32>
  return
}

// -----

// A float Range up to a cast extent, as rotary embeddings have it.
func.func @float_range(%x: tensor<?xf32> {rt.dims = ["seq"]}) {
  %zero = onnx.Constant dense<0.0> : tensor<f32>
  %one = onnx.Constant dense<1.0> : tensor<f32>
  // expected-remark @below {{[] = {seq}}}
  %n = onnx.Size %x : (tensor<?xf32>) -> tensor<i64>
  // expected-remark @below {{[] = {seq}}}
  %f = onnx.Cast %n : (tensor<i64>) -> tensor<f32>
  // expected-remark @below {{[seq]}}
  %r = onnx.Range %zero, %f, %one : (tensor<f32>, tensor<f32>, tensor<f32>) -> tensor<?xf32>
  return
}

// -----

// Parts of data-dependent sizes, joined again.
func.func @split_and_concat(%x: tensor<?x4xf32> {rt.dims = ["n", ""]},
                            %sizes: tensor<2xi64>) {
  // expected-remark-re @below {{[?{{[0-9]+}}, 4]}}
  // expected-remark-re @below {{[n - ?{{[0-9]+}}, 4]}}
  %0:2 = onnx.Split %x, %sizes : (tensor<?x4xf32>, tensor<2xi64>) -> (tensor<?x4xf32>, tensor<?x4xf32>)
  // expected-remark @below {{[n, 4]}}
  %1 = onnx.Concat %0#0, %0#1 {axis = 0 : i64} : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32>
  return
}

// -----

// repeat_interleave: the repeats [1, 2, 1] are a one-hot vector.
func.func @one_hot_repeats(%x: tensor<?x1x32xf32> {rt.dims = ["n", "", ""]}) {
  %at = onnx.Constant dense<1> : tensor<1xi64>
  %depth = onnx.Constant dense<3> : tensor<i64>
  %values = onnx.Constant dense<[1, 2]> : tensor<2xi64>
  %flat = onnx.Constant dense<-1> : tensor<1xi64>
  // expected-remark @below {{[1, 3] = {1, 2, 1}}}
  %0 = onnx.OneHot %at, %depth, %values : (tensor<1xi64>, tensor<i64>, tensor<2xi64>) -> tensor<1x3xi64>
  // expected-remark @below {{[3] = {1, 2, 1}}}
  %1 = onnx.Reshape %0, %flat : (tensor<1x3xi64>, tensor<1xi64>) -> tensor<3xi64>
  // expected-remark @below {{[n, 2, 32]}}
  %2 = onnx.Tile %x, %1 : (tensor<?x1x32xf32>, tensor<3xi64>) -> tensor<?x?x?xf32>
  return
}
