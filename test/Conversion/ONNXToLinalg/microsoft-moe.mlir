// RUN: moe-opt %s --convert-onnx-to-linalg --canonicalize | FileCheck %s

// Token by token, slot by slot: one row, and the matrices of one expert.
// CHECK-LABEL: func.func @moe
// CHECK-SAME: %[[X:.*]]: tensor<?x8xf16>, %[[Z:[^:]*]]: tensor<?x4xf16>, %[[W1:[^:]*]]: tensor<4x6x8xf16>, %[[B1:[^:]*]]: tensor<4x6xf16>
// CHECK: rt.require %{{.*}}, "router_probs must have a row for each token"
// CHECK: scf.for %[[T:[^ ]*]] = {{.*}} -> (tensor<?x8xf16>)
// CHECK: tensor.extract_slice %[[X]][%[[T]], 0] [1, 8] [1, 1]
// The sum is taken in f32.
// CHECK: scf.for %[[S:[^ ]*]] = {{.*}} -> (tensor<1x8xf32>)
// CHECK: %[[ID:.*]] = tensor.extract %{{.*}}[%[[T]], %[[S]]] : tensor<?x2xi64>
// CHECK: %[[E:.*]] = arith.index_cast %[[ID]]
// CHECK: tensor.extract %{{.*}}[%[[T]], %[[S]]] : tensor<?x2xf32>
// CHECK: tensor.extract_slice %[[W1]][%[[E]], 0, 0] [1, 6, 8] [1, 1, 1] : tensor<4x6x8xf16> to tensor<6x8xf16>
// CHECK: tensor.extract_slice %[[B1]][%[[E]], 0] [1, 6] [1, 1] : tensor<4x6xf16> to tensor<6xf16>
// CHECK: tensor.insert_slice
func.func @moe(%x: tensor<?x8xf16>, %z: tensor<?x4xf16>, %w1: tensor<4x6x8xf16>, %b1: tensor<4x6xf16>, %w2: tensor<4x8x6xf16>) -> tensor<?x8xf16> {
  %y = onnx.ms.MoE %x router %z fc1 %w1 bias1 %b1 fc2 %w2 {k = 2 : i64} : (tensor<?x8xf16>, tensor<?x4xf16>, tensor<4x6x8xf16>, tensor<4x6xf16>, tensor<4x8x6xf16>) -> tensor<?x8xf16>
  return %y : tensor<?x8xf16>
}
