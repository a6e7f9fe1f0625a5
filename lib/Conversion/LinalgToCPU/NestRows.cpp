//===- NestRows.cpp - The innermost loops of a linalg op ------------------===//
//
// Everything inside of the parallel loops: chunks of the vector loop, what is
// left at its end, and sums.
//
//===----------------------------------------------------------------------===//
#include "NestBuilder.h"
#include "Sums.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// Vectors of sums of one output, so that additions do not wait for each other.
static constexpr int64_t sumVectors = 4;
/// From this much work per element on, one vector is enough.
static constexpr int64_t costlyBody = 8;

NestBuilder::Sums
NestBuilder::emitFor(Value lower, Value upper, int64_t step,
                     ArrayRef<Value> state,
                     function_ref<Sums(Value, ArrayRef<Value>)> emit) {
  auto loop =
      scf::ForOp::create(b, lower, upper, b.index(step), ValueRange(state));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Sums next = emit(loop.getInductionVar(),
                   SmallVector<Value>(loop.getRegionIterArgs()));
  if (!next.empty())
    scf::YieldOp::create(b, next);
  return llvm::to_vector(ValueRange(loop.getResults()));
}

/// Whole vectors, `unroll` at a time, and the rest, by a mask or one by one.
/// The state has `unroll` parts; the rest goes to the first.
NestBuilder::Sums NestBuilder::emitChunks(int64_t unroll, ArrayRef<Value> state,
                                          ChunkFn emit) {
  unsigned loop = nest.getVectorLoop();
  int64_t known = nest.getLoops()[loop].extent;
  bool isShared = ends[loop] != extents[loop];
  bool isKnown = ShapedType::isStatic(known) && !isShared;
  size_t part = state.size() / unroll;
  Sums sums(state);
  auto emitInto = [&](MutableArrayRef<Value> into, const Chunk &chunk) {
    llvm::copy(emit(chunk, into), into.begin());
  };
  Value done = begins[loop], end = ends[loop];
  auto emitWhole = [&](int64_t vectors) {
    int64_t step = vectors * lanes;
    if (isKnown && known < step)
      return;
    Value rest = b.rem(b.sub(end, done), b.index(step));
    Value wholeEnd = b.sub(end, rest);
    sums =
        emitFor(done, wholeEnd, step, sums, [&](Value at, ArrayRef<Value> now) {
          Sums next(now);
          for (int64_t i = 0; i < vectors; ++i)
            emitInto(MutableArrayRef(next).slice(i * part, part),
                     {b.add(at, b.index(i * lanes)), lanes, Value(), Value()});
          return next;
        });
    done = wholeEnd;
  };
  if (unroll > 1)
    emitWhole(unroll);
  emitWhole(1);
  if (ShapedType::isStatic(known) && known % lanes == 0)
    return sums;
  if (!body.isMaskable())
    return emitFor(done, end, 1, sums, [&](Value at, ArrayRef<Value> now) {
      Sums next(now);
      emitInto(next, {at, 1, Value(), Value()});
      return next;
    });
  // At most one iteration.
  return emitFor(done, end, lanes, sums, [&](Value at, ArrayRef<Value> now) {
    Sums next(now);
    Value count = b.sub(end, at);
    Value mask = vector::CreateMaskOp::create(
        b, VectorType::get({lanes}, b.getI1Type()), count);
    emitInto(MutableArrayRef(next).take_front(part), {at, lanes, count, mask});
    return next;
  });
}

NestBuilder::Sums NestBuilder::storeYielded(const Chunk &chunk, Places places,
                                            ArrayRef<Value> yielded) {
  Sums sums;
  for (auto [i, value] : llvm::enumerate(yielded)) {
    unsigned operand = op.getNumDpsInputs() + i;
    if (llvm::is_contained(sumOperands, operand))
      sums.push_back(value);
    else
      body.store(b, chunk, value, operand, places);
  }
  return sums;
}

SmallVector<Value> NestBuilder::carry(ArrayRef<Value> sums) {
  SmallVector<Value> carried(op->getNumOperands());
  for (auto [operand, sum] : llvm::zip_equal(sumOperands, sums))
    carried[operand] = sum;
  return carried;
}

void NestBuilder::emitMap(Places places) {
  body.emitUniform(b, places);
  emitChunks(1, {}, [&](const Chunk &chunk, ArrayRef<Value>) {
    storeYielded(chunk, places, body.emitChunk(b, chunk, places, carry({})));
    return Sums();
  });
}

/// Sums over the reduction loops from `loop` on.
NestBuilder::Sums
NestBuilder::emitReduction(unsigned loop, Places places, ArrayRef<Value> sums,
                           function_ref<Sums(Places, ArrayRef<Value>)> inner) {
  if (loop == nest.getLoops().size())
    return inner(places, sums);
  if (nest.getLoops()[loop].isParallel() || loop == nest.getVectorLoop())
    return emitReduction(loop + 1, places, sums, inner);
  return emitFor(b.index(0), extents[loop], 1, sums,
                 [&](Value index, ArrayRef<Value> now) {
                   return emitReduction(loop + 1,
                                        body.advance(b, loop, index, places),
                                        now, inner);
                 });
}

/// One sum per lane: element by element in the order of the loops.
void NestBuilder::emitVerticalSums(Places places) {
  emitChunks(1, {}, [&](const Chunk &chunk, ArrayRef<Value>) {
    Sums sums;
    for (unsigned operand : sumOperands)
      sums.push_back(body.load(b, chunk, operand, places));
    sums = emitReduction(0, places, sums, [&](Places at, ArrayRef<Value> now) {
      body.emitUniform(b, at);
      return storeYielded(chunk, at, body.emitChunk(b, chunk, at, carry(now)));
    });
    for (auto [operand, sum] : llvm::zip_equal(sumOperands, sums))
      body.store(b, chunk, sum, operand, places);
    return Sums();
  });
}

/// A sum in the lanes of vectors: how many, and the order in which they are
/// added up, is fixed.
void NestBuilder::emitHorizontalSums(Places places) {
  int64_t unroll = body.getCost() < costlyBody ? sumVectors : 1;
  size_t numSums = sumOperands.size();
  Sums sums;
  for (auto [operand, combiner] : llvm::zip_equal(sumOperands, combiners)) {
    Type element = nest.getOperands()[operand].getType().getElementType();
    auto type = VectorType::get({lanes}, element);
    sums.push_back(arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, getIdentity(combiner, element))));
  }
  Sums initial;
  for (int64_t i = 0; i < unroll; ++i)
    llvm::append_range(initial, sums);
  sums = emitReduction(0, places, initial, [&](Places at, ArrayRef<Value> now) {
    body.emitUniform(b, at);
    return emitChunks(
        unroll, now, [&](const Chunk &chunk, ArrayRef<Value> before) {
          Sums after = storeYielded(
              chunk, at, body.emitChunk(b, chunk, at, carry(before)));
          if (chunk.mask)
            for (auto [sum, old] : llvm::zip_equal(after, before))
              sum = arith::SelectOp::create(b, chunk.mask, sum, old);
          return after;
        });
  });
  for (size_t i = 0; i < numSums; ++i) {
    Sums parts;
    for (int64_t part = 0; part < unroll; ++part)
      parts.push_back(sums[part * numSums + i]);
    Value total = emitTree(b, combiners[i], parts);
    Value before = body.loadScalar(b, sumOperands[i], places);
    body.storeScalar(b, emitCombine(b, combiners[i], before, total),
                     sumOperands[i], places);
  }
}
