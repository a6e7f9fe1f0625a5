//===- KernelBuilder.h - Vectors and panels ---------------------*- C++ -*-===//
//
// What the kernels of a CPU are written with. Kernels see memory as flat
// memrefs and compute places in it: a panel, a copied row and a tile of sums
// start anywhere.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_MOETOCPU_KERNELBUILDER_H
#define MOE_LIB_CONVERSION_MOETOCPU_KERNELBUILDER_H

#include "../MoEToLoops/Loops.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

namespace moe::cpu {

class KernelBuilder : public LoopBuilder {
public:
  using LoopBuilder::LoopBuilder;

  /// Contiguous elements from `at` on.
  mlir::Value loadVector(mlir::Value memref, mlir::ValueRange at,
                         int64_t lanes);
  void storeVector(mlir::Value vector, mlir::Value memref, mlir::ValueRange at);
  /// The same for the first elements, as many as `mask` says; the others are 0.
  mlir::Value loadVector(mlir::Value memref, mlir::ValueRange at, int64_t lanes,
                         mlir::Value mask);
  void storeVector(mlir::Value vector, mlir::Value memref, mlir::ValueRange at,
                   mlir::Value mask);
  mlir::Value splat(mlir::Value scalar, int64_t lanes);
  /// `count` neighbouring elements, over and over: `lanes` times.
  mlir::Value splatGroup(mlir::Value memref, mlir::Value at, int64_t count,
                         int64_t lanes);
  /// A vector of floats in f32.
  mlir::Value widenVector(mlir::Value vector);
  /// A vector of f32 in bf16, to nearest even, by the CPU's instruction.
  mlir::Value roundToBF16(mlir::Value vector);

  mlir::Value ceilDiv(mlir::Value lhs, mlir::Value rhs);
  mlir::Value div(mlir::Value lhs, mlir::Value rhs);
  mlir::Value rem(mlir::Value lhs, mlir::Value rhs);
  mlir::Value min(mlir::Value lhs, mlir::Value rhs);
  mlir::Value max(mlir::Value lhs, mlir::Value rhs);
  mlir::Value select(mlir::Value condition, mlir::Value lhs, mlir::Value rhs);

  /// The elements of a contiguous memref in one dim.
  mlir::Value flatten(mlir::Value memref);

  using State = llvm::SmallVector<mlir::Value>;

  /// `fold` with several carried values.
  State foldAll(
      mlir::Value lower, mlir::Value upper, mlir::ValueRange init,
      llvm::function_ref<State(mlir::Value index, mlir::ValueRange state)> body,
      int64_t step = 1);

  /// Neighbouring elements of a row: `vectors` whole vectors from `at` on, or
  /// as much of one as `mask` says.
  struct Columns {
    mlir::Value at;
    int64_t vectors;
    mlir::Value mask;
  };
  /// Elements [0, count): `unroll` vectors at a time, then one by one, then the
  /// rest.
  State forEachVector(
      mlir::Value count, int64_t lanes, int64_t unroll, mlir::ValueRange init,
      llvm::function_ref<State(const Columns &, mlir::ValueRange)> body);

  /// The lanes of a vector, combined in pairs of halves, in each lane.
  mlir::Value combineLanes(
      mlir::Value vector,
      llvm::function_ref<mlir::Value(mlir::Value, mlir::Value)> combine);

  /// body(begin, end) for even shares of [0, count), on as many threads as have
  /// `workPerThread` each of `work` to do, or on this one.
  void
  parallel(mlir::Value count, mlir::Value work, int64_t workPerThread,
           llvm::function_ref<void(mlir::Value begin, mlir::Value end)> body);
};

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_MOETOCPU_KERNELBUILDER_H
