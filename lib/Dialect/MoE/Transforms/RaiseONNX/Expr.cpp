//===- Expr.cpp - What an element of a tensor is --------------------------===//
#include "Expr.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace moe::raise;
using moe::onnx::DimExpr;

void Expr::Profile(llvm::FoldingSetNodeID &id) const {
  id.AddInteger(static_cast<int>(kind));
  id.AddPointer(type.getAsOpaquePointer());
  for (int64_t extent : shape)
    id.AddInteger(extent);
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
  for (const WeightRow &row : rows) {
    id.AddPointer(row.value.getAsOpaquePointer());
    id.AddInteger(row.row);
  }
  id.AddInteger(ints.size());
  for (int64_t entry : ints)
    id.AddInteger(entry);
  for (unsigned column : columns.set_bits())
    id.AddInteger(column);
  id.AddBoolean(isSummed);
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

//===----------------------------------------------------------------------===//
// Showing
//===----------------------------------------------------------------------===//

Operation *moe::raise::getOperation(const Expr *expr) {
  if (expr->proto)
    return expr->proto;
  if (expr->value)
    return expr->value.getDefiningOp();
  if (!expr->rows.empty() && expr->rows.front().value)
    return expr->rows.front().value.getDefiningOp();
  return nullptr;
}

static StringRef nameOf(ExprKind kind) {
  switch (kind) {
  case ExprKind::Number:
    return "number";
  case ExprKind::Row:
    return "row";
  case ExprKind::Slot:
    return "slot";
  case ExprKind::Weight:
    return "weight";
  case ExprKind::Extent:
    return "extent";
  case ExprKind::Affine:
    return "affine";
  case ExprKind::Quotient:
    return "quotient";
  case ExprKind::Column:
    return "column";
  case ExprKind::ColumnId:
    return "column_id";
  case ExprKind::Position:
    return "position";
  case ExprKind::Count:
    return "count";
  case ExprKind::Tuple:
    return "tuple";
  case ExprKind::Op:
    return "op";
  case ExprKind::Mul:
    return "mul";
  case ExprKind::Add:
    return "add";
  case ExprKind::MatMul:
    return "matmul";
  case ExprKind::Slice:
    return "slice";
  case ExprKind::Select:
    return "select";
  case ExprKind::Sum:
    return "sum";
  }
  return "";
}

void Expr::print(llvm::raw_ostream &os) const {
  os << (kind == ExprKind::Op ? proto->getName().stripDialect() : nameOf(kind));
  if (selector != Selector::None)
    os << (selector == Selector::Index ? "@id" : "@c");
  if (kind == ExprKind::Number || kind == ExprKind::Select) {
    if (hasNumber)
      os << ' ' << number;
    else
      os << " ?";
  }
  if (isSummed)
    os << " summed";
  if (columns.size()) {
    os << " {";
    llvm::interleaveComma(columns.set_bits(), os);
    os << '}';
  }
  if (!ints.empty()) {
    os << " <";
    llvm::interleaveComma(ints, os);
    os << '>';
  }
  if (first)
    os << ' ' << first;
  if (second)
    os << ' ' << second;
  if (!shape.empty()) {
    os << " [";
    llvm::interleaveComma(shape, os);
    os << ']';
  }
  if (operands.empty())
    return;
  os << " (";
  llvm::interleaveComma(operands, os, [&](const Expr *e) { e->print(os); });
  os << ')';
}
