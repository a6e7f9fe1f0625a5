//===- Gate.h - The steps of a gate's loops ---------------------*- C++ -*-===//
//
// One token at a time: scores of a row, the selection, and the weights of its
// slots. Rows are buffers of floats in the accumulator's type whose values are
// rounded to the scores' type after each step, as the onnx ops round them.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_MOETOLOOPS_GATE_H
#define MOE_LIB_CONVERSION_MOETOLOOPS_GATE_H

#include "Loops.h"

namespace moe {

/// A row of floats, or a part of one.
struct Row {
  mlir::Value memory;
  mlir::Value size;
};

/// A list of the best columns so far: values and i32 indices.
struct BestList {
  mlir::Value values, indices;
  int64_t size;
};

/// Arithmetic on rows, in the order of the reference lowering.
class RowMath {
public:
  RowMath(LoopBuilder &builder, mlir::Type scoreType)
      : b(builder), type(scoreType), wide(onnx::accumulatorType(scoreType)) {}

  mlir::Type getType() const { return type; }
  mlir::Type getWide() const { return wide; }

  mlir::Value round(mlir::Value value) { return b.rounded(value, type); }
  /// A constant as the graph has it, in the scores' type.
  mlir::Value constant(double value);

  /// row[j] = round(value(j))
  void fill(const Row &row, llvm::function_ref<mlir::Value(mlir::Value)> value);
  /// NaN if one is NaN.
  mlir::Value greatest(const Row &row);
  /// The first greatest, or the first NaN, as an index.
  mlir::Value argGreatest(const Row &row);
  /// out = softmax(row); `out` may be `row`.
  void softmax(const Row &row, const Row &out);
  void sigmoid(const Row &row, const Row &out);
  void score(Score kind, const Row &row, const Row &out);
  /// The list of the greatest of value(0), ..., value(count - 1), as onnx.TopK
  /// orders them: NaN first, of equals the first (or the last).
  void select(mlir::Value count,
              llvm::function_ref<mlir::Value(mlir::Value)> value,
              const BestList &list, Tie tie = Tie::LowestIndex);

private:
  mlir::Value standsAhead(mlir::Value lhs, mlir::Value rhs, Tie tie);

  LoopBuilder &b;
  mlir::Type type, wide;
};

} // namespace moe

#endif // MOE_LIB_CONVERSION_MOETOLOOPS_GATE_H
