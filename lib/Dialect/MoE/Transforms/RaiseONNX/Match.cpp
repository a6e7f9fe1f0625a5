//===- Match.cpp - A layer of experts in a graph --------------------------===//
#include "Match.h"

#include "mlir/IR/TypeUtilities.h"

#include <queue>

using namespace mlir;
using namespace moe;
using namespace moe::raise;

//===----------------------------------------------------------------------===//
// Looking at expressions
//===----------------------------------------------------------------------===//

namespace {
/// What an expression and all below it are made of.
struct Contents {
  bool hasExpertWeight = false;
  bool hasSlot = false;
  bool hasRow = false;
  bool hasSelection = false;
  bool hasIds = false;
};
} // namespace

/// Visits each node once, operands after users.
template <typename Visit> static void walk(const Expr *root, Visit visit) {
  llvm::DenseSet<const Expr *> seen;
  SmallVector<const Expr *> stack{root};
  while (!stack.empty()) {
    const Expr *expr = stack.pop_back_val();
    if (!seen.insert(expr).second || !visit(expr))
      continue;
    stack.append(expr->operands.begin(), expr->operands.end());
  }
}

static Contents getContents(const Expr *root) {
  Contents contents;
  walk(root, [&](const Expr *expr) {
    contents.hasExpertWeight |= expr->kind == ExprKind::Weight &&
                                expr->selector != Selector::None;
    contents.hasSlot |= expr->kind == ExprKind::Slot;
    contents.hasRow |= expr->kind == ExprKind::Row;
    contents.hasSelection |=
        expr->kind == ExprKind::Select || expr->kind == ExprKind::Sum;
    contents.hasIds |= !expr->type;
    return true;
  });
  return contents;
}

//===----------------------------------------------------------------------===//
// Values that may be a layer's result
//===----------------------------------------------------------------------===//

namespace {
struct LaterInBlock {
  bool operator()(Operation *a, Operation *b) const {
    return b->isBeforeInBlock(a);
  }
};

/// What forward reachability from the ids found.
struct Reached {
  SmallVector<Value> candidates;
  /// The first op that breaks off what experts compute, what integers made of
  /// the ids say, and anything else that reads them.
  Refusal refusal, ofIntegers, ofIds;
  /// Columns that have a mask each.
  llvm::SmallDenseSet<unsigned> masked;
};
} // namespace

/// Whether the expression is what a sum over slots gives, of more experts than
/// one.
static bool isSumOfExperts(const Expr *expr) {
  if (expr->kind == ExprKind::Sum)
    return true;
  return expr->kind == ExprKind::Select &&
         expr->selector == Selector::Index && expr->hasNumber &&
         expr->number == 0 && expr->columns.count() > 1;
}

static bool isCandidate(Interpreter &interpreter, const Term &term) {
  const Expr *expr = term.expr;
  if (!expr || !interpreter.isRowMajor(term) || expr->shape.size() != 1 ||
      !expr->type)
    return false;
  if (interpreter.getSelection().numSlots > 1)
    return isSumOfExperts(expr) && expr->isSummed;
  return isSumOfExperts(expr) || getContents(expr).hasExpertWeight;
}

/// Whether rows are of one expert, or computed with an expert's weights.
static bool isOfExperts(const Term &term) {
  if (!term)
    return false;
  for (const Axis &axis : flatten(term.dims))
    if (axis.atom && (axis.atom->kind == AtomKind::Pairs ||
                      axis.atom->kind == AtomKind::Sorted))
      return true;
  Contents contents = getContents(term.expr);
  return term.expr->type && !term.expr->isScalar() &&
         (contents.hasExpertWeight || contents.hasSelection);
}

/// The one column whose mask this is.
static std::optional<unsigned> getMaskedColumn(const Term &term) {
  const Expr *expr = term.expr;
  if (!expr || expr->kind != ExprKind::Select ||
      expr->selector != Selector::Index || expr->columns.count() != 1 ||
      expr->operands.front()->kind != ExprKind::Number)
    return std::nullopt;
  return expr->columns.find_first();
}

/// Whether the ids, or integers made of them, pick experts: slices of stacked
/// constants, or rows that are multiplied with constants.
static bool selectsExperts(Interpreter &interpreter) {
  auto isInteger = [](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && type.getElementType().isInteger();
  };
  llvm::DenseSet<Value> seen;
  SmallVector<Value> worklist{interpreter.getSelection().ids};
  bool isRows = false;
  SmallVector<Value> rows;
  auto visit = [&](Value value) {
    for (Operation *user : value.getUsers()) {
      if (isa<onnx::GatherOp, onnx::GatherNDOp>(user) && !isRows &&
          user->getOperand(1) == value && !isInteger(user->getOperand(0))) {
        auto type = cast<RankedTensorType>(user->getOperand(0).getType());
        bool isStack = interpreter.isConstant(user->getOperand(0));
        if (isStack && type.getRank() >= 3)
          return true;
        if (!isStack)
          rows.push_back(user->getResult(0));
        continue;
      }
      if (isRows && isa<onnx::MatMulOp, onnx::GemmOp>(user) &&
          user->getOperand(0) == value &&
          interpreter.isConstant(user->getOperand(1)))
        return true;
      bool goesOn = isRows ? isa<onnx::ReshapeOp, onnx::SqueezeOp,
                                 onnx::IdentityOp, onnx::CastOp, onnx::SplitOp>(
                                 user)
                           : !isa<onnx::ShapeOp>(user);
      // Masks may be floats.
      bool isMask =
          isa<onnx::ElementwiseOpInterface, onnx::ReduceOpInterface>(user);
      for (Value result : user->getResults())
        if (goesOn && (isRows || isMask || isInteger(result)) &&
            seen.insert(result).second)
          worklist.push_back(result);
    }
    return false;
  };
  while (!worklist.empty())
    if (visit(worklist.pop_back_val()))
      return true;
  isRows = true;
  worklist = std::move(rows);
  while (!worklist.empty())
    if (visit(worklist.pop_back_val()))
      return true;
  return false;
}

static Reached reachForward(Interpreter &interpreter) {
  Reached reached;
  Value ids = interpreter.getSelection().ids;
  Block *block = ids.getParentBlock();
  std::priority_queue<Operation *, std::vector<Operation *>, LaterInBlock>
      queue;
  llvm::DenseSet<Operation *> queued;
  auto enqueueUsers = [&](Value value) {
    for (Operation *user : value.getUsers())
      if (user->getBlock() == block && user->getNumResults() &&
          queued.insert(user).second)
        queue.push(user);
  };
  enqueueUsers(ids);
  while (!queue.empty()) {
    Operation *op = queue.top();
    queue.pop();
    for (Value result : op->getResults()) {
      const Term &term = interpreter.get(result);
      if (getenv("RAISE_DEBUG")) {
        llvm::errs() << "DBG " << op->getName() << " " << op->getLoc() << " ";
        if (term) { term.expr->print(llvm::errs()); llvm::errs() << " dims "; for (auto &d : term.dims) { llvm::errs() << "["; for (auto &a : d) { if (a.atom) llvm::errs() << "TSCPQA"[(int)a.atom->kind]; else llvm::errs() << "f" << a.feature; } llvm::errs() << "]"; } }
        else llvm::errs() << "NONE " << term.reason << (term.isCause ? " !" : "");
        llvm::errs() << "\n";
      }
      if (term) {
        if (isCandidate(interpreter, term))
          reached.candidates.push_back(result);
        if (std::optional<unsigned> masked = getMaskedColumn(term))
          reached.masked.insert(*masked);
        enqueueUsers(result);
        continue;
      }
      bool isFloat =
          isa<FloatType>(getElementTypeOrSelf(result.getType()));
      bool breaksOff =
          term.isCause && isFloat && llvm::any_of(op->getOperands(), [&](Value operand) {
            const Term *known = interpreter.lookup(operand);
            return known && isOfExperts(*known) &&
                   !isCandidate(interpreter, *known);
          });
      if (breaksOff && !reached.refusal.op)
        reached.refusal = {op, term.reason};
      Refusal &first = isFloat ? reached.ofIds : reached.ofIntegers;
      if (term.isCause && !first.op && !isa<onnx::ShapeOp>(op))
        first = {op, term.reason};
    }
  }
  return reached;
}

//===----------------------------------------------------------------------===//
// Parts of a layer
//===----------------------------------------------------------------------===//

/// Takes factors per token and slot off: term = weight * rest. With
/// `isThrough` also those that pass through products with matrices. Depth is
/// bounded by ExprContext::maxDepth.
static void splitWeight(Algebra &algebra, const Expr *term,
                        const Expr *&weight, const Expr *&rest,
                        bool isThrough = false) {
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
  bool checkColumns(ArrayRef<std::optional<ExpertKind>> kinds);
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
  SmallVector<const Expr *> branches, copies;
  SmallVector<llvm::BitVector> columns;
  for (const Expr *part : parts) {
    bool isSelect = part->kind == ExprKind::Select;
    const Expr *term = isSelect ? part->operands.front() : part;
    llvm::BitVector set = isSelect ? part->columns : algebra.getAllColumns();
    const Expr *weight = nullptr, *rest = nullptr;
    splitWeight(algebra, term, weight, rest);
    bool isCopy = rest->kind == ExprKind::Row;
    for (unsigned column : set.set_bits())
      kinds[column] = isCopy ? ExpertKind::Copy : ExpertKind::FFN;
    if (isCopy) {
      copies.push_back(term);
      continue;
    }
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
  for (const Expr *copy : copies) {
    const Expr *weight = nullptr, *rest = nullptr;
    splitWeight(algebra, copy, weight, rest);
    match.rows.emplace_back(rest, rest->value);
    if (weight != match.weight)
      return refuse(getOperation(rest), "it is weighted as no expert is");
  }
  Contents contents = getContents(match.body);
  if (contents.hasSelection || contents.hasIds)
    return refuse(nullptr, "what an expert computes depends on its id");
  if (!contents.hasExpertWeight)
    return refuse(nullptr, "no weight depends on the expert");
  return checkColumns(kinds);
}

/// Columns that nothing computes stand for zero; they are the last ones, or a
/// branch is missing.
bool Matcher::checkColumns(ArrayRef<std::optional<ExpertKind>> kinds) {
  bool hasMissing = false;
  for (auto [column, kind] : llvm::enumerate(kinds)) {
    if (kind && hasMissing)
      return refuse(nullptr, "no branch computes expert " +
                                 std::to_string(column - 1));
    hasMissing |= !kind;
    ExpertKind known = kind.value_or(ExpertKind::Zero);
    if (match.runs.empty() || match.runs.back().kind != known)
      match.runs.push_back({known, 0});
    ++match.runs.back().count;
  }
  if (!hasMissing)
    return true;
  // A sum that goes on with other experts lacks them.
  for (Operation *user : match.result.getUsers())
    for (Value operand : user->getOperands()) {
      const Term *term = interpreter.lookup(operand);
      if (operand != match.result && term && term->dependsOnIds)
        return refuse(user, "it adds an expert that is not understood");
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

std::optional<LayerMatch>
moe::raise::matchLayer(Interpreter &interpreter, Refusal &refusal) {
  Reached reached = reachForward(interpreter);
  Refusal inner;
  for (Value candidate : llvm::reverse(reached.candidates)) {
    Matcher matcher(interpreter, candidate, inner);
    if (matcher.run())
      return std::move(matcher.match);
  }
  refusal = reached.refusal.op ? reached.refusal : inner;
  if (refusal.op ||
      !(reached.masked.size() > 1 || selectsExperts(interpreter)))
    return std::nullopt;
  refusal = reached.ofIntegers.op ? reached.ofIntegers : reached.ofIds;
  if (!refusal.op)
    refusal = {interpreter.getSelection().ids.getDefiningOp(),
               "what follows is not the sum of its experts"};
  return std::nullopt;
}
