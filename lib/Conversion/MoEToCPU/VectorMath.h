//===- VectorMath.h - Functions of vectors ----------------------*- C++ -*-===//
//
// There is no library for them. Polynomials, within 2 ulp of f32 everywhere,
// denormals, infinities and NaN included; an element's bits do not depend on
// its lane.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_CONVERSION_MOETOCPU_VECTORMATH_H
#define MOE_LIB_CONVERSION_MOETOCPU_VECTORMATH_H

#include "mlir/IR/Operation.h"

namespace moe::cpu {

/// Whether a scalar op of the math dialect can be computed on vectors.
bool hasVectorForm(mlir::Operation &op);

/// How much work a scalar op is on vectors, per element, in additions.
int64_t getVectorCost(mlir::Operation &op);

/// Expands the functions of vectors of f32 that CPUs have no instruction for.
void expandVectorMath(mlir::Operation *root);

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_MOETOCPU_VECTORMATH_H
