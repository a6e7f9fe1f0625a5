//===- RTDialect.td - Weights and preconditions ------------*- tablegen -*-===//
//
// The dialect of what a model needs from its runtime: weights that live outside
// of the IR, and conditions that only a run can check.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_RT_IR_RTDIALECT_TD
#define MOE_DIALECT_RT_IR_RTDIALECT_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def RT_Dialect : Dialect {
  let name = "rt";
  let cppNamespace = "::moe::rt";
  let summary = "Weights as symbols, preconditions as ops";
  let description = [{
    A weight is a symbol that names byte ranges of the model's files and a
    recipe that makes the tensor of them; the IR never holds its bytes. A
    precondition is an op that ends a run with a message when it fails. A layer
    is a symbol that tells what descriptions list, and what runs count.

    The dialect also owns the attributes by which a function keeps the model's
    interface through all stages, on arguments and results:

    * `rt.name`: the name of the input or output in the ONNX file;
    * `rt.dims`: one string per dim, the name of a dynamic dim or `""`. Dims of
      one name are equal in every run: the runtime checks it at entry;
    * `rt.type`: the type in the ONNX file, where lowering made unsigned elements
      signless.
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let extraClassDeclaration = [{
    /// Name of an input or output in the model's file: a StringAttr.
    static constexpr ::llvm::StringLiteral nameAttrName = "rt.name";
    /// Names of the dims of an input or output: an ArrayAttr of StringAttr.
    static constexpr ::llvm::StringLiteral dimsAttrName = "rt.dims";
    /// Type of an input or output in the model's file: a TypeAttr.
    static constexpr ::llvm::StringLiteral typeAttrName = "rt.type";
  }];
}

/// The counters of layers: what `rt.count` writes.
def RT_Counters : Resource<"::moe::rt::Counters">;

#endif // MOE_DIALECT_RT_IR_RTDIALECT_TD
