//===- NestBuilder.h - Loops of vectors of one linalg op --------*- C++ -*-===//
#ifndef MOE_LIB_CONVERSION_LINALGTOCPU_NESTBUILDER_H
#define MOE_LIB_CONVERSION_LINALGTOCPU_NESTBUILDER_H

#include "VectorBody.h"

namespace moe::cpu {

/// Writes the loops of one op ahead of it.
class NestBuilder {
public:
  NestBuilder(mlir::linalg::LinalgOp op, const LoopNest &nest, VectorBody &body,
              int64_t lanes)
      : op(op), nest(nest), body(body), lanes(lanes), b(op.getLoc(), op) {}

  /// Fails, having written nothing, where sums are not of a known kind.
  llvm::LogicalResult build();

private:
  using Places = llvm::ArrayRef<mlir::Value>;
  using Sums = llvm::SmallVector<mlir::Value>;
  using ChunkFn = llvm::function_ref<Sums(const Chunk &chunk,
                                          llvm::ArrayRef<mlir::Value> sums)>;

  llvm::LogicalResult findSums();
  std::optional<unsigned> findSharedLoop() const;
  mlir::Value countThreads(mlir::Value shares);
  void emitThreads(unsigned shared);
  void emitParallel(unsigned loop, Places places);
  void emitMap(Places places);
  void emitTurn(Places places);
  void emitTile(mlir::Value from, mlir::Value to, mlir::Value fromStride,
                mlir::Value toStride);
  void emitVerticalSums(Places places);
  void emitHorizontalSums(Places places);
  Sums emitReduction(
      unsigned loop, Places places, llvm::ArrayRef<mlir::Value> sums,
      llvm::function_ref<Sums(Places, llvm::ArrayRef<mlir::Value>)> inner);
  Sums emitFor(
      mlir::Value lower, mlir::Value upper, int64_t step,
      llvm::ArrayRef<mlir::Value> state,
      llvm::function_ref<Sums(mlir::Value, llvm::ArrayRef<mlir::Value>)> emit);
  Sums emitChunks(int64_t unroll, llvm::ArrayRef<mlir::Value> state,
                  ChunkFn emit);

  /// Stores what a chunk yields, but for sums; returns those.
  Sums storeYielded(const Chunk &chunk, Places places,
                    llvm::ArrayRef<mlir::Value> yielded);
  /// What stands for the operands in a chunk: the sums.
  llvm::SmallVector<mlir::Value> carry(llvm::ArrayRef<mlir::Value> sums);
  bool isVectorLoopParallel() const {
    return nest.getLoops()[nest.getVectorLoop()].isParallel();
  }

  mlir::linalg::LinalgOp op;
  const LoopNest &nest;
  VectorBody &body;
  int64_t lanes;
  KernelBuilder b;
  /// Outputs that stay along reductions, and what adds to them.
  llvm::SmallVector<unsigned> sumOperands;
  llvm::SmallVector<mlir::Operation *> combiners;
  /// Per loop: its extent, and the thread's share of it.
  llvm::SmallVector<mlir::Value> extents, begins, ends;
};

/// Writes the loops of `op`, of vectors of `lanes` elements, ahead of it.
/// Fails, having written nothing, where they would not pay, or are not known.
llvm::LogicalResult buildNest(mlir::linalg::LinalgOp op, int64_t lanes);

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_LINALGTOCPU_NESTBUILDER_H
