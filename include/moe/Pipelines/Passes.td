//===- Passes.td - Passes that pipelines need --------------*- tablegen -*-===//
#ifndef MOE_PIPELINES_PASSES_TD
#define MOE_PIPELINES_PASSES_TD

include "mlir/Pass/PassBase.td"

def VerifyStagePass : Pass<"moe-verify-stage", "::mlir::ModuleOp"> {
  let summary = "Check that a module keeps the contract of a stage";
  let description = [{
    Every stage of the compiler has a contract: which dialects and types may be
    left. The first op that breaks it is an error that names the stage and the
    rule. Pipelines run it at each boundary.

    ```mlir
    // moe-opt --moe-verify-stage=stage=tensor
    func.func @example(%x: tensor<4xf32>) -> tensor<4xf32> {
      %y = onnx.Exp %x : (tensor<4xf32>) -> tensor<4xf32>
      return %y : tensor<4xf32>
    }
    ```
    is refused:
    ```text
    error: 'onnx.Exp' op breaks the contract of stage 'tensor': dialect 'onnx' is not allowed
    ```
  }];
  let options = [
    Option<"stage", "stage", "::moe::Stage", /*default=*/"::moe::Stage::ONNX",
           "The stage whose contract is checked",
           "::moe::StageValues{/*onlyText=*/true}">
  ];
}

#endif // MOE_PIPELINES_PASSES_TD
