//===- StepCost.h - What a call of a kernel computes ------------*- C++ -*-===//
//
// FLOPs and bytes of a computation, as code that reads them off the shapes (and
// the offsets of experts) that a call is given. What neither tells is left out:
// a profile shows nothing rather than a guess.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_TRANSFORMS_STEPCOST_H
#define MOE_LIB_TRANSFORMS_STEPCOST_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/SymbolTable.h"
#include "moe/Dialect/RT/IR/RT.h"

namespace moe {

struct StepCost {
  rt::Computation computation = rt::Computation::Loop;
  /// Two per product of matrix products; null: not known.
  mlir::Value flops;
  /// Memory that is read or written, each operand once; null: not known.
  mlir::Value bytes;
};

/// The cost of a call of an outlined kernel, which `symbols` holds. The code is
/// put ahead of the call, which is where the builder must stand.
StepCost buildStepCost(mlir::OpBuilder &builder, mlir::func::CallOp call,
                       const mlir::SymbolTable &symbols);

/// The cost of moving a whole memref.
StepCost buildCopyCost(mlir::OpBuilder &builder, mlir::Location loc,
                       mlir::Value source);

} // namespace moe

#endif // MOE_LIB_TRANSFORMS_STEPCOST_H
