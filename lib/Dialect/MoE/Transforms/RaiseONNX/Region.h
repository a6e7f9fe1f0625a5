//===- Region.h - Copying parts of a graph into a region --------*- C++ -*-===//
//
// A region of a candidate sees row operands and weights only. What else its ops
// read is copied with them: constants, and integers that follow from the number
// of tokens.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_REGION_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_REGION_H

#include "Match.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace moe::raise {

/// The ops between some results and what a candidate takes from outside.
class Slice {
public:
  /// `rows` are where ops end; more of them may be added. `tokens` are the
  /// leading extents that all of them share: in the region the last one is the
  /// number of tokens and the others are 1.
  Slice(const onnx::SymbolicDims &dims, llvm::ArrayRef<onnx::DimExpr> tokens,
        llvm::ArrayRef<mlir::Value> rows);

  /// Takes what `root` is computed from. False, with `refusal` set, if that
  /// reads what cannot be an operand.
  bool add(mlir::Value root, Refusal &refusal);

  llvm::ArrayRef<mlir::Value> getRows() const { return rows; }
  llvm::ArrayRef<mlir::Value> getWeights() const {
    return weights.getArrayRef();
  }

  /// A copy of `root` at the builder's place. `mapping` knows the operands, and
  /// learns what is copied; the leading dim of `rowsOfAll` is the tokens.
  mlir::Value copy(mlir::OpBuilder &builder, mlir::IRMapping &mapping,
                   mlir::Value rowsOfAll, mlir::Value root) const;

private:
  /// extent = first * number of tokens + second, in the region.
  std::optional<std::pair<int64_t, int64_t>>
  splitExtent(onnx::DimExpr extent) const;
  /// Whether the elements are constants and multiples of the number of tokens.
  bool isShape(mlir::Value value) const;
  bool isRow(mlir::Value value) const;
  mlir::Value copyShape(mlir::OpBuilder &builder, mlir::Value rowsOfAll,
                        mlir::Value value) const;

  const onnx::SymbolicDims &dims;
  llvm::SmallVector<onnx::DimExpr, 2> tokens;
  llvm::SmallVector<mlir::Value> rows;
  llvm::SetVector<mlir::Value> weights;
  llvm::DenseSet<mlir::Value> upstream;
};

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_REGION_H
