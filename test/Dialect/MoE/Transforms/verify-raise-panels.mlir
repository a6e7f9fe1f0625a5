// Panels of weights that are larger than the proof's memory, whose matrices
// repeat themselves: the panels are few pages too, and hold what the matrices do.
//
// AddressSanitizer takes more than any limit.
// UNSUPPORTED: asan
// RUN: moe-opt %s --moe-verify-raise="memory-mib=100" \
// RUN:   --remarks-filter=moe-verify-raise --remark-format=emitRemark 2>&1 \
// RUN:   | FileCheck %s
//
// CHECK-COUNT-2: the raised layer is proven: equal on {{.*}} inputs, T in {0, 1, 2, 7, 33}

rt.weight @plain {source = [#rt.span<"m.onnx", offset = 0, length = 33554432, hash = 7, tensor<8x1024x1024xf32>>], recipe = [#rt.transpose<[0, 2, 1]>]} : tensor<8x1024x1024xf32>
rt.weight @panels {source = [#rt.span<"m.onnx", offset = 0, length = 33554432, hash = 7, tensor<8x1024x1024xf32>>], recipe = [#rt.transpose<[0, 2, 1]>, #rt.pack<16>]} : tensor<8x64x1024x16xf32>
func.func @transposed(%x: tensor<?x1024xf32> {rt.dims = ["T", ""]}, %scores: tensor<?x4xf32> {rt.dims = ["T", ""]}) -> tensor<?x16xf32> {
  %0 = rt.weight_ref @plain : tensor<8x1024x1024xf32>
  %1 = rt.weight_ref @panels : tensor<8x64x1024x16xf32>
  %y = moe.candidate(%x, %scores, %0, %1) {rows = 2 : i64} : (tensor<?x1024xf32>, tensor<?x4xf32>, tensor<8x1024x1024xf32>, tensor<8x64x1024x16xf32>) -> tensor<?x16xf32>
  original {
  ^bb0(%a: tensor<?x1024xf32>, %b: tensor<?x4xf32>, %w: tensor<8x1024x1024xf32>, %p: tensor<8x64x1024x16xf32>):
    %shape = onnx.Constant dense<[8, -1, 64, 16]> : tensor<4xi64>
    %axes = onnx.Constant dense<[0, 2]> : tensor<2xi64>
    %m = onnx.MatMul %a, %w : (tensor<?x1024xf32>, tensor<8x1024x1024xf32>) -> tensor<8x?x1024xf32>
    %r = onnx.Reshape %m, %shape : (tensor<8x?x1024xf32>, tensor<4xi64>) -> tensor<8x?x64x16xf32>
    %s = onnx.ReduceSum %r, %axes {keepdims = 0 : i64} : (tensor<8x?x64x16xf32>, tensor<2xi64>) -> tensor<?x16xf32>
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %v, %i = onnx.TopK %b, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    moe.yield %s, %i, %v : tensor<?x16xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%a: tensor<?x1024xf32>, %b: tensor<?x4xf32>, %w: tensor<8x1024x1024xf32>, %p: tensor<8x64x1024x16xf32>):
    %axes = onnx.Constant dense<[0, 1]> : tensor<2xi64>
    %m = onnx.MatMul %a, %p : (tensor<?x1024xf32>, tensor<8x64x1024x16xf32>) -> tensor<8x64x?x16xf32>
    %s = onnx.ReduceSum %m, %axes {keepdims = 0 : i64} : (tensor<8x64x?x16xf32>, tensor<2xi64>) -> tensor<?x16xf32>
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %v, %i = onnx.TopK %b, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    moe.yield %s, %i, %v : tensor<?x16xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %y : tensor<?x16xf32>
}

rt.weight @plain_kept {source = [#rt.span<"m.onnx", offset = 1073741824, length = 16777216, hash = 8, tensor<4x512x2048xf32>>]} : tensor<4x512x2048xf32>
rt.weight @panels_kept {source = [#rt.span<"m.onnx", offset = 1073741824, length = 16777216, hash = 8, tensor<4x512x2048xf32>>], recipe = [#rt.pack<16>]} : tensor<4x128x512x16xf32>
func.func @kept(%x: tensor<?x512xf32> {rt.dims = ["T", ""]}, %scores: tensor<?x4xf32> {rt.dims = ["T", ""]}) -> tensor<?x16xf32> {
  %0 = rt.weight_ref @plain_kept : tensor<4x512x2048xf32>
  %1 = rt.weight_ref @panels_kept : tensor<4x128x512x16xf32>
  %y = moe.candidate(%x, %scores, %0, %1) {rows = 2 : i64} : (tensor<?x512xf32>, tensor<?x4xf32>, tensor<4x512x2048xf32>, tensor<4x128x512x16xf32>) -> tensor<?x16xf32>
  original {
  ^bb0(%a: tensor<?x512xf32>, %b: tensor<?x4xf32>, %w: tensor<4x512x2048xf32>, %p: tensor<4x128x512x16xf32>):
    %shape = onnx.Constant dense<[4, -1, 128, 16]> : tensor<4xi64>
    %axes = onnx.Constant dense<[0, 2]> : tensor<2xi64>
    %m = onnx.MatMul %a, %w : (tensor<?x512xf32>, tensor<4x512x2048xf32>) -> tensor<4x?x2048xf32>
    %r = onnx.Reshape %m, %shape : (tensor<4x?x2048xf32>, tensor<4xi64>) -> tensor<4x?x128x16xf32>
    %s = onnx.ReduceSum %r, %axes {keepdims = 0 : i64} : (tensor<4x?x128x16xf32>, tensor<2xi64>) -> tensor<?x16xf32>
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %v, %i = onnx.TopK %b, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    moe.yield %s, %i, %v : tensor<?x16xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  } raised {
  ^bb0(%a: tensor<?x512xf32>, %b: tensor<?x4xf32>, %w: tensor<4x512x2048xf32>, %p: tensor<4x128x512x16xf32>):
    %axes = onnx.Constant dense<[0, 1]> : tensor<2xi64>
    %m = onnx.MatMul %a, %p : (tensor<?x512xf32>, tensor<4x128x512x16xf32>) -> tensor<4x128x?x16xf32>
    %s = onnx.ReduceSum %m, %axes {keepdims = 0 : i64} : (tensor<4x128x?x16xf32>, tensor<2xi64>) -> tensor<?x16xf32>
    %k = onnx.Constant dense<2> : tensor<1xi64>
    %v, %i = onnx.TopK %b, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
    moe.yield %s, %i, %v : tensor<?x16xf32>, tensor<?x2xi64>, tensor<?x2xf32>
  }
  return %y : tensor<?x16xf32>
}
