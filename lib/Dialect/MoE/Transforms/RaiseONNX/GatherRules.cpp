//===- GatherRules.cpp - Picking by expert, token or pair ---------------===//
//
// A gather by ids picks an expert's part of a constant; one by places brings
// rows and weights to pairs of tokens and slots.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::normalizeAxis;

/// data[..., index, ...]: dim `axis` gives way to the dims of the index.
Term Interpreter::gatherAt(const Term &data, int64_t axis, const Expr *index,
                           const Dims &indexDims) {
  const Dim &dim = data.dims[axis];
  Dims dims(ArrayRef(data.dims).take_front(axis));
  dims.append(indexDims.begin(), indexDims.end());
  dims.append(data.dims.begin() + axis + 1, data.dims.end());
  const Expr *expr = nullptr;
  bool isLeading = data.expr->kind == ExprKind::Weight &&
                   data.expr->selector == Selector::None &&
                   isFeature(dim, data.expr->shape.size() - 1);
  std::optional<int64_t> known;
  if (index->kind == ExprKind::Number)
    known = static_cast<int64_t>(index->number);
  // Every place of the dim once, in the order of the index's axes.
  bool isPlace =
      (index->kind == ExprKind::Position && sorted && isAxis(dim, sorted)) ||
      (index->kind == ExprKind::Affine && !dim.empty() &&
       getPlace(dim) == index);
  if (isPlace || (dim.empty() && known)) {
    expr = data.expr;
  } else if (isLeading && index->kind == ExprKind::Column) {
    expr = algebra.getExpertWeight(data.expr, Selector::Index, index->ints);
  } else if (isLeading && known) {
    expr = algebra.getExpertWeight(data.expr, Selector::None, {*known});
  } else if (isLeading && index->kind == ExprKind::ColumnId) {
    expr = algebra.getExpertWeight(data.expr, Selector::Column, identity);
  } else if (const Atom *columns = getColumnAxis(dim); columns && known) {
    int64_t extent = columns->extent.getConstant().value_or(0);
    int64_t at = *known < 0 ? *known + extent : *known;
    expr = algebra.replaceColumn(data.expr, getColumnsAt(columns, at));
  } else if (data.expr->kind == ExprKind::Tuple && isFeature(dim, 0) && known) {
    int64_t count = data.expr->operands.size();
    int64_t at = *known < 0 ? *known + count : *known;
    if (at >= 0 && at < count)
      expr = data.expr->operands[at];
  }
  // At a token that has this expert a sum over slots is what its slot holds.
  for (const Axis &place : flatten(indexDims))
    if (expr && expr->kind == ExprKind::Select && expr->isSummed &&
        expr->selector == Selector::Index && place.atom &&
        place.atom->kind == AtomKind::Pairs && selection.isDistinct &&
        expr->columns.count() == 1 && place.atom->columns == expr->columns)
      expr = expr->operands.front();
  // Where only pairs of the columns are listed, nothing is left to select.
  for (const Axis &place : flatten(indexDims))
    if (expr && expr->kind == ExprKind::Select && !expr->isSummed &&
        expr->selector == Selector::Index && place.atom &&
        place.atom->kind == AtomKind::Pairs &&
        !place.atom->columns.test(expr->columns))
      expr = expr->operands.front();
  if (!expr)
    return Term::none("its indices are not those of the layer's experts, "
                      "tokens or slots");
  return Term::get(expr, std::move(dims));
}

Term Interpreter::gather(onnx::GatherOp op) {
  Term data = getStack(op.getData());
  const Term &index = get(op.getIndices());
  int64_t axis = normalizeAxis(op.getAxis(), data.dims.size());
  return gatherAt(data, axis, index.expr, index.dims);
}

Term Interpreter::gatherND(onnx::GatherNDOp op) {
  if (op.getBatchDims() != 0)
    return Term::none("it has batch dims");
  const Term &index = get(op.getIndices());
  Term result = getStack(op.getData());
  Dims dims = index.dims;
  Dim last = dims.pop_back_val();
  SmallVector<const Expr *> components{index.expr};
  if (index.expr->kind == ExprKind::Tuple) {
    if (!isFeature(last, 0))
      return Term::none("its index tuples lie along another dim");
    components.assign(index.expr->operands.begin(), index.expr->operands.end());
  } else if (!last.empty()) {
    return Term::none("its index tuples are not followed");
  }
  // The place in all indexed dims together.
  if (components.size() > 1) {
    const Expr *place = nullptr;
    Dim joined;
    for (auto [i, component] : llvm::enumerate(components)) {
      const Dim &dim = result.dims[i];
      if (dim.empty() && component->isNumber(0))
        continue;
      if (component->kind != ExprKind::Affine || getPlace(dim) != component)
        return Term::none("its indices are not a token and a slot of it");
      joined.append(dim);
    }
    place = getPlace(joined);
    result.dims.erase(result.dims.begin(),
                      result.dims.begin() + components.size());
    result.dims.insert(result.dims.begin(), joined);
    components = {place};
    if (!place)
      return Term::none("its indices are not a token and a slot");
  }
  return gatherAt(result, 0, components.front(), dims);
}
