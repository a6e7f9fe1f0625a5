// A layer with all that routers and experts have: a mask on scores, sigmoid,
// a bias for selection only, two of four groups, a sum that is kept off 0, a
// scale; experts with one product for gate and up, biases and a clamp. The graph
// gathers the weights of each slot.
rt.weight @up {source = [#rt.span<"m.onnx", offset = 0, length = 16384, hash = 0, tensor<8x16x32xf32>>]} : tensor<8x16x32xf32>
rt.weight @bias {source = [#rt.span<"m.onnx", offset = 16384, length = 1024, hash = 0, tensor<8x32xf32>>]} : tensor<8x32xf32>
rt.weight @down {source = [#rt.span<"m.onnx", offset = 20480, length = 8192, hash = 0, tensor<8x16x16xf32>>]} : tensor<8x16x16xf32>
func.func @main(%x: tensor<?x16xf32> {rt.dims = ["T", ""]}, %s: tensor<?x8xf32> {rt.dims = ["T", ""]}) -> tensor<?x16xf32> {
  %up = rt.weight_ref @up : tensor<8x16x32xf32>
  %bias = rt.weight_ref @bias : tensor<8x32xf32>
  %down = rt.weight_ref @down : tensor<8x16x16xf32>
  %y = moe.candidate(%x, %s, %up, %bias, %down) {rows = 2 : i64}
      : (tensor<?x16xf32>, tensor<?x8xf32>, tensor<8x16x32xf32>, tensor<8x32xf32>, tensor<8x16x16xf32>) -> tensor<?x16xf32>
  original {
  ^bb0(%r: tensor<?x16xf32>, %l: tensor<?x8xf32>, %a: tensor<8x16x32xf32>, %b: tensor<8x32xf32>, %c: tensor<8x16x16xf32>):
    %mask = onnx.Constant dense<[0.0, -0.25, 0.0, 0.5, 0.0, -0.5, 0.0, 0.25]> : tensor<8xf32>
    %correction = onnx.Constant dense<[0.1, -0.1, 0.2, 0.0, -0.2, 0.05, 0.0, 0.15]> : tensor<8xf32>
    %limit = onnx.Constant dense<2.0> : tensor<f32>
    %zero = onnx.Constant dense<0.0> : tensor<f32>
    %tiny = onnx.Constant dense<1.0e-20> : tensor<f32>
    %factor = onnx.Constant dense<2.5> : tensor<f32>
    %two = onnx.Constant dense<2> : tensor<1xi64>
    %k = onnx.Constant dense<3> : tensor<1xi64>
    %last = onnx.Constant dense<-1> : tensor<1xi64>
    %dim1 = onnx.Constant dense<1> : tensor<1xi64>
    %dims12 = onnx.Constant dense<[1, 2]> : tensor<2xi64>
    %byGroup = onnx.Constant dense<[-1, 4, 2]> : tensor<3xi64>
    %flat = onnx.Constant dense<[-1, 8]> : tensor<2xi64>
    %repeat = onnx.Constant dense<[1, 1, 2]> : tensor<3xi64>
    %z = onnx.Add %l, %mask : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %p = onnx.Sigmoid %z : (tensor<?x8xf32>) -> tensor<?x8xf32>
    %sel = onnx.Add %p, %correction : (tensor<?x8xf32>, tensor<8xf32>) -> tensor<?x8xf32>
    %grouped = onnx.Reshape %sel, %byGroup : (tensor<?x8xf32>, tensor<3xi64>) -> tensor<?x4x2xf32>
    %best, %bestIds = onnx.TopK %grouped, %two : (tensor<?x4x2xf32>, tensor<1xi64>) -> (tensor<?x4x2xf32>, tensor<?x4x2xi64>)
    %score = onnx.ReduceSum %best, %last {keepdims = 0 : i64} : (tensor<?x4x2xf32>, tensor<1xi64>) -> tensor<?x4xf32>
    %gv, %gi = onnx.TopK %score, %two : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %gshape = onnx.Shape %score : (tensor<?x4xf32>) -> tensor<2xi64>
    %gzeros = onnx.ConstantOfShape %gshape : (tensor<2xi64>) -> tensor<?x4xf32>
    %ishape = onnx.Shape %gi : (tensor<?x2xi64>) -> tensor<2xi64>
    %ones = onnx.ConstantOfShape %ishape {value = dense<1.0> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<?x2xf32>
    %kept = onnx.ScatterElements %gzeros, %gi, %ones {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x4xf32>
    %keptU = onnx.Unsqueeze %kept, %last : (tensor<?x4xf32>, tensor<1xi64>) -> tensor<?x4x1xf32>
    %keptE = onnx.Expand %keptU, %repeat : (tensor<?x4x1xf32>, tensor<3xi64>) -> tensor<?x4x2xf32>
    %keptF = onnx.Reshape %keptE, %flat : (tensor<?x4x2xf32>, tensor<2xi64>) -> tensor<?x8xf32>
    %isKept = onnx.Cast %keptF : (tensor<?x8xf32>) -> tensor<?x8xi1>
    %closed = onnx.Where %isKept, %sel, %zero : (tensor<?x8xi1>, tensor<?x8xf32>, tensor<f32>) -> tensor<?x8xf32>
    %v, %i = onnx.TopK %closed, %k : (tensor<?x8xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
    %raw = onnx.GatherElements %p, %i {axis = 1 : i64} : (tensor<?x8xf32>, tensor<?x3xi64>) -> tensor<?x3xf32>
    %d = onnx.ReduceSum %raw, %last : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %dn = onnx.Add %d, %tiny : (tensor<?x1xf32>, tensor<f32>) -> tensor<?x1xf32>
    %n = onnx.Div %raw, %dn : (tensor<?x3xf32>, tensor<?x1xf32>) -> tensor<?x3xf32>
    %w = onnx.Mul %n, %factor : (tensor<?x3xf32>, tensor<f32>) -> tensor<?x3xf32>
    %ag = onnx.Gather %a, %i : (tensor<8x16x32xf32>, tensor<?x3xi64>) -> tensor<?x3x16x32xf32>
    %bg = onnx.Gather %b, %i : (tensor<8x32xf32>, tensor<?x3xi64>) -> tensor<?x3x32xf32>
    %cg = onnx.Gather %c, %i : (tensor<8x16x16xf32>, tensor<?x3xi64>) -> tensor<?x3x16x16xf32>
    %ru = onnx.Unsqueeze %r, %dims12 : (tensor<?x16xf32>, tensor<2xi64>) -> tensor<?x1x1x16xf32>
    %hu = onnx.MatMul %ru, %ag : (tensor<?x1x1x16xf32>, tensor<?x3x16x32xf32>) -> tensor<?x3x1x32xf32>
    %hs = onnx.Squeeze %hu, %two : (tensor<?x3x1x32xf32>, tensor<1xi64>) -> tensor<?x3x32xf32>
    %hb = onnx.Add %hs, %bg : (tensor<?x3x32xf32>, tensor<?x3x32xf32>) -> tensor<?x3x32xf32>
    %gate, %value = onnx.Split %hb {axis = 2 : i64, num_outputs = 2 : i64} : (tensor<?x3x32xf32>) -> (tensor<?x3x16xf32>, tensor<?x3x16xf32>)
    %gc = onnx.Clip %gate max(%limit : tensor<f32>) : (tensor<?x3x16xf32>) -> tensor<?x3x16xf32>
    %sig = onnx.Sigmoid %gc : (tensor<?x3x16xf32>) -> tensor<?x3x16xf32>
    %act = onnx.Mul %gc, %sig : (tensor<?x3x16xf32>, tensor<?x3x16xf32>) -> tensor<?x3x16xf32>
    %h = onnx.Mul %act, %value : (tensor<?x3x16xf32>, tensor<?x3x16xf32>) -> tensor<?x3x16xf32>
    %h1 = onnx.Unsqueeze %h, %two : (tensor<?x3x16xf32>, tensor<1xi64>) -> tensor<?x3x1x16xf32>
    %o1 = onnx.MatMul %h1, %cg : (tensor<?x3x1x16xf32>, tensor<?x3x16x16xf32>) -> tensor<?x3x1x16xf32>
    %o = onnx.Squeeze %o1, %two : (tensor<?x3x1x16xf32>, tensor<1xi64>) -> tensor<?x3x16xf32>
    %wu = onnx.Unsqueeze %w, %last : (tensor<?x3xf32>, tensor<1xi64>) -> tensor<?x3x1xf32>
    %ow = onnx.Mul %o, %wu : (tensor<?x3x16xf32>, tensor<?x3x1xf32>) -> tensor<?x3x16xf32>
    %sum = onnx.ReduceSum %ow, %dim1 {keepdims = 0 : i64} : (tensor<?x3x16xf32>, tensor<1xi64>) -> tensor<?x16xf32>
    moe.yield %sum, %i, %w : tensor<?x16xf32>, tensor<?x3xi64>, tensor<?x3xf32>
  } raised {
  ^bb0(%r: tensor<?x16xf32>, %l: tensor<?x8xf32>, %a: tensor<8x16x32xf32>, %b: tensor<8x32xf32>, %c: tensor<8x16x16xf32>):
    %mask = onnx.Constant dense<[0.0, -0.25, 0.0, 0.5, 0.0, -0.5, 0.0, 0.25]> : tensor<8xf32>
    %correction = onnx.Constant dense<[0.1, -0.1, 0.2, 0.0, -0.2, 0.05, 0.0, 0.15]> : tensor<8xf32>
    %i, %w = moe.route scores(%l : tensor<?x8xf32>) bias(%correction : tensor<8xf32>)
        mask(%mask : tensor<8xf32>) {
        select = #moe.topk<3>, score = #moe.score<sigmoid>,
        groups = #moe.groups<count = 4, keep = 2, score = sum_top2, masked = 0.0>,
        normalize_over = #moe.columns<0, 8>,
        denominator = #moe.denominator<plus 1.0e-20>, scale = 2.5 : f32}
      -> tensor<?x3xi32>, tensor<?x3xf32>
    %o = moe.experts %i, %w rows(%r : tensor<?x16xf32>)
        stacked(%a, %b, %c : tensor<8x16x32xf32>, tensor<8x32xf32>, tensor<8x16x16xf32>)
        {experts = #moe.kinds<ffn = 8>}
        : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x16xf32> {
    ^bb0(%t: tensor<?x16xf32>, %a1: tensor<16x32xf32>, %b1: tensor<32xf32>, %c1: tensor<16x16xf32>):
      %limit = onnx.Constant dense<2.0> : tensor<f32>
      %hs = onnx.MatMul %t, %a1 : (tensor<?x16xf32>, tensor<16x32xf32>) -> tensor<?x32xf32>
      %hb = onnx.Add %hs, %b1 : (tensor<?x32xf32>, tensor<32xf32>) -> tensor<?x32xf32>
      %gate, %value = onnx.Split %hb {axis = 1 : i64, num_outputs = 2 : i64} : (tensor<?x32xf32>) -> (tensor<?x16xf32>, tensor<?x16xf32>)
      %gc = onnx.Clip %gate max(%limit : tensor<f32>) : (tensor<?x16xf32>) -> tensor<?x16xf32>
      %sig = onnx.Sigmoid %gc : (tensor<?x16xf32>) -> tensor<?x16xf32>
      %act = onnx.Mul %gc, %sig : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
      %h = onnx.Mul %act, %value : (tensor<?x16xf32>, tensor<?x16xf32>) -> tensor<?x16xf32>
      %u = onnx.MatMul %h, %c1 : (tensor<?x16xf32>, tensor<16x16xf32>) -> tensor<?x16xf32>
      moe.yield %u : tensor<?x16xf32>
    }
    moe.yield %o, %i, %w : tensor<?x16xf32>, tensor<?x3xi32>, tensor<?x3xf32>
  }
  return %y : tensor<?x16xf32>
}
