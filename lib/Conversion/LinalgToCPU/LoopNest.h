//===- LoopNest.h - How a linalg op walks memory ----------------*- C++ -*-===//
//
// The loops of a linalg op on memrefs, as few as strides allow: dims of one
// element are dropped, and neighbours that every operand passes in one stride
// become one loop. One of them, where most operands are contiguous, is done by
// vectors.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_LINALGTOCPU_LOOPNEST_H
#define MOE_LIB_CONVERSION_LINALGTOCPU_LOOPNEST_H

#include "../MoEToCPU/KernelBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace moe::cpu {

/// One loop, over one or more dims of the op.
struct NestLoop {
  mlir::utils::IteratorType kind;
  /// The op's dims, the outermost first.
  llvm::SmallVector<unsigned> dims;
  /// Or `ShapedType::kDynamic`.
  int64_t extent;

  bool isParallel() const {
    return kind == mlir::utils::IteratorType::parallel;
  }
};

/// An operand in memory, or a scalar.
struct NestOperand {
  mlir::Value value;
  bool isScalar;
  bool isOutput;
  /// Per dim of the op: the memref's dim that it indexes, or -1.
  llvm::SmallVector<int64_t> dimOf;
  /// Per dim of the memref: the constant that indexes it, where one does.
  llvm::SmallVector<int64_t> constants;

  mlir::MemRefType getType() const {
    return mlir::cast<mlir::MemRefType>(value.getType());
  }
};

class LoopNest {
public:
  /// Fails where an operand is not walked dim by dim, or no loop is worth
  /// vectors of `lanes` elements.
  static llvm::FailureOr<LoopNest> analyze(mlir::linalg::LinalgOp op,
                                           int64_t lanes);

  llvm::ArrayRef<NestLoop> getLoops() const { return loops; }
  llvm::ArrayRef<NestOperand> getOperands() const { return operands; }
  /// The position of the loop that vectors do.
  unsigned getVectorLoop() const { return vectorLoop; }
  /// In a copy that turns the innermost dim: the loop that the input is
  /// contiguous in; the output is in the vector loop.
  std::optional<unsigned> getTurnedLoop() const { return turnedLoop; }
  /// The loop that has `dim`, if its extent is not 1.
  std::optional<unsigned> findLoop(unsigned dim) const;

  /// Elements between two iterations: 0 where the operand stays, kDynamic where
  /// only a run tells.
  int64_t getStride(const NestOperand &operand, unsigned loop) const;
  bool isMoving(const NestOperand &operand, unsigned loop) const {
    return getStride(operand, loop) != 0;
  }
  bool hasReduction() const {
    return !llvm::all_of(loops,
                         [](const NestLoop &l) { return l.isParallel(); });
  }

  /// The extent of a loop.
  mlir::Value emitExtent(KernelBuilder &b, unsigned loop) const;
  /// The elements of an operand in one dim, and the place in it of the first.
  std::pair<mlir::Value, mlir::Value>
  emitFlat(KernelBuilder &b, const NestOperand &operand) const;
  /// The stride of an operand that moves.
  mlir::Value emitStride(KernelBuilder &b, const NestOperand &operand,
                         unsigned loop) const;

private:
  explicit LoopNest(mlir::linalg::LinalgOp op) : op(op) {}

  llvm::LogicalResult collectOperands();
  void collectLoops();
  bool isOneStride(unsigned outer, unsigned inner) const;
  llvm::LogicalResult chooseVectorLoop(int64_t lanes);
  /// For a copy: finds both loops.
  bool isTurningCopy();
  /// What vectors along a loop are worth; strided operands cost.
  int64_t score(unsigned loop) const;

  mlir::linalg::LinalgOp op;
  llvm::SmallVector<int64_t> extents; ///< of the op's dims
  llvm::SmallVector<NestLoop> loops;
  llvm::SmallVector<NestOperand> operands;
  unsigned vectorLoop = 0;
  std::optional<unsigned> turnedLoop;
};

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_LINALGTOCPU_LOOPNEST_H
