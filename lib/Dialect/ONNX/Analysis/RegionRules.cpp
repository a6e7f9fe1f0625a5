//===- RegionRules.cpp - Extents of If, Loop and Scan ---------------------===//
//
// A carried value's extent is first taken to be what it starts with; where the
// body yields another one, it becomes a symbol and the body is visited again.
//
//===----------------------------------------------------------------------===//
#include "DimWalk.h"

using namespace mlir;
using namespace moe::onnx;

// Visits of one body before all extents that may change are taken as unknown,
// and the depth of loops from which on that is done at once: a bound on the
// work, which grows with visits to the power of depth.
static constexpr unsigned maxVisits = 3;
static constexpr unsigned maxDepth = 4;

static unsigned getLoopDepth(Operation *op) {
  unsigned depth = 0;
  for (Operation *parent = op->getParentOp(); parent && depth < maxDepth;
       parent = parent->getParentOp())
    if (isa<LoopOp, ScanOp>(parent))
      ++depth;
  return depth;
}

/// Visits a loop's body until the extents of `arguments`, which start as
/// `inits` and go on as the terminator's operands from `firstYield` on, hold in
/// every iteration. Gives those extents, null where they change.
static SmallVector<DimExprs> visitLoopBody(Block &body, ValueRange arguments,
                                           ValueRange inits, size_t firstYield,
                                           DimWalk &walk) {
  bool isUnknown = getLoopDepth(body.getParentOp()) >= maxDepth;
  SmallVector<DimExprs> assumed;
  for (Value init : inits)
    assumed.push_back(isUnknown ? DimExprs() : walk.dimsOf(init));
  Operation *yield = body.getTerminator();
  for (unsigned visit = 0;; ++visit) {
    for (auto [argument, dims] : llvm::zip_equal(arguments, assumed))
      walk.setDims(argument, dims);
    walk.visitBlock(body);
    bool changed = false;
    for (auto [i, argument] : llvm::enumerate(arguments)) {
      DimExprs before = walk.dimsOf(argument);
      DimExprs after = walk.dimsOf(yield->getOperand(firstYield + i));
      assumed[i].resize(before.size());
      for (auto [dim, known, next] : llvm::zip_equal(assumed[i], before, after))
        if (dim && !known.getConstant() && (known != next || isUnknown)) {
          dim = DimExpr();
          changed = true;
        }
    }
    if (!changed)
      return assumed;
    isUnknown = visit + 1 >= maxVisits;
  }
}

static void inferIf(IfOp op, DimWalk &walk) {
  Block *thenBlock = &op.getThenBranch().front();
  Block *elseBlock = &op.getElseBranch().front();
  walk.visitBlock(*thenBlock);
  walk.visitBlock(*elseBlock);
  // A branch that no run takes says nothing.
  if (std::optional<int64_t> cond = walk.scalarOf(op.getCond()).getConstant())
    (*cond ? elseBlock : thenBlock) = *cond ? thenBlock : elseBlock;
  for (auto [value, lhs, rhs] : llvm::zip_equal(
           op.getResults(), thenBlock->getTerminator()->getOperands(),
           elseBlock->getTerminator()->getOperands())) {
    auto join = [](DimExprs a, const DimExprs &b) {
      if (a.size() != b.size())
        return DimExprs();
      for (auto [x, y] : llvm::zip_equal(a, b))
        if (x != y)
          x = DimExpr();
      return a;
    };
    walk.setDims(value, join(walk.dimsOf(lhs), walk.dimsOf(rhs)));
    std::optional<DimExprs> lhsElements = walk.elementsOf(lhs);
    std::optional<DimExprs> rhsElements = walk.elementsOf(rhs);
    if (lhsElements && rhsElements)
      walk.setElements(value, join(*lhsElements, *rhsElements));
  }
}

static void inferLoop(LoopOp op, DimWalk &walk) {
  Block &body = op.getBody().front();
  for (BlockArgument argument : body.getArguments().take_front(2))
    walk.setDims(argument, {});
  SmallVector<DimExprs> carried =
      visitLoopBody(body, body.getArguments().drop_front(2), op.getVInitial(),
                    /*firstYield=*/1, walk);
  for (auto [value, dims] : llvm::zip(op.getResults(), carried))
    walk.setDims(value, dims);
}

static void inferScan(ScanOp op, DimWalk &walk) {
  Block &body = op.getBody().front();
  int64_t states = op.getNumStates();
  auto axisOf = [](std::optional<ArrayRef<int64_t>> axes, int64_t i,
                   int64_t rank) {
    return normalizeAxis(axes ? (*axes)[i] : 0, rank);
  };
  DimExpr trips;
  for (auto [i, input] : llvm::enumerate(op.getOperands().drop_front(states))) {
    DimExprs dims = walk.dimsOf(input);
    int64_t axis = axisOf(op.getScanInputAxes(), i, dims.size());
    trips = pickKnown(trips, dims[axis]);
    dims.erase(dims.begin() + axis);
    walk.setDims(body.getArgument(states + i), dims);
  }
  SmallVector<DimExprs> carried = visitLoopBody(
      body, body.getArguments().take_front(states),
      op.getOperands().take_front(states), /*firstYield=*/0, walk);
  for (auto [i, value] : llvm::enumerate(op.getResults())) {
    if (static_cast<int64_t>(i) < states) {
      walk.setDims(value, carried[i]);
      continue;
    }
    // Without an iteration the slices' extents are not what the body says.
    int64_t rank = cast<RankedTensorType>(value.getType()).getRank();
    DimExprs dims(rank);
    dims[axisOf(op.getScanOutputAxes(), i - states, rank)] = trips;
    walk.setDims(value, dims);
  }
}

void moe::onnx::addRegionRules(DimRules &rules, MLIRContext *context) {
  addDimRule<IfOp, inferIf>(rules, context);
  addDimRule<LoopOp, inferLoop>(rules, context);
  addDimRule<ScanOp, inferScan>(rules, context);
}
