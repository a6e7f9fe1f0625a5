//===- Recipe.h - Makes finished weights ------------------------*- C++ -*-===//
#ifndef MOE_TARGET_RECIPE_H
#define MOE_TARGET_RECIPE_H

#include "moe/Dialect/RT/IR/RT.h"

namespace moe {

/// Executes the recipe of a weight, possibly without steps, into `out`, which
/// has its size. `spans` are the bytes of its spans, in order.
mlir::LogicalResult executeRecipe(rt::WeightOp op,
                                  llvm::ArrayRef<const void *> spans,
                                  llvm::MutableArrayRef<char> out);

} // namespace moe

#endif // MOE_TARGET_RECIPE_H
