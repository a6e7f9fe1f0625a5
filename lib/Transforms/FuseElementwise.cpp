//===- FuseElementwise.cpp - Chains of elementwise loops to one -----------===//
//
// Each element of a result is computed by the same operations as before: fusing
// changes no bits. What it must not do is compute more: costly operations are
// never done twice, and what is fused into a loop that reads it again and again
// is what a vector loop computes once.
//
//===----------------------------------------------------------------------===//
#include "moe/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace moe {
#define GEN_PASS_DEF_FUSEELEMENTWISEPASS
#include "moe/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;

/// Streams of memory that one loop may read: more of them than a CPU follows at
/// a time would be slower than two loops.
static constexpr unsigned maxInputs = 8;

/// Whether an element takes no more than a few additions.
static bool isCheap(linalg::GenericOp op) {
  return llvm::all_of(op.getBody()->without_terminator(), [](Operation &inner) {
    if (inner.getNumRegions() != 0)
      return false;
    if (isa<math::MathDialect>(inner.getDialect()))
      return isa<math::AbsFOp, math::AbsIOp, math::CopySignOp, math::FmaOp>(
          inner);
    return !isa<arith::DivFOp, arith::RemFOp, arith::DivSIOp, arith::DivUIOp,
                arith::RemSIOp, arith::RemUIOp, tensor::ExtractOp>(inner);
  });
}

/// Inputs of which each element is read.
static unsigned countWholeInputs(linalg::GenericOp op) {
  return llvm::count_if(op.getDpsInputOperands(), [&](OpOperand *input) {
    return op.getMatchingIndexingMap(input).getNumResults() > 0;
  });
}

/// Whether `op` reads memory in another order than it computes: its consumers
/// should not.
static bool turnsInnermostDim(linalg::GenericOp op) {
  if (op.getNumLoops() == 0)
    return false;
  unsigned last = op.getNumLoops() - 1;
  return llvm::any_of(op.getDpsInputOperands(), [&](OpOperand *input) {
    AffineMap map = op.getMatchingIndexingMap(input);
    return map.isFunctionOfDim(last) &&
           map.getResults().back() != getAffineDimExpr(last, op.getContext());
  });
}

/// Whether only the innermost loop of the consumer reads an element more than
/// once.
static bool repeatsAlongInnermost(AffineMap map) {
  unsigned numLoops = map.getNumDims();
  for (unsigned dim = 0; dim < numLoops; ++dim)
    if (map.isFunctionOfDim(dim) == (dim + 1 == numLoops))
      return false;
  return true;
}

/// Whether the generic that makes this operand goes into the one that reads it.
static bool shouldFuse(OpOperand *use) {
  auto producer = use->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = dyn_cast<linalg::GenericOp>(use->getOwner());
  if (!producer || !consumer || producer->getBlock() != consumer->getBlock() ||
      linalg::isaContractionOpInterface(consumer) ||
      turnsInnermostDim(producer) ||
      producer.getNumDpsInputs() + consumer.getNumDpsInputs() > maxInputs + 1)
    return false;
  AffineMap map = consumer.getMatchingIndexingMap(use);
  bool readsOnce = map.isPermutation();
  bool isOnlyUse = producer->hasOneUse();
  if (!isOnlyUse && (!isCheap(producer) || countWholeInputs(producer) > 1))
    return false;
  return readsOnce || isCheap(producer) || repeatsAlongInnermost(map);
}

/// Whether the generic that makes this operand of a reduction is computed by
/// it, for its other readers too: they come later.
static bool shouldFuseForAll(OpOperand *use) {
  auto producer = use->get().getDefiningOp<linalg::GenericOp>();
  auto consumer = cast<linalg::GenericOp>(use->getOwner());
  return producer && producer->getBlock() == consumer->getBlock() &&
         producer->getNumResults() == 1 &&
         linalg::areElementwiseOpsFusable(use) &&
         consumer.getMatchingIndexingMap(use).isIdentity() &&
         !turnsInnermostDim(producer) &&
         producer.getNumDpsInputs() + consumer.getNumDpsInputs() <=
             maxInputs + 1 &&
         llvm::all_of(producer->getUsers(), [&](Operation *user) {
           return user == consumer ||
                  (user->getBlock() == consumer->getBlock() &&
                   consumer->isBeforeInBlock(user));
         });
}

/// Whether a reshape that only adds dims of one element goes ahead of the
/// generic whose result it reshapes, so that the generic meets its consumer.
static bool shouldExpand(OpOperand *use) {
  auto reshape = dyn_cast<tensor::ExpandShapeOp>(use->getOwner());
  auto producer = use->get().getDefiningOp<linalg::GenericOp>();
  if (!reshape || !producer || !producer->hasOneUse() ||
      producer.getNumReductionLoops() != 0)
    return false;
  return llvm::all_of(
      reshape.getReassociationIndices(), [&](const ReassociationIndices &dims) {
        return llvm::count_if(dims, [&](int64_t dim) {
                 return reshape.getResultType().getDimSize(dim) != 1;
               }) <= 1;
      });
}

namespace {
struct FuseElementwisePass final
    : moe::impl::FuseElementwisePassBase<FuseElementwisePass> {
  using Base::Base;

  void runOnOperation() override {
    splitGenerators();
    if (failed(generalizeTransposes()) || failed(fuse()))
      return signalPassFailure();
    fuseIntoReductions();
    splitFills();
  }

private:
  /// linalg.transpose -> linalg.generic
  LogicalResult generalizeTransposes() {
    SmallVector<linalg::TransposeOp> ops;
    getOperation().walk([&](linalg::TransposeOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (linalg::TransposeOp op : ops) {
      rewriter.setInsertionPoint(op);
      if (failed(linalg::generalizeNamedOp(rewriter, op)))
        return failure();
    }
    return success();
  }

  LogicalResult fuse() {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, shouldFuse);
    linalg::populateFoldReshapeOpsByExpansionPatterns(patterns, shouldExpand);
    linalg::populateEraseUnusedOperandsAndResultsPatterns(patterns);
    // Top down: a producer is whole before its consumers take it.
    GreedyRewriteConfig config;
    config.setUseTopDownTraversal(true);
    return applyPatternsGreedily(getOperation(), std::move(patterns), config);
  }

  /// %a = generic(%x); %s = generic reduction(%a); %b = generic(%a)
  ///   -> %s, %a = generic reduction(%x); %b = generic(%a)
  void fuseIntoReductions() {
    SmallVector<linalg::GenericOp> reductions;
    getOperation().walk([&](linalg::GenericOp op) {
      if (op.getNumReductionLoops() != 0 &&
          !linalg::isaContractionOpInterface(op))
        reductions.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::GenericOp op : reductions) {
      for (OpOperand *use : op.getDpsInputOperands()) {
        if (!shouldFuseForAll(use))
          continue;
        Operation *producer = use->get().getDefiningOp();
        rewriter.setInsertionPoint(op);
        auto fused = linalg::fuseElementwiseOps(rewriter, use);
        if (failed(fused))
          continue;
        for (auto [before, after] : fused->replacements)
          rewriter.replaceAllUsesWith(before, after);
        rewriter.eraseOp(op);
        rewriter.eraseOp(producer);
        break;
      }
    }
  }

  /// Generics that read no tensor, such as ranges, -> one per use: cheaper to
  /// compute where it is needed than to keep.
  void splitGenerators() {
    SmallVector<linalg::GenericOp> generators;
    getOperation().walk([&](linalg::GenericOp op) {
      if (op->getNumResults() == 1 && op.getNumReductionLoops() == 0 &&
          countWholeInputs(op) == 0 && isCheap(op))
        generators.push_back(op);
    });
    for (linalg::GenericOp op : generators)
      cloneForUses(op, {});
  }

  /// Fills that several ops update -> one each, ahead of it: a shared one would
  /// be copied.
  void splitFills() {
    SmallVector<linalg::FillOp> fills;
    getOperation().walk([&](linalg::FillOp op) { fills.push_back(op); });
    for (linalg::FillOp fill : fills) {
      auto empty = fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>();
      if (!empty || fill->getNumResults() != 1)
        continue;
      cloneForUses(fill, empty);
    }
  }

  /// One clone per use of `op` in its block, ahead of it, with one of `first`,
  /// if any. Loops and their bodies would compute it again and again.
  void cloneForUses(Operation *op, Operation *first) {
    IRRewriter rewriter(&getContext());
    for (OpOperand &use : llvm::make_early_inc_range(op->getUses())) {
      Operation *user = use.getOwner();
      if (user->getBlock() != op->getBlock())
        continue;
      rewriter.setInsertionPoint(user);
      IRMapping mapping;
      if (first)
        rewriter.clone(*first, mapping);
      use.set(rewriter.clone(*op, mapping)->getResult(0));
    }
    if (op->use_empty())
      rewriter.eraseOp(op);
  }
};
} // namespace
