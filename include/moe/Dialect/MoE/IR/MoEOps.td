//===- MoEOps.td - All ops of the moe dialect --------------*- tablegen -*-===//
#ifndef MOE_DIALECT_MOE_IR_MOEOPS_TD
#define MOE_DIALECT_MOE_IR_MOEOPS_TD

include "moe/Dialect/MoE/IR/MoEKernels.td"
include "moe/Dialect/MoE/IR/MoELayer.td"

#endif // MOE_DIALECT_MOE_IR_MOEOPS_TD
