// RUN: moe-opt %s --convert-moe-layers-to-kernels -verify-diagnostics

func.func @dynamic_width(%i: tensor<?x2xi32>, %x: tensor<?x?xf32>,
                         %w: tensor<4x8xf32>) -> tensor<?x?xf32> {
  // expected-error@+1 {{expected a static number of columns of the result, but got 'tensor<?x?xf32>'}}
  %y = moe.experts %i rows(%x : tensor<?x?xf32>)
      stacked(%w : tensor<4x8xf32>) {experts = #moe.kinds<ffn = 4>}
      : tensor<?x2xi32> -> tensor<?x?xf32> {
  ^bb0(%r: tensor<?x?xf32>, %a: tensor<8xf32>):
    %0 = onnx.Relu %r : (tensor<?x?xf32>) -> tensor<?x?xf32>
    moe.yield %0 : tensor<?x?xf32>
  }
  return %y : tensor<?x?xf32>
}
