//===- AlgebraExperts.cpp - Sums over slots and experts -------------------===//
//
// The part of the algebra that knows what selections mean: adding branches of
// different experts, and summing slots or columns away.
//
//===----------------------------------------------------------------------===//
#include "Algebra.h"

#include "mlir/IR/BuiltinTypes.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

static bool hasDefaultZero(const Expr *select) {
  return select->hasNumber && select->number == 0;
}

/// The selections that a sum is made of; none where `expr` is not one of ids.
static std::optional<SmallVector<const Expr *>> partsOf(const Expr *expr) {
  if (expr->kind == ExprKind::Sum)
    return SmallVector<const Expr *>(ArrayRef(expr->operands));
  if (expr->kind == ExprKind::Select && expr->selector == Selector::Index &&
      hasDefaultZero(expr))
    return SmallVector<const Expr *>{expr};
  return std::nullopt;
}

const Expr *Algebra::makeSum(const Expr *lhs, const Expr *rhs) {
  // An accumulator begins with 0.
  bool isStart = rhs->kind == ExprKind::Select || rhs->kind == ExprKind::Sum;
  if (lhs->isNumber(0) && isStart)
    return rhs;
  if (rhs->isNumber(0))
    return makeSum(rhs, lhs);
  auto parts = partsOf(lhs), more = partsOf(rhs);
  if (!parts || !more || lhs->shape != rhs->shape)
    return nullptr;
  const Expr *base = nullptr;
  if (parts->back()->kind != ExprKind::Select)
    base = parts->pop_back_val();
  if (more->back()->kind != ExprKind::Select)
    return nullptr;
  parts->append(*more);
  llvm::BitVector seen(numColumns);
  for (const Expr *part : *parts) {
    if (part->isSummed != parts->front()->isSummed ||
        seen.anyCommon(part->columns))
      return nullptr;
    seen |= part->columns;
  }
  llvm::sort(*parts, [](const Expr *a, const Expr *b) {
    return a->columns.find_first() < b->columns.find_first();
  });
  Expr expr(ExprKind::Sum);
  expr.type = lhs->type;
  expr.shape = lhs->shape;
  expr.operands.assign(parts->begin(), parts->end());
  expr.isSummed = parts->front()->isSummed;
  if (base)
    expr.operands.push_back(base);
  return exprs.get(std::move(expr));
}

const Expr *Algebra::addToRows(const Expr *rows, const Expr *sum) {
  if (!rows || !sum)
    return nullptr;
  bool isRows = rows->type && rows->kind != ExprKind::Number &&
                rows->kind != ExprKind::Select && rows->kind != ExprKind::Sum;
  auto parts = partsOf(sum);
  if (!isRows || !parts || rows->shape != sum->shape)
    return makeSum(rows, sum);
  Expr expr(ExprKind::Sum);
  expr.type = sum->type;
  expr.shape = sum->shape;
  expr.operands.assign(parts->begin(), parts->end());
  expr.isSummed = sum->isSummed;
  expr.operands.push_back(rows);
  return exprs.get(std::move(expr));
}

const Expr *Algebra::sumSlots(const Expr *expr) {
  if (!expr || expr->isSummed)
    return nullptr;
  if (numSlots == 1)
    return expr;
  if (expr->kind == ExprKind::Sum) {
    const Expr *sum = nullptr;
    for (const Expr *part : expr->operands) {
      const Expr *summed =
          part->kind == ExprKind::Select ? sumSlots(part) : nullptr;
      sum = !summed ? nullptr : sum ? makeSum(sum, summed) : summed;
      if (!sum)
        return nullptr;
    }
    return sum;
  }
  if (expr->kind != ExprKind::Select)
    return select(getAllColumns(), /*isSummed=*/true, expr);
  if (!hasDefaultZero(expr))
    return nullptr;
  const Expr *term = expr->operands.front();
  return expr->selector == Selector::Column
             ? selectColumn(/*isSummed=*/true, term, 0.0, expr->isRepeated)
             : select(expr->columns, /*isSummed=*/true, term);
}

const Expr *Algebra::sumColumns(const Expr *expr,
                                const llvm::BitVector &columns) {
  if (!expr || expr->kind != ExprKind::Select ||
      expr->selector != Selector::Column || !hasDefaultZero(expr))
    return nullptr;
  const Expr *term = replaceColumn(expr->operands.front(), std::nullopt);
  return select(columns, expr->isSummed, term);
}

//===----------------------------------------------------------------------===//
// The expert
//===----------------------------------------------------------------------===//

const Expr *Algebra::getExpertWeight(const Expr *whole, Selector selector,
                                     ArrayRef<int64_t> rows) {
  if (!whole || whole->kind != ExprKind::Weight ||
      whole->selector != Selector::None || whole->rows.front().row >= 0 ||
      whole->shape.empty())
    return nullptr;
  Expr expr(ExprKind::Weight);
  expr.type = whole->type;
  expr.shape.assign(whole->shape.begin() + 1, whole->shape.end());
  expr.selector = selector;
  bool hasAny = false;
  for (int64_t row : rows) {
    bool isIn = row >= 0 && row < whole->shape.front();
    hasAny |= isIn;
    expr.rows.push_back(isIn ? WeightRow{whole->rows.front().value, row}
                             : WeightRow());
  }
  return hasAny ? exprs.get(std::move(expr)) : nullptr;
}

const Expr *Algebra::rebuild(const Expr *expr,
                             ArrayRef<const Expr *> operands) {
  if (llvm::equal(expr->operands, operands))
    return expr;
  if (llvm::is_contained(operands, nullptr))
    return nullptr;
  switch (expr->kind) {
  case ExprKind::Op:
    return elementwise(expr->proto, operands);
  case ExprKind::Mul:
    return multiply(operands[0], operands[1]);
  case ExprKind::Add:
    return add(operands[0], operands[1]);
  case ExprKind::MatMul:
    return multiplyByMatrix(operands[0], operands[1], expr->ints.front());
  case ExprKind::Slice:
    return slice(operands[0], expr->ints[0], expr->ints[1], expr->ints[2]);
  case ExprKind::Tuple:
    return exprs.getTuple(operands);
  case ExprKind::Select:
    return expr->selector == Selector::Column
               ? selectColumn(expr->isSummed, operands[0],
                              expr->hasNumber ? std::optional(expr->number)
                                              : std::nullopt,
                              expr->isRepeated)
               : select(expr->columns, expr->isSummed, operands[0],
                        expr->hasNumber ? std::optional(expr->number)
                                        : std::nullopt);
  default:
    return nullptr;
  }
}

const Expr *Algebra::replaceColumn(const Expr *root,
                                   std::optional<llvm::BitVector> columns) {
  if (!root || (columns && columns->none()))
    return nullptr;
  std::optional<int64_t> column;
  if (columns)
    column = columns->find_first();
  llvm::DenseMap<const Expr *, const Expr *> done;
  SmallVector<const Expr *> stack{root};
  auto replaceLeaf = [&](const Expr *expr) -> const Expr * {
    if (expr->kind == ExprKind::ColumnId) {
      if (column)
        return exprs.getExtent(dims.getConstant(*column));
      return exprs.getColumn(llvm::to_vector(llvm::seq<int64_t>(numColumns)));
    }
    bool isOfColumn = expr->selector == Selector::Column;
    if (expr->kind == ExprKind::Weight && isOfColumn) {
      Expr copy(ExprKind::Weight);
      copy.type = expr->type;
      copy.shape = expr->shape;
      copy.selector = column ? Selector::None : Selector::Index;
      copy.rows =
          column ? SmallVector<WeightRow, 1>{expr->rows[*column]} : expr->rows;
      return copy.rows.front().value || !column ? exprs.get(std::move(copy))
                                                : nullptr;
    }
    if (expr->kind == ExprKind::Count && isOfColumn) {
      if (!column)
        return nullptr;
      Expr copy(ExprKind::Count);
      copy.selector = Selector::Index;
      copy.columns = llvm::BitVector(numColumns);
      // Cumulative ones hold all columns up to it.
      if (!expr->ints.empty())
        copy.columns.set(0, *column + expr->ints.front());
      else
        copy.columns.set(*column);
      return exprs.get(std::move(copy));
    }
    return expr;
  };
  while (!stack.empty()) {
    const Expr *expr = stack.back();
    if (done.contains(expr)) {
      stack.pop_back();
      continue;
    }
    bool isReady = true;
    for (const Expr *operand : expr->operands)
      if (!done.contains(operand)) {
        stack.push_back(operand);
        isReady = false;
      }
    if (!isReady)
      continue;
    stack.pop_back();
    if (expr->operands.empty()) {
      done[expr] = replaceLeaf(expr);
      continue;
    }
    auto operands = llvm::map_to_vector(
        expr->operands, [&](const Expr *operand) { return done[operand]; });
    if (expr->kind == ExprKind::Select && expr->selector == Selector::Column) {
      // c is the slot's own id now, or this column.
      done[expr] = column ? select(*columns, expr->isSummed, operands.front(),
                                   expr->hasNumber ? std::optional(expr->number)
                                                   : std::nullopt)
                          : operands.front();
      continue;
    }
    done[expr] = rebuild(expr, operands);
  }
  return done[root];
}
