//===- VectorMath.cpp - Functions of vectors ------------------------------===//
#include "VectorMath.h"

#include "VectorMathBuilder.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

static bool isNative(Operation &op) {
  return isa<math::AbsFOp, math::AbsIOp, math::CeilOp, math::CopySignOp,
             math::FloorOp, math::FmaOp, math::RoundEvenOp, math::SqrtOp,
             math::TruncOp>(op);
}

static bool isFunction(Operation &op) {
  return isa<math::CosOp, math::ErfOp, math::ExpOp, math::LogOp, math::SinOp,
             math::TanhOp>(op);
}

bool cpu::hasVectorForm(Operation &op) {
  Type type = op.getResult(0).getType();
  return (isNative(op) &&
          (type.isF32() || type.isF64() || type.isIntOrIndex())) ||
         (isFunction(op) && type.isF32());
}

int64_t cpu::getVectorCost(Operation &op) {
  if (isa<math::ExpOp>(op))
    return 16;
  if (isFunction(op))
    return 48;
  if (isa<arith::DivFOp, arith::RemFOp, arith::DivSIOp, arith::DivUIOp,
          arith::RemSIOp, arith::RemUIOp, math::SqrtOp>(op))
    return 8;
  return 1;
}

/// Beyond 2^30, sin and cos take more digits of pi: those elements are computed
/// one by one, by libm.
static Value emitSine(Operation *op, OpBuilder &builder) {
  VectorMathBuilder b(op, builder);
  Value x = op->getOperand(0);
  auto type = cast<VectorType>(x.getType());
  Value result = b.sine(x, isa<math::CosOp>(op));
  Value limit = arith::ConstantOp::create(
      b, DenseElementsAttr::get(type, b.getF32FloatAttr(0x1p30)));
  Value isLarge = arith::CmpFOp::create(b, arith::CmpFPredicate::OGE,
                                        math::AbsFOp::create(b, x), limit);
  Value anyLarge =
      vector::ReductionOp::create(b, vector::CombiningKind::OR, isLarge);
  auto branch = scf::IfOp::create(b, type, anyLarge, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < type.getDimSize(0); ++lane) {
    Value element = vector::ExtractOp::create(b, x, lane);
    elements.push_back(isa<math::CosOp>(op)
                           ? math::CosOp::create(b, element).getResult()
                           : math::SinOp::create(b, element).getResult());
  }
  Value precise = vector::FromElementsOp::create(b, type, elements);
  // The others keep the bits that they have beside any element.
  scf::YieldOp::create(
      b, arith::SelectOp::create(b, isLarge, precise, result).getResult());
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(b, result);
  return branch.getResult(0);
}

static Value emitFunction(Operation *op, OpBuilder &builder) {
  if (isa<math::SinOp, math::CosOp>(op))
    return emitSine(op, builder);
  VectorMathBuilder b(op, builder);
  Value x = op->getOperand(0);
  if (isa<math::ExpOp>(op))
    return b.exp(x);
  if (isa<math::LogOp>(op))
    return b.log(x);
  return isa<math::TanhOp>(op) ? b.tanh(x) : b.erf(x);
}

void cpu::expandVectorMath(Operation *root) {
  SmallVector<Operation *> ops;
  root->walk([&](Operation *op) {
    if (op->getNumResults() != 1 || !isFunction(*op))
      return;
    auto type = dyn_cast<VectorType>(op->getResult(0).getType());
    if (type && type.getElementType().isF32())
      ops.push_back(op);
  });
  IRRewriter rewriter(root->getContext());
  for (Operation *op : ops) {
    rewriter.setInsertionPoint(op);
    rewriter.replaceOp(op, emitFunction(op, rewriter));
  }
}
