//===- Reach.cpp - What the ids of experts lead to ------------------------===//
#include "Reach.h"

#include "mlir/IR/TypeUtilities.h"

#include <queue>

using namespace mlir;
using namespace moe;
using namespace moe::raise;

Contents moe::raise::getContents(const Expr *root) {
  Contents contents;
  walk(root, [&](const Expr *expr) {
    contents.hasExpertWeight |=
        expr->kind == ExprKind::Weight && expr->selector != Selector::None;
    contents.hasSlot |= expr->kind == ExprKind::Slot;
    contents.hasRow |= expr->kind == ExprKind::Row;
    contents.hasSelection |=
        expr->kind == ExprKind::Select || expr->kind == ExprKind::Sum;
    contents.hasIds |= !expr->type;
    return true;
  });
  return contents;
}

namespace {
struct LaterInBlock {
  bool operator()(Operation *a, Operation *b) const {
    return b->isBeforeInBlock(a);
  }
};
} // namespace

/// Whether the expression is what a sum over slots gives, of more experts than
/// one.
static bool isSumOfExperts(const Expr *expr) {
  if (expr->kind == ExprKind::Sum)
    return true;
  return expr->kind == ExprKind::Select && expr->selector == Selector::Index &&
         expr->hasNumber && expr->number == 0 && expr->columns.count() > 1;
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

Reached moe::raise::reachForward(Interpreter &interpreter) {
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
      if (term) {
        if (isCandidate(interpreter, term))
          reached.candidates.push_back(result);
        if (std::optional<unsigned> masked = getMaskedColumn(term))
          reached.masked.insert(*masked);
        enqueueUsers(result);
        continue;
      }
      bool isFloat = isa<FloatType>(getElementTypeOrSelf(result.getType()));
      bool breaksOff = term.isCause && isFloat &&
                       llvm::any_of(op->getOperands(), [&](Value operand) {
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
