//===- Weights.h - Weights of a module --------------------------*- C++ -*-===//
//
// For passes that want a weight in another layout or type: they look it up,
// give it more steps, refer to what that makes, and erase what is left over.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_RT_IR_WEIGHTS_H
#define MOE_DIALECT_RT_IR_WEIGHTS_H

#include "moe/Dialect/RT/IR/RT.h"

namespace moe::rt {

/// The type of what `recipe` makes of the spans of `source`, or failure after
/// an error that says what does not fit.
mlir::FailureOr<mlir::RankedTensorType>
inferWeightType(mlir::ArrayAttr source, mlir::ArrayAttr recipe,
                llvm::function_ref<mlir::InFlightDiagnostic()> emitError);

/// The weights of a module, and those that a pass makes of them. Of one recipe
/// and one source it makes one weight, however often it is asked.
class WeightTable {
public:
  explicit WeightTable(mlir::ModuleOp module) : symbols(module) {}

  /// The weight that `value` refers to, or null.
  WeightOp lookup(mlir::Value value) const;

  /// The weight that `steps` make of `weight`; they must accept its type. A new
  /// one stands beside it and is called the same and then `suffix`.
  WeightOp addSteps(WeightOp weight, llvm::ArrayRef<mlir::Attribute> steps,
                    llvm::StringRef suffix);

  /// The weight that `recipe`, which must accept them, makes of the spans of
  /// `source`. A new one stands beside `like` and is called so and then
  /// `suffix`.
  WeightOp getOrCreate(mlir::ArrayAttr source, mlir::ArrayAttr recipe,
                       WeightOp like, llvm::StringRef suffix);

private:
  mlir::SymbolTable symbols;
  /// By source and recipe.
  mlir::DenseMap<std::pair<mlir::Attribute, mlir::Attribute>, WeightOp> made;
};

/// Erases dead ops, and then the `rt.weight`s that no op refers to: what a
/// rewrite of weights leaves behind would be in the artefact.
void eraseUnusedWeights(mlir::ModuleOp module);

} // namespace moe::rt

#endif // MOE_DIALECT_RT_IR_WEIGHTS_H
