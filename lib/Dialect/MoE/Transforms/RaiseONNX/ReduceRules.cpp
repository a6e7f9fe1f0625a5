//===- ReduceRules.cpp - Sums over slots, columns or features -----------===//
//
// Sums over slots and columns end a layer; sums of masks over tokens count
// them. Other reductions may be of an expert's features.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

/// An op that makes a row's features, or one number, of a row's features.
Term Interpreter::reduceFeatures(Operation *op) {
  const Term &data = get(op->getOperand(0));
  auto reduction = dyn_cast<onnx::ReduceOpInterface>(op);
  bool isWhole = data.expr->shape.size() == 1 && !data.dims.empty() &&
                 isFeature(data.dims.back(), 0);
  int64_t last = data.dims.size() - 1;
  if (reduction) {
    auto axes =
        reduction.getAxes() ? getInts(reduction.getAxes()) : std::nullopt;
    isWhole &= axes && axes->size() == 1 &&
               (axes->front() == -1 || axes->front() == last);
  } else if (auto softmax = dyn_cast<onnx::SoftmaxOp>(op)) {
    int64_t axis = softmax.getAxis();
    isWhole &= axis == -1 || axis == last;
  } else {
    int64_t axis = cast<onnx::LogSoftmaxOp>(op).getAxis();
    isWhole &= axis == -1 || axis == last;
  }
  bool isSelection =
      data.expr->kind == ExprKind::Select || data.expr->kind == ExprKind::Sum;
  if (!isWhole || isSelection)
    return Term::none("it does not compute on the features of a row alone");
  Expr expr(ExprKind::Op);
  expr.type = data.expr->type;
  expr.operands = {data.expr};
  expr.proto = op;
  Dims dims = data.dims;
  if (!reduction)
    expr.shape = data.expr->shape;
  else if (reduction.getKeepdims())
    dims.back().clear();
  else
    dims.pop_back();
  const Expr *result = exprs.get(std::move(expr));
  return result ? Term::get(result, std::move(dims))
                : Term::none("it is too deep");
}

/// Whether it is 1 where ids select some columns, and 0 elsewhere.
static bool isMask(const Expr *expr) {
  return expr->kind == ExprKind::Select && expr->hasNumber &&
         expr->number == 0 && expr->operands.front()->isNumber(1);
}

/// How many pairs each of the columns of a mask has.
static const Expr *countPairs(ExprContext &exprs, const Expr *mask) {
  Expr count(ExprKind::Count);
  count.selector = mask->selector;
  count.columns = mask->columns;
  return exprs.get(std::move(count));
}

Term Interpreter::reduce(Operation *op) {
  const Term &data = get(op->getOperand(0));
  auto reduction = cast<onnx::ReduceOpInterface>(op);
  int64_t rank = data.dims.size();
  std::optional<SmallVector<int64_t>> axes;
  if (reduction.getAxes())
    axes = getInts(reduction.getAxes());
  else if (reduction.getNoopWithEmptyAxes())
    return Term::get(data.expr, data.dims);
  else
    axes = llvm::to_vector(llvm::seq<int64_t>(rank));
  if (!axes)
    return Term::none("its axes are not constant");
  llvm::BitVector isReduced(rank);
  for (int64_t axis : *axes)
    isReduced.set(onnx::normalizeAxis(axis, rank));
  bool isOfFeatures = llvm::any_of(isReduced.set_bits(), [&](unsigned i) {
    return isFeature(data.dims[i], 0);
  });
  if (isOfFeatures)
    return reduceFeatures(op);
  // Whether a token has an expert at all.
  bool isAny = isa<onnx::ReduceMaxOp>(op) && selection.isDistinct &&
               data.expr->kind == ExprKind::Select &&
               data.expr->columns.count() == 1 &&
               data.expr->operands.front()->kind == ExprKind::Number &&
               data.expr->operands.front()->number > 0;
  // A mean is the sum times 1 / extent.
  bool isMean = isa<onnx::ReduceMeanOp>(op) && isReduced.count() == 1;
  if (!isa<onnx::ReduceSumOp>(op) && !isMean && !isAny)
    return Term::none("it reduces tokens or slots otherwise than by a sum");

  const Expr *expr = data.expr;
  unsigned numTokens = 0;
  // Slots first: what is counted over tokens is a sum of them.
  for (unsigned i : isReduced.set_bits()) {
    const Dim &dim = data.dims[i];
    std::optional<int64_t> extent =
        layout.getExtent(dim, data.expr).getConstant();
    if (isMean && (!extent || *extent < 1))
      return Term::none("it is a mean over tokens");
    if (isMask(expr) && !expr->isSummed && !isMean && isReduced.count() == 1 &&
        !dim.empty() && (dim.size() > 1 || isAxis(dim, sorted)) &&
        coversAllPairs(dim))
      expr = countPairs(exprs, expr);
    else if (isAxis(dim, slot))
      expr = algebra.sumSlots(expr);
    else if (const Atom *columns = getColumnAxis(dim))
      expr = algebra.sumColumns(expr, columns->columns);
    else if (dim.size() == 1 && llvm::is_contained(tokens, dim.front().atom))
      ++numTokens;
    else if (!dim.empty())
      return Term::none("it sums over features or over parts of an axis");
    if (expr && isMean && *extent > 1)
      expr = algebra.multiply(expr, exprs.getNumber(expr->type, 1.0 / *extent));
    if (!expr)
      return Term::none("it sums what is not selected by the ids alone");
  }
  if (numTokens) {
    if (numTokens != tokens.size() || !isMask(expr) ||
        (!expr->isSummed && selection.numSlots != 1))
      return Term::none("it sums over tokens");
    expr = countPairs(exprs, expr);
  }
  Dims dims;
  for (auto [i, dim] : llvm::enumerate(data.dims)) {
    if (!isReduced.test(i))
      dims.push_back(dim);
    else if (reduction.getKeepdims())
      dims.emplace_back();
  }
  return Term::get(expr, std::move(dims));
}
