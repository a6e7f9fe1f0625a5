//===- RTEnums.td - Closed choices of the rt dialect -------*- tablegen -*-===//
#ifndef MOE_DIALECT_RT_IR_RTENUMS_TD
#define MOE_DIALECT_RT_IR_RTENUMS_TD

include "mlir/IR/EnumAttr.td"

def RT_Counter : I32EnumAttr<"Counter", "what of a layer is counted", [
  I32EnumAttrCase<"Tokens", 0, "tokens">,
  I32EnumAttrCase<"ExpertFlops", 1, "expert_flops">,
  I32EnumAttrCase<"ExpertSlots", 2, "expert_slots">
]> {
  let cppNamespace = "::moe::rt";
}

#endif // MOE_DIALECT_RT_IR_RTENUMS_TD
