//===- Passes.td - Passes on the onnx dialect --------------*- tablegen -*-===//
#ifndef MOE_DIALECT_ONNX_TRANSFORMS_PASSES_TD
#define MOE_DIALECT_ONNX_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def InferShapesPass : Pass<"onnx-infer-shapes", "::mlir::ModuleOp"> {
  let summary = "Make types static where extents are proven constant";
  let description = [{
    Runs the analysis of symbolic dims and replaces `?` in the types of onnx
    values by the extents that it proves constant, in regions and in the results
    of functions that nothing calls too. No op is added or removed.

    ```mlir
    func.func @example(%x: tensor<?x4xf32>) -> tensor<?x?xf32> {
      %s = onnx.Shape %x : (tensor<?x4xf32>) -> tensor<2xi64>
      %z = onnx.ConstantOfShape %s : (tensor<2xi64>) -> tensor<?x?xf32>
      return %z : tensor<?x?xf32>
    }
    ```
    becomes
    ```mlir
    func.func @example(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
      %s = onnx.Shape %x : (tensor<?x4xf32>) -> tensor<2xi64>
      %z = onnx.ConstantOfShape %s : (tensor<2xi64>) -> tensor<?x4xf32>
      return %z : tensor<?x4xf32>
    }
    ```
  }];
}

#endif // MOE_DIALECT_ONNX_TRANSFORMS_PASSES_TD
