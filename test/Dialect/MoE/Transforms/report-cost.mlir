// RUN: moe-opt %s --moe-report-cost="tokens=1,1000" -o /dev/null 2>&1 | FileCheck %s
// RUN: moe-opt %s --moe-report-cost="loads=1.5 baseline=2 context=10" -o /dev/null 2>&1 | FileCheck %s --check-prefix=CONTEXT
// RUN: moe-opt %s --moe-report-cost="json" -o /dev/null 2>&1 | %python -m json.tool | FileCheck %s --check-prefix=JSON

// One layer between a projection of all tokens and one of each sequence's last.
// E = 2 * 8 * 8; A = 2 * 8 * 4 (router) + 2 * 8 * 8; scores 2 * 8 * c.

// CHECK: layers.0.moe: top-2 of 3 experts and 1 null experts; one expert has 64 parameters in 256 B and takes 128 FLOP per token
// CHECK-NEXT: parameters: 304, 192 of experts
// CHECK-NEXT: FLOP per token (of batch*sequence tokens): 192 + load * 128, 16 of them for null columns
// CHECK-NEXT: attention scores at context c, not counted: 16 c FLOP per token
// CHECK-NEXT: not counted: 'head', 32*batch FLOP per run, no multiple of the tokens
// CHECK-NEXT: load 1: 320 FLOP per token, 28.57 % less than with all slots; 176 active parameters
// CHECK-NEXT:   a run of 1 tokens: 704 B of weights, 176 B of activations
// CHECK-NEXT:   a run of 1000 tokens: 1.22 kB of weights, 176.00 kB of activations
// CHECK-NEXT: load 2: 448 FLOP per token, 0.00 % less than with all slots; 240 active parameters

// 192 - 16 + 160 + 2 * 128 = 592 against 192 + 160 + 192 = 544.
// CONTEXT: attention scores at context c, counted at c = 10: 16 c FLOP per token
// CONTEXT: load 1.5: 544 FLOP per token, 8.11 % less than a model with load 2;

// JSON-DAG: "tokens": "batch*sequence"
// JSON-DAG: "node": "head"
// JSON-DAG: "experts_at_load_1": 128
rt.weight @p {source = [#rt.span<"none", offset = 0, length = 256, hash = 0, tensor<8x8xf32>>]} : tensor<8x8xf32>
rt.weight @g {source = [#rt.span<"none", offset = 256, length = 128, hash = 0, tensor<8x4xf32>>]} : tensor<8x4xf32>
rt.weight @e {source = [#rt.span<"none", offset = 384, length = 768, hash = 0, tensor<3x8x8xf32>>]} : tensor<3x8x8xf32>
func.func @main(%x: tensor<?x?x8xf32> {rt.name = "x", rt.dims = ["batch", "sequence", ""]})
    -> (tensor<?x8xf32>, tensor<?x?x?xf32>, tensor<?x1x2xf32>) {
  %p = rt.weight_ref @p : tensor<8x8xf32>
  %g = rt.weight_ref @g : tensor<8x4xf32>
  %e = rt.weight_ref @e : tensor<3x8x8xf32>
  %h = onnx.MatMul %x, %p : (tensor<?x?x8xf32>, tensor<8x8xf32>) -> tensor<?x?x8xf32>
  %t = onnx.Transpose %x {perm = array<i64: 0, 2, 1>} : (tensor<?x?x8xf32>) -> tensor<?x8x?xf32>
  %scores = onnx.MatMul %h, %t : (tensor<?x?x8xf32>, tensor<?x8x?xf32>) -> tensor<?x?x?xf32>
  %shape = onnx.Constant dense<[-1, 8]> : tensor<2xi64>
  %rows = onnx.Reshape %h, %shape : (tensor<?x?x8xf32>, tensor<2xi64>) -> tensor<?x8xf32>
  %logits = onnx.MatMul %rows, %g : (tensor<?x8xf32>, tensor<8x4xf32>) -> tensor<?x4xf32>
  %i, %w = moe.route scores(%logits : tensor<?x4xf32>) {select = #moe.topk<2>} -> tensor<?x2xi32>, tensor<?x2xf32>
  %y = moe.experts %i, %w rows(%rows : tensor<?x8xf32>) stacked(%e : tensor<3x8x8xf32>)
      {experts = #moe.kinds<ffn = 3, zero = 1>} : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  } loc("layers.0.moe")
  %minus = onnx.Constant dense<-1> : tensor<1xi64>
  %last = onnx.Gather %h, %minus {axis = 1 : i64} : (tensor<?x?x8xf32>, tensor<1xi64>) -> tensor<?x1x8xf32>
  %v = onnx.Constant dense<1.0> : tensor<8x2xf32>
  %head = onnx.MatMul %last, %v : (tensor<?x1x8xf32>, tensor<8x2xf32>) -> tensor<?x1x2xf32> loc("head")
  return %y, %scores, %head : tensor<?x8xf32>, tensor<?x?x?xf32>, tensor<?x1x2xf32>
}
