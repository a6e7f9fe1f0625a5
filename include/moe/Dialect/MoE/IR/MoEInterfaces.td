//===- MoEInterfaces.td - What selections have in common ---*- tablegen -*-===//
#ifndef MOE_DIALECT_MOE_IR_MOEINTERFACES_TD
#define MOE_DIALECT_MOE_IR_MOEINTERFACES_TD

include "mlir/IR/OpBase.td"

def MoE_SelectAttrInterface : AttrInterface<"SelectAttrInterface"> {
  let cppNamespace = "::moe";
  let description = [{
    How a row of scores becomes slots: the attribute `select` of `moe.route`.
  }];
  let methods = [
    InterfaceMethod<"The number of slots per token, k", "int64_t",
                    "getNumSlots">,
  ];
}

#endif // MOE_DIALECT_MOE_IR_MOEINTERFACES_TD
