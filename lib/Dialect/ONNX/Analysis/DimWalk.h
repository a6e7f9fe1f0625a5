//===- DimWalk.h - What the rules of SymbolicDims work with -----*- C++ -*-===//
//
// A rule tells the extents (and, of small integer tensors, the elements) of an
// op's results from those of its operands. It sets what it knows; the walk
// fills in the rest: static dims of the type win, null becomes a new symbol.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_ONNX_ANALYSIS_DIMWALK_H
#define MOE_LIB_DIALECT_ONNX_ANALYSIS_DIMWALK_H

#include "mlir/IR/BuiltinTypes.h"
#include "moe/Dialect/ONNX/Analysis/SymbolicDims.h"
#include "moe/Dialect/ONNX/IR/Axes.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

namespace moe::onnx {

class DimWalk;
using DimRule = void (*)(mlir::Operation *, DimWalk &);
using DimRules = llvm::DenseMap<mlir::OperationName, DimRule>;

class DimWalk {
public:
  DimWalk(SymbolicDims &result, const DimRules &rules)
      : result(result), rules(rules) {}

  void visitFunction();
  void visitBlock(mlir::Block &block);

  DimContext &getContext() { return result.context; }
  DimExpr constant(int64_t value) { return getContext().getConstant(value); }

  /// Extents of a value, all non-null.
  DimExprs dimsOf(mlir::Value value);
  DimExpr dimOf(mlir::Value value, int64_t dim) { return dimsOf(value)[dim]; }

  /// Elements of an integer tensor of a known size, in row-major order; unknown
  /// ones are symbols. Nothing where the size is not known or too big.
  std::optional<DimExprs> elementsOf(mlir::Value value);
  /// The same where all are constant. Null values have none.
  std::optional<llvm::SmallVector<int64_t>> constantsOf(mlir::Value value);
  /// The one element of a tensor of one element, or null.
  DimExpr scalarOf(mlir::Value value);

  /// Sets what is known of a result; dims may be null.
  void setDims(mlir::Value value, DimExprs dims);
  /// Elements may be null: they become symbols. Without effect on tensors whose
  /// elements are not followed, or of another size.
  void setElements(mlir::Value value, DimExprs elements);

private:
  void visitOp(mlir::Operation *op);

  SymbolicDims &result;
  const DimRules &rules;
};

/// Registers `infer` for one op class.
template <typename OpTy, void (*infer)(OpTy, DimWalk &)>
void addDimRule(DimRules &rules, mlir::MLIRContext *context) {
  rules.try_emplace(mlir::OperationName(OpTy::getOperationName(), context),
                    [](mlir::Operation *op, DimWalk &walk) {
                      infer(llvm::cast<OpTy>(op), walk);
                    });
}

/// Registers one rule for several op classes.
template <typename... OpTys>
void addDimRules(DimRules &rules, mlir::MLIRContext *context, DimRule rule) {
  (rules.try_emplace(mlir::OperationName(OpTys::getOperationName(), context),
                     rule),
   ...);
}

/// One per file of rules.
void addElementRules(DimRules &rules, mlir::MLIRContext *context);
void addIndexingRules(DimRules &rules, mlir::MLIRContext *context);
void addShapeRules(DimRules &rules, mlir::MLIRContext *context);
void addComputeRules(DimRules &rules, mlir::MLIRContext *context);
void addWindowRules(DimRules &rules, mlir::MLIRContext *context);
void addRegionRules(DimRules &rules, mlir::MLIRContext *context);
void addTensorRules(DimRules &rules, mlir::MLIRContext *context);

/// Rule of destination-style ops on tensors: results have the extents of inits.
void inferDestinationStyle(mlir::Operation *op, DimWalk &walk);

/// Rule of ops with ElementwiseOpInterface: broadcasting.
void inferElementwise(mlir::Operation *op, DimWalk &walk);

/// Product of extents.
DimExpr productOf(DimContext &context, llvm::ArrayRef<DimExpr> dims);

/// Of two extents that are equal behind an op, the one that says more.
DimExpr pickKnown(DimExpr lhs, DimExpr rhs);

} // namespace moe::onnx

#endif // MOE_LIB_DIALECT_ONNX_ANALYSIS_DIMWALK_H
