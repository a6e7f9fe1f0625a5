//===- RowCopy.h - Rows as micro-kernels read them --------------*- C++ -*-===//
//
// A thread copies the rows that meet in its tiles:
//
//   [block of products][row][product]
//
// so that a tile reads lines that lie close together. Copies have the type that
// products are computed in: that of sums, or bf16 where a sum takes pairs.
// Pairs are whole: behind the last product of a row of odd length there is a 0.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_MOETOCPU_ROWCOPY_H
#define MOE_LIB_CONVERSION_MOETOCPU_ROWCOPY_H

#include "KernelBuilder.h"

namespace moe::cpu {

class RowCopy {
public:
  RowCopy(GroupedMatmulOp op, KernelBuilder &b);

  /// Memory for each thread; `release` frees it behind the threads.
  void allocate(mlir::Value numThreads);
  void release();

  /// From here on: inside of thread `thread`.
  void enter(mlir::Value thread);
  /// Copies rows [begin, begin + count) of the matmul.
  void emit(mlir::Value begin, mlir::Value count);

  mlir::Value getMemory() const { return memory; }
  /// Where the products of a row's block begin in it.
  mlir::Value placeOf(mlir::Value block, mlir::Value row);
  /// Elements between rows of a block.
  int64_t getStride() const { return stride; }

  /// Products of a row, and blocks of them; constants where they are static.
  mlir::Value getInner() const { return inner; }
  mlir::Value getNumBlocks() const { return numBlocks; }
  /// Products of block `block`.
  mlir::Value sizeOf(mlir::Value block);

private:
  void emitRow(mlir::Value source, mlir::Value row);
  void emitRest(mlir::Value source, mlir::Value from, mlir::Value to,
                mlir::Value count);
  /// Elements of the matmul's rows in the type of copies.
  mlir::Value convert(mlir::Value vector);

  GroupedMatmulOp op;
  CPUScheduleAttr schedule;
  KernelBuilder &b;
  int64_t lanes, stride;
  mlir::FloatType element;
  mlir::Value inner, numBlocks;
  mlir::Value memory, perThread, at;
};

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_MOETOCPU_ROWCOPY_H
