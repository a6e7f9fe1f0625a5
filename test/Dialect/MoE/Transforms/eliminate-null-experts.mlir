// RUN: moe-opt %s --moe-eliminate-null-experts --canonicalize --split-input-file | FileCheck %s

// Zero experts lose their ids; copy and constant experts become terms.
// CHECK-LABEL: func @kinds
// CHECK-SAME: (%[[IDS:.+]]: tensor<?x3xi32>, %[[W:.+]]: tensor<?x3xf32>, %[[X:.+]]: tensor<?x8xf32>,
func.func @kinds(%ids: tensor<?x3xi32>, %weights: tensor<?x3xf32>,
                 %x: tensor<?x8xf32>, %w: tensor<3x8x8xf32>,
                 %c: tensor<2x8xf32>) -> tensor<?x8xf32> {
  // CHECK-DAG: %[[COPY:.+]] = moe.slot_sum %[[IDS]], %[[W]] {columns = #moe.columns<4, 5>}
  // CHECK-DAG: %[[C0:.+]] = moe.slot_sum %[[IDS]], %[[W]] {columns = #moe.columns<6, 7>}
  // CHECK-DAG: %[[C1:.+]] = moe.slot_sum %[[IDS]], %[[W]] {columns = #moe.columns<7, 8>}
  // CHECK: %[[I2:.+]], %[[W2:.+]] = moe.renumber %[[IDS]], %[[W]] {table = array<i32: 0, -1, -1, 1, -1, 2, -1, -1>}
  // CHECK: moe.experts %[[I2]], %[[W2]] rows(%[[X]] : tensor<?x8xf32>) stacked(%arg3 : tensor<3x8x8xf32>)
  // CHECK-SAME: terms(%[[COPY]], %[[C0]], %[[C1]] : {{.*}}) times(%[[X]], %{{.+}}, %{{.+}} : tensor<?x8xf32>, tensor<8xf32>, tensor<8xf32>)
  // CHECK-SAME: {experts = #moe.kinds<ffn = 3>}
  %y = moe.experts %ids, %weights rows(%x : tensor<?x8xf32>)
      stacked(%w : tensor<3x8x8xf32>) constants(%c : tensor<2x8xf32>)
      {experts = #moe.kinds<ffn = 1, zero = 2, ffn = 1, copy = 1, ffn = 1, constant = 2>}
      : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x8xf32> {
  ^bb0(%r: tensor<?x8xf32>, %a: tensor<8x8xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x8xf32>, tensor<8x8xf32>) -> tensor<?x8xf32>
    moe.yield %o : tensor<?x8xf32>
  }
  return %y : tensor<?x8xf32>
}

// -----

// Of four equal experts by the hashes of their weights two are left; absent
// weights are 1, and are counted.
#a = #rt.span<"m.onnx", offset = 0, length = 16, hash = 7, tensor<2x2xf32>>
#b = #rt.span<"m.onnx", offset = 16, length = 16, hash = 9, tensor<2x2xf32>>
// CHECK: rt.weight @w.kept {recipe = [#rt.stack], source = [#rt.span<"m.onnx", offset = 0, length = 16, hash = 7, tensor<2x2xf32>>, #rt.span<"m.onnx", offset = 16, length = 16, hash = 9, tensor<2x2xf32>>]} : tensor<2x2x2xf32>
rt.weight @w {source = [#a, #b, #a, #b], recipe = [#rt.stack]} : tensor<4x2x2xf32>
// CHECK-LABEL: func @duplicates
// CHECK: %[[ONES:.+]] = onnx.ConstantOfShape %{{.+}} {value = dense<1.000000e+00> : tensor<1xf32>} : (tensor<2xi64>) -> tensor<?x2xf32>
// CHECK: moe.renumber %arg0, %[[ONES]] {table = array<i32: 0, 1, 0, 1>}
// CHECK: #moe.kinds<ffn = 2>
func.func @duplicates(%ids: tensor<?x2xi32>, %x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w = rt.weight_ref @w : tensor<4x2x2xf32>
  %y = moe.experts %ids rows(%x : tensor<?x2xf32>)
      stacked(%w : tensor<4x2x2xf32>) {experts = #moe.kinds<ffn = 4>}
      : tensor<?x2xi32> -> tensor<?x2xf32> {
  ^bb0(%r: tensor<?x2xf32>, %a: tensor<2x2xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    moe.yield %o : tensor<?x2xf32>
  }
  return %y : tensor<?x2xf32>
}

// -----

// The second expert's last matrix is zero, and with it all that it computes;
// the first one's first matrix is zero too, but its bias is not.
// CHECK-LABEL: func @zero_by_value
// CHECK: moe.renumber %arg0, %arg1 {table = array<i32: 0, -1, 1>}
// CHECK: #moe.kinds<ffn = 2>
func.func @zero_by_value(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>,
                         %x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %w1 = onnx.Constant dense<[[[0.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0, 5.0]]]> : tensor<3x2x2xf32>
  %b1 = onnx.Constant dense<[[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]]> : tensor<3x2xf32>
  %w2 = onnx.Constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[0.0, 0.0], [0.0, 0.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<3x2x2xf32>
  %y = moe.experts %ids, %weights rows(%x : tensor<?x2xf32>)
      stacked(%w1, %b1, %w2 : tensor<3x2x2xf32>, tensor<3x2xf32>, tensor<3x2x2xf32>)
      {experts = #moe.kinds<ffn = 3>}
      : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x2xf32> {
  ^bb0(%r: tensor<?x2xf32>, %a: tensor<2x2xf32>, %b: tensor<2xf32>, %c: tensor<2x2xf32>):
    %h = onnx.MatMul %r, %a : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    %i = onnx.Add %h, %b : (tensor<?x2xf32>, tensor<2xf32>) -> tensor<?x2xf32>
    %g = onnx.Relu %i : (tensor<?x2xf32>) -> tensor<?x2xf32>
    %o = onnx.MatMul %g, %c : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    moe.yield %o : tensor<?x2xf32>
  }
  return %y : tensor<?x2xf32>
}

// -----

// A closed column, and one that three open ones beat by bias.
// CHECK-LABEL: func @unreachable
// CHECK: moe.renumber %{{.+}}, %{{.+}} {table = array<i32: 0, -1, 1, 2, -1>}
// CHECK: #moe.kinds<ffn = 3>
func.func @unreachable(%s: tensor<?x5xf32>, %x: tensor<?x2xf32>,
                       %w: tensor<5x2x2xf32>) -> tensor<?x2xf32> {
  %mask = onnx.Constant dense<[0.0, 0xFF800000, 0.0, 0.0, 0.0]> : tensor<5xf32>
  %bias = onnx.Constant dense<[1.5, 0.0, 2.0, 2.5, 0.25]> : tensor<5xf32>
  %ids, %weights = moe.route scores(%s : tensor<?x5xf32>)
      bias(%bias : tensor<5xf32>) mask(%mask : tensor<5xf32>)
      {select = #moe.topk<3>, score = #moe.score<sigmoid>}
      -> tensor<?x3xi32>, tensor<?x3xf32>
  %y = moe.experts %ids, %weights rows(%x : tensor<?x2xf32>)
      stacked(%w : tensor<5x2x2xf32>) {experts = #moe.kinds<ffn = 5>}
      : tensor<?x3xi32>, tensor<?x3xf32> -> tensor<?x2xf32> {
  ^bb0(%r: tensor<?x2xf32>, %a: tensor<2x2xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    moe.yield %o : tensor<?x2xf32>
  }
  return %y : tensor<?x2xf32>
}

// -----

// All experts run: nothing changes.
// CHECK-LABEL: func @nothing
// CHECK-NOT: moe.renumber
func.func @nothing(%ids: tensor<?x2xi32>, %weights: tensor<?x2xf32>,
                   %x: tensor<?x2xf32>, %w: tensor<4x2x2xf32>) -> tensor<?x2xf32> {
  %y = moe.experts %ids, %weights rows(%x : tensor<?x2xf32>)
      stacked(%w : tensor<4x2x2xf32>) {experts = #moe.kinds<ffn = 4>}
      : tensor<?x2xi32>, tensor<?x2xf32> -> tensor<?x2xf32> {
  ^bb0(%r: tensor<?x2xf32>, %a: tensor<2x2xf32>):
    %o = onnx.MatMul %r, %a : (tensor<?x2xf32>, tensor<2x2xf32>) -> tensor<?x2xf32>
    moe.yield %o : tensor<?x2xf32>
  }
  return %y : tensor<?x2xf32>
}
