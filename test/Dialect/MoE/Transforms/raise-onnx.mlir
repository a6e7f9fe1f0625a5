// The two sides of a candidate, the name of a layer, and what stays as it is.
//
// RUN: moe-opt %s --moe-raise-onnx --remarks-filter=moe-raise-onnx \
// RUN:   --remark-format=emitRemark -o %t.mlir 2> %t.err
// RUN: FileCheck %s < %t.mlir
// RUN: FileCheck %s --check-prefix=REMARK < %t.err
//
// Nothing is found twice.
// RUN: moe-opt %t.mlir --moe-raise-onnx | diff %t.mlir -

// REMARK: loc("layers.0.moe"
// REMARK-SAME: raised: 2 experts, 1 zero experts, top-1 of 3, softmax before selection
// REMARK: loc("layers.1.moe"
// REMARK-SAME: not raised: node /layers.1/moe/Max (ReduceMax): it reduces tokens or slots otherwise than by a sum
// REMARK-NOT: raised

// The mask says that id 2 counts for nothing: it needs no weight.
// CHECK-LABEL: func.func @masked_ids
// CHECK-NEXT: %[[Y:.*]] = moe.candidate(%{{.*}}, %{{.*}}) {rows = 2 : i64}
// CHECK-SAME: original
// CHECK: onnx.Clip
// CHECK: moe.yield %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x2xf32>, tensor<?x1xi64>, tensor<?x1xf32>
// CHECK: raised
// CHECK: moe.route {{.*}} {score = #moe.score<softmax>, select = #moe.topk<1>}
// CHECK: moe.experts {{.*}} {experts = #moe.kinds<ffn = 2, zero = 1>}
// CHECK: onnx.MatMul
// CHECK: moe.yield
// CHECK: moe.yield
// CHECK: return %[[Y]]
func.func @masked_ids(%x: tensor<?x2xf32> {rt.dims = ["T", ""]}, %s: tensor<?x3xf32> {rt.dims = ["T", ""]}) -> tensor<?x2xf32> {
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %last = onnx.Constant dense<1> : tensor<i64>
  %two = onnx.Constant dense<2> : tensor<i64>
  %w = onnx.Constant dense<[[[1., 2.], [3., 4.]], [[5., 6.], [7., 8.]]]> : tensor<2x2x2xf32>
  %p = onnx.Softmax %s : (tensor<?x3xf32>) -> tensor<?x3xf32>
  %v, %i = onnx.TopK %p, %one : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>) loc("/layers.0/moe/gate/TopK")
  %m = onnx.Less %i, %two : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi1>
  %f = onnx.Cast %m : (tensor<?x1xi1>) -> tensor<?x1xf32>
  %c = onnx.Clip %i max(%last : tensor<i64>) : (tensor<?x1xi64>) -> tensor<?x1xi64>
  %e = onnx.Squeeze %c, %one : (tensor<?x1xi64>, tensor<1xi64>) -> tensor<?xi64>
  %g = onnx.Gather %w, %e : (tensor<2x2x2xf32>, tensor<?xi64>) -> tensor<?x2x2xf32>
  %r = onnx.Unsqueeze %x, %one : (tensor<?x2xf32>, tensor<1xi64>) -> tensor<?x1x2xf32>
  %h = onnx.MatMul %r, %g : (tensor<?x1x2xf32>, tensor<?x2x2xf32>) -> tensor<?x1x2xf32>
  %o = onnx.Squeeze %h, %one : (tensor<?x1x2xf32>, tensor<1xi64>) -> tensor<?x2xf32>
  %u = onnx.Mul %v, %f : (tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x1xf32>
  %y = onnx.Mul %o, %u : (tensor<?x2xf32>, tensor<?x1xf32>) -> tensor<?x2xf32> loc("/layers.0/moe/experts/Mul")
  return %y : tensor<?x2xf32>
}

rt.weight @w {source = [#rt.span<"m.onnx", offset = 0, length = 192, hash = 1, tensor<3x4x4xf32>>]} : tensor<3x4x4xf32>

// CHECK-LABEL: func.func @greatest_of_the_slots
// CHECK-NOT: moe.
func.func @greatest_of_the_slots(%x: tensor<?x4xf32> {rt.dims = ["T", ""]}, %s: tensor<?x3xf32> {rt.dims = ["T", ""]}) -> tensor<?x4xf32> {
  %one = onnx.Constant dense<1> : tensor<1xi64>
  %two = onnx.Constant dense<2> : tensor<1xi64>
  %both = onnx.Constant dense<[1, 2]> : tensor<2xi64>
  %w = rt.weight_ref @w : tensor<3x4x4xf32>
  %v, %i = onnx.TopK %s, %two : (tensor<?x3xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>) loc("/layers.1/moe/TopK")
  %g = onnx.Gather %w, %i : (tensor<3x4x4xf32>, tensor<?x2xi64>) -> tensor<?x2x4x4xf32>
  %r = onnx.Unsqueeze %x, %both : (tensor<?x4xf32>, tensor<2xi64>) -> tensor<?x1x1x4xf32>
  %h = onnx.MatMul %r, %g : (tensor<?x1x1x4xf32>, tensor<?x2x4x4xf32>) -> tensor<?x2x1x4xf32>
  %o = onnx.Squeeze %h, %two : (tensor<?x2x1x4xf32>, tensor<1xi64>) -> tensor<?x2x4xf32>
  %y = onnx.ReduceMax %o, %one {keepdims = 0 : i64} : (tensor<?x2x4xf32>, tensor<1xi64>) -> tensor<?x4xf32> loc("/layers.1/moe/Max")
  return %y : tensor<?x4xf32>
}
