//===- MicroKernel.h - A tile of sums in registers --------------*- C++ -*-===//
//
// A micro-kernel adds the products of some rows with some vectors of columns to
// a tile of sums:
//
//   for k: for r: for v: sums[r][v] += rows[r][k] * panels[v][k]
//
// Each sum takes its products one by one in the order of k, by fused
// multiply-adds, or pair by pair, by dot products of bf16: neither the tile's
// size nor its place shows in a result. All matmuls of a module share the
// functions.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_MOETOCPU_MICROKERNEL_H
#define MOE_LIB_CONVERSION_MOETOCPU_MICROKERNEL_H

#include "KernelBuilder.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace moe::cpu {

/// What tells one micro-kernel from another.
struct MicroKernelShape {
  int64_t rows;
  int64_t vectors;
  int64_t lanes;
  /// Distance between copied rows, in elements.
  int64_t rowStride;
  /// Whether it asks for what is read next.
  bool prefetches;
  /// Whether its products are a sum's first: sums start at 0, unread.
  bool starts;
  /// Of the panels; sums are in f32 (f64 for f64).
  mlir::FloatType element;
  /// Products that a sum takes at once. Rows are in the type of sums where it
  /// takes one, in that of panels where it takes two.
  int64_t step;
};

/// Where one call finds its operands.
struct MicroKernelOperands {
  mlir::Value rows, rowsAt; ///< copied rows: flat, and place of the first
  /// Per vector: flat weights, the place of the panel's first products, and
  /// where to prefetch from.
  llvm::SmallVector<mlir::Value> panels, panelsAt, nextAt;
  /// Elements between two prefetches of a panel.
  mlir::Value nextStep;
  mlir::Value numSteps;
  mlir::Value sums, sumsAt; ///< [rows][vectors][lanes], flat
};

/// The micro-kernels of a module, made when first called.
class MicroKernels {
public:
  explicit MicroKernels(mlir::SymbolTable &symbols) : symbols(symbols) {}

  void call(KernelBuilder &b, const MicroKernelShape &shape,
            const MicroKernelOperands &operands);

private:
  mlir::func::FuncOp get(mlir::Location loc, const MicroKernelShape &shape);

  mlir::SymbolTable &symbols;
};

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_MOETOCPU_MICROKERNEL_H
