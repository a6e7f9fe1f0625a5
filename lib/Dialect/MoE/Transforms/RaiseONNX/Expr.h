//===- Expr.h - What an element of a tensor is ------------------*- C++ -*-===//
//
// An expression says what a value of the graph holds at a token t, a slot s and
// a router column c, whatever its layout. It is a vector (rows of activations),
// a matrix (weights) or a scalar; `shape` has its extents, the features.
//
// Expressions are immutable and unique within their context: two that are equal
// are one pointer. Expert ids are seen as columns of the router, [0, N).
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_EXPR_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_EXPR_H

#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "moe/Dialect/ONNX/Analysis/DimExpr.h"
#include "llvm/ADT/BitVector.h"
#include "llvm/ADT/FoldingSet.h"

#include <memory>
#include <vector>

namespace moe::raise {

enum class ExprKind {
  // Values.
  Number, ///< the same constant everywhere
  Row,    ///< row t of `value`
  Slot,   ///< element (t, s) of `value`
  Weight, ///< a constant, or the part of one that belongs to an expert
  // Integers.
  Extent,   ///< `first`, known from shapes
  Affine,   ///< t * `first` + s * `second`
  Quotient, ///< operand 0, an Affine, divided by `first` as floats
  Column,   ///< `ints`[the expert of (t, s)]
  ColumnId, ///< c
  Position, ///< where (t, s) stands in the list of pairs sorted by expert
  Count, ///< how many pairs have an expert in `columns`; by Column: c, or, if
         ///< `ints` = {n}, a column below c + n
  Tuple, ///< the operands, along a feature
  // Computation.
  Op,     ///< `proto` on the operands
  Mul,    ///< operand 0 * operand 1
  Add,    ///< operand 0 + operand 1
  MatMul, ///< row operand 0 times matrix operand 1, summed over its `ints`[0]
  Slice,  ///< features `ints` = {start, step, count} of operand 0
  // Selection by expert.
  Select, ///< operand 0 where the expert matches, else `number`; see Expr
  Sum,    ///< sum of operands: Select with default 0, then maybe one row
};

/// How the expert of a Weight, Count or Select is chosen.
enum class Selector {
  None,   ///< it does not depend on one
  Index,  ///< by the id of slot s of token t
  Column, ///< by c
};

/// A constant as a whole (`row` is -1), or row `row` of its leading dim. Null
/// for columns that have none.
struct WeightRow {
  mlir::Value value;
  int64_t row = -1;
  bool operator==(const WeightRow &other) const {
    return value == other.value && row == other.row;
  }
};

/// One node. Which fields mean something depends on `kind`.
///
/// Select: with Selector::Index the id of (t, s) is in `columns`, with
/// Selector::Column it is c. If `isSummed` it is a value per token: the sum of
/// operand 0 over the slots that match, `number` if there is none.
struct Expr : llvm::FoldingSetNode {
  ExprKind kind;
  /// Element type of values; null for integers that index.
  mlir::Type type;
  llvm::SmallVector<int64_t, 2> shape;
  llvm::SmallVector<const Expr *, 2> operands;

  mlir::Value value;
  mlir::Operation *proto = nullptr;
  double number = 0;
  /// Whether `number` is known.
  bool hasNumber = true;
  Selector selector = Selector::None;
  /// Weight: one element by None, N else.
  llvm::SmallVector<WeightRow, 1> rows;
  llvm::SmallVector<int64_t, 0> ints;
  llvm::BitVector columns;
  bool isSummed = false;
  /// Select by Selector::Column: whether several slots may match.
  bool isRepeated = false;
  onnx::DimExpr first, second;

  unsigned depth = 0;

  explicit Expr(ExprKind kind) : kind(kind) {}
  void Profile(llvm::FoldingSetNodeID &id) const;

  bool isNumber(double wanted) const {
    return kind == ExprKind::Number && number == wanted;
  }
  bool isScalar() const { return shape.empty(); }
};

/// Owns expressions.
class ExprContext {
public:
  /// Deeper expressions are not made: null.
  static constexpr unsigned maxDepth = 256;

  const Expr *get(Expr expr);

  const Expr *getNumber(mlir::Type type, double number);
  const Expr *getExtent(onnx::DimExpr extent);
  const Expr *getAffine(onnx::DimExpr token, onnx::DimExpr slot);
  const Expr *getColumn(llvm::ArrayRef<int64_t> table);
  const Expr *getTuple(llvm::ArrayRef<const Expr *> components);

private:
  llvm::FoldingSet<Expr> set;
  std::vector<std::unique_ptr<Expr>> nodes;
};

/// Visits each node once, users before operands; `visit` says whether to go on
/// to the operands.
void walk(const Expr *root, llvm::function_ref<bool(const Expr *)> visit);

/// The operation that a node shows in messages, or null.
mlir::Operation *getOperation(const Expr *expr);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_EXPR_H
