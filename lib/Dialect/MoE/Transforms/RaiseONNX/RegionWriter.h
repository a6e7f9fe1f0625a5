//===- RegionWriter.h - Rows of tokens in a region --------------*- C++ -*-===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_REGIONWRITER_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_REGIONWRITER_H

#include "Region.h"

namespace moe::raise {

/// One region of a candidate while it is written. Values of the graph
/// have leading dims `numTokenDims`; arguments and results have one.
struct RegionWriter {
  RegionWriter(mlir::OpBuilder &builder, mlir::Location loc, const Slice &slice,
               int64_t numTokenDims)
      : builder(builder), loc(loc), slice(slice), numTokenDims(numTokenDims) {}

  mlir::OpBuilder &builder;
  mlir::Location loc;
  const Slice &slice;
  int64_t numTokenDims;
  mlir::IRMapping mapping;
  mlir::Value rowsOfAll;
  /// Row of the graph -> argument.
  llvm::DenseMap<mlir::Value, mlir::Value> flat;

  void begin(mlir::Block &block);
  mlir::Value copy(mlir::Value value) {
    return value ? slice.copy(builder, mapping, rowsOfAll, value)
                 : mlir::Value();
  }
  /// [1, T, ...] -> [T, ...] and back.
  mlir::Value collapse(mlir::Value value);
  mlir::Value spread(mlir::Value value, mlir::Type type);
  /// A copy of a row value as [T, ...].
  mlir::Value copyFlat(mlir::Value value) {
    mlir::Value known = flat.lookup(value);
    return known ? known : collapse(copy(value));
  }
};

/// A constant vector.
mlir::Value makeInts(mlir::OpBuilder &builder, mlir::Location loc,
                     llvm::ArrayRef<int64_t> ints);
/// Nothing where the type is right.
mlir::Value reshape(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value value, mlir::RankedTensorType type,
                    llvm::ArrayRef<int64_t> shape);
/// [tokens..., F] -> [T, F]
mlir::RankedTensorType collapseType(mlir::Type type, int64_t numTokenDims);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_REGIONWRITER_H
