//===- KernelBuilder.cpp - Vectors and panels -----------------------------===//
#include "KernelBuilder.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

Value KernelBuilder::loadVector(Value memref, ValueRange at, int64_t lanes) {
  auto type = VectorType::get({lanes}, elementOf(memref));
  return vector::LoadOp::create(*this, type, memref, at);
}

void KernelBuilder::storeVector(Value vector, Value memref, ValueRange at) {
  vector::StoreOp::create(*this, vector, memref, at);
}

Value KernelBuilder::loadVector(Value memref, ValueRange at, int64_t lanes,
                                Value mask) {
  Type element = elementOf(memref);
  auto type = VectorType::get({lanes}, element);
  Value zeros = arith::ConstantOp::create(
      *this, DenseElementsAttr::get(type, getZeroAttr(element)));
  return vector::MaskedLoadOp::create(*this, type, memref, at, mask, zeros);
}

void KernelBuilder::storeVector(Value vector, Value memref, ValueRange at,
                                Value mask) {
  vector::MaskedStoreOp::create(*this, memref, at, mask, vector);
}

Value KernelBuilder::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(
      *this, VectorType::get({lanes}, scalar.getType()), scalar);
}

Value KernelBuilder::widenVector(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  Type wide = onnx::accumulatorType(type.getElementType());
  if (wide == type.getElementType())
    return vector;
  return arith::ExtFOp::create(*this, type.clone(wide), vector);
}

Value KernelBuilder::splatGroup(Value memref, Value at, int64_t count,
                                int64_t lanes) {
  Value group = loadVector(memref, at, count);
  Type element = elementOf(memref);
  Type bits = getIntegerType(count * element.getIntOrFloatBitWidth());
  Value whole =
      vector::BitCastOp::create(*this, VectorType::get({1}, bits), group);
  whole = vector::ExtractOp::create(*this, whole, ArrayRef<int64_t>{0});
  return vector::BitCastOp::create(
      *this, VectorType::get({count * lanes}, element), splat(whole, lanes));
}

Value KernelBuilder::roundToBF16(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  return x86vector::CvtPackedF32ToBF16Op::create(
      *this, type.clone(getBF16Type()), vector);
}

Value KernelBuilder::ceilDiv(Value lhs, Value rhs) {
  return div(add(lhs, sub(rhs, index(1))), rhs);
}

Value KernelBuilder::div(Value lhs, Value rhs) {
  return createOrFold<arith::DivUIOp>(lhs, rhs);
}

Value KernelBuilder::rem(Value lhs, Value rhs) {
  return createOrFold<arith::RemUIOp>(lhs, rhs);
}

Value KernelBuilder::min(Value lhs, Value rhs) {
  return createOrFold<arith::MinUIOp>(lhs, rhs);
}

Value KernelBuilder::max(Value lhs, Value rhs) {
  return createOrFold<arith::MaxUIOp>(lhs, rhs);
}

Value KernelBuilder::select(Value condition, Value lhs, Value rhs) {
  return createOrFold<arith::SelectOp>(condition, lhs, rhs);
}

Value KernelBuilder::flatten(Value memref) {
  int64_t rank = cast<MemRefType>(memref.getType()).getRank();
  if (rank == 1)
    return memref;
  ReassociationIndices all = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  Value flat = memref::CollapseShapeOp::create(
      *this, memref, ArrayRef<ReassociationIndices>(all));
  // Kernels take them all by one type.
  return memref::CastOp::create(
      *this, MemRefType::get({ShapedType::kDynamic}, elementOf(memref)), flat);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

KernelBuilder::State
KernelBuilder::foldAll(Value lower, Value upper, ValueRange init,
                       function_ref<State(Value, ValueRange)> body,
                       int64_t step) {
  auto loop = scf::ForOp::create(*this, lower, upper, index(step), init);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  State next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (!next.empty())
    scf::YieldOp::create(*this, next);
  return llvm::to_vector(ValueRange(loop.getResults()));
}

KernelBuilder::State KernelBuilder::forEachVector(
    Value count, int64_t lanes, int64_t unroll, ValueRange init,
    function_ref<State(const Columns &, ValueRange)> body) {
  std::optional<int64_t> known = getConstantIntValue(count);
  Value done = index(0);
  State state(init);
  auto emitWhole = [&](int64_t vectors) {
    int64_t step = vectors * lanes;
    Value end = sub(count, rem(count, index(step)));
    std::optional<int64_t> first = getConstantIntValue(done);
    if (known && first == *known - *known % step)
      return;
    state = foldAll(
        done, end, state,
        [&](Value at, ValueRange now) {
          return body({at, vectors, Value()}, now);
        },
        step);
    done = end;
  };
  if (unroll > 1)
    emitWhole(unroll);
  emitWhole(1);
  if (known && *known % lanes == 0)
    return state;
  auto maskFrom = [&](Value at) {
    return createOrFold<vector::CreateMaskOp>(
        VectorType::get({lanes}, getI1Type()), ValueRange{sub(count, at)});
  };
  if (known)
    return body({done, 1, maskFrom(done)}, state);
  // At most one iteration.
  return foldAll(
      done, count, state,
      [&](Value at, ValueRange now) {
        return body({at, 1, maskFrom(at)}, now);
      },
      lanes);
}

Value KernelBuilder::combineLanes(Value vector,
                                  function_ref<Value(Value, Value)> combine) {
  int64_t lanes = cast<VectorType>(vector.getType()).getDimSize(0);
  for (int64_t half = lanes / 2; half >= 1; half /= 2) {
    SmallVector<int64_t> swapped;
    for (int64_t lane = 0; lane < lanes; ++lane)
      swapped.push_back(lane ^ half);
    Value other = vector::ShuffleOp::create(*this, vector, vector, swapped);
    vector = combine(vector, other);
  }
  return vector;
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

void KernelBuilder::parallel(Value count, Value work, int64_t workPerThread,
                             function_ref<void(Value, Value)> body) {
  std::optional<int64_t> known = getConstantIntValue(work);
  if (known && *known < 2 * workPerThread)
    return body(index(0), count);
  Value worthwhile = div(work, index(workPerThread));
  Value most = min(rt::NumThreadsOp::create(*this), count);
  Value threads = max(min(most, worthwhile), index(1));
  auto shares = rt::ParallelOp::create(*this, threads,
                                       [](OpBuilder &, Location, Value) {});
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(&shares.getBody().front());
  auto firstOf = [&](Value which) { return div(mul(count, which), threads); };
  Value thread = shares.getIndex(), begin = firstOf(thread);
  body(begin, firstOf(add(thread, index(1))));
}
