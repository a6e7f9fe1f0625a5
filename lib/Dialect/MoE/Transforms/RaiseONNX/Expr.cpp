//===- Expr.cpp - What an element of a tensor is --------------------------===//
#include "Expr.h"

#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace moe::raise;
using moe::onnx::DimExpr;

void Expr::Profile(llvm::FoldingSetNodeID &id) const {
  id.AddInteger(static_cast<int>(kind));
  id.AddPointer(type.getAsOpaquePointer());
  id.AddInteger(shape.size());
  for (int64_t extent : shape)
    id.AddInteger(extent);
  id.AddInteger(operands.size());
  for (const Expr *operand : operands)
    id.AddPointer(operand);
  id.AddPointer(value.getAsOpaquePointer());
  if (proto) {
    id.AddPointer(proto->getName().getAsOpaquePointer());
    id.AddPointer(proto->getAttrDictionary().getAsOpaquePointer());
  }
  // Bits, so that -0.0 and NaN are told apart.
  id.AddInteger(llvm::bit_cast<uint64_t>(number));
  id.AddBoolean(hasNumber);
  id.AddInteger(static_cast<int>(selector));
  id.AddInteger(rows.size());
  for (const WeightRow &row : rows) {
    id.AddPointer(row.value.getAsOpaquePointer());
    id.AddInteger(row.row);
  }
  id.AddInteger(ints.size());
  for (int64_t entry : ints)
    id.AddInteger(entry);
  id.AddInteger(columns.count());
  for (unsigned column : columns.set_bits())
    id.AddInteger(column);
  id.AddBoolean(isSummed);
  id.AddBoolean(isRepeated);
  id.AddPointer(first.getAsOpaquePointer());
  id.AddPointer(second.getAsOpaquePointer());
}

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

const Expr *ExprContext::get(Expr expr) {
  for (const Expr *operand : expr.operands) {
    if (!operand)
      return nullptr;
    expr.depth = std::max(expr.depth, operand->depth + 1);
  }
  if (expr.depth > maxDepth)
    return nullptr;
  llvm::FoldingSetNodeID id;
  expr.Profile(id);
  void *position = nullptr;
  if (const Expr *known = set.FindNodeOrInsertPos(id, position))
    return known;
  nodes.push_back(std::make_unique<Expr>(std::move(expr)));
  set.InsertNode(nodes.back().get(), position);
  return nodes.back().get();
}

const Expr *ExprContext::getNumber(Type type, double number) {
  Expr expr(ExprKind::Number);
  expr.type = type;
  expr.number = number;
  return get(std::move(expr));
}

const Expr *ExprContext::getExtent(DimExpr extent) {
  Expr expr(ExprKind::Extent);
  expr.first = extent;
  return get(std::move(expr));
}

const Expr *ExprContext::getAffine(DimExpr token, DimExpr slot) {
  Expr expr(ExprKind::Affine);
  expr.first = token;
  expr.second = slot;
  return get(std::move(expr));
}

const Expr *ExprContext::getColumn(ArrayRef<int64_t> table) {
  Expr expr(ExprKind::Column);
  expr.ints.assign(table.begin(), table.end());
  return get(std::move(expr));
}

const Expr *ExprContext::getTuple(ArrayRef<const Expr *> components) {
  Expr expr(ExprKind::Tuple);
  expr.operands.assign(components.begin(), components.end());
  expr.shape.push_back(components.size());
  return get(std::move(expr));
}

void moe::raise::walk(const Expr *root,
                      llvm::function_ref<bool(const Expr *)> visit) {
  llvm::DenseSet<const Expr *> seen;
  SmallVector<const Expr *> stack{root};
  while (!stack.empty()) {
    const Expr *expr = stack.pop_back_val();
    if (!seen.insert(expr).second || !visit(expr))
      continue;
    stack.append(expr->operands.begin(), expr->operands.end());
  }
}

Operation *moe::raise::getOperation(const Expr *expr) {
  if (expr->proto)
    return expr->proto;
  if (expr->value)
    return expr->value.getDefiningOp();
  if (!expr->rows.empty() && expr->rows.front().value)
    return expr->rows.front().value.getDefiningOp();
  return nullptr;
}
