//===- Weights.h - Weights of a module --------------------------*- C++ -*-===//
#ifndef MOE_DIALECT_RT_IR_WEIGHTS_H
#define MOE_DIALECT_RT_IR_WEIGHTS_H

#include "mlir/IR/BuiltinOps.h"

namespace moe::rt {

/// Erases dead ops, and then the `rt.weight`s that no op refers to: what a
/// rewrite of weights leaves behind would be in the artefact.
void eraseUnusedWeights(mlir::ModuleOp module);

} // namespace moe::rt

#endif // MOE_DIALECT_RT_IR_WEIGHTS_H
