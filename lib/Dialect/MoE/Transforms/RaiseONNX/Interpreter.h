//===- Interpreter.h - What values of a graph are in terms of a router ----===//
//
// Given one selection of experts, the interpreter tells each value that it is
// asked for as a Term: an expression over tokens, slots and columns, and its
// layout. Def-use decides, never names or order of ops.
//
// Results are kept. Nothing is changed.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_INTERPRETER_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_INTERPRETER_H

#include "Algebra.h"
#include "Layout.h"
#include "Tensors.h"
#include "moe/Dialect/ONNX/Analysis/SymbolicDims.h"
#include "moe/Dialect/ONNX/IR/Axes.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

namespace moe::raise {

/// Ids of experts, [tokens..., k], in [0, numColumns), and where they are from.
struct Selection {
  mlir::Value ids;
  /// What TopK or ArgMax looked at; of several ArgMax the first.
  mlir::Value data;
  int64_t numColumns = 0;
  int64_t numSlots = 0;
  /// Whether the greatest data are selected, and not the least.
  bool isGreatest = true;
  /// Whether a token never has one expert twice.
  bool isDistinct = true;
};

/// The number that fills `value`, however it got its shape.
std::optional<double> getSplat(mlir::Value value);

class Interpreter {
public:
  Interpreter(const onnx::SymbolicDims &symbolicDims, onnx::DimContext &context,
              Selection selection);

  const Selection &getSelection() const { return selection; }
  Algebra &getAlgebra() { return algebra; }
  onnx::DimContext &getDimContext() { return context; }

  const Term &get(mlir::Value value);
  /// What `get` has said, or null.
  const Term *lookup(mlir::Value value) const;

  /// Whether the dims are those of one row per token: tokens, then features.
  bool isRowMajor(const Term &term) const;
  /// A value [tokens..., features...] that holds this expression, or null.
  mlir::Value getRows(const Expr *expr) const { return rowsOf.lookup(expr); }
  /// Whether it is computed from constants alone.
  bool isConstant(mlir::Value value);
  /// Extents of tokens, one per dim of the ids but the last.
  llvm::ArrayRef<const Atom *> getTokens() const { return tokens; }

private:
  Term evaluate(mlir::Value value);
  Term evaluateOp(mlir::Value value);
  Term evaluateLeaf(mlir::Value value);
  llvm::SmallVector<mlir::Value> getNeeded(mlir::Operation *op) const;

  // Leaves.cpp.
  /// One dim per dim of tokens.
  Dims makeTokenDims() const;
  /// Dims of values [tokens..., k].
  Dims makeSlotDims() const;
  bool startsWithTokens(mlir::Value value) const;
  Term makeRow(mlir::Value value);
  Term makeSlot(mlir::Value value);
  Term selectWeighed(mlir::Value value, Term weight);
  Term makeConstant(mlir::Value value);
  Term makeScalar(mlir::Value value);
  Term makeRange(onnx::RangeOp op);

  // LayoutRules.cpp: the expression stays.
  Term reshape(mlir::Value result, const Term &data);
  Term evaluateLayout(mlir::Operation *op, mlir::Value result);
  Term expand(onnx::ExpandOp op);
  Term tile(onnx::TileOp op);
  Term concat(onnx::ConcatOp op);
  Term split(onnx::SplitOp op, unsigned result);
  Term slice(onnx::SliceOp op);
  /// The run of pairs of one expert, of a dim of all pairs by expert.
  const Atom *getSortedPart(int64_t expert, onnx::DimExpr extent);
  Term sliceSorted(onnx::SliceOp op, const Term &data, int64_t axis);
  Term sliceFeature(mlir::Operation *op, const Term &data, int64_t axis,
                    int64_t start, int64_t step, int64_t count);
  Term sliceColumns(const Term &data, int64_t axis, int64_t start, int64_t step,
                    int64_t count);

  // ComputeRules.cpp, EinsumRules.cpp, ReduceRules.cpp.
  Term elementwise(mlir::Operation *op);
  Term matMul(Term lhs, Term rhs);
  Term gemm(onnx::GemmOp op);
  Term einsum(onnx::EinsumOp op);
  /// Dims of an operand that both operands and the result have, that it has
  /// alone, and that are summed.
  struct ProductOperand;
  /// Products as [batch..., own of lhs..., own of rhs...].
  Term multiplyElements(const ProductOperand &lhs, const ProductOperand &rhs);
  Term sumProducts(const ProductOperand &lhs, const ProductOperand &rhs);
  Term reduce(mlir::Operation *op);
  Term reduceFeatures(mlir::Operation *op);
  /// The dims that operands broadcast to. Constants that lie along columns
  /// become the parts of the column's expert.
  std::optional<Dims> broadcast(llvm::MutableArrayRef<Term> terms);
  void selectByColumn(Term &term, size_t dim, const Atom *columns);
  /// The axis of columns for a dim of `extent`, the latest if there are more.
  const Atom *findColumns(onnx::DimExpr extent) const;

  // IntegerRules.cpp: ids, and places of tokens and slots.
  const Expr *combineIntegers(mlir::Operation *op,
                              llvm::ArrayRef<const Expr *> operands);
  const Expr *combineIds(mlir::Operation *op,
                         llvm::ArrayRef<const Expr *> operands);
  const Expr *combinePlaces(mlir::Operation *op,
                            llvm::ArrayRef<const Expr *> operands);
  const Expr *dividePlace(const Expr *place, onnx::DimExpr divisor);
  const Expr *compareIds(mlir::Operation *op,
                         llvm::ArrayRef<const Expr *> operands);

  // GatherRules.cpp, MaskRules.cpp, ScatterRules.cpp.
  Term gather(onnx::GatherOp op);
  Term gatherND(onnx::GatherNDOp op);
  Term gatherAt(const Term &data, int64_t axis, const Expr *index,
                const Dims &indexDims);
  Term oneHot(onnx::OneHotOp op);
  Term nonZero(onnx::NonZeroOp op);
  Term cumSum(onnx::CumSumOp op);
  const Expr *countColumns();
  Term scatterElements(onnx::ScatterElementsOp op);
  Term scatterND(onnx::ScatterNDOp op);
  Term scatterRows(const Term &data, const Term &updates, const Dim &pairs,
                   const Expr *place, bool isAdd);
  Term sort(onnx::TopKOp op, unsigned result);

  // Places.cpp.
  llvm::ArrayRef<onnx::DimExpr> extentsOf(mlir::Value value) const {
    return symbolicDims.getDims(value);
  }
  std::optional<int64_t> getInt(mlir::Value value) const;
  std::optional<llvm::SmallVector<int64_t>> getInts(mlir::Value value) const;
  /// t * first + s * second for the row-major place in these axes; null where
  /// they are not tokens and slots.
  const Expr *getPlace(llvm::ArrayRef<Axis> axes);
  /// Whether all pairs (t, s) are in the axes once.
  bool coversAllPairs(llvm::ArrayRef<Axis> axes) const;
  /// Whether each coordinate is given by one axis at most.
  bool isConsistent(const Term &term) const;
  bool isIdentityColumn(const Expr *expr) const;
  const Expr *columnIds();
  /// The axis in which the router's columns have these positions.
  const Atom *getColumns(llvm::ArrayRef<int64_t> positions, int64_t extent);
  /// A whole constant of several features, read in the order of its dims.
  Term getStack(mlir::Value value);
  onnx::DimExpr constant(int64_t value) { return context.getConstant(value); }

  const onnx::SymbolicDims &symbolicDims;
  onnx::DimContext &context;
  Selection selection;
  llvm::SmallVector<int64_t> identity;
  ExprContext exprs;
  Algebra algebra;
  Layout layout;
  llvm::SmallVector<const Atom *> tokens;
  const Atom *slot;
  const Atom *column;
  /// Axes of columns, `column` first.
  llvm::SmallVector<const Atom *> columnAxes;
  const Atom *sorted = nullptr;
  llvm::DenseMap<const Expr *, const Atom *> pairLists;
  llvm::DenseMap<int64_t, const Atom *> sortedParts;
  llvm::DenseSet<mlir::Value> upstream;
  llvm::DenseMap<mlir::Value, bool> constants;
  llvm::DenseMap<mlir::Value, std::unique_ptr<Term>> memo;
  llvm::DenseMap<const Expr *, mlir::Value> rowsOf;
};

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_INTERPRETER_H
