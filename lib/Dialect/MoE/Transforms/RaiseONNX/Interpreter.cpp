//===- Interpreter.cpp - What values are in terms of a router -------------===//
//
// The order of evaluation, and which rule is for which op.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "Route.h"

#include "mlir/IR/Matchers.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;
using moe::onnx::DimExprs;

/// Everything that `value` is computed from, itself included.
static llvm::DenseSet<Value> backwardSlice(Value value) {
  llvm::DenseSet<Value> slice{value};
  SmallVector<Value> worklist{value};
  while (!worklist.empty())
    if (Operation *op = worklist.pop_back_val().getDefiningOp())
      for (Value operand : op->getOperands())
        if (slice.insert(operand).second)
          worklist.push_back(operand);
  return slice;
}

Interpreter::Interpreter(const onnx::SymbolicDims &symbolicDims,
                         onnx::DimContext &context, Selection selection)
    : symbolicDims(symbolicDims), context(context), selection(selection),
      identity(llvm::to_vector(llvm::seq<int64_t>(selection.numColumns))),
      algebra(exprs, context, selection.numColumns, selection.numSlots,
              selection.isDistinct),
      layout(context), upstream(backwardSlice(selection.data)) {
  for (DimExpr extent : extentsOf(selection.ids).drop_back())
    tokens.push_back(layout.createAtom(AtomKind::Token, extent));
  slot = layout.createAtom(AtomKind::Slot, constant(selection.numSlots));
  column = getColumns(identity, selection.numColumns);
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

const Term *Interpreter::lookup(Value value) const {
  auto it = memo.find(value);
  return it == memo.end() ? nullptr : it->second.get();
}

/// Operands whose terms decide on the results'; shapes, axes and the like are
/// read from the analysis of dims.
SmallVector<Value> Interpreter::getNeeded(Operation *op) const {
  if (isa<onnx::ReshapeOp, onnx::ExpandOp, onnx::TileOp, onnx::SqueezeOp,
          onnx::UnsqueezeOp, onnx::SliceOp, onnx::OneHotOp, onnx::TopKOp,
          onnx::CumSumOp, onnx::ReduceOpInterface>(op))
    return {op->getOperand(0)};
  if (isa<onnx::RangeOp, onnx::ConstantOfShapeOp, onnx::ShapeOp, onnx::SizeOp>(
          op) ||
      op->getNumRegions())
    return {};
  return SmallVector<Value>(op->getOperands());
}

const Term &Interpreter::get(Value root) {
  SmallVector<Value> stack{root};
  while (!stack.empty()) {
    Value value = stack.back();
    if (lookup(value)) {
      stack.pop_back();
      continue;
    }
    Term term = evaluateLeaf(value);
    Operation *op = value.getDefiningOp();
    if (!term && op && term.reason.empty()) {
      bool isReady = true;
      for (Value operand : getNeeded(op))
        if (!lookup(operand)) {
          stack.push_back(operand);
          isReady = false;
        }
      if (!isReady)
        continue;
      term = evaluate(value);
    }
    stack.pop_back();
    if (term && isRowMajor(term))
      rowsOf.try_emplace(term.expr, value);
    memo[value] = std::make_unique<Term>(std::move(term));
  }
  return *lookup(root);
}

Term Interpreter::evaluate(Value value) {
  Operation *op = value.getDefiningOp();
  bool dependsOnIds = false;
  const Term *unknown = nullptr;
  for (Value operand : getNeeded(op)) {
    const Term &term = *lookup(operand);
    dependsOnIds |= term.dependsOnIds;
    if (!term && !unknown)
      unknown = &term;
  }
  Term term;
  if (unknown)
    term.reason = unknown->reason;
  else
    term = evaluateOp(value);
  if (term && !isConsistent(term))
    term = Term::none("it puts different tokens or slots side by side");
  bool isFloat = isa<FloatType>(typeOf(value).getElementType());
  // A float per token and slot is a weight, however it was made; what must be
  // seen through is the selection of experts in it.
  bool isTransparent = term && term.expr->kind != ExprKind::Op &&
                       term.expr->kind != ExprKind::Mul;
  if (isFloat && !isTransparent)
    if (Term slotTerm = makeSlot(value))
      term = selectWeighed(value, std::move(slotTerm));
  if (!term && isFloat && !dependsOnIds && startsWithTokens(value))
    term = makeRow(value);
  if (!term && isConstant(value))
    term = makeConstant(value);
  term.dependsOnIds = dependsOnIds;
  return term;
}

/// A quotient of weights that are 0 where ids are null is 0 there.
Term Interpreter::selectWeighed(Value value, Term weight) {
  auto div = value.getDefiningOp<onnx::DivOp>();
  const Term *dividend = div ? lookup(div->getOperand(0)) : nullptr;
  if (!dividend || !*dividend || !isKeptOffZero(div->getOperand(1)) ||
      dividend->dims != weight.dims)
    return weight;
  const Expr *expr = dividend->expr;
  if (expr->kind != ExprKind::Select || expr->selector != Selector::Index ||
      expr->isSummed || !expr->hasNumber || expr->number != 0)
    return weight;
  weight.expr = algebra.select(expr->columns, /*isSummed=*/false, weight.expr);
  return weight;
}

Term Interpreter::evaluateOp(Value value) {
  Operation *op = value.getDefiningOp();
  unsigned number = cast<OpResult>(value).getResultNumber();
  return llvm::TypeSwitch<Operation *, Term>(op)
      .Case<onnx::ReshapeOp, onnx::FlattenOp, onnx::SqueezeOp,
            onnx::UnsqueezeOp, onnx::TransposeOp, onnx::IdentityOp>(
          [&](auto) { return evaluateLayout(op, value); })
      .Case([&](onnx::ExpandOp expandOp) { return expand(expandOp); })
      .Case([&](onnx::TileOp tileOp) { return tile(tileOp); })
      .Case([&](onnx::ConcatOp concatOp) { return concat(concatOp); })
      .Case([&](onnx::SplitOp splitOp) { return split(splitOp, number); })
      .Case([&](onnx::SliceOp sliceOp) { return slice(sliceOp); })
      .Case([&](onnx::GatherOp gatherOp) { return gather(gatherOp); })
      .Case([&](onnx::GatherNDOp gatherOp) { return gatherND(gatherOp); })
      .Case([&](onnx::OneHotOp oneHotOp) { return oneHot(oneHotOp); })
      .Case([&](onnx::NonZeroOp nonZeroOp) { return nonZero(nonZeroOp); })
      .Case([&](onnx::ScatterElementsOp scatter) {
        return scatterElements(scatter);
      })
      .Case([&](onnx::ScatterNDOp scatter) { return scatterND(scatter); })
      .Case([&](onnx::TopKOp topK) { return sort(topK, number); })
      .Case([&](onnx::MatMulOp product) {
        return matMul(getStack(product.getA()), getStack(product.getB()));
      })
      .Case([&](onnx::GemmOp product) { return gemm(product); })
      .Case([&](onnx::EinsumOp product) { return einsum(product); })
      .Case([&](onnx::CumSumOp sum) { return cumSum(sum); })
      .Case([&](onnx::ReduceOpInterface) { return reduce(op); })
      .Case<onnx::SoftmaxOp, onnx::LogSoftmaxOp>(
          [&](auto) { return reduceFeatures(op); })
      .Case([&](onnx::ElementwiseOpInterface) { return elementwise(op); })
      .Default([](Operation *) {
        return Term::none("it is not understood as a part of a layer");
      });
}
