//===- VectorMemory.cpp - What a body on vectors loads and stores ---------===//
#include "VectorBody.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// An i1 is a byte in memory, and a bit in a vector: its memory is read and
/// written as bytes. The LLVM dialect has one type for both.
static Value viewAsBytes(KernelBuilder &b, Value flat) {
  auto type = cast<MemRefType>(flat.getType());
  if (!type.getElementType().isInteger(1))
    return flat;
  auto bytes = MemRefType::get(type.getShape(), b.getI8Type(), type.getLayout(),
                               type.getMemorySpace());
  return UnrealizedConversionCastOp::create(b, bytes, flat).getResult(0);
}

/// Scalars or vectors of bytes -> i1, if memory has those.
static Value fromMemory(KernelBuilder &b, Value value, Type element) {
  if (!element.isInteger(1))
    return value;
  Type type = b.getI1Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(type);
  return arith::TruncIOp::create(b, type, value);
}

static Value toMemory(KernelBuilder &b, Value value) {
  if (!getElementTypeOrSelf(value.getType()).isInteger(1))
    return value;
  Type type = b.getI8Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(type);
  return arith::ExtUIOp::create(b, type, value);
}

void VectorBody::emitOperands(KernelBuilder &b) {
  indices.assign(nest.getLoops().size(), Value());
  for (const NestOperand &operand : nest.getOperands()) {
    if (operand.isScalar) {
      flats.push_back(operand.value);
      origins.push_back(Value());
      continue;
    }
    auto [flat, origin] = nest.emitFlat(b, operand);
    flats.push_back(viewAsBytes(b, flat));
    origins.push_back(origin);
  }
}

SmallVector<Value> VectorBody::advance(KernelBuilder &b, unsigned loop,
                                       Value index, ArrayRef<Value> places) {
  indices[loop] = index;
  SmallVector<Value> result(places);
  for (auto [operand, place] : llvm::zip_equal(nest.getOperands(), result))
    if (place && nest.isMoving(operand, loop))
      place = b.add(place, b.mul(index, nest.emitStride(b, operand, loop)));
  return result;
}

Value VectorBody::loadScalar(KernelBuilder &b, unsigned operand,
                             ArrayRef<Value> places) {
  if (nest.getOperands()[operand].isScalar)
    return flats[operand];
  return fromMemory(b, b.load(flats[operand], places[operand]),
                    nest.getOperands()[operand].getType().getElementType());
}

void VectorBody::storeScalar(KernelBuilder &b, Value value, unsigned operand,
                             ArrayRef<Value> places) {
  b.store(toMemory(b, value), flats[operand], places[operand]);
}

Value VectorBody::emitLanes(KernelBuilder &b, const Chunk &chunk,
                            function_ref<Value(int64_t lane)> emit) {
  SmallVector<Value> elements;
  for (int64_t lane = 0; lane < chunk.lanes; ++lane)
    elements.push_back(emit(lane));
  auto type = VectorType::get({chunk.lanes}, elements.front().getType());
  return vector::FromElementsOp::create(b, type, elements);
}

Value VectorBody::load(KernelBuilder &b, const Chunk &chunk, unsigned operand,
                       ArrayRef<Value> places) {
  const NestOperand &info = nest.getOperands()[operand];
  unsigned loop = nest.getVectorLoop();
  if (!nest.isMoving(info, loop))
    return b.splat(loadScalar(b, operand, places), chunk.lanes);
  Value flat = flats[operand], first = places[operand];
  if (isContiguous(operand) && chunk.lanes > 1) {
    Value at = b.add(first, chunk.at);
    return fromMemory(b,
                      chunk.mask
                          ? b.loadVector(flat, at, chunk.lanes, chunk.mask)
                          : b.loadVector(flat, at, chunk.lanes),
                      info.getType().getElementType());
  }
  Value stride = nest.emitStride(b, info, loop);
  Value loaded = emitLanes(b, chunk, [&](int64_t lane) {
    Value inChunk = b.index(lane);
    // Those that do not exist repeat the last that does.
    if (chunk.count)
      inChunk = b.min(inChunk, b.sub(chunk.count, b.index(1)));
    Value at = b.mul(b.add(chunk.at, inChunk), stride);
    return b.load(flat, b.add(first, at));
  });
  return fromMemory(b, loaded, info.getType().getElementType());
}

void VectorBody::store(KernelBuilder &b, const Chunk &chunk, Value value,
                       unsigned operand, ArrayRef<Value> places) {
  const NestOperand &info = nest.getOperands()[operand];
  Value flat = flats[operand], first = places[operand];
  value = toMemory(b, value);
  if (isContiguous(operand) && chunk.lanes > 1) {
    Value at = b.add(first, chunk.at);
    if (chunk.mask)
      b.storeVector(value, flat, at, chunk.mask);
    else
      b.storeVector(value, flat, at);
    return;
  }
  Value stride = nest.emitStride(b, info, nest.getVectorLoop());
  for (int64_t lane = 0; lane < chunk.lanes; ++lane) {
    Value at = b.mul(b.add(chunk.at, b.index(lane)), stride);
    b.store(vector::ExtractOp::create(b, value, lane), flat, b.add(first, at));
  }
}

//===----------------------------------------------------------------------===//
// Loads of the body
//===----------------------------------------------------------------------===//

Value VectorBody::emitContiguousLoad(KernelBuilder &b, memref::LoadOp load,
                                     Value last, const Chunk &chunk) {
  SmallVector<Value> at;
  for (Value index : load.getIndices().drop_back())
    at.push_back(scalars.lookupOrDefault(index));
  at.push_back(emitFirstOf(b, last, chunk));
  Value memory = viewAsBytes(b, load.getMemRef());
  Value loaded = chunk.mask ? b.loadVector(memory, at, chunk.lanes, chunk.mask)
                            : b.loadVector(memory, at, chunk.lanes);
  return fromMemory(b, loaded, load.getType());
}

/// %i = select %repeats, %c0, %j: one element for all, or as many as there are.
Value VectorBody::emitSwitchedLoad(KernelBuilder &b, memref::LoadOp load,
                                   arith::SelectOp last, const Chunk &chunk) {
  auto type = VectorType::get({chunk.lanes}, load.getType());
  auto branch =
      scf::IfOp::create(b, type, scalars.lookupOrDefault(last.getCondition()),
                        /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  SmallVector<Value> at;
  for (Value index : load.getIndices().drop_back())
    at.push_back(scalars.lookupOrDefault(index));
  at.push_back(scalars.lookupOrDefault(last.getTrueValue()));
  scf::YieldOp::create(b, b.splat(b.load(load.getMemRef(), at), chunk.lanes));
  b.setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(
      b, emitContiguousLoad(b, load, last.getFalseValue(), chunk));
  return branch.getResult(0);
}

Value VectorBody::emitLoad(KernelBuilder &b, memref::LoadOp load,
                           const Chunk &chunk) {
  Value memref = load.getMemRef();
  if (isContiguousLoad(load) && chunk.lanes > 1) {
    Value last = load.getIndices().back();
    if (arith::SelectOp switched = getSwitchedIndex(last))
      return emitSwitchedLoad(b, load, switched, chunk);
    return emitContiguousLoad(b, load, last, chunk);
  }
  return emitLanes(b, chunk, [&](int64_t lane) {
    SmallVector<Value> at;
    for (Value index : load.getIndices())
      at.push_back(isVarying(index) ? vector::ExtractOp::create(
                                          b, getVector(b, index, chunk), lane)
                                          .getResult()
                                    : scalars.lookupOrDefault(index));
    return b.load(memref, at);
  });
}
