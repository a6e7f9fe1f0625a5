//===- SymbolicDims.h - Which extents are equal -----------------*- C++ -*-===//
//
// One forward walk over a function of onnx ops gives each dim of each tensor a
// DimExpr, and each element of a small integer tensor too, so that shapes made
// by Shape, Gather, Concat, ... are seen through. Named dims of arguments
// (`rt.dims`) are the symbols it starts from.
//
// What it says holds in every run that reaches the value: extents that an op
// demands to be equal are equal behind it.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_ANALYSIS_SYMBOLICDIMS_H
#define MOE_DIALECT_ONNX_ANALYSIS_SYMBOLICDIMS_H

#include "mlir/IR/Value.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "moe/Dialect/ONNX/Analysis/DimExpr.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallVector.h"

namespace moe::onnx {

/// The extents of a tensor.
using DimExprs = llvm::SmallVector<DimExpr, 4>;

class SymbolicDims {
public:
  /// Elements of tensors up to this size are followed.
  static constexpr int64_t maxElements = 32;

  explicit SymbolicDims(mlir::FunctionOpInterface function);
  ~SymbolicDims();

  DimContext &getContext() { return context; }

  /// The extent of a dim, or null for a value that the walk did not see.
  DimExpr getDim(mlir::Value value, int64_t dim) const;
  llvm::ArrayRef<DimExpr> getDims(mlir::Value value) const;

  /// Whether two extents are equal in every run.
  bool areEqual(mlir::Value lhs, int64_t lhsDim, mlir::Value rhs,
                int64_t rhsDim) const;

  /// The elements of a small tensor in row-major order, or null where they are
  /// not followed.
  const DimExprs *getElements(mlir::Value value) const;

  /// One line per value that an op of the function defines.
  void print(llvm::raw_ostream &os) const;

private:
  friend class DimWalk;

  mlir::FunctionOpInterface function;
  DimContext context;
  llvm::DenseMap<mlir::Value, DimExprs> dims;
  llvm::DenseMap<mlir::Value, DimExprs> elements;
};

} // namespace moe::onnx

#endif // MOE_DIALECT_ONNX_ANALYSIS_SYMBOLICDIMS_H
