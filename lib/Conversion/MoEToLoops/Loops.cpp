//===- Loops.cpp - Building loops on memrefs ------------------------------===//
#include "Loops.h"

#include "mlir/IR/OpDefinition.h"

using namespace mlir;
using namespace moe;

/// What a kernel may take of the stack for one buffer.
static constexpr int64_t maxStackBytes = 32 * 1024;

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value LoopBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value LoopBuilder::i32(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}

Value LoopBuilder::number(Type type, double value) {
  return arith::ConstantOp::create(*this, getFloatAttr(type, value));
}

Value LoopBuilder::add(Value lhs, Value rhs) {
  if (isa<FloatType>(getElementTypeOrSelf(lhs)))
    return arith::AddFOp::create(*this, lhs, rhs);
  return createOrFold<arith::AddIOp>(lhs, rhs);
}

Value LoopBuilder::sub(Value lhs, Value rhs) {
  if (isa<FloatType>(getElementTypeOrSelf(lhs)))
    return arith::SubFOp::create(*this, lhs, rhs);
  return createOrFold<arith::SubIOp>(lhs, rhs);
}

Value LoopBuilder::mul(Value lhs, Value rhs) {
  if (isa<FloatType>(getElementTypeOrSelf(lhs)))
    return arith::MulFOp::create(*this, lhs, rhs);
  return createOrFold<arith::MulIOp>(lhs, rhs);
}

Value LoopBuilder::compare(arith::CmpIPredicate predicate, Value lhs,
                           Value rhs) {
  return createOrFold<arith::CmpIOp>(predicate, lhs, rhs);
}

Value LoopBuilder::compare(arith::CmpFPredicate predicate, Value lhs,
                           Value rhs) {
  return arith::CmpFOp::create(*this, predicate, lhs, rhs);
}

Value LoopBuilder::toIndex(Value value) {
  return createOrFold<arith::IndexCastOp>(getIndexType(), value);
}

Value LoopBuilder::toI32(Value value) {
  return createOrFold<arith::IndexCastOp>(getI32Type(), value);
}

/// Floats to floats of another width.
static Value castVector(ImplicitLocOpBuilder &b, Value value, Type to) {
  auto type = cast<VectorType>(value.getType());
  unsigned before = type.getElementTypeBitWidth();
  unsigned after = to.getIntOrFloatBitWidth();
  if (before < after)
    return arith::ExtFOp::create(b, type.clone(to), value);
  if (before > after)
    return arith::TruncFOp::create(b, type.clone(to), value);
  return value;
}

Value LoopBuilder::widen(Value value) {
  return narrow(value, onnx::accumulatorType(getElementTypeOrSelf(value)));
}

Value LoopBuilder::narrow(Value value, Type type) {
  if (isa<VectorType>(value.getType()))
    return castVector(*this, value, type);
  return onnx::castScalar(*this, value, value.getType(), type);
}

Value LoopBuilder::rounded(Value value, Type type) {
  return narrow(narrow(value, type), getElementTypeOrSelf(value));
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void LoopBuilder::forEach(Value lower, Value upper, Body body, int64_t step) {
  auto loop = scf::ForOp::create(*this, lower, upper, index(step));
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

Value LoopBuilder::fold(Value lower, Value upper, Value init, FoldBody body,
                        int64_t step) {
  auto loop = scf::ForOp::create(*this, lower, upper, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  Value next = body(loop.getInductionVar(), loop.getRegionIterArg(0));
  scf::YieldOp::create(*this, next);
  return loop.getResult(0);
}

void LoopBuilder::ifTrue(Value condition, Branch body) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value LoopBuilder::load(Value memref, ValueRange at) {
  return memref::LoadOp::create(*this, memref, at);
}

void LoopBuilder::store(Value value, Value memref, ValueRange at) {
  memref::StoreOp::create(*this, value, memref, at);
}

int64_t LoopBuilder::staticExtent(Value memref, int64_t dim) {
  return cast<MemRefType>(memref.getType()).getDimSize(dim);
}

Type LoopBuilder::elementOf(Value memref) {
  return cast<MemRefType>(memref.getType()).getElementType();
}

Value LoopBuilder::extent(Value memref, int64_t dim) {
  int64_t known = staticExtent(memref, dim);
  if (known != ShapedType::kDynamic)
    return index(known);
  return memref::DimOp::create(*this, memref, dim);
}

Value Workspace::buffer(int64_t count, Value size, Type type) {
  auto memref = MemRefType::get({count}, type);
  if (count == ShapedType::kDynamic ||
      count * type.getIntOrFloatBitWidth() > maxStackBytes * 8) {
    ValueRange sizes = count == ShapedType::kDynamic ? size : ValueRange();
    return allocations.emplace_back(memref::AllocOp::create(b, memref, sizes));
  }
  OpBuilder::InsertionGuard guard(b);
  Region *scope = b.getInsertionBlock()->getParent();
  while (!scope->getParentOp()->hasTrait<OpTrait::AutomaticAllocationScope>())
    scope = scope->getParentRegion();
  b.setInsertionPointToStart(&scope->front());
  return memref::AllocaOp::create(b, memref, ValueRange(), ValueRange(),
                                  alignment ? b.getI64IntegerAttr(alignment)
                                            : IntegerAttr());
}

Value Workspace::buffer(int64_t count, Type type) {
  return buffer(count, Value(), type);
}

void Workspace::release() {
  for (Value memory : allocations)
    memref::DeallocOp::create(b, memory);
}
