//===- Sums.cpp - What a reduction keeps in vectors -----------------------===//
#include "Sums.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

Operation *cpu::findCombiner(linalg::LinalgOp op, unsigned output) {
  Block &block = op->getRegion(0).front();
  Value argument = block.getArgument(op.getNumDpsInputs() + output);
  Operation *combiner =
      block.getTerminator()->getOperand(output).getDefiningOp();
  if (!combiner || combiner->getBlock() != &block || !argument.hasOneUse() ||
      *argument.user_begin() != combiner || !combiner->hasOneUse() ||
      !getIdentity(combiner, argument.getType()))
    return nullptr;
  return combiner;
}

TypedAttr cpu::getIdentity(Operation *combiner, Type element) {
  if (auto type = dyn_cast<FloatType>(element)) {
    const llvm::fltSemantics &semantics = type.getFloatSemantics();
    auto make = [&](const APFloat &value) {
      return FloatAttr::get(type, value);
    };
    if (isa<arith::AddFOp>(combiner)) // 0 would turn -0 into 0
      return make(APFloat::getZero(semantics, /*Negative=*/true));
    if (isa<arith::MulFOp>(combiner))
      return make(APFloat::getOne(semantics));
    if (isa<arith::MaximumFOp, arith::MaxNumFOp>(combiner))
      return make(APFloat::getInf(semantics, /*Negative=*/true));
    if (isa<arith::MinimumFOp, arith::MinNumFOp>(combiner))
      return make(APFloat::getInf(semantics));
    return nullptr;
  }
  auto type = dyn_cast<IntegerType>(element);
  if (!type)
    return nullptr;
  unsigned width = type.getWidth();
  auto make = [&](const APInt &value) { return IntegerAttr::get(type, value); };
  if (isa<arith::AddIOp, arith::OrIOp, arith::XOrIOp, arith::MaxUIOp>(combiner))
    return make(APInt::getZero(width));
  if (isa<arith::AndIOp, arith::MinUIOp>(combiner))
    return make(APInt::getAllOnes(width));
  if (isa<arith::MulIOp>(combiner))
    return make(APInt(width, 1));
  if (isa<arith::MaxSIOp>(combiner))
    return make(APInt::getSignedMinValue(width));
  if (isa<arith::MinSIOp>(combiner))
    return make(APInt::getSignedMaxValue(width));
  return nullptr;
}

Value cpu::emitCombine(KernelBuilder &b, Operation *combiner, Value lhs,
                       Value rhs) {
  OperationState state(b.getLoc(), combiner->getName());
  state.addOperands({lhs, rhs});
  state.addTypes(lhs.getType());
  state.propertiesAttr = combiner->getPropertiesAsAttribute();
  return b.create(state)->getResult(0);
}

Value cpu::emitTree(KernelBuilder &b, Operation *combiner,
                    ArrayRef<Value> vectors) {
  SmallVector<Value> level(vectors);
  while (level.size() > 1) {
    size_t half = level.size() / 2;
    for (size_t i = 0; i < half; ++i)
      level[i] = emitCombine(b, combiner, level[i], level[half + i]);
    level.truncate(half);
  }
  Value vector = level.front();
  int64_t lanes = cast<VectorType>(vector.getType()).getDimSize(0);
  for (int64_t half = lanes / 2; half >= 1; half /= 2) {
    auto take = [&](int64_t from) {
      return vector::ExtractStridedSliceOp::create(
          b, vector, ArrayRef<int64_t>{from}, ArrayRef<int64_t>{half},
          ArrayRef<int64_t>{1});
    };
    Value low = take(0), high = take(half);
    vector = emitCombine(b, combiner, low, high);
  }
  return vector::ExtractOp::create(b, vector, 0);
}
