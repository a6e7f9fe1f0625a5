// RUN: moe-opt %s --moe-instrument-load | FileCheck %s
// RUN: moe-opt %s --moe-describe-layers --moe-instrument-load --moe-instrument-load | FileCheck %s
// RUN: moe-opt %s --moe-describe-layers | FileCheck %s --check-prefix=DESCRIBED
// RUN: moe-opt %s --moe-instrument-load --remark-format=emitRemark --remarks-filter=".*" -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK

// Layers of one name get two; one without a name is called after the dialect.
// CHECK: rt.layer @layers.0.moe {counted, experts = 1 : i64, null_experts = 4 : i64, slots = 3 : i64}
// CHECK: rt.layer @[[$SECOND:layers.0.moe_[0-9]+]] {counted, experts = 1 : i64, null_experts = 4 : i64, slots = 3 : i64}
// CHECK: rt.layer @moe {counted, experts = 1 : i64, null_experts = 4 : i64, slots = 3 : i64}
// CHECK-LABEL: func @kinds
// CHECK: moe.count %arg0 {experts = #moe.kinds<zero = 2, ffn = 1, copy = 2>, layer = @layers.0.moe} : tensor<?x3xi32>
// CHECK: moe.experts %arg0 {{.*}}layer = @layers.0.moe}
// CHECK: moe.count %arg0 {{.*}}layer = @[[$SECOND]]}
// CHECK: moe.count %arg0 {{.*}}layer = @moe}
// CHECK-NOT: moe.count

// DESCRIBED: rt.layer @layers.0.moe {experts = 1 : i64, null_experts = 4 : i64, slots = 3 : i64}
// DESCRIBED-NOT: moe.count

// REMARK: its load is counted
func.func @kinds(%ids: tensor<?x3xi32>, %x: tensor<?x8xf32>, %w: tensor<1x8x8xf32>) -> tensor<?x8xf32> {
  %0 = moe.experts %ids rows(%x : tensor<?x8xf32>) stacked(%w : tensor<1x8x8xf32>)
      {experts = #moe.kinds<zero = 2, ffn = 1, copy = 2>} : tensor<?x3xi32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  } loc("layers.0.moe")
  %1 = moe.experts %ids rows(%0 : tensor<?x8xf32>) stacked(%w : tensor<1x8x8xf32>)
      {experts = #moe.kinds<zero = 2, ffn = 1, copy = 2>} : tensor<?x3xi32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  } loc("layers.0.moe")
  %2 = moe.experts %ids rows(%1 : tensor<?x8xf32>) stacked(%w : tensor<1x8x8xf32>)
      {experts = #moe.kinds<zero = 2, ffn = 1, copy = 2>} : tensor<?x3xi32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return %2 : tensor<?x8xf32>
}
