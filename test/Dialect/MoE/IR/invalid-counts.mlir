// RUN: moe-opt %s -split-input-file -verify-diagnostics

func.func @no_layer(%ids: tensor<?x3xi32>) {
  // expected-error@+1 {{expected @moe to be an rt.layer of this module}}
  moe.count %ids {experts = #moe.kinds<ffn = 4>, layer = @moe} : tensor<?x3xi32>
  return
}

// -----

// expected-note@+1 {{the layer is here}}
rt.layer @moe {experts = 4 : i64, null_experts = 0 : i64, slots = 3 : i64}
func.func @not_counted(%ids: tensor<?x3xi32>) {
  // expected-error@+1 {{expected the layer @moe to be counted}}
  moe.count %ids {experts = #moe.kinds<ffn = 4>, layer = @moe} : tensor<?x3xi32>
  return
}

// -----

// expected-note@+1 {{the layer is here}}
rt.layer @moe {counted, experts = 4 : i64, null_experts = 0 : i64, slots = 2 : i64}
func.func @other_slots(%ids: tensor<?x3xi32>) {
  // expected-error@+1 {{expected ids of 4 experts and 2 slots, but got #moe.kinds<ffn = 4> and 'tensor<?x3xi32>'}}
  moe.count %ids {experts = #moe.kinds<ffn = 4>, layer = @moe} : tensor<?x3xi32>
  return
}

// -----

func.func @experts(%ids: tensor<?x2xi32>, %x: tensor<?x8xf32>, %w: tensor<4x8x8xf32>) -> tensor<?x8xf32> {
  // expected-error@+1 {{expected @moe to be an rt.layer of this module}}
  %y = moe.experts %ids rows(%x : tensor<?x8xf32>) stacked(%w : tensor<4x8x8xf32>)
      {experts = #moe.kinds<ffn = 4>, layer = @moe} : tensor<?x2xi32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// expected-note@+1 {{the layer is here}}
rt.layer @moe {experts = 4 : i64, null_experts = 0 : i64, slots = 2 : i64}
func.func @matmul(%x: tensor<?x8xf32>, %o: tensor<5xi32>, %w: tensor<4x8x8xf32>, %out: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error@+1 {{expected the layer @moe to be counted}}
  %h = moe.grouped_matmul rows(%x : tensor<?x8xf32>) offsets(%o : tensor<5xi32>)
      weights(%w : tensor<4x8x8xf32>) {counter = @moe} outs(%out : tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%a: f32):
    moe.yield %a : f32
  }
  return %h : tensor<?x8xf32>
}
