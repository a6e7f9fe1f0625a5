//===- NestBuilder.cpp - Loops of vectors of one linalg op ----------------===//
//
// A chunk is a vector's worth of iterations of the vector loop.
//
//   no reduction:    for parallel loops: for chunks: body, store
//   vectors along a  for parallel loops: for chunks: sums in registers
//   parallel loop:     for reduction loops: body
//   vectors along a  for parallel loops: sums in registers
//   reduction:         for other reduction loops: for chunks: body
//                      combine the sums' elements
//
// Threads share the outermost parallel loop, where there is work for them. An
// element of a result is computed by the same operations in the same order
// whatever the other extents are, and whoever computes it.
//
//===----------------------------------------------------------------------===//
#include "NestBuilder.h"

#include "Sums.h"

#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// Work, in additions, that makes a thread worth waking.
static constexpr int64_t workPerThread = 1 << 17;

LogicalResult NestBuilder::findSums() {
  if (!nest.hasReduction())
    return success();
  unsigned numInputs = op.getNumDpsInputs();
  for (auto [i, operand] : llvm::enumerate(nest.getOperands())) {
    if (!operand.isOutput)
      continue;
    unsigned moving = 0, numReductions = 0;
    for (unsigned loop = 0; loop < nest.getLoops().size(); ++loop) {
      if (nest.getLoops()[loop].isParallel())
        continue;
      ++numReductions;
      moving += nest.isMoving(operand, loop);
    }
    if (moving == numReductions)
      continue;
    if (moving != 0)
      return failure();
    sumOperands.push_back(i);
    if (isVectorLoopParallel())
      continue;
    combiners.push_back(findCombiner(op, i - numInputs));
    if (!combiners.back() || !body.isMaskable())
      return failure();
  }
  return success();
}

LogicalResult NestBuilder::build() {
  if (failed(findSums()))
    return failure();
  body.emitOperands(b);
  for (unsigned loop = 0; loop < nest.getLoops().size(); ++loop)
    extents.push_back(nest.emitExtent(b, loop));
  begins.assign(extents.size(), b.index(0));
  ends = extents;
  if (std::optional<unsigned> shared = findSharedLoop())
    emitThreads(*shared);
  else
    emitParallel(0, body.getOrigins());
  return success();
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

/// The loop that threads share: the outermost parallel one, the vectors' if
/// there is no other; none where there is too little work for two.
std::optional<unsigned> NestBuilder::findSharedLoop() const {
  int64_t work = body.getCost() + op->getNumOperands();
  std::optional<unsigned> shared;
  for (auto [i, loop] : llvm::enumerate(nest.getLoops())) {
    work = ShapedType::isDynamic(loop.extent) || work == ShapedType::kDynamic
               ? ShapedType::kDynamic
               : work * loop.extent;
    if (loop.isParallel() && (!shared || *shared == nest.getVectorLoop()))
      shared = i;
  }
  if (ShapedType::isStatic(work) && work < 2 * workPerThread)
    return std::nullopt;
  return shared;
}

Value NestBuilder::countThreads(Value shares) {
  Value work = b.index(body.getCost() + op->getNumOperands());
  for (Value extent : extents)
    work = b.mul(work, extent);
  Value worthwhile = b.div(work, b.index(workPerThread));
  Value most = b.min(rt::NumThreadsOp::create(b), shares);
  return b.createOrFold<arith::MaxUIOp>(b.min(most, worthwhile), b.index(1));
}

void NestBuilder::emitThreads(unsigned shared) {
  bool isVectors = shared == nest.getVectorLoop();
  Value step = b.index(isVectors ? lanes : 1);
  Value shares = b.ceilDiv(extents[shared], step);
  Value numThreads = countThreads(shares);
  rt::ParallelOp::create(
      b, numThreads, [&](OpBuilder &inside, Location, Value thread) {
        OpBuilder::InsertionGuard guard(b);
        b.restoreInsertionPoint(inside.saveInsertionPoint());
        auto firstOf = [&](Value which) {
          Value share = b.div(b.mul(shares, which), numThreads);
          return b.min(b.mul(share, step), extents[shared]);
        };
        begins[shared] = firstOf(thread);
        ends[shared] = firstOf(b.add(thread, b.index(1)));
        emitParallel(0, body.getOrigins());
      });
}

void NestBuilder::emitParallel(unsigned loop, Places places) {
  if (loop == nest.getLoops().size()) {
    if (nest.getTurnedLoop())
      return emitTurn(places);
    if (!nest.hasReduction())
      return emitMap(places);
    return isVectorLoopParallel() ? emitVerticalSums(places)
                                  : emitHorizontalSums(places);
  }
  if (loop == nest.getVectorLoop() || loop == nest.getTurnedLoop() ||
      !nest.getLoops()[loop].isParallel())
    return emitParallel(loop + 1, places);
  b.forEach(begins[loop], ends[loop], [&](Value index) {
    emitParallel(loop + 1, body.advance(b, loop, index, places));
  });
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

/// Matrix products have kernels of their own, or stay plain loops.
static bool isLeftAlone(linalg::LinalgOp op) {
  return !op.hasPureBufferSemantics() ||
         linalg::isaContractionOpInterface(op) ||
         isa<linalg::ConvolutionOpInterface>(*op);
}

LogicalResult cpu::buildNest(linalg::LinalgOp op, int64_t lanes) {
  if (isLeftAlone(op))
    return failure();
  FailureOr<LoopNest> nest = LoopNest::analyze(op, lanes);
  if (failed(nest))
    return failure();
  FailureOr<VectorBody> body = VectorBody::analyze(op, *nest);
  if (failed(body))
    return failure();
  return NestBuilder(op, *nest, *body, lanes).build();
}
