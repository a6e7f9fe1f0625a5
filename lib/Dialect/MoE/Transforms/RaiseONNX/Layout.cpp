//===- Layout.cpp - How expressions lie in tensors ------------------------===//
#include "Layout.h"

using namespace mlir;
using namespace moe::raise;
using moe::onnx::DimExpr;

Dim moe::raise::flatten(ArrayRef<Dim> dims) {
  Dim axes;
  for (const Dim &dim : dims)
    axes.append(dim);
  return axes;
}

bool moe::raise::isAxis(const Dim &dim, const Atom *atom) {
  return dim.size() == 1 && dim.front().atom == atom && atom;
}

bool moe::raise::isFeature(const Dim &dim, int64_t feature) {
  return dim.size() == 1 && dim.front().isFeature() &&
         dim.front().feature == feature;
}

const Atom *moe::raise::getColumnAxis(const Dim &dim) {
  bool isOfColumns = dim.size() == 1 && dim.front().atom &&
                     dim.front().atom->kind == AtomKind::Column;
  return isOfColumns ? dim.front().atom : nullptr;
}

llvm::BitVector moe::raise::getColumnsAt(const Atom *axis, int64_t position) {
  llvm::BitVector columns(axis->positions.size());
  for (auto [column, at] : llvm::enumerate(axis->positions))
    if (at == position)
      columns.set(column);
  return columns;
}

const Atom *Layout::createAtom(AtomKind kind, DimExpr extent) {
  atoms.push_back(std::make_unique<Atom>(Atom{kind, extent, {}, {}}));
  return atoms.back().get();
}

Dim Layout::getAny(DimExpr extent) {
  if (extent.isConstant(1))
    return {};
  return {Axis{createAtom(AtomKind::Any, extent), -1}};
}

DimExpr Layout::getExtent(const Axis &axis, const Expr *expr) {
  if (axis.atom)
    return axis.atom->extent;
  return context.getConstant(
      expr->shape[expr->shape.size() - 1 - axis.feature]);
}

DimExpr Layout::getExtent(const Dim &dim, const Expr *expr) {
  DimExpr extent = context.getConstant(1);
  for (const Axis &axis : dim)
    extent = extent * getExtent(axis, expr);
  return extent;
}

std::optional<Dims> Layout::regroup(ArrayRef<Axis> axes, const Expr *expr,
                                    ArrayRef<DimExpr> extents) {
  SmallVector<Axis> rest(axes.rbegin(), axes.rend());
  Dims dims;
  for (DimExpr wanted : extents) {
    Dim &dim = dims.emplace_back();
    DimExpr have = context.getConstant(1);
    // A single token is one.
    if (wanted == have && !rest.empty() &&
        getExtent(rest.back(), expr) == wanted)
      dim.push_back(rest.pop_back_val());
    while (have != wanted) {
      if (rest.empty())
        return std::nullopt;
      Axis axis = rest.pop_back_val();
      DimExpr extent = getExtent(axis, expr);
      // What nothing depends on can be cut anywhere.
      DimExpr part = axis.isAny() && have * extent != wanted
                         ? wanted.divideExactly(have)
                         : DimExpr();
      if (part && extent.divideExactly(part)) {
        dim.append(getAny(part));
        rest.append(getAny(extent.divideExactly(part)));
        have = wanted;
        continue;
      }
      dim.push_back(axis);
      have = have * extent;
    }
  }
  if (!rest.empty())
    return std::nullopt;
  return dims;
}

std::optional<Dim> Layout::unify(const Dim &lhs, const Expr *lhsExpr,
                                 const Dim &rhs, const Expr *rhsExpr) {
  if (lhs.empty() || rhs.empty())
    return lhs.empty() ? rhs : lhs;
  Dim result;
  SmallVector<Axis> left(lhs.rbegin(), lhs.rend());
  SmallVector<Axis> right(rhs.rbegin(), rhs.rend());
  while (!left.empty() && !right.empty()) {
    Axis a = left.pop_back_val(), b = right.pop_back_val();
    DimExpr aExtent = getExtent(a, lhsExpr), bExtent = getExtent(b, rhsExpr);
    if (aExtent == bExtent) {
      if (!(a == b) && !a.isAny() && !b.isAny())
        return std::nullopt;
      result.push_back(a.isAny() ? b : a);
      continue;
    }
    // The wider side is cut where it may be.
    DimExpr rest = aExtent.divideExactly(bExtent);
    if (a.isAny() && rest) {
      result.push_back(b);
      left.append(getAny(rest));
      continue;
    }
    rest = bExtent.divideExactly(aExtent);
    if (b.isAny() && rest) {
      result.push_back(a);
      right.append(getAny(rest));
      continue;
    }
    return std::nullopt;
  }
  if (!left.empty() || !right.empty())
    return std::nullopt;
  return result;
}
