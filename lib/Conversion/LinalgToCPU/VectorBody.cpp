//===- VectorBody.cpp - A linalg op's scalar body on vectors --------------===//
#include "VectorBody.h"

#include "../MoEToCPU/VectorMath.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

FailureOr<VectorBody> VectorBody::analyze(linalg::LinalgOp op,
                                          const LoopNest &nest) {
  VectorBody body(op, nest);
  if (failed(body.classify()))
    return failure();
  return body;
}

//===----------------------------------------------------------------------===//
// Analysis
//===----------------------------------------------------------------------===//

LogicalResult VectorBody::classify() {
  Block &block = op->getRegion(0).front();
  unsigned loop = nest.getVectorLoop();
  for (auto [operand, argument] :
       llvm::zip_equal(nest.getOperands(), block.getArguments())) {
    // Sums are kept in vectors.
    bool isSum = operand.isOutput && nest.hasReduction();
    if (isSum || nest.isMoving(operand, loop))
      varying.insert(argument);
  }
  for (auto [i, operand] : llvm::enumerate(nest.getOperands()))
    if (operand.isOutput && nest.isMoving(operand, loop) && !isContiguous(i))
      maskable = false;
  for (Operation &inner : block.without_terminator())
    if (failed(classify(inner)))
      return failure();
  return success();
}

/// Divisions trap; an element that does not exist must not be divided.
static bool mayTrap(Operation &op) {
  return isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp,
             arith::CeilDivSIOp, arith::CeilDivUIOp, arith::FloorDivSIOp>(op);
}

LogicalResult VectorBody::classify(Operation &inner) {
  if (inner.getNumResults() != 1 || inner.getNumRegions() != 0)
    return failure();
  Value result = inner.getResult(0);
  if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
    if (nest.findLoop(index.getDim()) == nest.getVectorLoop())
      varying.insert(result);
    return success();
  }
  bool isLoad = isa<memref::LoadOp>(inner);
  if (!isLoad && !isMemoryEffectFree(&inner))
    return failure();
  if (!llvm::any_of(inner.getOperands(),
                    [&](Value value) { return isVarying(value); }))
    return success();
  varying.insert(result);
  if (auto load = dyn_cast<memref::LoadOp>(inner)) {
    if (llvm::is_contained(varying, load.getMemRef()))
      return failure();
    if (!isContiguousLoad(load))
      maskable = false;
    ++cost;
    return success();
  }
  if (!OpTrait::hasElementwiseMappableTraits(&inner) ||
      !VectorType::isValidElementType(result.getType()))
    return failure();
  if (isa<math::MathDialect>(inner.getDialect()) && !hasVectorForm(inner))
    return failure();
  if (mayTrap(inner))
    maskable = false;
  cost += getVectorCost(inner);
  return success();
}

bool VectorBody::isContiguous(unsigned operand) const {
  const NestOperand &info = nest.getOperands()[operand];
  return nest.getStride(info, nest.getVectorLoop()) == 1;
}

bool VectorBody::growsByOne(Value value) const {
  Operation *definition = value.getDefiningOp();
  if (!definition || !isVarying(value))
    return false;
  if (isa<linalg::IndexOp>(definition))
    return true;
  if (isa<arith::AddIOp>(definition) && !isVarying(definition->getOperand(0)))
    return growsByOne(definition->getOperand(1));
  if (isa<arith::AddIOp, arith::SubIOp>(definition) &&
      !isVarying(definition->getOperand(1)))
    return growsByOne(definition->getOperand(0));
  return false;
}

arith::SelectOp VectorBody::getSwitchedIndex(Value value) const {
  auto select = value.getDefiningOp<arith::SelectOp>();
  return select && isVarying(value) && !isVarying(select.getCondition()) &&
                 !isVarying(select.getTrueValue()) &&
                 growsByOne(select.getFalseValue())
             ? select
             : nullptr;
}

bool VectorBody::isContiguousLoad(memref::LoadOp load) const {
  if (load.getIndices().empty() || !load.getMemRefType().isLastDimUnitStride())
    return false;
  Value last = load.getIndices().back();
  return (growsByOne(last) || getSwitchedIndex(last)) &&
         llvm::none_of(load.getIndices().drop_back(),
                       [&](Value index) { return isVarying(index); });
}

//===----------------------------------------------------------------------===//
// Computation
//===----------------------------------------------------------------------===//

void VectorBody::emitUniform(KernelBuilder &b, ArrayRef<Value> places) {
  scalars = IRMapping();
  Block &block = op->getRegion(0).front();
  for (BlockArgument argument : block.getArguments())
    if (!isVarying(argument) && !argument.use_empty())
      scalars.map(argument, loadScalar(b, argument.getArgNumber(), places));
  for (Operation &inner : block.without_terminator()) {
    if (isVarying(inner.getResult(0)))
      continue;
    if (auto index = dyn_cast<linalg::IndexOp>(inner)) {
      std::optional<unsigned> loop = nest.findLoop(index.getDim());
      scalars.map(index.getResult(), loop ? indices[*loop] : b.index(0));
      continue;
    }
    b.clone(inner, scalars);
  }
}

Value VectorBody::getVector(KernelBuilder &b, Value value, const Chunk &chunk) {
  if (Value vector = vectors.lookupOrNull(value))
    return vector;
  Value splat = b.splat(scalars.lookupOrDefault(value), chunk.lanes);
  vectors.map(value, splat);
  return splat;
}

/// at, at + 1, ...
Value VectorBody::emitIndex(KernelBuilder &b, const Chunk &chunk) {
  auto type = VectorType::get({chunk.lanes}, b.getIndexType());
  Value lanes = vector::StepOp::create(b, type);
  return arith::AddIOp::create(b, b.splat(chunk.at, chunk.lanes), lanes);
}

Value VectorBody::emitFirstOf(KernelBuilder &b, Value value,
                              const Chunk &chunk) {
  if (!isVarying(value))
    return scalars.lookupOrDefault(value);
  Operation *definition = value.getDefiningOp();
  if (isa<linalg::IndexOp>(definition))
    return chunk.at;
  Value lhs = emitFirstOf(b, definition->getOperand(0), chunk);
  Value rhs = emitFirstOf(b, definition->getOperand(1), chunk);
  return isa<arith::AddIOp>(definition) ? b.add(lhs, rhs) : b.sub(lhs, rhs);
}

/// arith.mulf %a, %b : f32  ->  arith.mulf %va, %vb : vector<16xf32>
SmallVector<Value> VectorBody::emitChunk(KernelBuilder &b, const Chunk &chunk,
                                         ArrayRef<Value> places,
                                         ArrayRef<Value> carried) {
  vectors = IRMapping();
  Block &block = op->getRegion(0).front();
  for (auto [i, argument] : llvm::enumerate(block.getArguments())) {
    if (!isVarying(argument) || argument.use_empty())
      continue;
    vectors.map(argument, carried[i] ? carried[i] : load(b, chunk, i, places));
  }
  for (Operation &inner : block.without_terminator()) {
    Value result = inner.getResult(0);
    if (!isVarying(result))
      continue;
    if (isa<linalg::IndexOp>(inner)) {
      vectors.map(result, emitIndex(b, chunk));
      continue;
    }
    if (auto load = dyn_cast<memref::LoadOp>(inner)) {
      vectors.map(result, emitLoad(b, load, chunk));
      continue;
    }
    OperationState state(b.getLoc(), inner.getName());
    for (Value operand : inner.getOperands())
      state.addOperands(getVector(b, operand, chunk));
    state.addTypes(VectorType::get({chunk.lanes}, result.getType()));
    state.addAttributes(inner.getDiscardableAttrDictionary().getValue());
    state.propertiesAttr = inner.getPropertiesAsAttribute();
    vectors.map(result, b.create(state)->getResult(0));
  }
  return llvm::map_to_vector(
      block.getTerminator()->getOperands(),
      [&](Value value) { return getVector(b, value, chunk); });
}
