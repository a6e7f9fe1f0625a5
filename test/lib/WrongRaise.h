//===- WrongRaise.h - Ways in which a raised layer can be wrong -*- C++ -*-===//
//
// What TestWrongRaise.cpp makes of a raised layer, one mistake at a time.
// Tables of mistakes stand behind the functions that make them.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_TEST_LIB_WRONGRAISE_H
#define MOE_TEST_LIB_WRONGRAISE_H

#include "moe/Dialect/MoE/IR/MoE.h"

namespace moe::test {

/// What a mistake is made in: the raised layer. The builder stands before the
/// experts.
struct Layer {
  CandidateOp candidate;
  RouteOp route;
  ExpertsOp experts;
  mlir::OpBuilder builder;
  mlir::Location loc;
};

/// One way to be wrong. `apply` returns false where the layer has nothing to
/// get wrong in this way.
struct Mistake {
  llvm::StringLiteral name;
  bool (*apply)(Layer &);
};

/// Selection, weights, normalisation.
llvm::ArrayRef<Mistake> getRouteMistakes();

/// Bodies, their weights, and what is done with their rows.
llvm::ArrayRef<Mistake> getExpertMistakes();

/// A constant of int64.
mlir::Value makeConstant(Layer &layer, llvm::ArrayRef<int64_t> values);

/// `value` with `indices` along `axis`.
mlir::Value pick(Layer &layer, mlir::Value value,
                 llvm::ArrayRef<int64_t> indices, uint64_t axis);

} // namespace moe::test

#endif // MOE_TEST_LIB_WRONGRAISE_H
