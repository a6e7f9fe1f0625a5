// RUN: moe-opt %s --moe-schedule-cpu="isa=avx512bf16 bf16-dot" -verify-diagnostics

// expected-warning @+1 {{no product has bf16 weights of the model: all activations stay as they are; --convert-weights=bf16 makes such weights}}
module {
  rt.weight @wide {source = [#rt.span<"m.onnx", offset = 0, length = 640, hash = 0, tensor<2x5x16xf32>>]} : tensor<2x5x16xf32>
  func.func @f32(%x: tensor<?x5xf32>, %o: tensor<3xi32>, %y0: tensor<?x16xf32>) -> tensor<?x16xf32> {
    %wide = rt.weight_ref @wide : tensor<2x5x16xf32>
    %0 = moe.grouped_matmul rows(%x : tensor<?x5xf32>) offsets(%o : tensor<3xi32>)
        weights(%wide : tensor<2x5x16xf32>) outs(%y0 : tensor<?x16xf32>) -> tensor<?x16xf32> {
    ^bb0(%a: f32):
      moe.yield %a : f32
    }
    return %0 : tensor<?x16xf32>
  }
}
