//===- VectorBody.h - A linalg op's scalar body on vectors ------*- C++ -*-===//
//
// What does not change along the vector loop stays scalar, and is computed once
// for all its vectors; the rest is computed on vectors, a full one or the first
// elements of one, by the same operations: an element's bits do not tell which.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_LINALGTOCPU_VECTORBODY_H
#define MOE_LIB_CONVERSION_LINALGTOCPU_VECTORBODY_H

#include "LoopNest.h"

#include "mlir/IR/IRMapping.h"

namespace moe::cpu {

/// Elements [at, at + lanes) of the vector loop.
struct Chunk {
  mlir::Value at;
  int64_t lanes;
  /// How many of them exist, and which; null: all.
  mlir::Value count, mask;
};

class VectorBody {
public:
  /// Fails where the body has an operation without a form on vectors.
  static llvm::FailureOr<VectorBody> analyze(mlir::linalg::LinalgOp op,
                                             const LoopNest &nest);

  /// Whether elements beyond the last one may be computed, and thrown away.
  bool isMaskable() const { return maskable; }
  /// How much work an element is, in additions.
  int64_t getCost() const { return cost; }

  /// Prepares the operands: stands ahead of the loops.
  void emitOperands(KernelBuilder &b);
  /// The place of each operand's first element.
  llvm::ArrayRef<mlir::Value> getOrigins() const { return origins; }
  /// The place of each operand at iteration `index` of a loop.
  llvm::SmallVector<mlir::Value> advance(KernelBuilder &b, unsigned loop,
                                         mlir::Value index,
                                         llvm::ArrayRef<mlir::Value> places);
  /// Computes what stays the same along the vector loop.
  void emitUniform(KernelBuilder &b, llvm::ArrayRef<mlir::Value> places);
  /// Computes a chunk: what the body yields. `carried` has vectors in the place
  /// of operands, or null.
  llvm::SmallVector<mlir::Value> emitChunk(KernelBuilder &b, const Chunk &chunk,
                                           llvm::ArrayRef<mlir::Value> places,
                                           llvm::ArrayRef<mlir::Value> carried);
  mlir::Value load(KernelBuilder &b, const Chunk &chunk, unsigned operand,
                   llvm::ArrayRef<mlir::Value> places);
  void store(KernelBuilder &b, const Chunk &chunk, mlir::Value value,
             unsigned operand, llvm::ArrayRef<mlir::Value> places);
  /// The memory of an operand in one dim.
  mlir::Value getFlat(unsigned operand) const { return flats[operand]; }
  mlir::Value loadScalar(KernelBuilder &b, unsigned operand,
                         llvm::ArrayRef<mlir::Value> places);
  void storeScalar(KernelBuilder &b, mlir::Value value, unsigned operand,
                   llvm::ArrayRef<mlir::Value> places);

private:
  VectorBody(mlir::linalg::LinalgOp op, const LoopNest &nest)
      : op(op), nest(nest) {}

  llvm::LogicalResult classify();
  llvm::LogicalResult classify(mlir::Operation &inner);
  bool isContiguous(unsigned operand) const;
  bool isVarying(mlir::Value value) const { return varying.contains(value); }
  /// A value of the body that grows by 1 along the vector loop: its value at
  /// the chunk's first element; null for others.
  mlir::Value emitFirstOf(KernelBuilder &b, mlir::Value value,
                          const Chunk &chunk);
  bool growsByOne(mlir::Value value) const;
  /// A choice between what stays and what grows: an index of a dim that only a
  /// run knows to be repeated.
  mlir::arith::SelectOp getSwitchedIndex(mlir::Value value) const;
  bool isContiguousLoad(mlir::memref::LoadOp load) const;

  mlir::Value getVector(KernelBuilder &b, mlir::Value value,
                        const Chunk &chunk);
  mlir::Value emitIndex(KernelBuilder &b, const Chunk &chunk);
  mlir::Value emitLoad(KernelBuilder &b, mlir::memref::LoadOp load,
                       const Chunk &chunk);
  mlir::Value emitContiguousLoad(KernelBuilder &b, mlir::memref::LoadOp load,
                                 mlir::Value last, const Chunk &chunk);
  mlir::Value emitSwitchedLoad(KernelBuilder &b, mlir::memref::LoadOp load,
                               mlir::arith::SelectOp last, const Chunk &chunk);
  mlir::Value emitLanes(KernelBuilder &b, const Chunk &chunk,
                        llvm::function_ref<mlir::Value(int64_t lane)> emit);

  mlir::linalg::LinalgOp op;
  const LoopNest &nest;
  llvm::SmallDenseSet<mlir::Value> varying;
  bool maskable = true;
  int64_t cost = 0;
  /// Per loop: where it is.
  llvm::SmallVector<mlir::Value> indices;
  llvm::SmallVector<mlir::Value> flats, origins;
  mlir::IRMapping scalars, vectors;
};

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_LINALGTOCPU_VECTORBODY_H
