//===- RTInterfaces.td - Steps of recipes ------------------*- tablegen -*-===//
#ifndef MOE_DIALECT_RT_IR_RTINTERFACES_TD
#define MOE_DIALECT_RT_IR_RTINTERFACES_TD

include "mlir/IR/OpBase.td"

def RT_RecipeStepAttrInterface : AttrInterface<"RecipeStepAttrInterface"> {
  let cppNamespace = "::moe::rt";
  let description = [{
    One step of a weight's recipe: it takes a list of tensors and gives a list
    of tensors. The runtime executes it on bytes; each step's meaning is also a
    `linalg` or `tensor` op, and a test compares the two.
  }];
  let methods = [
    InterfaceMethod<[{
        Types after the step for these types before it, or failure after an
        error that says what does not fit.
      }],
      "::mlir::FailureOr<::llvm::SmallVector<::mlir::RankedTensorType>>",
      "inferTypes",
      (ins "::llvm::ArrayRef<::mlir::RankedTensorType>":$before,
           "::llvm::function_ref<::mlir::InFlightDiagnostic()>":$emitError)>
  ];
}

#endif // MOE_DIALECT_RT_IR_RTINTERFACES_TD
