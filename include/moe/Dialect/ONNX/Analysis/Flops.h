//===- Flops.h - How many products an op takes ------------------*- C++ -*-===//
//
// Matrix products, convolutions and contractions. All else is not counted: one
// multiplication and one addition per product are what models' costs are given
// in.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_ANALYSIS_FLOPS_H
#define MOE_DIALECT_ONNX_ANALYSIS_FLOPS_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Value.h"

#include <optional>

namespace moe::onnx {

/// A dim of a tensor.
struct Extent {
  mlir::Value value;
  int64_t dim;
};

/// The extents whose product is the number of products that `op` sums: those of
/// the result, and those it sums over. None for an op that sums no products.
std::optional<llvm::SmallVector<Extent>> getProductExtents(mlir::Operation *op);

/// The FLOPs (two per product) of the ops of a body for each row, where each
/// dynamic extent is the number of rows.
int64_t countFlopsPerRow(mlir::Block &body);

} // namespace moe::onnx

#endif // MOE_DIALECT_ONNX_ANALYSIS_FLOPS_H
