//===- Products.h - Matrix products and what they become --------*- C++ -*-===//
#ifndef MOE_LIB_CONVERSION_LINALGTOMOE_PRODUCTS_H
#define MOE_LIB_CONVERSION_LINALGTOMOE_PRODUCTS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/RT/IR/Weights.h"

namespace moe {

/// A product rows[b..., m..., k] * matrices[b..., k, n] -> out[b..., m..., n].
struct Product {
  mlir::Value rows, matrices;
  /// Leading dims that matrices have too; 0: one matrix for all rows.
  unsigned batchRank;
  /// The weight that the one matrix is, or null.
  rt::WeightOp weight;
  /// Whether matrices are [b..., n, k].
  bool isTransposed;
};

/// Finds products in a module and writes grouped matmuls in their place.
class ProductConverter {
public:
  explicit ProductConverter(mlir::ModuleOp module) : table(module) {}

  /// The product that `op` is; or a failure, that says why it is none.
  llvm::FailureOr<Product> match(mlir::linalg::GenericOp op,
                                 mlir::IRRewriter &rewriter);
  void convert(mlir::linalg::GenericOp op, const Product &product,
               mlir::IRRewriter &rewriter);
  /// The projection of a gate, if it has one by weights in f32.
  void convert(GateOp op, mlir::IRRewriter &rewriter);

private:
  /// The matrices as operand `weights`, [E, k, n].
  mlir::Value makeWeights(mlir::ImplicitLocOpBuilder &b,
                          const Product &product);
  /// The weight as an expert's matrix, [1, k, n].
  rt::WeightOp makeMatrix(const Product &product);
  /// The weight that `value` is whole, or null: a stack has an expert dim
  /// already.
  rt::WeightOp lookup(mlir::Value value) const;

  rt::WeightTable table;
};

} // namespace moe

#endif // MOE_LIB_CONVERSION_LINALGTOMOE_PRODUCTS_H
