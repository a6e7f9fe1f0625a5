//===- ComputeRules.cpp - Ops that compute on rows ------------------------===//
//
// Elementwise ops, products and sums. Products contract a feature, which makes
// a row of a row and a weight, or slots or columns, which sums experts.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"
#include "moe/Dialect/ONNX/IR/Einsum.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// Whether the leading feature of a whole constant lies in `dim` alone.
static bool isLeadingFeature(const Term &term, const Dim &dim) {
  return term.expr->kind == ExprKind::Weight &&
         term.expr->selector == Selector::None && !term.expr->shape.empty() &&
         isFeature(dim, term.expr->shape.size() - 1);
}

void Interpreter::selectByColumn(Term &term, size_t dim) {
  if (term.expr->shape.front() != selection.numColumns)
    return;
  if (const Expr *part =
          algebra.getExpertWeight(term.expr, Selector::Column, identity)) {
    term.expr = part;
    term.dims[dim] = {Axis{column, -1}};
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
    bool isOfColumns = llvm::any_of(terms, [&](const Term &term) {
      const Dim *dim = getDim(term);
      return dim && isAxis(*dim, column);
    });
    const Expr *model = nullptr;
    for (Term &term : terms) {
      const Dim *dim = getDim(term);
      if (!dim || dim->empty())
        continue;
      if (isOfColumns && isLeadingFeature(term, *dim)) {
        selectByColumn(term, i - (rank - term.dims.size()));
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
    terms.push_back(get(operand));
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
    auto runsOverColumns = [&](const Dim &dim) {
      return isAxis(dim, column) || dim.empty() ||
             (dim.size() == 1 && dim.front().isAny() &&
              dim.front().atom->extent == column->extent);
    };
    if (isLeadingFeature(rhs, rhs.dims[i]) && runsOverColumns(lhs.dims[i]))
      selectByColumn(rhs, i);
    if (isLeadingFeature(lhs, lhs.dims[i]) && runsOverColumns(rhs.dims[i]))
      selectByColumn(lhs, i);
    std::optional<Dim> dim =
        layout.unify(lhs.dims[i], lhs.expr, rhs.dims[i], rhs.expr);
    if (!dim)
      return Term::none("its operands belong to different tokens or slots");
    dims.push_back(std::move(*dim));
  }
  const Dim &left = lhs.dims[rank - 2], &leftSum = lhs.dims[rank - 1];
  const Dim &rightSum = rhs.dims[rank - 2], &right = rhs.dims[rank - 1];
  auto getContracted = [](const Dim &dim) { return 1 - dim.front().feature; };
  if (isRowBy(lhs, leftSum, left, rhs, rightSum, right)) {
    dims.push_back(left);
    dims.push_back({Axis{nullptr, 0}});
    const Expr *expr = algebra.multiplyByMatrix(lhs.expr, rhs.expr,
                                                getContracted(rightSum));
    return expr ? Term::get(expr, std::move(dims))
                : Term::none("it projects a sum over experts");
  }
  if (isRowBy(rhs, rightSum, right, lhs, leftSum, left)) {
    dims.push_back({Axis{nullptr, 0}});
    dims.push_back(right);
    const Expr *expr = algebra.multiplyByMatrix(rhs.expr, lhs.expr,
                                                getContracted(leftSum));
    return expr ? Term::get(expr, std::move(dims))
                : Term::none("it projects a sum over experts");
  }
  // Sums over slots or columns.
  std::optional<Dim> contracted =
      layout.unify(leftSum, lhs.expr, rightSum, rhs.expr);
  if (contracted && (isAxis(*contracted, slot) || isAxis(*contracted, column)) &&
      (lhs.expr->isScalar() || rhs.expr->isScalar())) {
    const Expr *product = algebra.multiply(lhs.expr, rhs.expr);
    const Expr *sum = isAxis(*contracted, slot) ? algebra.sumSlots(product)
                                                : algebra.sumColumns(product);
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

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// An op that makes a row's features, or one number, of a row's features.
Term Interpreter::reduceFeatures(Operation *op) {
  const Term &data = get(op->getOperand(0));
  auto reduction = dyn_cast<onnx::ReduceOpInterface>(op);
  bool isWhole = data.expr->shape.size() == 1 && !data.dims.empty() &&
                 isFeature(data.dims.back(), 0);
  int64_t last = data.dims.size() - 1;
  if (reduction) {
    auto axes = reduction.getAxes() ? getInts(reduction.getAxes())
                                    : std::nullopt;
    isWhole &= axes && axes->size() == 1 &&
               (axes->front() == -1 || axes->front() == last);
  } else if (auto softmax = dyn_cast<onnx::SoftmaxOp>(op)) {
    int64_t axis = softmax.getAxis();
    isWhole &= axis == -1 || axis == last;
  } else {
    int64_t axis = cast<onnx::LogSoftmaxOp>(op).getAxis();
    isWhole &= axis == -1 || axis == last;
  }
  bool isSelection = data.expr->kind == ExprKind::Select ||
                     data.expr->kind == ExprKind::Sum;
  if (!isWhole || isSelection)
    return Term::none("it does not compute on the features of a row alone");
  Expr expr(ExprKind::Op);
  expr.type = data.expr->type;
  expr.operands = {data.expr};
  expr.proto = op;
  Dims dims = data.dims;
  if (!reduction)
    expr.shape = data.expr->shape;
  else if (reduction.getKeepdims())
    dims.back().clear();
  else
    dims.pop_back();
  const Expr *result = exprs.get(std::move(expr));
  return result ? Term::get(result, std::move(dims))
                : Term::none("it is too deep");
}

Term Interpreter::reduce(Operation *op) {
  const Term &data = get(op->getOperand(0));
  auto reduction = cast<onnx::ReduceOpInterface>(op);
  int64_t rank = data.dims.size();
  std::optional<SmallVector<int64_t>> axes;
  if (reduction.getAxes())
    axes = getInts(reduction.getAxes());
  else if (reduction.getNoopWithEmptyAxes())
    return Term::get(data.expr, data.dims);
  else
    axes = llvm::to_vector(llvm::seq<int64_t>(rank));
  if (!axes)
    return Term::none("its axes are not constant");
  llvm::BitVector isReduced(rank);
  for (int64_t axis : *axes)
    isReduced.set(axis < 0 ? axis + rank : axis);
  bool isOfFeatures = llvm::any_of(isReduced.set_bits(), [&](unsigned i) {
    return isFeature(data.dims[i], 0);
  });
  if (isOfFeatures)
    return reduceFeatures(op);
  // Whether a token has an expert at all.
  bool isAny = isa<onnx::ReduceMaxOp>(op) && selection.isDistinct &&
               data.expr->kind == ExprKind::Select &&
               data.expr->columns.count() == 1 &&
               data.expr->operands.front()->kind == ExprKind::Number &&
               data.expr->operands.front()->number > 0;
  if (!isa<onnx::ReduceSumOp>(op) && !isAny)
    return Term::none("it reduces tokens or slots otherwise than by a sum");

  const Expr *expr = data.expr;
  unsigned numTokens = 0;
  // Slots first: what is counted over tokens is a sum of them.
  for (unsigned i : isReduced.set_bits()) {
    const Dim &dim = data.dims[i];
    bool isOfOnes = expr->kind == ExprKind::Select && !expr->isSummed &&
                    expr->hasNumber && expr->number == 0 &&
                    expr->operands.front()->isNumber(1);
    if (isOfOnes && isReduced.count() == 1 && dim.size() >= 1 &&
        (dim.size() > 1 || isAxis(dim, sorted)) && coversAllPairs(dim)) {
      Expr count(ExprKind::Count);
      count.selector = expr->selector;
      count.columns = expr->columns;
      expr = exprs.get(std::move(count));
    } else if (isAxis(dim, slot))
      expr = algebra.sumSlots(expr);
    else if (isAxis(dim, column))
      expr = algebra.sumColumns(expr);
    else if (dim.size() == 1 && llvm::is_contained(tokens, dim.front().atom))
      ++numTokens;
    else if (!dim.empty())
      return Term::none("it sums over features or over parts of an axis");
    if (!expr)
      return Term::none("it sums what is not selected by the ids alone");
  }
  if (numTokens) {
    // How many pairs each column has.
    bool isCount = numTokens == tokens.size() &&
                   expr->kind == ExprKind::Select &&
                   (expr->isSummed || selection.numSlots == 1) &&
                   expr->hasNumber && expr->number == 0 &&
                   expr->operands.front()->isNumber(1);
    if (!isCount)
      return Term::none("it sums over tokens");
    Expr count(ExprKind::Count);
    count.selector = expr->selector;
    count.columns = expr->columns;
    expr = exprs.get(std::move(count));
  }
  Dims dims;
  for (auto [i, dim] : llvm::enumerate(data.dims)) {
    if (!isReduced.test(i))
      dims.push_back(dim);
    else if (reduction.getKeepdims())
      dims.emplace_back();
  }
  return Term::get(expr, std::move(dims));
}

//===----------------------------------------------------------------------===//
// Einsum
//===----------------------------------------------------------------------===//

/// As a product [batch..., left, sum] x [batch..., sum, right], where left and
/// right are all labels of one operand alone.
Term Interpreter::einsum(onnx::EinsumOp op) {
  auto ranks = llvm::map_to_vector(op.getInputs(), [](Value input) {
    return cast<RankedTensorType>(input.getType()).getRank();
  });
  FailureOr<onnx::EinsumEquation> equation = onnx::parseEinsum(
      op.getEquation(), ranks, [&] { return op.emitError(); });
  if (failed(equation))
    return Term::none("its equation is not valid");
  using Labels = SmallVector<int64_t>;
  const Labels &out = equation->result;
  if (equation->operands.size() == 1) {
    const Term &data = get(op.getInputs()[0]);
    Dims dims;
    for (int64_t label : out)
      dims.push_back(
          data.dims[llvm::find(equation->operands[0], label) -
                    equation->operands[0].begin()]);
    if (out.size() == equation->operands[0].size())
      return Term::get(data.expr, std::move(dims));
  }
  if (equation->operands.size() != 2)
    return Term::none("it is not a product of two operands");
  const Labels &a = equation->operands[0], &b = equation->operands[1];
  auto has = [](const Labels &labels, int64_t label) {
    return llvm::is_contained(labels, label);
  };
  Labels batch, left, right, sum;
  for (int64_t label : a)
    (has(b, label) ? (has(out, label) ? batch : sum) : left).push_back(label);
  for (int64_t label : b)
    if (!has(a, label))
      right.push_back(label);
  Term lhs = get(op.getInputs()[0]), rhs = get(op.getInputs()[1]);
  auto dimOf = [](const Term &term, const Labels &labels, int64_t label) {
    return term.dims[llvm::find(labels, label) - labels.begin()];
  };
  auto join = [&](const Term &term, const Labels &labels,
                  const Labels &wanted) {
    Dim dim;
    for (int64_t label : wanted)
      dim.append(dimOf(term, labels, label));
    return dim;
  };
  Dims lhsDims, rhsDims;
  for (int64_t label : batch) {
    lhsDims.push_back(dimOf(lhs, a, label));
    rhsDims.push_back(dimOf(rhs, b, label));
  }
  Dims leftDims, rightDims;
  for (int64_t label : left)
    leftDims.push_back(dimOf(lhs, a, label));
  for (int64_t label : right)
    rightDims.push_back(dimOf(rhs, b, label));
  Term result;
  if (sum.empty()) {
    // Elementwise: dims that only one side has are new ones of the other.
    Dims l = lhsDims, r = rhsDims;
    l.append(leftDims);
    l.resize(l.size() + rightDims.size());
    r.resize(r.size() + leftDims.size());
    r.append(rightDims);
    SmallVector<Term, 2> terms{Term::get(lhs.expr, l), Term::get(rhs.expr, r)};
    std::optional<Dims> dims = broadcast(terms);
    const Expr *product =
        dims ? algebra.multiply(terms[0].expr, terms[1].expr) : nullptr;
    if (!product)
      return Term::none("its operands belong to different tokens or slots");
    result = Term::get(product, std::move(*dims));
  } else {
    if (sum.size() != 1)
      return Term::none("it sums over several dims");
    lhsDims.push_back(join(lhs, a, left));
    lhsDims.push_back(dimOf(lhs, a, sum.front()));
    rhsDims.push_back(dimOf(rhs, b, sum.front()));
    rhsDims.push_back(join(rhs, b, right));
    result = matMul(Term::get(lhs.expr, lhsDims), Term::get(rhs.expr, rhsDims));
    if (!result)
      return result;
    // Joined dims come apart again.
    Dim joinedRight = result.dims.pop_back_val();
    Dim joinedLeft = result.dims.pop_back_val();
    auto split = [&](const Dim &joined, Dims &parts) {
      size_t size = 0;
      for (const Dim &part : parts)
        size += part.size();
      if (parts.size() == 1)
        parts.front() = joined;
      return parts.size() == 1 || (size == joined.size() &&
                                   flatten(parts) == joined);
    };
    if ((!left.empty() && !split(joinedLeft, leftDims)) ||
        (!right.empty() && !split(joinedRight, rightDims)))
      return Term::none("it joins features");
    result.dims.append(leftDims);
    result.dims.append(rightDims);
  }
  Labels order = batch;
  order.append(left);
  order.append(right);
  Dims dims;
  for (int64_t label : out)
    dims.push_back(result.dims[llvm::find(order, label) - order.begin()]);
  result.dims = std::move(dims);
  return result;
}
