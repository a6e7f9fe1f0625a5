//===- LoweringContext.h - Equal extents as equal values --------*- C++ -*-===//
//
// What the patterns of one conversion share: SymbolicDims of the onnx values,
// taken before the conversion, and one SSA value per extent. Equal extents are
// then equal values, so that broadcasting needs no run-time select.
//
// An extent that follows from the function's arguments is computed once, in the
// entry block. Any other one is the tensor.dim of the first lowered tensor that
// has it, as long as that dominates the use.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_ONNXTOLINALG_LOWERINGCONTEXT_H
#define MOE_LIB_CONVERSION_ONNXTOLINALG_LOWERINGCONTEXT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "moe/Dialect/ONNX/Analysis/SymbolicDims.h"

namespace moe::onnx {

class LoweringContext {
public:
  /// Analyses the functions of `module`, which holds onnx ops.
  explicit LoweringContext(mlir::ModuleOp module);

  /// `lowered` replaces the onnx value `original`.
  void recordLowered(mlir::Value lowered, mlir::Value original);

  /// The extent of dim `dim` of a lowered tensor: an attribute where the type
  /// is static, else an `index` value that dominates the insertion point.
  mlir::OpFoldResult extentOf(mlir::OpBuilder &builder, mlir::Value tensor,
                              int64_t dim);

  /// The extent that the analysis tells of an onnx value, which may not be
  /// lowered yet: an attribute, a value of the entry block, or null where the
  /// extent depends on data.
  mlir::OpFoldResult knownExtent(mlir::OpBuilder &builder, mlir::Value original,
                                 int64_t dim);

  /// `tensor` was built with these extents, which dominate its uses.
  void recordExtents(mlir::Value tensor,
                     llvm::ArrayRef<mlir::OpFoldResult> known);

  /// `copy` is `tensor` in another type.
  void copyExtents(mlir::Value tensor, mlir::Value copy);

private:
  struct Function {
    mlir::FunctionOpInterface op;
    std::unique_ptr<SymbolicDims> dims;
    /// Extents of the arguments, whose values the conversion may replace.
    llvm::SmallVector<DimExprs> arguments;
    /// Values in the entry block, and the last op that computes one. No
    /// pattern makes one and then fails: they would be gone.
    llvm::DenseMap<DimExpr, mlir::Value> exprs;
    llvm::DenseMap<unsigned, mlir::Value> symbols;
    mlir::Operation *lastAtEntry = nullptr;
  };

  /// What is known of the extents of a lowered or onnx value; may be empty.
  llvm::ArrayRef<DimExpr> dimsOf(mlir::Value value) const;
  /// The function whose analysis made `expr`.
  Function &functionOf(DimExpr expr);
  template <typename OpTy, typename... Args>
  mlir::Value append(mlir::OpBuilder &builder, Function &function,
                     Args &&...args);
  /// The value of an expression over arguments, in the entry block.
  mlir::Value atEntry(mlir::OpBuilder &builder, Function &function,
                      DimExpr expr);
  mlir::Value buildTerm(mlir::OpBuilder &builder, Function &function,
                        const DimTerm &term);
  mlir::Value buildSymbol(mlir::OpBuilder &builder, Function &function,
                          const DimSymbol &symbol);

  std::vector<Function> functions;
  /// Extents of lowered tensors as the analysis has them.
  llvm::DenseMap<mlir::Value, DimExprs> lowered;
  /// Extents of lowered tensors as values: the second choice.
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, mlir::Value> extents;
  /// Values of extents that depend on data.
  llvm::DenseMap<DimExpr, llvm::SmallVector<mlir::Value, 2>> dataExtents;
};

} // namespace moe::onnx

#endif // MOE_LIB_CONVERSION_ONNXTOLINALG_LOWERINGCONTEXT_H
