// RUN: moe-opt %s --convert-moe-to-cpu -verify-diagnostics

func.func @tensors(%x: tensor<?x4xf32>, %o: tensor<2xi32>, %w: tensor<1x1x4x8xf32>, %y: tensor<?x8xf32>) -> tensor<?x8xf32> {
  // expected-error @+1 {{expected memrefs, but got tensors: bufferise first}}
  %0 = moe.grouped_matmul rows(%x : tensor<?x4xf32>) offsets(%o : tensor<2xi32>) weights(%w : tensor<1x1x4x8xf32>) {schedule = #moe.cpu_schedule<lanes = 8, rows = 6, vectors = 2, row_block = 48, k_block = 256, stream_rows = 3, stream_vectors = 4>} outs(%y : tensor<?x8xf32>) -> tensor<?x8xf32> {
  ^bb0(%sum: f32):
    moe.yield %sum : f32
  }
  return %0 : tensor<?x8xf32>
}
