//===- Sums.h - What a reduction keeps in vectors ---------------*- C++ -*-===//
#ifndef MOE_LIB_CONVERSION_LINALGTOCPU_SUMS_H
#define MOE_LIB_CONVERSION_LINALGTOCPU_SUMS_H

#include "../MoEToCPU/KernelBuilder.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace moe::cpu {

/// The operation that takes one more element into output `output`, where the
/// body yields `combine(out, f(in))` for a combine whose order is free (sums of
/// floats: fixed by the code, whatever the data), else null.
mlir::Operation *findCombiner(mlir::linalg::LinalgOp op, unsigned output);

/// What changes nothing when it is combined with.
mlir::TypedAttr getIdentity(mlir::Operation *combiner, mlir::Type element);

/// Combines two values, scalars or vectors.
mlir::Value emitCombine(KernelBuilder &b, mlir::Operation *combiner,
                        mlir::Value lhs, mlir::Value rhs);

/// Combines the elements of vectors, all of one type: always in pairs of
/// halves.
mlir::Value emitTree(KernelBuilder &b, mlir::Operation *combiner,
                     llvm::ArrayRef<mlir::Value> vectors);

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_LINALGTOCPU_SUMS_H
