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

def RT_Computation : I32EnumAttr<"Computation", "what a timed step computes", [
  I32EnumAttrCase<"Gate", 0, "gate">,
  I32EnumAttrCase<"Dispatch", 1, "dispatch">,
  I32EnumAttrCase<"GroupedMatmul", 2, "grouped_matmul">,
  I32EnumAttrCase<"Combine", 3, "combine">,
  I32EnumAttrCase<"Matmul", 4, "matmul">,
  I32EnumAttrCase<"Reduction", 5, "reduction">,
  I32EnumAttrCase<"Elementwise", 6, "elementwise">,
  I32EnumAttrCase<"Gather", 7, "gather">,
  I32EnumAttrCase<"Copy", 8, "copy">,
  I32EnumAttrCase<"Fill", 9, "fill">,
  I32EnumAttrCase<"Loop", 10, "loop">
]> {
  let cppNamespace = "::moe::rt";
}

#endif // MOE_DIALECT_RT_IR_RTENUMS_TD
