//===- MoEOps.cpp - Generated code of the moe ops -------------------------===//
#include "moe/Dialect/MoE/IR/MoE.h"

#define GET_OP_CLASSES
#include "moe/Dialect/MoE/IR/MoEOps.cpp.inc"
