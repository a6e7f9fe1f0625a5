// RUN: moe-opt %s --canonicalize --cse | moe-opt | FileCheck %s

rt.layer @layers.0.moe {counted, experts = 4 : i64, null_experts = 4 : i64, slots = 3 : i64}
rt.layer @layers.1.moe {experts = 4 : i64, null_experts = 0 : i64, slots = 2 : i64}

// Two layers may have the same ids: equal counts are two.
// CHECK-LABEL: func @count
func.func @count(%ids: tensor<?x3xi32>) {
  // CHECK-COUNT-2: moe.count %arg0 {experts = #moe.kinds<ffn = 4, zero = 4>, layer = @layers.0.moe} : tensor<?x3xi32>
  moe.count %ids {experts = #moe.kinds<ffn = 4, zero = 4>, layer = @layers.0.moe} : tensor<?x3xi32>
  moe.count %ids {experts = #moe.kinds<ffn = 4, zero = 4>, layer = @layers.0.moe} : tensor<?x3xi32>
  return
}

// CHECK-LABEL: func @experts
func.func @experts(%ids: tensor<?x2xi32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>) -> tensor<?x8xf32> {
  // CHECK: {experts = #moe.kinds<ffn = 4>, layer = @layers.1.moe}
  %y = moe.experts %ids rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>)
      {experts = #moe.kinds<ffn = 4>, layer = @layers.1.moe} : tensor<?x2xi32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}
