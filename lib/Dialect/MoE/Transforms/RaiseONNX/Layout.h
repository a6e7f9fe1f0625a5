//===- Layout.h - How expressions lie in tensors ----------------*- C++ -*-===//
//
// A dim of a tensor is a row-major product of axes: tokens, slots, columns,
// lists of (token, slot) pairs, or a feature of the expression. Layout ops
// regroup and permute axes; the expression stays as it is.
//
// Axes of extent 1 are left out, but for tokens.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_LAYOUT_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_LAYOUT_H

#include "Expr.h"

#include <string>

namespace moe::raise {

enum class AtomKind {
  Token,  ///< part of t
  Slot,   ///< s
  Column, ///< c, or its place in `positions`
  Pairs,  ///< the pairs (t, s) whose expert is in `columns`, in some order
  Sorted, ///< all pairs, by expert
  Any,    ///< nothing depends on it
};

/// What one axis runs over.
struct Atom {
  AtomKind kind;
  onnx::DimExpr extent;
  llvm::BitVector columns;
  /// Of an axis of columns: where in it each column of the router is, -1 for
  /// nowhere. (Null columns may be left out; ids may be clipped.)
  llvm::SmallVector<int64_t, 0> positions;
};

/// An atom, or a feature. Features count from the last one, 0, as broadcasting
/// aligns them.
struct Axis {
  const Atom *atom = nullptr;
  int64_t feature = -1;

  bool isFeature() const { return !atom; }
  bool isAny() const { return atom && atom->kind == AtomKind::Any; }
  bool operator==(const Axis &other) const {
    return atom == other.atom && feature == other.feature;
  }
};

using Dim = llvm::SmallVector<Axis, 2>;
using Dims = llvm::SmallVector<Dim, 4>;

/// What is known of a value: an expression and where its axes lie, or why
/// nothing is.
struct Term {
  const Expr *expr = nullptr;
  Dims dims;
  /// Whether routing decides on it.
  bool dependsOnIds = false;
  /// If there is no expression: what is in the way, and whether it is this op
  /// rather than an operand.
  std::string reason;
  bool isCause = false;

  explicit operator bool() const { return expr; }
  static Term none(std::string reason) {
    Term term;
    term.reason = std::move(reason);
    term.isCause = true;
    return term;
  }
  static Term get(const Expr *expr, Dims dims) {
    Term term;
    term.expr = expr;
    term.dims = std::move(dims);
    return term;
  }
};

/// Axes of all dims in row-major order.
Dim flatten(llvm::ArrayRef<Dim> dims);

/// Whether `dim` is this one axis.
bool isAxis(const Dim &dim, const Atom *atom);
bool isFeature(const Dim &dim, int64_t feature);

/// The axis of columns that `dim` is, or null.
const Atom *getColumnAxis(const Dim &dim);
/// The columns of the router that are at one place of an axis.
llvm::BitVector getColumnsAt(const Atom *axis, int64_t position);

/// Makes atoms and moves axes.
class Layout {
public:
  explicit Layout(onnx::DimContext &context) : context(context) {}

  const Atom *createAtom(AtomKind kind, onnx::DimExpr extent);
  /// A dim that nothing depends on; without axes if the extent is 1.
  Dim getAny(onnx::DimExpr extent);

  onnx::DimExpr getExtent(const Axis &axis, const Expr *expr);
  onnx::DimExpr getExtent(const Dim &dim, const Expr *expr);

  /// Cuts a row-major list of axes into dims of these extents; none where a cut
  /// would go through an axis that something depends on.
  std::optional<Dims> regroup(llvm::ArrayRef<Axis> axes, const Expr *expr,
                              llvm::ArrayRef<onnx::DimExpr> extents);

  /// The dim that two operands' dims broadcast to; extents of features by
  /// `expr`, one whose last features have the extents of both.
  std::optional<Dim> unify(const Dim &lhs, const Expr *lhsExpr, const Dim &rhs,
                           const Expr *rhsExpr);

private:
  onnx::DimContext &context;
  std::vector<std::unique_ptr<Atom>> atoms;
};

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_LAYOUT_H
