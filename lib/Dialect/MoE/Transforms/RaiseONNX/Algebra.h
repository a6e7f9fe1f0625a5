//===- Algebra.h - Computing on expressions ---------------------*- C++ -*-===//
//
// Makes expressions of expressions, in a normal form: selections by expert move
// outwards over what is computed of them, so that a layer ends as one Select,
// or a Sum of several, with the slots summed.
//
// Every function gives null where there is no expression for the result.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_ALGEBRA_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_ALGEBRA_H

#include "Expr.h"

namespace moe::raise {

class Algebra {
public:
  /// `numColumns` router columns; `isDistinct` if no token has one expert in
  /// two slots.
  Algebra(ExprContext &exprs, onnx::DimContext &dims, int64_t numColumns,
          int64_t numSlots, bool isDistinct)
      : exprs(exprs), dims(dims), numColumns(numColumns), numSlots(numSlots),
        isDistinct(isDistinct) {}

  ExprContext &getExprs() { return exprs; }
  int64_t getNumColumns() const { return numColumns; }
  int64_t getNumSlots() const { return numSlots; }
  llvm::BitVector getAllColumns() const {
    return llvm::BitVector(numColumns, true);
  }

  /// An elementwise op on operands that broadcast to `shape`.
  const Expr *elementwise(mlir::Operation *op,
                          llvm::ArrayRef<const Expr *> operands);
  const Expr *multiply(const Expr *lhs, const Expr *rhs);
  const Expr *add(const Expr *lhs, const Expr *rhs);
  /// The same where `rows` is what an accumulator begins with.
  const Expr *addToRows(const Expr *rows, const Expr *sum);
  /// Row times matrix, summed over the matrix's feature dim `contracted` (0 or
  /// 1).
  const Expr *multiplyByMatrix(const Expr *row, const Expr *matrix,
                               int64_t contracted);
  const Expr *slice(const Expr *row, int64_t start, int64_t step,
                    int64_t count);

  /// The id of (t, s) is in `columns`: `term`, else `otherwise`.
  const Expr *select(const llvm::BitVector &columns, bool isSummed,
                     const Expr *term, std::optional<double> otherwise = 0.0);
  /// The same with one column that is c; `isRepeated` if several slots of a
  /// token may have it.
  const Expr *selectColumn(bool isSummed, const Expr *term,
                           std::optional<double> otherwise,
                           bool isRepeated = false);

  /// The sum over slots, over an axis that has these columns.
  const Expr *sumSlots(const Expr *expr);
  const Expr *sumColumns(const Expr *expr, const llvm::BitVector &columns);

  /// The part of a constant that belongs to the expert; `rows` as many as there
  /// are columns, of the leading dim of `whole`.
  const Expr *getExpertWeight(const Expr *whole, Selector selector,
                              llvm::ArrayRef<int64_t> rows);

  /// The same node on other operands.
  const Expr *rebuild(const Expr *expr, llvm::ArrayRef<const Expr *> operands);

  /// The expression with c replaced: by the id of the slot, or by the columns
  /// that are in one place of an axis.
  const Expr *replaceColumn(const Expr *expr,
                            std::optional<llvm::BitVector> columns);

  /// One expression that equals `exprs[i]` where the id is in `columns[i]`.
  /// Null with `difference` set to two nodes that do not agree.
  const Expr *merge(llvm::ArrayRef<const Expr *> branches,
                    llvm::ArrayRef<llvm::BitVector> columns,
                    std::pair<const Expr *, const Expr *> &difference);

private:
  using Apply = llvm::function_ref<const Expr *(llvm::ArrayRef<const Expr *>)>;
  using Fold = llvm::function_ref<std::optional<double>(
      llvm::ArrayRef<std::optional<double>>)>;

  const Expr *distribute(llvm::ArrayRef<const Expr *> operands, Apply apply,
                         Fold fold, bool isLinear);
  const Expr *makeOp(mlir::Operation *op,
                     llvm::ArrayRef<const Expr *> operands);
  const Expr *makeSum(const Expr *lhs, const Expr *rhs);
  const Expr *selectByMask(mlir::Operation *op,
                           llvm::ArrayRef<const Expr *> operands);

  ExprContext &exprs;
  onnx::DimContext &dims;
  int64_t numColumns;
  int64_t numSlots;
  bool isDistinct;
};

/// What an elementwise op gives for these numbers, as far as it is known.
std::optional<double>
evaluateElementwise(mlir::Operation *op,
                    llvm::ArrayRef<std::optional<double>> operands);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_ALGEBRA_H
