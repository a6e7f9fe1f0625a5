// RUN: moe-opt %s --transform-interpreter --canonicalize --split-input-file | FileCheck %s

// Columns are cut; gate and up come from the halves of one matrix, rows and
// offsets stay whole.
// CHECK: #{{.+}} = affine_map<(d0) -> (d0 + 16)>
// CHECK-LABEL: func @grouped_matmul
// CHECK: scf.for %[[N:[a-z0-9_]+]] = %{{.+}} to %{{.+}} step %{{.+}} iter_args(%[[Y:[a-z0-9_]+]] =
// CHECK-DAG: %[[G:[a-z0-9_]+]] = tensor.extract_slice %arg2[0, 0, %[[N]]] [3, 8, 4] [1, 1, 1]
// CHECK-DAG: %[[AT:[a-z0-9_]+]] = affine.apply #{{.+}}(%[[N]])
// CHECK-DAG: %[[U:[a-z0-9_]+]] = tensor.extract_slice %arg2[0, 0, %[[AT]]] [3, 8, 4] [1, 1, 1]
// CHECK-DAG: %[[B:[a-z0-9_]+]] = tensor.extract_slice %arg3[0, %[[N]]] [3, 4] [1, 1]
// CHECK-DAG: %[[O:[a-z0-9_]+]] = tensor.extract_slice %[[Y]][0, %[[N]]] [%{{.+}}, 4] [1, 1]
// CHECK: moe.grouped_matmul rows(%arg0 : tensor<?x8xf32>) offsets(%arg1 : tensor<4xi32>) weights(%[[G]], %[[U]] : {{.*}}) columns(%[[B]] : tensor<3x4xf32>) outs(%[[O]] : tensor<?x4xf32>)
func.func @grouped_matmul(%x: tensor<?x8xf32>, %o: tensor<4xi32>, %w: tensor<3x8x32xf32>,
                          %b: tensor<3x16xf32>, %y: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %0 = moe.grouped_matmul rows(%x : tensor<?x8xf32>) offsets(%o : tensor<4xi32>)
      weights(%w, %w : tensor<3x8x32xf32>, tensor<3x8x32xf32>) columns(%b : tensor<3x16xf32>)
      {column_offsets = array<i64: 0, 16>} outs(%y : tensor<?x16xf32>) -> tensor<?x16xf32> {
  ^bb0(%gate: f32, %up: f32, %bias: f32):
    %1 = arith.addf %gate, %bias : f32
    %2 = arith.mulf %1, %up : f32
    moe.yield %2 : f32
  }
  return %0 : tensor<?x16xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["moe.grouped_matmul"]} in %module : (!transform.any_op) -> !transform.any_op
    %tiled, %loop = transform.structured.tile_using_for %op tile_sizes [4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op)
    transform.yield
  }
}

// -----

// Tokens and columns are cut; values keep all rows, a constant term its columns.
// CHECK-LABEL: func @combine
// CHECK: scf.for %[[T:[a-z0-9_]+]] =
// CHECK: scf.for %[[N:[a-z0-9_]+]] =
// CHECK-DAG: tensor.extract_slice %arg0[0, %[[N]]] [%{{.+}}, 4] [1, 1]
// CHECK-DAG: tensor.extract_slice %arg1[%[[T]], 0] [2, 2] [1, 1]
// CHECK-DAG: tensor.extract_slice %arg2[%[[T]], 0] [2, 2] [1, 1]
// CHECK-DAG: tensor.extract_slice %arg3[%[[T]]] [2] [1]
// CHECK-DAG: tensor.extract_slice %arg4[%[[N]]] [4] [1]
// CHECK: moe.combine values(%{{.+}} : tensor<?x4xf32>) rows(%{{.+}} : tensor<2x2xi32>) weights(%{{.+}} : tensor<2x2xf32>) terms(%{{.+}} : tensor<2xf32>) times(%{{.+}} : tensor<4xf32>) outs(%{{.+}} : tensor<2x4xf32>)
func.func @combine(%v: tensor<?x8xf32>, %r: tensor<6x2xi32>, %w: tensor<6x2xf32>,
                   %c: tensor<6xf32>, %k: tensor<8xf32>, %y: tensor<6x8xf32>) -> tensor<6x8xf32> {
  %0 = moe.combine values(%v : tensor<?x8xf32>) rows(%r : tensor<6x2xi32>)
      weights(%w : tensor<6x2xf32>) terms(%c : tensor<6xf32>) times(%k : tensor<8xf32>)
      outs(%y : tensor<6x8xf32>) -> tensor<6x8xf32>
  return %0 : tensor<6x8xf32>
}
module attributes {transform.with_named_sequence} {
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.readonly}) {
    %op = transform.structured.match ops{["moe.combine"]} in %module : (!transform.any_op) -> !transform.any_op
    %tiled, %loops:2 = transform.structured.tile_using_for %op tile_sizes [2, 4] : (!transform.any_op) -> (!transform.any_op, !transform.any_op, !transform.any_op)
    transform.yield
  }
}
