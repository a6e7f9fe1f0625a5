// RUN: moe-opt %s --moe-lint --split-input-file --verify-diagnostics -o /dev/null

// Rows that a router selects, in constant counts; once per router.
func.func @split_rows(%x: tensor<?x8xf32>, %logits: tensor<?x4xf32>)
    -> (tensor<3x8xf32>, tensor<1x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>) {
  %k = onnx.Constant dense<1> : tensor<1xi64>
  %v, %i = onnx.TopK %logits, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x1xf32>, tensor<?x1xi64>)
  %all = onnx.Constant dense<-1> : tensor<1xi64>
  %ids = onnx.Reshape %i, %all : (tensor<?x1xi64>, tensor<1xi64>) -> tensor<?xi64>
  %size = onnx.Shape %ids : (tensor<?xi64>) -> tensor<1xi64>
  %sorted, %order = onnx.TopK %ids, %size {axis = 0 : i64, largest = 0 : i64} : (tensor<?xi64>, tensor<1xi64>) -> (tensor<?xi64>, tensor<?xi64>)
  %rows = onnx.Gather %x, %order : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %half = onnx.Relu %rows : (tensor<?x8xf32>) -> tensor<?x8xf32>
  %counts = onnx.Constant dense<[3, 1]> : tensor<2xi64>
  // expected-warning@+1 {{frozen routing: the numbers of rows per expert, 3, 1, are those of the example input that the model was traced with; for any other input rows go to the wrong experts, or the run fails; export again without tolist(), item() or len() on what the router selects (in transformers: experts_implementation="batched_mm")}}
  %a, %b = onnx.Split %half, %counts : (tensor<?x8xf32>, tensor<2xi64>) -> (tensor<3x8xf32>, tensor<1x8xf32>)
  %equal = onnx.Constant dense<[2, 2]> : tensor<2xi64>
  %c, %d = onnx.Split %rows, %equal : (tensor<?x8xf32>, tensor<2xi64>) -> (tensor<2x8xf32>, tensor<2x8xf32>)
  return %a, %b, %c, %d : tensor<3x8xf32>, tensor<1x8xf32>, tensor<2x8xf32>, tensor<2x8xf32>
}

// -----

// The same with static dims: the counts are as frozen.
func.func @split_static_rows(%x: tensor<4x8xf32>, %logits: tensor<4x4xf32>) -> (tensor<3x8xf32>, tensor<1x8xf32>) {
  %i = onnx.ArgMax %logits {axis = 1 : i64, keepdims = 0 : i64} : (tensor<4x4xf32>) -> tensor<4xi64>
  %rows = onnx.Gather %x, %i : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %counts = onnx.Constant dense<[3, 1]> : tensor<2xi64>
  // expected-warning@+1 {{frozen routing: the numbers of rows per expert, 3, 1}}
  %a, %b = onnx.Split %rows, %counts : (tensor<4x8xf32>, tensor<2xi64>) -> (tensor<3x8xf32>, tensor<1x8xf32>)
  return %a, %b : tensor<3x8xf32>, tensor<1x8xf32>
}

// -----

// Capacity is a layout: each expert has two places, used or not.
func.func @split_by_capacity(%x: tensor<4x8xf32>, %logits: tensor<4x4xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>) {
  %i = onnx.ArgMax %logits {axis = 1 : i64, keepdims = 0 : i64} : (tensor<4x4xf32>) -> tensor<4xi64>
  %rows = onnx.Gather %x, %i : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<4x8xf32>
  %counts = onnx.Constant dense<[2, 2]> : tensor<2xi64>
  %a, %b = onnx.Split %rows, %counts : (tensor<4x8xf32>, tensor<2xi64>) -> (tensor<2x8xf32>, tensor<2x8xf32>)
  return %a, %b : tensor<2x8xf32>, tensor<2x8xf32>
}

// -----

// Counts that are computed, columns, and rows that no router selects.
func.func @other_splits(%x: tensor<?x8xf32>, %logits: tensor<?x4xf32>, %counts: tensor<2xi64>)
    -> (tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3xf32>, tensor<?x5xf32>, tensor<3x8xf32>, tensor<1x8xf32>) {
  %i = onnx.ArgMax %logits {axis = 1 : i64, keepdims = 0 : i64} : (tensor<?x4xf32>) -> tensor<?xi64>
  %rows = onnx.Gather %x, %i : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %a, %b = onnx.Split %rows, %counts : (tensor<?x8xf32>, tensor<2xi64>) -> (tensor<?x8xf32>, tensor<?x8xf32>)
  %widths = onnx.Constant dense<[3, 5]> : tensor<2xi64>
  %c, %d = onnx.Split %rows, %widths {axis = 1 : i64} : (tensor<?x8xf32>, tensor<2xi64>) -> (tensor<?x3xf32>, tensor<?x5xf32>)
  %parts = onnx.Constant dense<[3, 1]> : tensor<2xi64>
  %e, %f = onnx.Split %x, %parts : (tensor<?x8xf32>, tensor<2xi64>) -> (tensor<3x8xf32>, tensor<1x8xf32>)
  return %a, %b, %c, %d, %e, %f : tensor<?x8xf32>, tensor<?x8xf32>, tensor<?x3xf32>, tensor<?x5xf32>, tensor<3x8xf32>, tensor<1x8xf32>
}

// -----

// DeepSeek's moe_infer, traced: sorted rows from start to end.
func.func @slices(%x: tensor<?x8xf32>, %logits: tensor<?x4xf32>) -> (tensor<3x8xf32>, tensor<2x8xf32>) {
  %i = onnx.ArgMax %logits {axis = 1 : i64, keepdims = 0 : i64} : (tensor<?x4xf32>) -> tensor<?xi64>
  %rows = onnx.Gather %x, %i : (tensor<?x8xf32>, tensor<?xi64>) -> tensor<?x8xf32>
  %0 = onnx.Constant dense<0> : tensor<1xi64>
  %3 = onnx.Constant dense<3> : tensor<1xi64>
  %5 = onnx.Constant dense<5> : tensor<1xi64>
  // expected-warning@+1 {{frozen routing: the numbers of rows per expert, 3, 2, are those of the example input that the model was traced with; for any other input rows go to the wrong experts, or are lost}}
  %a = onnx.Slice %rows, %0, %3 axes(%0) : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<3x8xf32>
  %b = onnx.Slice %rows, %3, %5 axes(%0) : (tensor<?x8xf32>, tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) -> tensor<2x8xf32>
  return %a, %b : tensor<3x8xf32>, tensor<2x8xf32>
}

// -----

// A list of the selected experts of constant length.
func.func @list(%logits: tensor<?x4xf32>) -> (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>) {
  %i = onnx.ArgMax %logits {axis = 1 : i64, keepdims = 0 : i64} : (tensor<?x4xf32>) -> tensor<?xi64>
  %four = onnx.Constant dense<4> : tensor<i64>
  %values = onnx.Constant dense<[0, 1]> : tensor<2xi64>
  %mask = onnx.OneHot %i, %four, %values : (tensor<?xi64>, tensor<i64>, tensor<2xi64>) -> tensor<?x4xi64>
  %zero = onnx.Constant dense<0> : tensor<1xi64>
  %sum = onnx.ReduceSum %mask, %zero {keepdims = 0 : i64} : (tensor<?x4xi64>, tensor<1xi64>) -> tensor<4xi64>
  %hit = onnx.NonZero %sum : (tensor<4xi64>) -> tensor<1x?xi64>
  %all = onnx.Constant dense<-1> : tensor<1xi64>
  %list = onnx.Reshape %hit, %all : (tensor<1x?xi64>, tensor<1xi64>) -> tensor<?xi64>
  %ones = onnx.Constant dense<1> : tensor<3xi64>
  // expected-warning@+1 {{frozen routing: the graph takes it that 3 experts are selected, as they were by the example input that it was traced with; all other experts are missing}}
  %a, %b, %c = onnx.Split %list, %ones : (tensor<?xi64>, tensor<3xi64>) -> (tensor<1xi64>, tensor<1xi64>, tensor<1xi64>)
  return %a, %b, %c : tensor<1xi64>, tensor<1xi64>, tensor<1xi64>
}

// -----

// Experts 1 and 3 of 4 are missing: the example input did not select them.
func.func @mask(%logits: tensor<?x4xf32>) -> (tensor<2x?xi64>, tensor<1x2x?xi64>) {
  %k = onnx.Constant dense<2> : tensor<1xi64>
  %v, %i = onnx.TopK %logits, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %four = onnx.Constant dense<4> : tensor<i64>
  %values = onnx.Constant dense<[0, 1]> : tensor<2xi64>
  %hot = onnx.OneHot %i, %four, %values : (tensor<?x2xi64>, tensor<i64>, tensor<2xi64>) -> tensor<?x2x4xi64>
  %mask = onnx.Transpose %hot {perm = array<i64: 2, 1, 0>} : (tensor<?x2x4xi64>) -> tensor<4x2x?xi64>
  %e0 = onnx.Constant dense<0> : tensor<i64>
  %e2 = onnx.Constant dense<-2> : tensor<1xi64>
  // expected-warning@+1 {{missing experts: the router selects from 4 experts, but the graph has no expert 1, 3: their tokens get nothing. Tracing drops experts that the example input does not select: export again with a loop over all experts}}
  %a = onnx.Gather %mask, %e0 : (tensor<4x2x?xi64>, tensor<i64>) -> tensor<2x?xi64>
  %b = onnx.Gather %mask, %e2 : (tensor<4x2x?xi64>, tensor<1xi64>) -> tensor<1x2x?xi64>
  return %a, %b : tensor<2x?xi64>, tensor<1x2x?xi64>
}

// -----

// Slots are no experts: the first two of three columns of ids.
func.func @slots(%logits: tensor<?x4xf32>) -> (tensor<?xi64>, tensor<?xi64>, tensor<?x4xi64>, tensor<?x4xi64>) {
  %k = onnx.Constant dense<3> : tensor<1xi64>
  %v, %i = onnx.TopK %logits, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x3xf32>, tensor<?x3xi64>)
  %e0 = onnx.Constant dense<0> : tensor<i64>
  %e1 = onnx.Constant dense<1> : tensor<i64>
  %a = onnx.Gather %i, %e0 {axis = 1 : i64} : (tensor<?x3xi64>, tensor<i64>) -> tensor<?xi64>
  %b = onnx.Gather %i, %e1 {axis = 1 : i64} : (tensor<?x3xi64>, tensor<i64>) -> tensor<?xi64>
  %four = onnx.Constant dense<4> : tensor<i64>
  %values = onnx.Constant dense<[0, 1]> : tensor<2xi64>
  %hot = onnx.OneHot %i, %four, %values : (tensor<?x3xi64>, tensor<i64>, tensor<2xi64>) -> tensor<?x3x4xi64>
  %c = onnx.Gather %hot, %e0 {axis = 1 : i64} : (tensor<?x3x4xi64>, tensor<i64>) -> tensor<?x4xi64>
  %d = onnx.Gather %hot, %e1 {axis = 1 : i64} : (tensor<?x3x4xi64>, tensor<i64>) -> tensor<?x4xi64>
  return %a, %b, %c, %d : tensor<?xi64>, tensor<?xi64>, tensor<?x4xi64>, tensor<?x4xi64>
}

// -----

// Ids that are compared one by one.
func.func @equal(%logits: tensor<?x4xf32>) -> (tensor<?x2xi1>, tensor<?x2xi1>) {
  %k = onnx.Constant dense<2> : tensor<1xi64>
  %v, %i = onnx.TopK %logits, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %e1 = onnx.Constant dense<1> : tensor<i64>
  %e3 = onnx.Constant dense<3> : tensor<i64>
  // expected-warning@+1 {{missing experts: the router selects from 4 experts, but the graph has no expert 0, 2: their tokens get nothing}}
  %a = onnx.Equal %i, %e1 : (tensor<?x2xi64>, tensor<i64>) -> tensor<?x2xi1>
  %b = onnx.Equal %i, %e3 : (tensor<?x2xi64>, tensor<i64>) -> tensor<?x2xi1>
  return %a, %b : tensor<?x2xi1>, tensor<?x2xi1>
}

// -----

// Null experts stand behind, or ahead.
func.func @null_experts(%logits: tensor<?x4xf32>, %more: tensor<?x3xf32>)
    -> (tensor<?x2xi1>, tensor<?x2xi1>, tensor<?x1xi1>, tensor<?x1xi1>) {
  %k = onnx.Constant dense<2> : tensor<1xi64>
  %v, %i = onnx.TopK %logits, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %e0 = onnx.Constant dense<0> : tensor<i64>
  %e1 = onnx.Constant dense<1> : tensor<i64>
  %e2 = onnx.Constant dense<2> : tensor<i64>
  %a = onnx.Equal %i, %e0 : (tensor<?x2xi64>, tensor<i64>) -> tensor<?x2xi1>
  %b = onnx.Equal %i, %e1 : (tensor<?x2xi64>, tensor<i64>) -> tensor<?x2xi1>
  %j = onnx.ArgMax %more {axis = 1 : i64} : (tensor<?x3xf32>) -> tensor<?x1xi64>
  %c = onnx.Equal %j, %e1 : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi1>
  %d = onnx.Equal %j, %e2 : (tensor<?x1xi64>, tensor<i64>) -> tensor<?x1xi1>
  return %a, %b, %c, %d : tensor<?x2xi1>, tensor<?x2xi1>, tensor<?x1xi1>, tensor<?x1xi1>
}

// -----

// Probabilities of probabilities decide; behind the selection they may be meant.
func.func @softmax(%logits: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi64>) {
  %k = onnx.Constant dense<2> : tensor<1xi64>
  %p = onnx.Softmax %logits : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %h = onnx.Cast %p : (tensor<?x4xf32>) -> tensor<?x4xf16>
  %f = onnx.Cast %h : (tensor<?x4xf16>) -> tensor<?x4xf32>
  // expected-warning@+1 {{double softmax: the router's scores are probabilities already, and a second softmax makes all experts weigh nearly the same; pass logits, or leave out one of the two}}
  %q = onnx.Softmax %f : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %v, %i = onnx.TopK %q, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  return %v, %i : tensor<?x2xf32>, tensor<?x2xi64>
}

// -----

func.func @softmax_behind(%logits: tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi64>) {
  %k = onnx.Constant dense<2> : tensor<1xi64>
  %p = onnx.Softmax %logits : (tensor<?x4xf32>) -> tensor<?x4xf32>
  %v, %i = onnx.TopK %p, %k : (tensor<?x4xf32>, tensor<1xi64>) -> (tensor<?x2xf32>, tensor<?x2xi64>)
  %w = onnx.Softmax %v : (tensor<?x2xf32>) -> tensor<?x2xf32>
  return %w, %i : tensor<?x2xf32>, tensor<?x2xi64>
}

// -----

// What router_probs of com.microsoft::MoE are.
func.func @softmax_moe(%x: tensor<?x8xf32>, %logits: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) -> tensor<?x8xf32> {
  %p = onnx.Softmax %logits : (tensor<?x4xf32>) -> tensor<?x4xf32>
  // expected-warning@+1 {{double softmax: router_probs of com.microsoft::MoE are logits, of which it takes the softmax, but here they are probabilities already, so that all experts weigh nearly the same; pass logits}}
  %y = onnx.ms.MoE %x router %p fc1 %w1 fc2 %w2 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @sparse_mixer(%x: tensor<?x8xf32>, %logits: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) -> tensor<?x8xf32> {
  // expected-warning@+1 {{provider-dependent node: with use_sparse_mixer ONNX Runtime's CPU provider takes the two most probable experts, its CUDA provider and this compiler SparseMixer's two, with other weights; leave the attribute out if the plain top 2 is meant, else compare with CUDA}}
  %y = onnx.ms.MoE %x router %logits fc1 %w1 fc2 %w2 {k = 2 : i64, use_sparse_mixer = 1 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// -----

func.func @half(%x: tensor<?x8xf16>, %logits: tensor<?x4xf16>, %w1: tensor<4x6x8xf16>, %w2: tensor<4x8x6xf16>) -> (tensor<?x8xf16>, tensor<?x8xf16>) {
  // expected-warning@+1 {{provider-dependent node: ONNX Runtime's CPU provider (1.30, 1.31) gives wrong values on float16 without normalize_routing_weights, this compiler what the operator says; compare with a float model, or with CUDA}}
  %y = onnx.ms.MoE %x router %logits fc1 %w1 fc2 %w2 : (tensor<?x8xf16>, tensor<?x4xf16>, tensor<4x6x8xf16>, tensor<4x8x6xf16>) -> tensor<?x8xf16>
  %z = onnx.ms.MoE %x router %logits fc1 %w1 fc2 %w2 {normalize_routing_weights = 1 : i64} : (tensor<?x8xf16>, tensor<?x4xf16>, tensor<4x6x8xf16>, tensor<4x8x6xf16>) -> tensor<?x8xf16>
  return %y, %z : tensor<?x8xf16>, tensor<?x8xf16>
}
