//===- Merge.cpp - One expression of the branches of experts ------------===//
//
// Branches that compute the same with weights of their own become one
// expression of the expert's weights. Operands of sums and products may be in
// any order.
//
//===----------------------------------------------------------------------===//
#include "Algebra.h"

#include "llvm/ADT/STLExtras.h"

#include <map>

using namespace mlir;
using namespace moe;
using namespace moe::raise;

namespace {
/// Merges branches node by node.
class Merger {
public:
  Merger(ExprContext &exprs, int64_t numColumns,
         ArrayRef<llvm::BitVector> columns,
         std::pair<const Expr *, const Expr *> &difference)
      : exprs(exprs), numColumns(numColumns), columns(columns),
        difference(difference) {}

  /// Depth is bounded by ExprContext::maxDepth.
  const Expr *merge(const std::vector<const Expr *> &branches) {
    auto [it, isNew] = done.try_emplace(branches, nullptr);
    if (!isNew)
      return it->second;
    const Expr *merged = mergeNew(branches);
    return done[branches] = merged;
  }

private:
  const Expr *mergeNew(const std::vector<const Expr *> &branches) {
    const Expr *model = branches.front();
    if (llvm::all_equal(branches) && model->selector == Selector::None &&
        model->operands.empty())
      return model;
    for (const Expr *branch : branches)
      if (!isAlike(model, branch)) {
        difference = {model, branch};
        return nullptr;
      }
    if (model->kind == ExprKind::Weight)
      return mergeWeights(branches);
    if (model->operands.empty()) {
      if (llvm::all_equal(branches))
        return model;
      auto other =
          llvm::find_if(branches, [&](const Expr *b) { return b != model; });
      difference = {model, *other};
      return nullptr;
    }
    Expr expr(*model);
    std::vector<std::vector<const Expr *>> operands(model->operands.size());
    for (const Expr *branch : branches) {
      bool isSwapped = isCommutative(model) && fitsBetterSwapped(model, branch);
      for (auto [i, list] : llvm::enumerate(operands))
        list.push_back(branch->operands[isSwapped ? 1 - i : i]);
    }
    for (auto [i, list] : llvm::enumerate(operands)) {
      expr.operands[i] = merge(list);
      if (!expr.operands[i])
        return nullptr;
    }
    return exprs.get(std::move(expr));
  }

  static bool isCommutative(const Expr *expr) {
    return expr->kind == ExprKind::Mul || expr->kind == ExprKind::Add;
  }

  /// The same computation but for operands.
  static bool isAlike(const Expr *a, const Expr *b) {
    if (a->kind != b->kind || a->type != b->type || a->shape != b->shape ||
        a->operands.size() != b->operands.size() || a->number != b->number ||
        a->hasNumber != b->hasNumber || a->ints != b->ints ||
        a->columns != b->columns || a->isSummed != b->isSummed ||
        a->isRepeated != b->isRepeated)
      return false;
    return !a->proto ||
           (a->proto->getName() == b->proto->getName() &&
            a->proto->getAttrDictionary() == b->proto->getAttrDictionary());
  }

  /// What an expression looks like from above, to a small depth.
  static std::string outline(const Expr *expr, unsigned depth = 6) {
    std::string text;
    llvm::raw_string_ostream os(text);
    os << static_cast<int>(expr->kind);
    if (expr->proto)
      os << expr->proto->getName();
    if (expr->kind == ExprKind::Row || expr->kind == ExprKind::Slot)
      os << expr->value.getAsOpaquePointer();
    if (!depth)
      return text;
    SmallVector<std::string> parts;
    for (const Expr *operand : expr->operands)
      parts.push_back(outline(operand, depth - 1));
    if (isCommutative(expr))
      llvm::sort(parts);
    for (const std::string &part : parts)
      os << '(' << part << ')';
    return text;
  }

  static bool fitsBetterSwapped(const Expr *model, const Expr *branch) {
    if (model == branch)
      return false;
    std::string first = outline(model->operands[0]);
    return first != outline(branch->operands[0]) &&
           first == outline(branch->operands[1]);
  }

  const Expr *mergeWeights(const std::vector<const Expr *> &branches) {
    const Expr *model = branches.front();
    Expr expr(ExprKind::Weight);
    expr.type = model->type;
    expr.shape = model->shape;
    expr.selector = Selector::Index;
    expr.rows.assign(numColumns, WeightRow());
    for (auto [branch, set] : llvm::zip_equal(branches, columns)) {
      if (branch->selector == Selector::Column) {
        difference = {model, branch};
        return nullptr;
      }
      for (unsigned column : set.set_bits())
        expr.rows[column] = branch->selector == Selector::None
                                ? branch->rows.front()
                                : branch->rows[column];
    }
    return exprs.get(std::move(expr));
  }

  ExprContext &exprs;
  int64_t numColumns;
  ArrayRef<llvm::BitVector> columns;
  std::pair<const Expr *, const Expr *> &difference;
  std::map<std::vector<const Expr *>, const Expr *> done;
};
} // namespace

const Expr *Algebra::merge(ArrayRef<const Expr *> branches,
                           ArrayRef<llvm::BitVector> columns,
                           std::pair<const Expr *, const Expr *> &difference) {
  return Merger(exprs, numColumns, columns, difference)
      .merge({branches.begin(), branches.end()});
}
