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
  /// A vector of floats in f32.
  mlir::Value widenVector(mlir::Value vector);

  mlir::Value ceilDiv(mlir::Value lhs, mlir::Value rhs);
  mlir::Value div(mlir::Value lhs, mlir::Value rhs);
  mlir::Value rem(mlir::Value lhs, mlir::Value rhs);
  mlir::Value min(mlir::Value lhs, mlir::Value rhs);
  mlir::Value max(mlir::Value lhs, mlir::Value rhs);
  mlir::Value select(mlir::Value condition, mlir::Value lhs, mlir::Value rhs);

  /// The elements of a contiguous memref in one dim.
  mlir::Value flatten(mlir::Value memref);
};

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_MOETOCPU_KERNELBUILDER_H
