// AdaMoE's layer as a dense graph: four true experts and three null ones, top-3,
// weights over the true experts, 1 for a sum of 0.
rt.weight @w1 {source = [#rt.span<"m.onnx", offset = 0, length = 4096, hash = 0, tensor<4x16x16xf32>>]} : tensor<4x16x16xf32>
rt.weight @w3 {source = [#rt.span<"m.onnx", offset = 4096, length = 4096, hash = 0, tensor<4x16x16xf32>>]} : tensor<4x16x16xf32>
rt.weight @w2 {source = [#rt.span<"m.onnx", offset = 8192, length = 4096, hash = 0, tensor<4x16x16xf32>>]} : tensor<4x16x16xf32>
func.func @main(%x: tensor<?x16xf32> {rt.dims = ["T", ""]}, %s: tensor<?x7xf32> {rt.dims = ["T", ""]}) -> tensor<?x16xf32> {
  %w1 = rt.weight_ref @w1 : tensor<4x16x16xf32>
  %w3 = rt.weight_ref @w3 : tensor<4x16x16xf32>
  %w2 = rt.weight_ref @w2 : tensor<4x16x16xf32>
  %y = moe.candidate(%x, %s, %w1, %w3, %w2) {rows = 2 : i64}
      : (tensor<?x16xf32>, tensor<?x7xf32>, tensor<4x16x16xf32>, tensor<4x16x16xf32>, tensor<4x16x16xf32>) -> tensor<?x16xf32>
  original {
  ^bb0(%r: tensor<?x16xf32>, %z: tensor<?x7xf32>, %a: tensor<4x16x16xf32>, %b: tensor<4x16x16xf32>, %c: tensor<4x16x16xf32>):
    %k = onnx.Constant dense<3> : tensor<1xi64>
    %last = onnx.Constant dense<-1> : tensor<1xi64>
    %first = onnx.Constant dense<0> : tensor<1xi64>
    %four = onnx.Constant dense<4> : tensor<i64>
    %zero = onnx.Constant dense<0.0> : tensor<f32>
    %one = onnx.Constant dense<1.0> : tensor<f32>
    %true = onnx.Constant dense<[0, 1, 2, 3]> : tensor<4xi64>
    %p = onnx.Softmax %z : (tensor<?x7xf32>) -> tensor<?x7xf32>
    %v, %i = onnx.TopK %p, %k : (tensor<?x7xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
    %is = onnx.Less %i, %four : (tensor<?x3xi64>, tensor<i64>) -> tensor<?x3xi1>
    %vt = onnx.Where %is, %v, %zero : (tensor<?x3xi1>, tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
    %d = onnx.ReduceSum %vt, %last : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %none = onnx.Equal %d, %zero : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xi1>
    %dn = onnx.Where %none, %one, %d : (tensor<?x1xi1>, tensor<f32>, tensor<?x1xf32>) -> tensor<?x1xf32>
    %w = onnx.Div %v, %dn : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
    %shape = onnx.Shape %z : (tensor<?x7xf32>) -> tensor<2xi64>
    %zeros = onnx.ConstantOfShape %shape : (tensor<2xi64>) -> tensor<?x7xf32>
    %all = onnx.ScatterElements %zeros, %i, %w {axis = 1 : i64} : (tensor<?x7xf32>, tensor<?x3xi64>, tensor<?x3xf32>) -> tensor<?x7xf32>
    %g = onnx.Gather %all, %true {axis = 1 : i64} : (tensor<?x7xf32>, tensor<4xi64>) -> tensor<?x4xf32>
    %gt = onnx.Transpose %g {perm = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
    %gu = onnx.Unsqueeze %gt, %last : (tensor<4x?xf32>, tensor<1xi64>) -> tensor<4x?x1xf32>
    %h1 = onnx.MatMul %r, %a : (tensor<?x16xf32>, tensor<4x16x16xf32>) -> tensor<4x?x16xf32>
    %h3 = onnx.MatMul %r, %b : (tensor<?x16xf32>, tensor<4x16x16xf32>) -> tensor<4x?x16xf32>
    %sig = onnx.Sigmoid %h1 : (tensor<4x?x16xf32>) -> tensor<4x?x16xf32>
    %act = onnx.Mul %h1, %sig : (tensor<4x?x16xf32>, tensor<4x?x16xf32>) -> tensor<4x?x16xf32>
    %h = onnx.Mul %act, %h3 : (tensor<4x?x16xf32>, tensor<4x?x16xf32>) -> tensor<4x?x16xf32>
    %o = onnx.MatMul %h, %c : (tensor<4x?x16xf32>, tensor<4x16x16xf32>) -> tensor<4x?x16xf32>
    %ow = onnx.Mul %o, %gu : (tensor<4x?x16xf32>, tensor<4x?x1xf32>) -> tensor<4x?x16xf32>
    %sum = onnx.ReduceSum %ow, %first {keepdims = 0 : i64} : (tensor<4x?x16xf32>, tensor<1xi64>) -> tensor<?x16xf32>
    moe.yield %sum, %i, %w : tensor<?x16xf32>, tensor<?x3xi64>, tensor<?x3xf32>
  } raised {
  ^bb0(%r: tensor<?x16xf32>, %z: tensor<?x7xf32>, %a: tensor<4x16x16xf32>, %b: tensor<4x16x16xf32>, %c: tensor<4x16x16xf32>):
    %i, %w = moe.route scores(%z : tensor<?x7xf32>) {
        select = #moe.topk<3>, score = #moe.score<softmax>,
        normalize_over = #moe.columns<0, 4>,
        denominator = #moe.denominator<zero_as_one>}
      -> tensor<?x3xi32>, tensor<?x3xf32>
    %o = moe.experts %i, %w rows(%r : tensor<?x16xf32>)
        stacked(%a, %b, %c : tensor<4x16x16xf32>, tensor<4x16x16xf32>, tensor<4x16x16xf32>)
        {experts = #moe.kinds<ffn = 4, zero = 3>}
        : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x16xf32> {
    ^bb0(%t: tensor<?x16xf32>, %a1: tensor<16x16xf32>, %b1: tensor<16x16xf32>, %c1: tensor<16x16xf32>):
      %h1 = onnx.MatMul %t, %a1 : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
      %h3 = onnx.MatMul %t, %b1 : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
      %sig = onnx.Sigmoid %h1 : (tensor<?x16xf32>) -> tensor<?x16xf32>
      %act = onnx.Mul %h1, %sig : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
      %h = onnx.Mul %act, %h3 : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
      %u = onnx.MatMul %h, %c1 : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
      moe.yield %u : tensor<?x16xf32>
    }
    moe.yield %o, %i, %w : tensor<?x16xf32>, tensor<?x3xi32>, tensor<?x3xf32>
  }
  return %y : tensor<?x16xf32>
}
