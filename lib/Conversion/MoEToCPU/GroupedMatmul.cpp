//===- GroupedMatmul.cpp - The kernel of a scheduled grouped matmul -------===//
//
//   on each thread, for its share of the columns or rows:
//     for each expert, for each block of its rows:
//       copy the rows, as many products as a visit of the sums takes side by
//       side
//       for each group of panels of the share:
//         sums = 0
//         for each block of products, for each tile of rows:
//           micro-kernel, which prefetches the block of panels after this one
//         the epilogue
//
// Threads share the columns of each expert, or its rows where each gets a block
// of them: however skewed the routing, all have the same work. An expert with
// few rows takes the streaming form: more panels at once, which its weights
// flow through as fast as memory gives them.
//
//===----------------------------------------------------------------------===//
#include "Kernels.h"
#include "RowCopy.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// Steps between what few rows multiply and what they ask memory for.
static constexpr int64_t nearSteps = 64;
/// Products that make a thread worth waking.
static constexpr int64_t productsPerThread = 1 << 18;

namespace {
class GroupedMatmulBuilder {
public:
  GroupedMatmulBuilder(GroupedMatmulOp op, MicroKernels &kernels)
      : op(op), schedule(cast<CPUScheduleAttr>(op.getScheduleAttr())),
        b(op.getLoc(), op), microKernels(kernels), rows(op, b) {}

  void build();

private:
  /// A tile's vectors are the same number for each sum of the epilogue.
  struct Form {
    int64_t vectors; ///< per tile
    int64_t perSum;  ///< vectors of one sum
    bool prefetches;
  };

  Form makeForm(int64_t vectors, bool prefetches) const {
    return {vectors, vectors / numSums, prefetches};
  }

  void chooseThreads();
  void emitThread();
  /// Rows in parts whose sizes differ by one at most.
  struct Parts {
    Value number, few; ///< how many, and rows of the smaller ones
    Value more;        ///< so many of them, the first, have one row more
  };
  Parts split(Value count, Value number) {
    return {number, b.div(count, number), b.rem(count, number)};
  }
  void
  forEachPart(const Parts &parts, Value begin,
              function_ref<void(Value part, Value from, Value size)> body) {
    b.fold(b.index(0), parts.number, begin, [&](Value part, Value from) {
      Value isLarger = b.compare(arith::CmpIPredicate::ult, part, parts.more);
      Value size = b.select(isLarger, b.add(parts.few, b.index(1)), parts.few);
      body(part, from, size);
      return b.add(from, size);
    });
  }

  void emitExpert();
  void shareRows(Value &begin, Value &count);
  void emitRows(const Form &form, Value begin, Value count);
  void emitGroups(const Form &form, Value begin, Value count);
  void emitZeros(const Form &form, Value count);
  void countFlops(const Form &form, Value count);
  void emitProducts(const Form &form, Value group, Value count);
  void emitTile(const Form &form, Value rows, MicroKernelOperands &operands);
  void emitEpilogue(const Form &form, Value group, Value begin, Value count);
  void emitEpilogueOfRow(const Form &form, Value group, Value row, Value r);
  SmallVector<Value> loadSums(const Form &form, Value at, int64_t vector);

  /// The place of the panel that vector `v` of a tile reads at a group, from
  /// the first product of block `block` on.
  Value panelAt(const Form &form, Value ofExpert, Value group, int64_t v,
                Value block);
  Value weightsOf(const Form &form, int64_t v) {
    return flatWeights[isAlternating ? 0 : v / form.perSum];
  }

  GroupedMatmulOp op;
  CPUScheduleAttr schedule;
  KernelBuilder b;
  MicroKernels &microKernels;

  RowCopy rows;
  int64_t numSums, lanes, step, rowBlock;
  /// Extents; constants where they are static.
  Value numExperts, columns, panels;
  bool isAlternating = false; ///< the columns of two sums, in one matrix
  bool isOneBlock = false;    ///< of products, known here
  FloatType element, wide;
  SmallVector<Value> flatWeights;
  Value numThreads, thread;
  Value sums; ///< of the thread
  Value expert, nextExpert;
  Value sharer, numSharers;    ///< of the expert's columns: which one of many
  Value firstGroup, groupsEnd; ///< of the thread
};
} // namespace

/// Whether an extent is known to be a multiple.
static bool isMultiple(Value extent, int64_t of) {
  std::optional<int64_t> known = getConstantIntValue(extent);
  return known && *known % of == 0;
}

void GroupedMatmulBuilder::build() {
  Value weights = op.getWeights().front();
  numSums = op.getWeights().size();
  lanes = schedule.getLanes();
  step = schedule.getKStep();
  rowBlock = schedule.getRowBlock();
  element = cast<FloatType>(b.elementOf(weights));
  wide = cast<FloatType>(onnx::accumulatorType(element));
  isAlternating = numSums > 1 && op.getColumnStride(0) > 1;
  numExperts = b.extent(weights, 0);
  columns = b.extent(op.getOut(), 1);
  panels = b.ceilDiv(columns, b.index(lanes));

  isOneBlock = getConstantIntValue(rows.getNumBlocks()) == 1;

  chooseThreads();
  rows.allocate(numThreads);
  rt::ParallelOp::create(b, numThreads,
                         [&](OpBuilder &inside, Location, Value index) {
                           OpBuilder::InsertionGuard guard(b);
                           b.restoreInsertionPoint(inside.saveInsertionPoint());
                           thread = index;
                           emitThread();
                         });
  rows.release();
}

/// As many as there is work for.
void GroupedMatmulBuilder::chooseThreads() {
  Value numRows = b.toIndex(b.load(op.getOffsets(), numExperts));
  Value perRow = b.mul(b.mul(rows.getInner(), columns), b.index(numSums));
  Value worthwhile = b.div(b.mul(numRows, perRow), b.index(productsPerThread));
  numThreads =
      b.min(rt::NumThreadsOp::create(b), b.add(worthwhile, b.index(1)));
  Value parts = b.max(panels, b.div(numRows, b.index(rowBlock)));
  numThreads = b.min(numThreads, b.max(parts, b.index(1)));
}

void GroupedMatmulBuilder::emitThread() {
  for (Value weights : op.getWeights())
    flatWeights.push_back(b.flatten(weights));
  rows.enter(thread);
  int64_t vectors =
      std::max(schedule.getVectors(), schedule.getStreamVectors());
  int64_t tileRows = std::max(rowBlock, schedule.getStreamRows());
  Value tile = memref::AllocaOp::create(
      b, MemRefType::get({tileRows * vectors * lanes}, wide), ValueRange(),
      ValueRange(), b.getI64IntegerAttr(64));
  sums = memref::CastOp::create(
      b, MemRefType::get({ShapedType::kDynamic}, wide), tile);
  b.forEach(b.index(0), numExperts, [&](Value e) {
    expert = e;
    nextExpert = b.min(b.add(e, b.index(1)), b.sub(numExperts, b.index(1)));
    emitExpert();
  });
}

/// Each thread copies the rows that it works on: many are shared, so that none
/// is copied twice. Of few, all take all, and share the columns.
void GroupedMatmulBuilder::shareRows(Value &begin, Value &count) {
  Value zero = b.index(0), one = b.index(1);
  Value isMany = b.compare(arith::CmpIPredicate::uge, count,
                           b.mul(numThreads, b.index(rowBlock)));
  sharer = b.select(isMany, zero, thread);
  numSharers = b.select(isMany, one, numThreads);
  Value first = b.div(b.mul(count, thread), numThreads);
  Value last = b.div(b.mul(count, b.add(thread, one)), numThreads);
  begin = b.add(begin, b.select(isMany, first, zero));
  count = b.select(isMany, b.sub(last, first), count);
}

/// Rows of an expert: in blocks of about the same size, or streaming.
void GroupedMatmulBuilder::emitExpert() {
  Value begin = b.toIndex(b.load(op.getOffsets(), expert));
  Value end = b.toIndex(b.load(op.getOffsets(), b.add(expert, b.index(1))));
  Value count = b.sub(end, begin);
  shareRows(begin, count);
  Form tiled = makeForm(schedule.getVectors(), /*prefetches=*/true);
  Form stream = makeForm(schedule.getStreamVectors(), /*prefetches=*/false);
  Value isFew = b.compare(arith::CmpIPredicate::ule, count,
                          b.index(schedule.getStreamRows()));
  auto branch = scf::IfOp::create(b, isFew, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  if (schedule.getStreamRows() > 0)
    b.ifTrue(b.compare(arith::CmpIPredicate::ugt, count, b.index(0)),
             [&] { emitRows(stream, begin, count); });
  b.setInsertionPointToStart(branch.elseBlock());
  Value numBlocks = b.ceilDiv(count, b.index(rowBlock));
  forEachPart(
      split(count, numBlocks), begin,
      [&](Value, Value from, Value size) { emitRows(tiled, from, size); });
}

void GroupedMatmulBuilder::emitRows(const Form &form, Value begin,
                                    Value count) {
  rows.emit(begin, count);
  emitGroups(form, begin, count);
}

/// The thread's share of the groups of panels.
void GroupedMatmulBuilder::emitGroups(const Form &form, Value begin,
                                      Value count) {
  Value numGroups = b.ceilDiv(panels, b.index(form.perSum));
  firstGroup = b.div(b.mul(numGroups, sharer), numSharers);
  Value next = b.add(sharer, b.index(1));
  groupsEnd = b.div(b.mul(numGroups, next), numSharers);
  b.forEach(firstGroup, groupsEnd, [&](Value group) {
    if (!isOneBlock)
      emitZeros(form, count);
    emitProducts(form, group, count);
    emitEpilogue(form, group, begin, count);
  });
  countFlops(form, count);
}

/// The sums of `count` rows, ahead of their first block of products.
void GroupedMatmulBuilder::emitZeros(const Form &form, Value count) {
  Value size = b.mul(count, b.index(form.vectors * lanes));
  Value zeros = b.splat(b.number(wide, 0), lanes);
  b.forEach(
      b.index(0), size, [&](Value at) { b.storeVector(zeros, sums, at); },
      lanes);
}

/// Adds what the rows took of the thread's columns, of products and sums, to
/// the layer's counter.
void GroupedMatmulBuilder::countFlops(const Form &form, Value count) {
  std::optional<StringRef> counter = op.getCounter();
  if (!counter)
    return;
  auto columnOf = [&](Value group) {
    return b.min(b.mul(group, b.index(form.perSum * lanes)), columns);
  };
  Value ofThread = b.sub(columnOf(groupsEnd), columnOf(firstGroup));
  Value flops = b.mul(b.mul(count, ofThread),
                      b.mul(rows.getInner(), b.index(2 * numSums)));
  rt::CountOp::create(b, *counter, rt::Counter::ExpertFlops,
                      /*expert=*/Value(), flops);
}

Value GroupedMatmulBuilder::panelAt(const Form &form, Value ofExpert,
                                    Value group, int64_t v, Value block) {
  int64_t sum = isAlternating ? 0 : v / form.perSum;
  int64_t inGroup = isAlternating ? v : v % form.perSum;
  int64_t perGroup = isAlternating ? form.vectors : form.perSum;
  int64_t offset = isAlternating ? 0 : op.getColumnOffset(sum) / lanes;
  Value ofMatrix = b.extent(op.getWeights()[sum], 1);
  // A group beyond the last panel repeats it; nothing of that is stored.
  Value panel = b.add(b.mul(group, b.index(perGroup)), b.index(inGroup));
  panel = b.min(b.add(panel, b.index(offset)), b.sub(ofMatrix, b.index(1)));
  Value perPanel =
      b.mul(b.extent(op.getWeights()[sum], 2), b.index(lanes * step));
  Value first = b.mul(b.add(b.mul(ofExpert, ofMatrix), panel), perPanel);
  return b.add(first, b.mul(block, b.index(schedule.getKBlock() * lanes)));
}

void GroupedMatmulBuilder::emitProducts(const Form &form, Value group,
                                        Value count) {
  Value tileRows = b.index(schedule.getRows());
  Value numTiles = form.prefetches ? b.ceilDiv(count, tileRows) : b.index(1);
  Parts tiles = split(count, numTiles);
  Value isFew = b.compare(arith::CmpIPredicate::ule, count,
                          b.index(schedule.getRows() * 2 / 3));
  Value numBlocks = rows.getNumBlocks();
  b.forEach(b.index(0), numBlocks, [&](Value block) {
    MicroKernelOperands operands;
    operands.numSteps = b.ceilDiv(rows.sizeOf(block), b.index(step));
    // What is read next: the next block of products, or the next group's first.
    // Few rows leave a block before memory gave the next: they ask for what
    // lies ahead in their own.
    Value isLast = b.compare(arith::CmpIPredicate::eq, b.add(block, b.index(1)),
                             numBlocks);
    Value zero = b.index(0);
    Value nextBlock = b.select(isLast, zero, b.add(block, b.index(1)));
    Value nextGroup = b.select(isLast, b.add(group, b.index(1)), group);
    Value isEnd = b.compare(arith::CmpIPredicate::eq, nextGroup, groupsEnd);
    Value ofExpert = b.select(isEnd, nextExpert, expert);
    nextGroup = b.select(isEnd, firstGroup, nextGroup);
    Value perStep = b.index(lanes * step);
    Value blockSize = b.mul(operands.numSteps, perStep);
    for (int64_t v = 0; v < form.vectors; ++v) {
      Value weights = weightsOf(form, v);
      Value at = panelAt(form, expert, group, v, block);
      operands.panels.push_back(weights);
      operands.panelsAt.push_back(at);
      if (!form.prefetches)
        continue;
      Value near = b.add(at, b.index(nearSteps * lanes * step));
      near = b.min(near, b.sub(b.extent(weights, 0), blockSize));
      Value far = panelAt(form, ofExpert, nextGroup, v, nextBlock);
      operands.nextAt.push_back(b.select(isFew, near, far));
    }
    operands.nextStep = b.ceilDiv(perStep, numTiles);
    Value slice = b.div(blockSize, numTiles);
    operands.rows = rows.getMemory();
    operands.sums = sums;
    forEachPart(tiles, zero, [&](Value tile, Value from, Value size) {
      MicroKernelOperands ofTile = operands;
      ofTile.rowsAt = rows.placeOf(block, from);
      ofTile.sumsAt = b.mul(from, b.index(form.vectors * lanes));
      for (Value &next : ofTile.nextAt)
        next = b.add(next, b.mul(tile, slice));
      emitTile(form, size, ofTile);
    });
  });
}

/// The micro-kernel for as many rows as the tile has.
void GroupedMatmulBuilder::emitTile(const Form &form, Value size,
                                    MicroKernelOperands &operands) {
  int64_t most =
      form.prefetches ? schedule.getRows() : schedule.getStreamRows();
  SmallVector<int64_t> cases =
      llvm::to_vector(llvm::seq_inclusive<int64_t>(1, most));
  auto choice = scf::IndexSwitchOp::create(b, TypeRange(), size, cases, most);
  for (auto [count, region] : llvm::zip_equal(cases, choice.getCaseRegions())) {
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&region);
    microKernels.call(b,
                      {count, form.vectors, lanes, rows.getStride(),
                       form.prefetches, isOneBlock, element, step},
                      operands);
    scf::YieldOp::create(b);
  }
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&choice.getDefaultRegion());
  scf::YieldOp::create(b);
}

void GroupedMatmulBuilder::emitEpilogue(const Form &form, Value group,
                                        Value begin, Value count) {
  b.forEach(b.index(0), count, [&](Value i) {
    emitEpilogueOfRow(form, group, i, b.add(begin, i));
  });
}

/// The vectors of each sum that make one vector of the output.
SmallVector<Value> GroupedMatmulBuilder::loadSums(const Form &form, Value at,
                                                  int64_t vector) {
  auto load = [&](int64_t v) {
    return b.loadVector(sums, b.add(at, b.index(v * lanes)), lanes);
  };
  SmallVector<Value> result;
  if (isAlternating) {
    auto apart = [&](int64_t offset) {
      SmallVector<int64_t> mask;
      for (int64_t i = 0; i < lanes; ++i)
        mask.push_back(2 * i + offset);
      return mask;
    };
    Value low = load(2 * vector), high = load(2 * vector + 1);
    for (unsigned sum : {0, 1})
      result.push_back(vector::ShuffleOp::create(
          b, low, high, apart(op.getColumnOffset(sum))));
    return result;
  }
  for (int64_t sum = 0; sum < numSums; ++sum)
    result.push_back(load(sum * form.perSum + vector));
  return result;
}

void GroupedMatmulBuilder::emitEpilogueOfRow(const Form &form, Value group,
                                             Value row, Value r) {
  Value at = b.mul(row, b.index(form.vectors * lanes));
  SmallVector<Value> slotValues;
  if (!op.getSlotValues().empty()) {
    Value slot = b.toIndex(b.load(op.getSlots(), r));
    for (Value values : op.getSlotValues())
      slotValues.push_back(b.splat(b.load(values, slot), lanes));
  }
  for (int64_t v = 0; v < form.perSum; ++v) {
    Value panel = b.add(b.mul(group, b.index(form.perSum)), b.index(v));
    Value column = b.mul(panel, b.index(lanes));
    bool isWhole = isMultiple(columns, lanes);
    auto emit = [&] {
      Value mask;
      if (!isWhole)
        mask = vector::CreateMaskOp::create(
            b, VectorType::get({lanes}, b.getI1Type()),
            ValueRange{b.sub(columns, column)});
      SmallVector<Value> arguments = loadSums(form, at, v);
      for (Value ofExperts : op.getColumns())
        arguments.push_back(
            mask ? b.loadVector(ofExperts, {expert, column}, lanes, mask)
                 : b.loadVector(ofExperts, {expert, column}, lanes));
      llvm::append_range(arguments, slotValues);
      Value result =
          applyEpilogue(b, op.getEpilogue().front(), arguments, lanes);
      if (mask)
        b.storeVector(result, op.getOut(), {r, column}, mask);
      else
        b.storeVector(result, op.getOut(), {r, column});
    };
    if (isMultiple(panels, form.perSum))
      emit();
    else
      b.ifTrue(b.compare(arith::CmpIPredicate::ult, panel, panels), emit);
  }
}

void cpu::buildGroupedMatmul(GroupedMatmulOp op, MicroKernels &microKernels) {
  GroupedMatmulBuilder(op, microKernels).build();
}
