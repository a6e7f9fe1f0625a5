// Two layers that differ in names and places only: both proven, the weight of
// the original sides is gone.
//
// RUN: moe-opt %s --moe-verify-raise --remarks-filter=moe-verify-raise \
// RUN:   --remark-format=emitRemark -o %t.mlir 2> %t.err
// RUN: FileCheck %s < %t.mlir
// RUN: FileCheck %s --check-prefix=REMARK < %t.err
// RUN: moe-opt %s --moe-accept-raise | diff %t.mlir -
//
// REMARK-COUNT-2: the raised layer is proven: equal on {{.*}} inputs, T in {0, 1, 2, 7, 33}

// CHECK-NOT: rt.weight @dense
// CHECK: rt.weight @first
// CHECK: rt.weight @second
rt.weight @dense.first {source = [#rt.span<"m.onnx", offset = 0, length = 1024, hash = 7, tensor<4x8x8xf32>>], recipe = [#rt.transpose<[0, 2, 1]>]} : tensor<4x8x8xf32>
rt.weight @first {source = [#rt.span<"m.onnx", offset = 0, length = 1024, hash = 7, tensor<4x8x8xf32>>]} : tensor<4x8x8xf32>
rt.weight @dense.second {source = [#rt.span<"m.onnx", offset = 4096, length = 1024, hash = 8, tensor<4x8x8xf32>>], recipe = [#rt.transpose<[0, 2, 1]>]} : tensor<4x8x8xf32>
rt.weight @second {source = [#rt.span<"m.onnx", offset = 4096, length = 1024, hash = 8, tensor<4x8x8xf32>>]} : tensor<4x8x8xf32>

// CHECK-LABEL: @main
// CHECK-NOT: moe.candidate
// CHECK-NOT: onnx.ScatterElements
// CHECK: onnx.Gather
// CHECK-NOT: onnx.ScatterElements
// CHECK: onnx.Gather
func.func @main(%x: tensor<?x8xf32> {rt.dims = ["T", ""]}, %s: tensor<?x4xf32> {rt.dims = ["T", ""]}) -> tensor<?x8xf32> {
  %d0 = rt.weight_ref @dense.first : tensor<4x8x8xf32>
  %g0 = rt.weight_ref @first : tensor<4x8x8xf32>
  %d1 = rt.weight_ref @dense.second : tensor<4x8x8xf32>
  %g1 = rt.weight_ref @second : tensor<4x8x8xf32>
  %y0 = moe.candidate(%x, %s, %d0, %g0) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x8x8xf32>, tensor<4x8x8xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>, %dense: tensor<4x8x8xf32>, %m: tensor<4x8x8xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %last = onnx.Constant dense<-1> : tensor<1xi64>
    %first = onnx.Constant dense<0> : tensor<1xi64>
    %p = onnx.Softmax %b : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %v, %i = onnx.TopK %p, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %d = onnx.ReduceSum %v, %last : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %n = onnx.Div %v, %d : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
    %sh = onnx.Shape %b : (tensor<?x4xf32>) -> tensor<2xi64>
    %zero = onnx.ConstantOfShape %sh : (tensor<2xi64>) -> tensor<?x4xf32>
    %g = onnx.ScatterElements %zero, %i, %n {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x4xf32>
    %gt = onnx.Transpose %g {perm = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
    %gu = onnx.Unsqueeze %gt, %last : (tensor<4x?xf32>, tensor<1xi64>) -> tensor<4x?x1xf32>
    %mt = onnx.Transpose %dense {perm = array<i64: 0, 2, 1>} : (tensor<4x8x8xf32>) -> tensor<4x8x8xf32>
    %h = onnx.MatMul %a, %mt : (tensor<?x8xf32>, tensor<4x8x8xf32>) -> tensor<4x?x8xf32>
    %hg = onnx.Mul %h, %gu : (tensor<4x?x8xf32>, tensor<4x?x1xf32>) -> tensor<4x?x8xf32>
    %o = onnx.ReduceSum %hg, %first {keepdims = 0 : i64} : (tensor<4x?x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
    moe.yield %o, %i, %n : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>, %dense: tensor<4x8x8xf32>, %m: tensor<4x8x8xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %last = onnx.Constant dense<-1> : tensor<1xi64>
    %one = onnx.Constant dense<[1, 2]> : tensor<2xi64>
    %two = onnx.Constant dense<2> : tensor<1xi64>
    %p = onnx.Softmax %b : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %v, %i = onnx.TopK %p, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %d = onnx.ReduceSum %v, %last : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %n = onnx.Div %v, %d : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
    %wg = onnx.Gather %m, %i {axis = 0 : i64} : (tensor<4x8x8xf32>, tensor<?x2xi64>) -> tensor<?x2x8x8xf32>
    %au = onnx.Unsqueeze %a, %one : (tensor<?x8xf32>, tensor<2xi64>) -> tensor<?x1x1x8xf32>
    %h = onnx.MatMul %au, %wg : (tensor<?x1x1x8xf32>, tensor<?x2x8x8xf32>) -> tensor<?x2x1x8xf32>
    %hs = onnx.Squeeze %h, %two : (tensor<?x2x1x8xf32>, tensor<1xi64>) -> tensor<?x2x8xf32>
    %nu = onnx.Unsqueeze %n, %last : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x2x1xf32>
    %hg = onnx.Mul %hs, %nu : (tensor<?x2x8xf32>, tensor<?x2x1xf32>) -> tensor<?x2x8xf32>
    %dim = onnx.Constant dense<1> : tensor<1xi64>
    %o = onnx.ReduceSum %hg, %dim {keepdims = 0 : i64} : (tensor<?x2x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
    moe.yield %o, %i, %n : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  %y1 = moe.candidate(%y0, %s, %d1, %g1) {rows = 2 : i64}
      : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x8x8xf32>, tensor<4x8x8xf32>) -> tensor<?x8xf32>
  original {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>, %dense: tensor<4x8x8xf32>, %m: tensor<4x8x8xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %last = onnx.Constant dense<-1> : tensor<1xi64>
    %first = onnx.Constant dense<0> : tensor<1xi64>
    %p = onnx.Softmax %b : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %v, %i = onnx.TopK %p, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %d = onnx.ReduceSum %v, %last : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %n = onnx.Div %v, %d : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
    %sh = onnx.Shape %b : (tensor<?x4xf32>) -> tensor<2xi64>
    %zero = onnx.ConstantOfShape %sh : (tensor<2xi64>) -> tensor<?x4xf32>
    %g = onnx.ScatterElements %zero, %i, %n {axis = 1 : i64} : (tensor<?x4xf32>, tensor<?x2xi64>, tensor<?x2xf32>) -> tensor<?x4xf32>
    %gt = onnx.Transpose %g {perm = array<i64: 1, 0>} : (tensor<?x4xf32>) -> tensor<4x?xf32>
    %gu = onnx.Unsqueeze %gt, %last : (tensor<4x?xf32>, tensor<1xi64>) -> tensor<4x?x1xf32>
    %mt = onnx.Transpose %dense {perm = array<i64: 0, 2, 1>} : (tensor<4x8x8xf32>) -> tensor<4x8x8xf32>
    %h = onnx.MatMul %a, %mt : (tensor<?x8xf32>, tensor<4x8x8xf32>) -> tensor<4x?x8xf32>
    %hg = onnx.Mul %h, %gu : (tensor<4x?x8xf32>, tensor<4x?x1xf32>) -> tensor<4x?x8xf32>
    %o = onnx.ReduceSum %hg, %first {keepdims = 0 : i64} : (tensor<4x?x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
    moe.yield %o, %i, %n : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%a: tensor<?x8xf32>, %b: tensor<?x4xf32>, %dense: tensor<4x8x8xf32>, %m: tensor<4x8x8xf32>):
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %last = onnx.Constant dense<-1> : tensor<1xi64>
    %one = onnx.Constant dense<[1, 2]> : tensor<2xi64>
    %two = onnx.Constant dense<2> : tensor<1xi64>
    %p = onnx.Softmax %b : (tensor<?x4xf32>) -> tensor<?x4xf32>
    %v, %i = onnx.TopK %p, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    %d = onnx.ReduceSum %v, %last : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1xf32>
    %n = onnx.Div %v, %d : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32>
    %wg = onnx.Gather %m, %i {axis = 0 : i64} : (tensor<4x8x8xf32>, tensor<?x2xi64>) -> tensor<?x2x8x8xf32>
    %au = onnx.Unsqueeze %a, %one : (tensor<?x8xf32>, tensor<2xi64>) -> tensor<?x1x1x8xf32>
    %h = onnx.MatMul %au, %wg : (tensor<?x1x1x8xf32>, tensor<?x2x8x8xf32>) -> tensor<?x2x1x8xf32>
    %hs = onnx.Squeeze %h, %two : (tensor<?x2x1x8xf32>, tensor<1xi64>) -> tensor<?x2x8xf32>
    %nu = onnx.Unsqueeze %n, %last : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x2x1xf32>
    %hg = onnx.Mul %hs, %nu : (tensor<?x2x8xf32>, tensor<?x2x1xf32>) -> tensor<?x2x8xf32>
    %dim = onnx.Constant dense<1> : tensor<1xi64>
    %o = onnx.ReduceSum %hg, %dim {keepdims = 0 : i64} : (tensor<?x2x8xf32>, tensor<1xi64>) -> tensor<?x8xf32>
    moe.yield %o, %i, %n : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %y1 : tensor<?x8xf32>
}
