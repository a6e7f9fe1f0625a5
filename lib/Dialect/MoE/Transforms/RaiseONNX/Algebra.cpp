//===- Algebra.cpp - Computing on expressions -----------------------------===//
#include "Algebra.h"

#include "mlir/IR/TypeUtilities.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

using namespace mlir;
using namespace moe;
using namespace moe::raise;

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

std::optional<double>
moe::raise::evaluateElementwise(Operation *op,
                                ArrayRef<std::optional<double>> operands) {
  // 0 * x is 0: an expert that was not selected counts for nothing.
  if (isa<onnx::MulOp, onnx::AndOp>(op) && llvm::is_contained(operands, 0.0))
    return 0.0;
  if (isa<onnx::WhereOp>(op))
    return operands[0] ? operands[*operands[0] != 0 ? 1 : 2] : std::nullopt;
  if (llvm::is_contained(operands, std::nullopt))
    return std::nullopt;
  auto at = [&](unsigned i) { return *operands[i]; };
  using Result = std::optional<double>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](onnx::AddOp) { return at(0) + at(1); })
      .Case([&](onnx::SubOp) { return at(0) - at(1); })
      .Case([&](onnx::MulOp) { return at(0) * at(1); })
      .Case([&](onnx::DivOp) -> Result {
        if (at(1) == 0)
          return std::nullopt;
        return at(0) / at(1);
      })
      .Case([&](onnx::NegOp) { return -at(0); })
      .Case([&](onnx::AbsOp) { return std::fabs(at(0)); })
      .Case([&](onnx::ExpOp) { return std::exp(at(0)); })
      .Case([&](onnx::TanhOp) { return std::tanh(at(0)); })
      .Case([&](onnx::SigmoidOp) { return 1 / (1 + std::exp(-at(0))); })
      .Case([&](onnx::ReluOp) { return std::fmax(at(0), 0.0); })
      .Case<onnx::GeluOp, onnx::MSGeluOp, onnx::MSQuickGeluOp, onnx::SwishOp,
            onnx::ErfOp, onnx::SqrtOp>([&](auto) -> Result {
        return at(0) == 0 ? Result(0.0) : std::nullopt;
      })
      .Case([&](onnx::NotOp) { return at(0) == 0 ? 1.0 : 0.0; })
      .Case([&](onnx::AndOp) { return at(0) != 0 && at(1) != 0 ? 1.0 : 0.0; })
      .Case([&](onnx::OrOp) { return at(0) != 0 || at(1) != 0 ? 1.0 : 0.0; })
      .Case([&](onnx::EqualOp) { return at(0) == at(1) ? 1.0 : 0.0; })
      .Case([&](onnx::GreaterOp) { return at(0) > at(1) ? 1.0 : 0.0; })
      .Case([&](onnx::LessOp) { return at(0) < at(1) ? 1.0 : 0.0; })
      .Case([&](onnx::ClipOp clip) {
        unsigned next = 1;
        double value = at(0);
        if (clip.getMin())
          value = std::fmax(value, at(next++));
        if (clip.getMax())
          value = std::fmin(value, at(next));
        return value;
      })
      .Case([&](onnx::CastOp cast) -> Result {
        Type to = getElementTypeOrSelf(cast.getOutput().getType());
        if (to.isInteger(1))
          return at(0) != 0 ? 1.0 : 0.0;
        if (isa<FloatType>(to) || at(0) == std::trunc(at(0)))
          return at(0);
        return std::nullopt;
      })
      .Default([](Operation *) { return std::nullopt; });
}

//===----------------------------------------------------------------------===//
// Selections move outwards
//===----------------------------------------------------------------------===//

static bool isSelection(const Expr *expr) {
  return expr->kind == ExprKind::Select || expr->kind == ExprKind::Sum;
}

static bool haveSameCondition(const Expr *lhs, const Expr *rhs) {
  return lhs->kind == rhs->kind && lhs->selector == rhs->selector &&
         lhs->isSummed == rhs->isSummed && lhs->columns == rhs->columns &&
         lhs->isRepeated == rhs->isRepeated;
}

/// f(Select(S, d, a), b) = Select(S, f(d, b), f(a, b)). A sum over several
/// slots allows that for linear f only.
const Expr *Algebra::distribute(ArrayRef<const Expr *> operands, Apply apply,
                                Fold fold, bool isLinear) {
  if (llvm::is_contained(operands, nullptr))
    return nullptr;
  const auto *first = llvm::find_if(operands, isSelection);
  if (first == operands.end())
    return apply(operands);
  unsigned numSelections = llvm::count_if(operands, isSelection);
  if ((*first)->kind == ExprKind::Sum) {
    if (!isLinear || numSelections != 1)
      return nullptr;
    const Expr *sum = nullptr;
    for (const Expr *part : (*first)->operands) {
      if (part->kind != ExprKind::Select)
        return nullptr;
      SmallVector<const Expr *> args(operands);
      args[first - operands.begin()] = part;
      const Expr *result = distribute(args, apply, fold, isLinear);
      sum = !result ? nullptr : sum ? makeSum(sum, result) : result;
      if (!sum)
        return nullptr;
    }
    return sum;
  }
  const Expr *select = *first;
  bool matchesOne = select->selector == Selector::Column
                        ? !select->isRepeated
                        : select->columns.count() == 1;
  bool isSumOfMany = select->isSummed && !(isDistinct && matchesOne);
  bool isPureFactor =
      isLinear && numSelections == 1 && select->hasNumber && !select->number;
  if (isSumOfMany && !isPureFactor)
    return nullptr;
  SmallVector<const Expr *> args;
  SmallVector<std::optional<double>> numbers;
  for (const Expr *operand : operands) {
    bool isSame = haveSameCondition(operand, select);
    args.push_back(isSame ? operand->operands.front() : operand);
    bool isKnown =
        isSame ? operand->hasNumber : operand->kind == ExprKind::Number;
    numbers.push_back(isKnown ? std::optional(operand->number) : std::nullopt);
  }
  const Expr *term = distribute(args, apply, fold, isLinear);
  if (!term)
    return nullptr;
  std::optional<double> otherwise = fold(numbers);
  return select->selector == Selector::Column
             ? selectColumn(select->isSummed, term, otherwise,
                            select->isRepeated)
             : this->select(select->columns, select->isSummed, term, otherwise);
}

const Expr *Algebra::select(const llvm::BitVector &columns, bool isSummed,
                            const Expr *term, std::optional<double> otherwise) {
  if (!term || term->kind == ExprKind::Sum)
    return nullptr;
  // Of one slot there is nothing to sum.
  isSummed &= numSlots > 1;
  if (term->kind == ExprKind::Select) {
    // Only what both let through.
    if (term->selector != Selector::Index || term->isSummed || isSummed ||
        otherwise != 0.0 || !term->hasNumber || term->number != 0)
      return nullptr;
    llvm::BitVector both = columns;
    both &= term->columns;
    return select(both, isSummed, term->operands.front(), otherwise);
  }
  if (columns.all() && !isSummed)
    return term;
  // 0 in some columns and a number in others: a mask of the others.
  bool isOfNumbers =
      !isSummed && term->kind == ExprKind::Number && otherwise.has_value();
  if (isOfNumbers && (columns.none() || term->number == *otherwise))
    return exprs.getNumber(term->type, *otherwise);
  if (isOfNumbers && term->number == 0) {
    llvm::BitVector others = columns;
    return select(others.flip(), isSummed,
                  exprs.getNumber(term->type, *otherwise));
  }
  Expr expr(ExprKind::Select);
  expr.type = term->type;
  expr.shape = term->shape;
  expr.operands = {term};
  expr.selector = Selector::Index;
  expr.columns = columns;
  expr.isSummed = isSummed;
  expr.number = otherwise.value_or(0);
  expr.hasNumber = otherwise.has_value();
  return exprs.get(std::move(expr));
}

const Expr *Algebra::selectColumn(bool isSummed, const Expr *term,
                                  std::optional<double> otherwise,
                                  bool isRepeated) {
  if (!term || isSelection(term))
    return nullptr;
  Expr expr(ExprKind::Select);
  expr.type = term->type;
  expr.shape = term->shape;
  expr.operands = {term};
  expr.selector = Selector::Column;
  expr.isSummed = isSummed && numSlots > 1;
  expr.isRepeated = isRepeated;
  expr.number = otherwise.value_or(0);
  expr.hasNumber = otherwise.has_value();
  return exprs.get(std::move(expr));
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

static Type resultElementType(Operation *op) {
  return getElementTypeOrSelf(op->getResult(0).getType());
}

/// Features of operands, aligned at the last one.
static std::optional<SmallVector<int64_t, 2>>
broadcastShape(ArrayRef<const Expr *> operands) {
  SmallVector<int64_t, 2> shape;
  for (const Expr *operand : operands) {
    ArrayRef<int64_t> other = operand->shape;
    if (other.size() > shape.size())
      shape.assign(other.begin(), other.end());
  }
  for (const Expr *operand : operands)
    if (!llvm::equal(ArrayRef(shape).take_back(operand->shape.size()),
                     operand->shape))
      return std::nullopt;
  return shape;
}

const Expr *Algebra::makeOp(Operation *op, ArrayRef<const Expr *> operands) {
  Type type = resultElementType(op);
  auto isNumber = [](const Expr *e) { return e->kind == ExprKind::Number; };
  if (isa<onnx::CastOp>(op) && operands.front()->type == type)
    return operands.front();
  if (isa<onnx::WhereOp>(op) && isNumber(operands[0]))
    return operands[operands[0]->number != 0 ? 1 : 2];
  if (llvm::all_of(operands, isNumber)) {
    auto numbers = llvm::map_to_vector(operands, [](const Expr *e) {
      return std::optional<double>(e->number);
    });
    if (std::optional<double> number = evaluateElementwise(op, numbers))
      return exprs.getNumber(type, *number);
  }
  std::optional<SmallVector<int64_t, 2>> shape = broadcastShape(operands);
  if (!shape)
    return nullptr;
  Expr expr(ExprKind::Op);
  expr.type = type;
  expr.shape = *shape;
  expr.operands.assign(operands.begin(), operands.end());
  expr.proto = op;
  return exprs.get(std::move(expr));
}

/// Where(ids in S, number, x) = Select(S, number, x) has the number where the
/// ids are not in the rest: it selects x there.
const Expr *Algebra::selectByMask(Operation *op,
                                  ArrayRef<const Expr *> operands) {
  if (!isa<onnx::WhereOp>(op))
    return nullptr;
  const Expr *mask = operands[0], *number = operands[1], *rest = operands[2];
  bool isMask = mask->kind == ExprKind::Select && !mask->isSummed &&
                mask->selector == Selector::Index && mask->hasNumber &&
                mask->number == 0 &&
                mask->operands.front()->kind == ExprKind::Number;
  if (!isMask || number->kind != ExprKind::Number || isSelection(rest) ||
      rest->kind == ExprKind::Number)
    return nullptr;
  llvm::BitVector others = mask->columns;
  return select(others.flip(), /*isSummed=*/false, rest, number->number);
}

const Expr *Algebra::elementwise(Operation *op,
                                 ArrayRef<const Expr *> operands) {
  if (isa<onnx::IdentityOp>(op))
    return operands.front();
  if (isa<onnx::MulOp>(op))
    return multiply(operands[0], operands[1]);
  if (isa<onnx::AddOp>(op))
    return add(operands[0], operands[1]);
  if (isa<onnx::AndOp>(op) && llvm::all_of(operands, isSelection))
    return multiply(operands[0], operands[1]);
  if (const Expr *choice = selectByMask(op, operands))
    return choice;
  return distribute(
      operands, [&](ArrayRef<const Expr *> args) { return makeOp(op, args); },
      [&](ArrayRef<std::optional<double>> numbers) {
        return evaluateElementwise(op, numbers);
      },
      /*isLinear=*/isa<onnx::CastOp>(op) &&
          isa<FloatType>(resultElementType(op)));
}

/// Mul or Add without the operand that changes nothing.
static const Expr *makeBinary(ExprContext &exprs, ExprKind kind,
                              const Expr *lhs, const Expr *rhs) {
  double neutral = kind == ExprKind::Mul ? 1 : 0;
  if (lhs->isNumber(neutral))
    return rhs;
  if (rhs->isNumber(neutral))
    return lhs;
  std::optional<SmallVector<int64_t, 2>> shape = broadcastShape({lhs, rhs});
  if (!shape)
    return nullptr;
  Expr expr(kind);
  expr.type = lhs->type;
  expr.shape = *shape;
  expr.operands = {lhs, rhs};
  return exprs.get(std::move(expr));
}

const Expr *Algebra::multiply(const Expr *lhs, const Expr *rhs) {
  return distribute(
      {lhs, rhs},
      [&](ArrayRef<const Expr *> args) {
        return makeBinary(exprs, ExprKind::Mul, args[0], args[1]);
      },
      [](ArrayRef<std::optional<double>> numbers) -> std::optional<double> {
        if (llvm::is_contained(numbers, 0.0))
          return 0.0;
        if (llvm::is_contained(numbers, std::nullopt))
          return std::nullopt;
        return *numbers[0] * *numbers[1];
      },
      /*isLinear=*/true);
}

const Expr *Algebra::add(const Expr *lhs, const Expr *rhs) {
  if (!lhs || !rhs)
    return nullptr;
  if (const Expr *sum = makeSum(lhs, rhs))
    return sum;
  // A sum that begins with rows: what its first expert is added to.
  for (auto [rows, first] : {std::pair(lhs, rhs), std::pair(rhs, lhs)}) {
    bool isExpert =
        first->kind == ExprKind::Select && first->selector == Selector::Index &&
        first->columns.count() == 1 && (first->isSummed || numSlots == 1);
    if (isExpert && first->shape.size() == 1 && !isSelection(rows) &&
        rows->kind != ExprKind::Number && rows->shape == first->shape)
      return addToRows(rows, first);
  }
  return distribute(
      {lhs, rhs},
      [&](ArrayRef<const Expr *> args) {
        return makeBinary(exprs, ExprKind::Add, args[0], args[1]);
      },
      [](ArrayRef<std::optional<double>> numbers) -> std::optional<double> {
        if (llvm::is_contained(numbers, std::nullopt))
          return std::nullopt;
        return *numbers[0] + *numbers[1];
      },
      /*isLinear=*/false);
}

const Expr *Algebra::multiplyByMatrix(const Expr *row, const Expr *matrix,
                                      int64_t contracted) {
  if (!row || !matrix || isSelection(matrix) || matrix->shape.size() != 2 ||
      row->shape.size() != 1)
    return nullptr;
  auto apply = [&](ArrayRef<const Expr *> args) {
    Expr expr(ExprKind::MatMul);
    expr.type = args[0]->type;
    expr.shape = {matrix->shape[1 - contracted]};
    expr.operands = {args[0], matrix};
    expr.ints = {contracted};
    return exprs.get(std::move(expr));
  };
  // A projection of the sum of many experts is no part of each.
  return distribute(
      {row}, apply,
      [](ArrayRef<std::optional<double>> numbers) -> std::optional<double> {
        return numbers[0] == 0.0 ? std::optional(0.0) : std::nullopt;
      },
      /*isLinear=*/false);
}

const Expr *Algebra::slice(const Expr *row, int64_t start, int64_t step,
                           int64_t count) {
  if (start == 0 && step == 1 && count == row->shape.back())
    return row;
  return distribute(
      {row},
      [&](ArrayRef<const Expr *> args) {
        Expr expr(ExprKind::Slice);
        expr.type = args[0]->type;
        expr.shape = args[0]->shape;
        expr.shape.back() = count;
        expr.operands = {args[0]};
        expr.ints = {start, step, count};
        return exprs.get(std::move(expr));
      },
      [](ArrayRef<std::optional<double>> numbers) { return numbers[0]; },
      /*isLinear=*/false);
}
