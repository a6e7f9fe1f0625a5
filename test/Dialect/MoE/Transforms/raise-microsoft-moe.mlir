// Layers that are one node: com.microsoft::MoE.
//
// RUN: moe-opt %s --moe-raise-onnx --remarks-filter=moe-raise-onnx \
// RUN:   --remark-format=emitRemark -o %t.mlir 2> %t.err
// RUN: FileCheck %s < %t.mlir
// RUN: FileCheck %s --check-prefix=REMARK < %t.err
//
// Nothing is found twice.
// RUN: moe-opt %t.mlir --moe-raise-onnx | diff %t.mlir -

// REMARK: loc("layers.0.moe"
// REMARK-SAME: raised: 4 experts, top-2 of 4, softmax before selection
// REMARK: raised: 4 experts, top-1 of 4, softmax before selection
// REMARK: raised: 4 experts, top-2 of 4, sparse mixer
// REMARK: loc("layers.1.moe"
// REMARK-SAME: not raised: node /layers.1/moe/MoE (ms.MoE): it is inside of onnx.If

// The original side keeps the node, beside its routing in plain ops.
// CHECK-LABEL: func.func @relu
// CHECK-NEXT: %[[Y:.*]] = moe.candidate(%{{.*}}) {rows = 2 : i64}
// CHECK-SAME: original
// CHECK: onnx.ms.MoE
// CHECK: onnx.Softmax
// CHECK: onnx.TopK
// CHECK: moe.yield %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x8xf32>, tensor<?x2xi64>, tensor<?x2xf32>
// CHECK: raised
// CHECK: moe.route {{.*}} {normalize_over = #moe.columns<0, 4>, score = #moe.score<softmax>, select = #moe.topk<2, tie = highest_index>}
// CHECK: onnx.Transpose %{{.*}} {perm = array<i64: 0, 2, 1>} : (tensor<4x6x8xf32>) -> tensor<4x8x6xf32>
// CHECK: moe.experts {{.*}} {experts = #moe.kinds<ffn = 4>}
// CHECK-NEXT: ^bb0
// CHECK-NEXT: onnx.MatMul
// CHECK-NEXT: onnx.Relu
// CHECK-NEXT: onnx.MatMul
// CHECK-NEXT: moe.yield
// CHECK: return %[[Y]]
func.func @relu(%x: tensor<?x8xf32> {rt.dims = ["T", ""]}, %z: tensor<?x4xf32> {rt.dims = ["T", ""]}, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) -> tensor<?x8xf32> {
  %y = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 {k = 2 : i64, normalize_routing_weights = 1 : i64} : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32> loc("/layers.0/moe/MoE")
  return %y : tensor<?x8xf32>
}

// Batches are flattened; where logits may have another number of rows, a
// Reshape to that of the tokens finds out.
// CHECK-LABEL: func.func @swiglu
// CHECK: %[[X:.*]] = onnx.Reshape %arg0
// CHECK: %[[T:.*]] = onnx.Shape %[[X]] {end = 1 : i64}
// CHECK: %[[S:.*]] = onnx.Concat %[[T]],
// CHECK: %[[Z:.*]] = onnx.Reshape %arg1, %[[S]] {allowzero = 1 : i64}
// CHECK: %[[C:.*]] = moe.candidate(%[[X]], %[[Z]],
// CHECK: raised
// CHECK: moe.experts
// CHECK: onnx.MatMul
// CHECK: onnx.Add
// CHECK: onnx.Slice
// CHECK: onnx.Slice
// CHECK: onnx.Clip %{{.*}} max(
// CHECK: onnx.Clip %{{.*}} min({{.*}}) max(
// CHECK: onnx.Sigmoid
// CHECK: onnx.MatMul
// CHECK: onnx.Reshape %[[C]], %{{.*}} {allowzero = 1 : i64}
func.func @swiglu(%x: tensor<?x?x8xf32> {rt.dims = ["B", "S", ""]}, %z: tensor<?x4xf32> {rt.dims = ["T", ""]}, %w1: tensor<4x12x8xf32>, %b1: tensor<4x12xf32>, %w2: tensor<4x8x6xf32>) -> tensor<?x?x8xf32> {
  %y = onnx.ms.MoE %x router %z fc1 %w1 bias1 %b1 fc2 %w2 {activation_alpha = 1.702 : f32, activation_beta = 1.0 : f32, activation_type = #onnx.activation<swiglu>, swiglu_fusion = 1 : i64, swiglu_limit = 7.0 : f32} : (tensor<?x?x8xf32>, tensor<?x4xf32>, tensor<4x12x8xf32>, tensor<4x12xf32>, tensor<4x8x6xf32>) -> tensor<?x?x8xf32>
  return %y : tensor<?x?x8xf32>
}

// Logits that follow from the same batches have as many rows. The router
// computes in f32.
// CHECK-LABEL: func.func @half
// CHECK: %[[Z:.*]] = onnx.MatMul
// CHECK: %[[X:.*]] = onnx.Reshape
// CHECK-NEXT: moe.candidate(%[[X]], %[[Z]],
// CHECK: raised
// CHECK: %[[WIDE:.*]] = onnx.Cast %{{.*}} -> tensor<?x4xf32>
// CHECK: moe.route scores(%[[WIDE]] : tensor<?x4xf32>) {select = #moe.sparse_mixer<threshold = 2.000000e-02>} -> tensor<?x2xi32>, tensor<?x2xf32>
// CHECK: onnx.Mul
func.func @half(%x: tensor<?x?x8xf16> {rt.dims = ["B", "S", ""]}, %r: tensor<8x4xf16>, %w1: tensor<4x6x8xf16>, %w2: tensor<4x8x6xf16>, %w3: tensor<4x6x8xf16>) -> tensor<?x?x8xf16> {
  %shape = onnx.Constant dense<[-1, 8]> : tensor<2xi64>
  %flat = onnx.Reshape %x, %shape : (tensor<?x?x8xf16>, tensor<2xi64>) -> tensor<?x8xf16>
  %z = onnx.MatMul %flat, %r : (tensor<?x8xf16>, tensor<8x4xf16>) -> tensor<?x4xf16>
  %y = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 fc3 %w3 {activation_type = #onnx.activation<silu>, k = 2 : i64, use_sparse_mixer = 1 : i64} : (tensor<?x?x8xf16>, tensor<?x4xf16>, tensor<4x6x8xf16>, tensor<4x8x6xf16>, tensor<4x6x8xf16>) -> tensor<?x?x8xf16>
  return %y : tensor<?x?x8xf16>
}

// CHECK-LABEL: func.func @branch
// CHECK-NOT: moe.candidate
func.func @branch(%c: tensor<i1>, %x: tensor<?x8xf32>, %z: tensor<?x4xf32>, %w1: tensor<4x6x8xf32>, %w2: tensor<4x8x6xf32>) -> tensor<?x8xf32> {
  %r = onnx.If %c then {
    %y = onnx.ms.MoE %x router %z fc1 %w1 fc2 %w2 : (tensor<?x8xf32>, tensor<?x4xf32>, tensor<4x6x8xf32>, tensor<4x8x6xf32>) -> tensor<?x8xf32> loc("/layers.1/moe/MoE")
    onnx.Yield %y : tensor<?x8xf32>
  } else {
    onnx.Yield %x : tensor<?x8xf32>
  } : (tensor<i1>) -> tensor<?x8xf32>
  return %r : tensor<?x8xf32>
}
