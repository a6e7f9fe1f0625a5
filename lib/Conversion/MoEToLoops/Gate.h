//===- Gate.h - The steps of a gate's loops ---------------------*- C++ -*-===//
//
// One token at a time: scores of a row, the selection, and the weights of its
// slots. Rows are buffers of floats in the accumulator's type whose values are
// rounded to the scores' type after each step, as the onnx ops round them.
//
// RowMath computes rows element by element; a kernel of a CPU derives from it
// to compute vectors.
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
  int64_t known;     ///< the size where it is static
  mlir::Value begin; ///< place of the first element; null: 0
};

/// Elements of a row that are computed together: one, or those of a vector.
struct RowChunk {
  mlir::Value at;    ///< the first
  mlir::Value mask;  ///< which ones the row has; null: all
  int64_t lanes = 1; ///< as values are vectors
};

/// A list of the best columns so far: values and i32 indices.
struct BestList {
  mlir::Value values, indices;
  int64_t size;
};

/// Arithmetic on rows, in the order of the reference lowering.
class RowMath {
public:
  using ChunkFn = llvm::function_ref<mlir::Value(const RowChunk &)>;

  RowMath(LoopBuilder &builder, mlir::Type scoreType)
      : b(builder), type(scoreType), wide(onnx::accumulatorType(scoreType)) {}
  virtual ~RowMath() = default;

  mlir::Type getType() const { return type; }
  mlir::Type getWide() const { return wide; }
  /// What memory for a row has beyond its elements.
  virtual int64_t getPadding() const { return 0; }
  /// Of that memory, in bytes; 0: that of an element.
  virtual int64_t getAlignment() const { return 0; }

  /// Tokens whose scores are computed before slots are made of them: what waits
  /// for each other within a token goes on beside the next one.
  virtual int64_t getTokensPerBlock(int64_t /*columns*/) const { return 1; }

  mlir::Value round(mlir::Value value) { return b.rounded(value, type); }
  /// A constant as the graph has it, in the scores' type.
  mlir::Value constant(double value);

  mlir::Value placeOf(const Row &row, mlir::Value j);
  /// Elements of a row, or of an operand [..., columns], widened.
  virtual mlir::Value load(const Row &row, const RowChunk &chunk);
  virtual mlir::Value load(mlir::Value memref, mlir::ValueRange outer,
                           const RowChunk &chunk);

  /// row[j] = round(value(j)), chunk by chunk
  void fill(const Row &row, ChunkFn value);
  /// The same for values that come one by one.
  void fillEach(const Row &row,
                llvm::function_ref<mlir::Value(mlir::Value)> value);
  /// NaN if one is NaN.
  mlir::Value greatest(const Row &row);
  /// The first greatest, or the first NaN, as an index.
  mlir::Value argGreatest(const Row &row);
  /// out = softmax(row); `out` may be `row`.
  void softmax(const Row &row, const Row &out);
  void sigmoid(const Row &row, const Row &out);
  void score(Score kind, const Row &row, const Row &out);
  /// The list of the greatest elements, as onnx.TopK orders them: NaN first, of
  /// equals the first (or the last).
  virtual void select(const Row &row, const BestList &list,
                      Tie tie = Tie::LowestIndex);

protected:
  enum class Reduction {
    Sum,
    Greatest,      ///< NaN if one is NaN
    GreatestNumber ///< -inf if all are NaN
  };

  virtual void forEachChunk(const Row &row,
                            llvm::function_ref<void(const RowChunk &)> body);
  /// Of value(chunk) for all chunks, as a scalar.
  virtual mlir::Value reduce(const Row &row, Reduction kind, ChunkFn value);
  /// The same for each element of a chunk.
  virtual mlir::Value reduceToAll(const Row &row, Reduction kind,
                                  ChunkFn value);
  virtual void store(mlir::Value value, const Row &row, const RowChunk &chunk);

  mlir::Value getIdentity(Reduction kind);
  mlir::Value combine(Reduction kind, mlir::Value lhs, mlir::Value rhs);

private:
  mlir::Value standsAhead(mlir::Value lhs, mlir::Value rhs, Tie tie);

  LoopBuilder &b;
  mlir::Type type, wide;
};

/// Calls `emit`, on parts of [0, tokens) that together are all.
using ShareTokens = llvm::function_ref<void(
    mlir::Value tokens,
    llvm::function_ref<void(mlir::Value begin, mlir::Value end)> emit)>;

/// Writes the loops of `op` where the builder stands. `symbols` takes its
/// table.
void emitGate(GateOp op, LoopBuilder &b, mlir::SymbolTable &symbols,
              RowMath &rows, ShareTokens share);

} // namespace moe

#endif // MOE_LIB_CONVERSION_MOETOLOOPS_GATE_H
