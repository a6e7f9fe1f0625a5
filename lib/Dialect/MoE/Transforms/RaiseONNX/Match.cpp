//===- Match.cpp - A layer of experts in a graph --------------------------===//
#include "Match.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

//===----------------------------------------------------------------------===//
// Parts of a layer
//===----------------------------------------------------------------------===//

/// Takes factors per token and slot off: term = weight * rest. With
/// `isThrough` also those that pass through products with matrices. Depth is
/// bounded by ExprContext::maxDepth.
static void splitWeight(Algebra &algebra, const Expr *term, const Expr *&weight,
                        const Expr *&rest, bool isThrough = false) {
  rest = term;
  auto isFactor = [](const Expr *expr) {
    return expr->isScalar() && !getContents(expr).hasExpertWeight;
  };
  auto take = [&](const Expr *factor) {
    weight = weight ? algebra.multiply(weight, factor) : factor;
  };
  while (rest->kind == ExprKind::Mul) {
    unsigned side = isFactor(rest->operands[0]) ? 0 : 1;
    if (!isFactor(rest->operands[side]))
      break;
    take(rest->operands[side]);
    rest = rest->operands[1 - side];
  }
  bool isLinear = rest->kind == ExprKind::Mul ||
                  rest->kind == ExprKind::MatMul ||
                  rest->kind == ExprKind::Slice;
  if (!isThrough || !isLinear)
    return;
  // Of a product of rows either one may hold the factor.
  unsigned numRows = rest->kind == ExprKind::Mul ? 2 : 1;
  for (unsigned i = 0; i < numRows; ++i) {
    const Expr *factor = nullptr, *inner = nullptr;
    splitWeight(algebra, rest->operands[i], factor, inner, isThrough);
    if (!factor || !getContents(factor).hasSlot)
      continue;
    SmallVector<const Expr *> operands(ArrayRef(rest->operands));
    operands[i] = inner;
    take(factor);
    rest = algebra.rebuild(rest, operands);
  }
}

namespace {
/// Fills a LayerMatch from the expression of a candidate.
class Matcher {
public:
  Matcher(Interpreter &interpreter, Value result, Refusal &refusal)
      : interpreter(interpreter), algebra(interpreter.getAlgebra()),
        refusal(refusal) {
    match.result = result;
  }

  bool run() {
    const Expr *expr = interpreter.get(match.result).expr;
    return matchExperts(expr) && matchInputWeight() && collectLeaves();
  }

  LayerMatch match;

private:
  bool refuse(Operation *op, std::string reason) {
    if (!refusal.op)
      refusal = {op ? op : match.result.getDefiningOp(), std::move(reason)};
    return false;
  }

  bool matchExperts(const Expr *expr);
  bool addConstants(const Expr *row, const llvm::BitVector &columns);
  bool addNullExpert(const Expr *term);
  bool checkColumns(ArrayRef<std::optional<ExpertKind>> kinds,
                    bool isOneBranch);
  bool matchInputWeight();
  bool collectLeaves();

  Interpreter &interpreter;
  Algebra &algebra;
  Refusal &refusal;
};
} // namespace

static std::string describe(const Expr *expr) {
  switch (expr->kind) {
  case ExprKind::Op:
    return expr->proto->getName().getStringRef().str();
  case ExprKind::Mul:
    return "onnx.Mul";
  case ExprKind::Add:
    return "onnx.Add";
  case ExprKind::MatMul:
    return "a product with a matrix";
  case ExprKind::Slice:
    return "a part of the features";
  case ExprKind::Weight:
    return "a constant";
  case ExprKind::Row:
  case ExprKind::Slot:
    return "an element of another tensor";
  default:
    return "something else";
  }
}

bool Matcher::matchExperts(const Expr *expr) {
  int64_t numColumns = interpreter.getSelection().numColumns;
  SmallVector<const Expr *> parts{expr};
  if (expr->kind == ExprKind::Sum)
    parts.assign(expr->operands.begin(), expr->operands.end());
  if (expr->kind == ExprKind::Sum && parts.back()->kind != ExprKind::Select) {
    match.base = interpreter.getRows(parts.pop_back_val());
    if (!match.base)
      return refuse(nullptr, "it adds to what is not one row per token");
  }

  SmallVector<std::optional<ExpertKind>> kinds(numColumns);
  SmallVector<const Expr *> branches, nulls;
  SmallVector<llvm::BitVector> columns;
  for (const Expr *part : parts) {
    bool isSelect = part->kind == ExprKind::Select;
    const Expr *term = isSelect ? part->operands.front() : part;
    llvm::BitVector set = isSelect ? part->columns : algebra.getAllColumns();
    const Expr *weight = nullptr, *rest = nullptr;
    splitWeight(algebra, term, weight, rest);
    ExpertKind kind = rest->kind == ExprKind::Row      ? ExpertKind::Copy
                      : rest->kind == ExprKind::Weight ? ExpertKind::Constant
                                                       : ExpertKind::FFN;
    for (unsigned column : set.set_bits())
      kinds[column] = kind;
    if (kind != ExpertKind::FFN)
      nulls.push_back(term);
    if (kind == ExpertKind::Constant && !addConstants(rest, set))
      return false;
    if (kind != ExpertKind::FFN)
      continue;
    branches.push_back(term);
    columns.push_back(set);
  }
  if (branches.empty())
    return refuse(nullptr, "no expert computes anything");
  std::pair<const Expr *, const Expr *> difference;
  const Expr *merged = branches.size() == 1
                           ? branches.front()
                           : algebra.merge(branches, columns, difference);
  if (!merged)
    return refuse(difference.second ? getOperation(difference.second) : nullptr,
                  "experts differ: one has " + describe(difference.second) +
                      " where another has " + describe(difference.first));
  splitWeight(algebra, merged, match.weight, match.body);
  if (getContents(match.body).hasSlot) {
    // Deeper inside, if that is the only place.
    const Expr *weight = nullptr, *body = nullptr;
    splitWeight(algebra, merged, weight, body, /*isThrough=*/true);
    if (body && !getContents(body).hasSlot) {
      match.weight = weight;
      match.body = body;
    }
  }
  if (match.weight && !getContents(match.weight).hasSlot &&
      !getContents(match.weight).hasRow) {
    // A constant factor is the expert's.
    match.weight = nullptr;
    match.body = merged;
  }
  for (const Expr *term : nulls)
    if (!addNullExpert(term))
      return false;
  Contents contents = getContents(match.body);
  if (contents.hasSelection || contents.hasIds)
    return refuse(nullptr, "what an expert computes depends on its id");
  if (!contents.hasExpertWeight)
    return refuse(nullptr, "no weight depends on the expert");
  return checkColumns(kinds, /*isOneBranch=*/parts.size() == 1);
}

/// Experts of `columns` are a constant row, or one each of a stack of them.
bool Matcher::addConstants(const Expr *row, const llvm::BitVector &columns) {
  Expr expr(ExprKind::Weight);
  if (match.constants)
    expr = *match.constants;
  else
    expr.rows.assign(columns.size(), WeightRow());
  bool isRow = row->shape == interpreter.get(match.result).expr->shape &&
               row->selector != Selector::Column;
  for (unsigned column : columns.set_bits()) {
    bool isShared = row->selector == Selector::None;
    expr.rows[column] = isShared ? row->rows.front() : row->rows[column];
    isRow &= expr.rows[column].value != nullptr;
  }
  if (!isRow)
    return refuse(getOperation(row), "it is not a constant row per expert");
  expr.type = row->type;
  expr.shape = row->shape;
  expr.selector = Selector::Index;
  match.constants = algebra.getExprs().get(std::move(expr));
  return true;
}

/// What copies rows, or is constant, has the weights that other experts have.
bool Matcher::addNullExpert(const Expr *term) {
  const Expr *weight = nullptr, *rest = nullptr;
  splitWeight(algebra, term, weight, rest);
  if (weight != match.weight)
    return refuse(getOperation(rest), "it is weighted as no expert is");
  if (rest->kind != ExprKind::Row)
    return true;
  if (match.rows.empty())
    match.rows.emplace_back(rest, rest->value);
  return match.rows.front().first == rest ||
         refuse(getOperation(rest), "one expert copies rows of this tensor, "
                                    "another one those of another");
}

/// Columns that nothing computes stand for zero. Where each expert has a branch
/// they are the last ones, or a branch is missing.
bool Matcher::checkColumns(ArrayRef<std::optional<ExpertKind>> kinds,
                           bool isOneBranch) {
  bool hasMissing = false;
  for (auto [column, kind] : llvm::enumerate(kinds)) {
    if (kind && hasMissing && !isOneBranch)
      return refuse(nullptr,
                    "no branch computes expert " + std::to_string(column - 1));
    hasMissing |= !kind;
    ExpertKind known = kind.value_or(ExpertKind::Zero);
    if (match.runs.empty() || match.runs.back().kind != known)
      match.runs.push_back({known, 0});
    ++match.runs.back().count;
  }
  if (!hasMissing)
    return true;
  // A sum that goes on with other experts lacks them.
  const Expr *sum = interpreter.get(match.result).expr;
  llvm::SmallSetVector<Value, 4> same;
  same.insert(match.result);
  for (unsigned i = 0; i < same.size(); ++i)
    for (Operation *user : same[i].getUsers()) {
      for (Value result : user->getResults())
        if (const Term *term = interpreter.lookup(result);
            term && term->expr == sum)
          same.insert(result);
      for (Value operand : user->getOperands()) {
        const Term *term = interpreter.lookup(operand);
        if (!same.contains(operand) && term && term->dependsOnIds)
          return refuse(user, "it adds an expert that is not understood");
      }
    }
  return true;
}

/// Llama 4: the weight multiplies the row that an expert reads, each time.
bool Matcher::matchInputWeight() {
  if (!getContents(match.body).hasSlot)
    return true;
  const Expr *scaled = nullptr;
  bool isUniform = true;
  walk(match.body, [&](const Expr *expr) {
    if (expr->kind == ExprKind::Mul && getContents(expr).hasSlot)
      for (unsigned side : {0, 1})
        if (expr->operands[side]->kind == ExprKind::Row &&
            !expr->operands[side]->isScalar() &&
            expr->operands[1 - side]->isScalar() &&
            !getContents(expr->operands[1 - side]).hasExpertWeight) {
          isUniform &= !scaled || scaled == expr;
          scaled = expr;
          return false;
        }
    return true;
  });
  if (!scaled || !isUniform)
    return refuse(nullptr, "the weight of a slot enters the experts");
  unsigned side = scaled->operands[0]->kind == ExprKind::Row &&
                          !scaled->operands[0]->isScalar()
                      ? 0
                      : 1;
  const Expr *row = scaled->operands[side];
  if (!match.rows.empty())
    return refuse(nullptr, "some experts copy rows and others scale them");
  // Neither the weight nor the row is read elsewhere.
  bool isElsewhere = false;
  walk(match.body, [&](const Expr *expr) {
    isElsewhere |= expr == row || expr->kind == ExprKind::Slot;
    return expr != scaled;
  });
  if (isElsewhere)
    return refuse(nullptr, "the weight of a slot enters the experts twice");
  match.inputWeight = scaled->operands[1 - side];
  match.rows.insert(match.rows.begin(), {scaled, row->value});
  return true;
}

bool Matcher::collectLeaves() {
  llvm::DenseSet<const Expr *> seen;
  for (auto [row, value] : match.rows)
    seen.insert(row);
  // In the order of computation.
  SmallVector<const Expr *> stack{match.body};
  while (!stack.empty()) {
    const Expr *expr = stack.pop_back_val();
    if (!seen.insert(expr).second)
      continue;
    if (expr->kind == ExprKind::Weight) {
      (expr->selector == Selector::None ? match.shared : match.stacked)
          .push_back(expr);
      continue;
    }
    Contents contents = getContents(expr);
    if (contents.hasRow && !contents.hasExpertWeight) {
      // Computed once per token, outside.
      if (Value value = interpreter.getRows(expr)) {
        match.rows.emplace_back(expr, value);
        continue;
      }
      if (expr->operands.empty())
        return refuse(getOperation(expr),
                      "the experts read what is not one row per token");
    }
    for (const Expr *operand : llvm::reverse(expr->operands))
      stack.push_back(operand);
  }
  if (match.rows.empty())
    return refuse(nullptr, "the experts read no rows of tokens");
  return true;
}

//===----------------------------------------------------------------------===//
// The layer
//===----------------------------------------------------------------------===//

std::optional<LayerMatch> moe::raise::matchLayer(Interpreter &interpreter,
                                                 Refusal &refusal) {
  Reached reached = reachForward(interpreter);
  Refusal inner;
  for (Value candidate : llvm::reverse(reached.candidates)) {
    Matcher matcher(interpreter, candidate, inner);
    if (matcher.run())
      return std::move(matcher.match);
  }
  ExpertUse use = findExpertUse(interpreter);
  use.picksExperts |= reached.masked.size() > 1;
  if (!use.picksExperts || use.feedsSelection)
    return std::nullopt;
  for (const Refusal &reason :
       {reached.refusal, inner, reached.ofIntegers, reached.ofIds})
    if (reason.op && !refusal.op)
      refusal = reason;
  if (!refusal.op)
    refusal = {interpreter.getSelection().ids.getDefiningOp(),
               "what follows is not the sum of its experts"};
  return std::nullopt;
}
