//===- ComputeRules.cpp - Ops that compute on rows ------------------------===//
//
// Elementwise ops and products. Products contract a feature, which makes
// a row of a row and a weight, or slots or columns, which sums experts.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// Whether the leading feature of a whole constant lies in `dim` alone.
static bool isLeadingFeature(const Term &term, const Dim &dim) {
  return term.expr->kind == ExprKind::Weight &&
         term.expr->selector == Selector::None && !term.expr->shape.empty() &&
         isFeature(dim, term.expr->shape.size() - 1);
}

void Interpreter::selectByColumn(Term &term, size_t dim, const Atom *columns) {
  if (!columns || !columns->extent.isConstant(term.expr->shape.front()))
    return;
  if (const Expr *part = algebra.getExpertWeight(term.expr, Selector::Column,
                                                 columns->positions)) {
    term.expr = part;
    term.dims[dim] = {Axis{columns, -1}};
  }
}

std::optional<Dims> Interpreter::broadcast(MutableArrayRef<Term> terms) {
  size_t rank = 0;
  for (const Term &term : terms)
    rank = std::max(rank, term.dims.size());
  Dims dims(rank);
  for (size_t i = 0; i < rank; ++i) {
    auto getDim = [&](const Term &term) -> const Dim * {
      size_t offset = rank - term.dims.size();
      return i < offset ? nullptr : &term.dims[i - offset];
    };
    const Atom *columns = nullptr;
    for (const Term &term : terms)
      if (const Dim *dim = getDim(term))
        columns = columns ? columns : getColumnAxis(*dim);
    const Expr *model = nullptr;
    for (Term &term : terms) {
      const Dim *dim = getDim(term);
      if (!dim || dim->empty())
        continue;
      if (columns && isLeadingFeature(term, *dim)) {
        selectByColumn(term, i - (rank - term.dims.size()), columns);
        dim = getDim(term);
      }
      if (!model)
        model = term.expr;
      std::optional<Dim> unified =
          layout.unify(dims[i], model, *dim, term.expr);
      if (!unified)
        return std::nullopt;
      dims[i] = std::move(*unified);
      if (term.expr->shape.size() > model->shape.size())
        model = term.expr;
    }
  }
  return dims;
}

Term Interpreter::elementwise(Operation *op) {
  SmallVector<Term, 2> terms;
  bool isOfIntegers = false;
  for (Value operand : op->getOperands()) {
    terms.push_back(getStack(operand));
    const Expr *expr = terms.back().expr;
    isOfIntegers |= !expr->type;
  }
  std::optional<Dims> dims = broadcast(terms);
  if (!dims)
    return Term::none("its operands belong to different tokens or slots");
  auto operands =
      llvm::map_to_vector(terms, [](const Term &term) { return term.expr; });
  const Expr *expr = isOfIntegers ? combineIntegers(op, operands)
                                  : algebra.elementwise(op, operands);
  if (!expr)
    return Term::none(isOfIntegers
                          ? "it computes on ids in a way that is not followed"
                          : "it computes on experts that are summed up, or on "
                            "different ones");
  return Term::get(expr, std::move(*dims));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// The product of a row, whose dims are [batch..., outer, feature], and a
/// matrix; none where they are not that.
static bool isRowBy(const Term &row, const Dim &contracted, const Dim &outer,
                    const Term &matrix, const Dim &matrixContracted,
                    const Dim &matrixOuter) {
  auto hasFeature = [](const Dim &dim) {
    return llvm::any_of(dim, [](const Axis &axis) { return axis.isFeature(); });
  };
  return row.expr->shape.size() == 1 && isFeature(contracted, 0) &&
         !hasFeature(outer) && matrix.expr->shape.size() == 2 &&
         matrixContracted.size() == 1 && matrixOuter.size() == 1 &&
         matrixContracted.front().isFeature() &&
         matrixOuter.front().isFeature();
}

Term Interpreter::matMul(Term lhs, Term rhs) {
  if (lhs.dims.size() < 2 || rhs.dims.size() < 2)
    return Term::none("it is a product with a vector");
  size_t rank = std::max(lhs.dims.size(), rhs.dims.size());
  for (Term *term : {&lhs, &rhs})
    while (term->dims.size() < rank)
      term->dims.insert(term->dims.begin(), Dim());
  Dims dims;
  for (size_t i = 0; i + 2 < rank; ++i) {
    // Weights batched by expert meet rows of every column.
    auto meet = [&](Term &weights, const Dim &rows) {
      if (!isLeadingFeature(weights, weights.dims[i]))
        return;
      const Atom *columns = getColumnAxis(rows);
      bool isOfAny = rows.empty() || (rows.size() == 1 && rows.front().isAny());
      if (isOfAny)
        columns = findColumns(constant(weights.expr->shape.front()));
      selectByColumn(weights, i, columns);
    };
    meet(rhs, lhs.dims[i]);
    meet(lhs, rhs.dims[i]);
    std::optional<Dim> dim =
        layout.unify(lhs.dims[i], lhs.expr, rhs.dims[i], rhs.expr);
    if (!dim)
      return Term::none("its operands belong to different tokens or slots");
    dims.push_back(std::move(*dim));
  }
  // Weights per column mix constant rows, one for each.
  auto mix = [&](Term &rows, size_t dim, const Dim &columns) {
    if (isLeadingFeature(rows, rows.dims[dim]) && rows.expr->shape.size() == 2)
      selectByColumn(rows, dim, getColumnAxis(columns));
  };
  mix(rhs, rank - 2, lhs.dims[rank - 1]);
  mix(lhs, rank - 1, rhs.dims[rank - 2]);
  const Dim &left = lhs.dims[rank - 2], &leftSum = lhs.dims[rank - 1];
  const Dim &rightSum = rhs.dims[rank - 2], &right = rhs.dims[rank - 1];
  auto getContracted = [](const Dim &dim) { return 1 - dim.front().feature; };
  if (isRowBy(lhs, leftSum, left, rhs, rightSum, right)) {
    dims.push_back(left);
    dims.push_back({Axis{nullptr, 0}});
    const Expr *expr =
        algebra.multiplyByMatrix(lhs.expr, rhs.expr, getContracted(rightSum));
    return expr ? Term::get(expr, std::move(dims))
                : Term::none("it projects a sum over experts");
  }
  if (isRowBy(rhs, rightSum, right, lhs, leftSum, left)) {
    dims.push_back({Axis{nullptr, 0}});
    dims.push_back(right);
    const Expr *expr =
        algebra.multiplyByMatrix(rhs.expr, lhs.expr, getContracted(leftSum));
    return expr ? Term::get(expr, std::move(dims))
                : Term::none("it projects a sum over experts");
  }
  // Sums over slots or columns.
  std::optional<Dim> contracted =
      layout.unify(leftSum, lhs.expr, rightSum, rhs.expr);
  const Atom *columns = contracted ? getColumnAxis(*contracted) : nullptr;
  if (contracted && (isAxis(*contracted, slot) || columns) &&
      (lhs.expr->isScalar() || rhs.expr->isScalar())) {
    const Expr *product = algebra.multiply(lhs.expr, rhs.expr);
    const Expr *sum = columns ? algebra.sumColumns(product, columns->columns)
                              : algebra.sumSlots(product);
    dims.push_back(left);
    dims.push_back(right);
    if (sum)
      return Term::get(sum, std::move(dims));
  }
  return Term::none("it is not a product of rows and weights");
}

Term Interpreter::gemm(onnx::GemmOp op) {
  Term lhs = get(op.getA()), rhs = get(op.getB());
  if (op.getTransA())
    std::swap(lhs.dims[0], lhs.dims[1]);
  if (op.getTransB())
    std::swap(rhs.dims[0], rhs.dims[1]);
  Term result = matMul(lhs, rhs);
  auto scale = [&](const Expr *expr, const llvm::APFloat &factor) {
    return algebra.multiply(
        expr, exprs.getNumber(expr->type, factor.convertToDouble()));
  };
  if (!result)
    return result;
  result.expr = scale(result.expr, op.getAlpha());
  if (!op.getC() || !result.expr)
    return result;
  SmallVector<Term, 2> terms{result, get(op.getC())};
  std::optional<Dims> dims = broadcast(terms);
  const Expr *sum =
      dims ? algebra.add(terms[0].expr, scale(terms[1].expr, op.getBeta()))
           : nullptr;
  return sum ? Term::get(sum, std::move(*dims))
             : Term::none("its bias belongs to other tokens or experts");
}
