//===- IntegerRules.cpp - Arithmetic on ids and places --------------------===//
//
// Ids of experts are tables over the router's columns: a Clip or a comparison
// acts on the table. Places of tokens and slots are t * a + s * b, divided by
// the number of slots in one of the ways that exporters write.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;

static std::optional<int64_t> getInteger(const Expr *expr) {
  if (expr->kind == ExprKind::Extent)
    return expr->first.getConstant();
  if (expr->kind != ExprKind::Number ||
      expr->number != std::trunc(expr->number) ||
      std::fabs(expr->number) > 9e15)
    return std::nullopt;
  return static_cast<int64_t>(expr->number);
}

static bool isCompare(Operation *op) {
  return isa<onnx::EqualOp, onnx::LessOp, onnx::LessOrEqualOp, onnx::GreaterOp,
             onnx::GreaterOrEqualOp>(op);
}

static bool compare(Operation *op, int64_t a, int64_t b) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case([&](onnx::EqualOp) { return a == b; })
      .Case([&](onnx::LessOp) { return a < b; })
      .Case([&](onnx::LessOrEqualOp) { return a <= b; })
      .Case([&](onnx::GreaterOp) { return a > b; })
      .Default([&](Operation *) { return a >= b; });
}

static std::optional<int64_t> compute(Operation *op, ArrayRef<int64_t> args) {
  using Result = std::optional<int64_t>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](onnx::AddOp) { return args[0] + args[1]; })
      .Case([&](onnx::SubOp) { return args[0] - args[1]; })
      .Case([&](onnx::MulOp) { return args[0] * args[1]; })
      .Case([&](onnx::DivOp) -> Result {
        return args[1] > 0 ? Result(args[0] / args[1]) : std::nullopt;
      })
      .Case([&](onnx::ModOp) -> Result {
        return args[1] > 0 && args[0] >= 0 ? Result(args[0] % args[1])
                                           : std::nullopt;
      })
      .Case([&](onnx::MinOp) { return *llvm::min_element(args); })
      .Case([&](onnx::MaxOp) { return *llvm::max_element(args); })
      .Case([&](onnx::NegOp) { return -args[0]; })
      .Case([&](onnx::ClipOp clip) {
        int64_t value = args[0];
        if (clip.getMin())
          value = std::max(value, args[1]);
        if (clip.getMax())
          value = std::min(value, args.back());
        return value;
      })
      .Default([](Operation *) { return std::nullopt; });
}

//===----------------------------------------------------------------------===//
// Ids
//===----------------------------------------------------------------------===//

const Expr *Interpreter::compareIds(Operation *op,
                                    ArrayRef<const Expr *> operands) {
  const Expr *lhs = operands[0], *rhs = operands[1];
  Type boolean = getElementTypeOrSelf(op->getResult(0).getType());
  const Expr *one = exprs.getNumber(boolean, 1);
  bool isEqual = isa<onnx::EqualOp>(op);
  if ((lhs->kind == ExprKind::ColumnId && isIdentityColumn(rhs)) ||
      (rhs->kind == ExprKind::ColumnId && isIdentityColumn(lhs)))
    return isEqual ? algebra.selectColumn(/*isSummed=*/false, one, 0.0)
                   : nullptr;
  llvm::BitVector columns(selection.numColumns);
  for (int64_t i = 0; i < selection.numColumns; ++i) {
    auto at = [&](const Expr *expr) {
      return expr->kind == ExprKind::Column ? std::optional(expr->ints[i])
                                            : getInteger(expr);
    };
    std::optional<int64_t> a = at(lhs), b = at(rhs);
    if (!a || !b)
      return nullptr;
    if (compare(op, *a, *b))
      columns.set(i);
  }
  return algebra.select(columns, /*isSummed=*/false, one);
}

const Expr *Interpreter::combineIds(Operation *op,
                                    ArrayRef<const Expr *> operands) {
  SmallVector<int64_t> table;
  for (int64_t i = 0; i < selection.numColumns; ++i) {
    SmallVector<int64_t> args;
    for (const Expr *operand : operands) {
      std::optional<int64_t> arg = operand->kind == ExprKind::Column
                                       ? std::optional(operand->ints[i])
                                       : getInteger(operand);
      // A choice by id is one of tables.
      bool isChoice = isa<onnx::WhereOp>(op) && args.empty() &&
                      operand->kind == ExprKind::Select &&
                      operand->selector == Selector::Index &&
                      operand->operands.front()->isNumber(1) &&
                      operand->hasNumber && operand->number == 0;
      if (isChoice)
        arg = operand->columns.test(i);
      if (!arg)
        return nullptr;
      args.push_back(*arg);
    }
    std::optional<int64_t> value =
        isa<onnx::WhereOp>(op) ? args[args[0] ? 1 : 2] : compute(op, args);
    if (!value)
      return nullptr;
    table.push_back(*value);
  }
  return exprs.getColumn(table);
}

bool Interpreter::isIdentityColumn(const Expr *expr) const {
  return expr->kind == ExprKind::Column && llvm::equal(expr->ints, identity);
}

const Expr *Interpreter::columnIds() {
  Expr expr(ExprKind::ColumnId);
  return exprs.get(std::move(expr));
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// Of floats: |q|, floor(q) and floor(|q|) * sign(q) of a quotient q >= 0 round
/// it down, which is how torch.div(rounding_mode="trunc") is exported.
const Expr *Interpreter::combinePlaces(Operation *op,
                                       ArrayRef<const Expr *> operands) {
  const Expr *lhs = operands.front();
  const Expr *rhs = operands.size() > 1 ? operands[1] : nullptr;
  auto getExtent = [&](const Expr *expr) -> DimExpr {
    if (expr->kind == ExprKind::Extent)
      return expr->first;
    std::optional<int64_t> known = getInteger(expr);
    return known ? constant(*known) : DimExpr();
  };
  bool isFloat =
      isa<FloatType>(getElementTypeOrSelf(op->getResult(0).getType()));
  if (isa<onnx::MulOp, onnx::AddOp>(op) && lhs->kind != ExprKind::Affine)
    std::swap(lhs, rhs);
  if (lhs->kind == ExprKind::Quotient) {
    if (isa<onnx::AbsOp>(op))
      return lhs;
    bool isDown = isa<onnx::FloorOp>(op) || (isa<onnx::CastOp>(op) && !isFloat);
    if (!isDown)
      return nullptr;
    return dividePlace(lhs->operands.front(), lhs->first);
  }
  if (lhs->kind != ExprKind::Affine)
    return nullptr;
  if (isa<onnx::AddOp>(op) && rhs->kind == ExprKind::Affine)
    return exprs.getAffine(lhs->first + rhs->first, lhs->second + rhs->second);
  DimExpr factor = rhs ? getExtent(rhs) : DimExpr();
  if (!factor)
    return nullptr;
  if (isa<onnx::MulOp>(op))
    return exprs.getAffine(lhs->first * factor, lhs->second * factor);
  if (isa<onnx::AddOp>(op))
    return factor.isConstant(0) ? lhs : nullptr;
  if (isa<onnx::ModOp>(op)) {
    // s + t * k mod k, or t + s * T mod T.
    if (factor == slot->extent && lhs->first == factor &&
        lhs->second.isConstant(1))
      return exprs.getAffine(constant(0), constant(1));
    if (tokens.size() == 1 && factor == tokens.front()->extent &&
        lhs->second == factor && lhs->first.isConstant(1))
      return exprs.getAffine(constant(1), constant(0));
    return nullptr;
  }
  if (!isa<onnx::DivOp>(op))
    return nullptr;
  if (!isFloat)
    return dividePlace(lhs, factor);
  Expr quotient(ExprKind::Quotient);
  quotient.operands = {lhs};
  quotient.first = factor;
  return exprs.get(std::move(quotient));
}

/// (t * k + s) / k = t, and (s * T + t) / T = s.
const Expr *Interpreter::dividePlace(const Expr *place, DimExpr divisor) {
  if (divisor == slot->extent && place->first == divisor &&
      (place->second.isConstant(1) || selection.numSlots == 1))
    return exprs.getAffine(constant(1), constant(0));
  if (tokens.size() == 1 && divisor == tokens.front()->extent &&
      place->second == divisor && place->first.isConstant(1))
    return exprs.getAffine(constant(0), constant(1));
  return nullptr;
}

const Expr *Interpreter::combineIntegers(Operation *op,
                                         ArrayRef<const Expr *> operands) {
  Type element = getElementTypeOrSelf(op->getResult(0).getType());
  const Expr *first = operands.front();
  bool isRounded = first->kind == ExprKind::Quotient && element.isInteger();
  if (isa<onnx::CastOp>(op) && !element.isInteger(1) && !isRounded)
    return first;
  if (isa<onnx::CastOp>(op) && first->kind == ExprKind::Column) {
    llvm::BitVector columns(selection.numColumns);
    for (auto [i, id] : llvm::enumerate(first->ints))
      if (id)
        columns.set(i);
    return algebra.select(columns, /*isSummed=*/false,
                          exprs.getNumber(element, 1));
  }
  auto isKind = [&](ExprKind kind) {
    return llvm::any_of(operands,
                        [&](const Expr *e) { return e->kind == kind; });
  };
  // The sign of a place is 1, or 0 times 0.
  if (isa<onnx::SignOp>(op) && isKind(ExprKind::Quotient)) {
    return exprs.getNumber(element, 1);
  }
  if (isKind(ExprKind::Affine) || isKind(ExprKind::Quotient))
    return combinePlaces(op, operands);
  if (isCompare(op))
    return compareIds(op, operands);
  if (isKind(ExprKind::Column))
    return combineIds(op, operands);
  return nullptr;
}
