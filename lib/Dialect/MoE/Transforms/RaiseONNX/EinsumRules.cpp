//===- EinsumRules.cpp - onnx.Einsum as products ------------------------===//
//
// One-hot dispatch and combination are written this way.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "moe/Dialect/ONNX/IR/Einsum.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

using Labels = SmallVector<int64_t>;

namespace {
/// Labels of a product: of both operands and the result, of one operand alone,
/// and of both operands alone.
struct ProductLabels {
  Labels batch, left, right, sum;
};
} // namespace

struct Interpreter::ProductOperand {
  const Expr *expr;
  Dims batch, own, sum;
};

static ProductLabels classify(const Labels &lhs, const Labels &rhs,
                              const Labels &out) {
  ProductLabels labels;
  for (int64_t label : lhs) {
    if (!llvm::is_contained(rhs, label))
      labels.left.push_back(label);
    else if (llvm::is_contained(out, label))
      labels.batch.push_back(label);
    else
      labels.sum.push_back(label);
  }
  for (int64_t label : rhs)
    if (!llvm::is_contained(lhs, label))
      labels.right.push_back(label);
  return labels;
}

/// Of dims with these labels the wanted ones.
static Dims pick(const Dims &dims, const Labels &labels, const Labels &wanted) {
  Dims picked;
  for (int64_t label : wanted)
    picked.push_back(dims[llvm::find(labels, label) - labels.begin()]);
  return picked;
}

/// Whether a dim is these ones joined; a single one may have become another.
static bool takeApart(const Dim &joined, Dims &parts) {
  if (parts.size() == 1)
    parts.front() = joined;
  return flatten(parts) == joined;
}

Term Interpreter::multiplyElements(const ProductOperand &lhs,
                                   const ProductOperand &rhs) {
  // Dims that only one side has are new ones of the other.
  Dims left = lhs.batch, right = rhs.batch;
  left.append(lhs.own);
  left.resize(left.size() + rhs.own.size());
  right.resize(right.size() + lhs.own.size());
  right.append(rhs.own);
  SmallVector<Term, 2> terms{Term::get(lhs.expr, std::move(left)),
                             Term::get(rhs.expr, std::move(right))};
  std::optional<Dims> dims = broadcast(terms);
  const Expr *product =
      dims ? algebra.multiply(terms[0].expr, terms[1].expr) : nullptr;
  if (!product)
    return Term::none("its operands belong to different tokens or slots");
  return Term::get(product, std::move(*dims));
}

Term Interpreter::sumProducts(const ProductOperand &lhs,
                              const ProductOperand &rhs) {
  if (lhs.sum.size() != 1)
    return Term::none("it sums over several dims");
  Dims left = lhs.batch, right = rhs.batch;
  left.append({flatten(lhs.own), lhs.sum.front()});
  right.append({rhs.sum.front(), flatten(rhs.own)});
  Term result = matMul(Term::get(lhs.expr, std::move(left)),
                       Term::get(rhs.expr, std::move(right)));
  if (!result)
    return result;
  // Joined dims come apart again.
  Dim joinedRight = result.dims.pop_back_val();
  Dim joinedLeft = result.dims.pop_back_val();
  Dims leftParts = lhs.own, rightParts = rhs.own;
  if ((!leftParts.empty() && !takeApart(joinedLeft, leftParts)) ||
      (!rightParts.empty() && !takeApart(joinedRight, rightParts)))
    return Term::none("it joins features");
  result.dims.append(leftParts);
  result.dims.append(rightParts);
  return result;
}

/// As a product [batch..., left, sum] x [batch..., sum, right], where left and
/// right are all labels of one operand alone.
Term Interpreter::einsum(onnx::EinsumOp op) {
  auto ranks = llvm::map_to_vector(
      op.getInputs(), [](Value input) { return typeOf(input).getRank(); });
  FailureOr<onnx::EinsumEquation> equation = onnx::parseEinsum(
      op.getEquation(), ranks, [&] { return op.emitError(); });
  if (failed(equation))
    return Term::none("its equation is not valid");
  const Labels &out = equation->result;
  ArrayRef<Labels> operands = equation->operands;
  if (operands.size() == 1 && out.size() == operands[0].size()) {
    const Term &data = get(op.getInputs()[0]);
    return Term::get(data.expr, pick(data.dims, operands[0], out));
  }
  if (operands.size() != 2)
    return Term::none("it is not a product of two operands");
  const Labels &a = operands[0], &b = operands[1];
  auto [batch, left, right, sum] = classify(a, b, out);
  Term lhs = get(op.getInputs()[0]), rhs = get(op.getInputs()[1]);
  ProductOperand first{lhs.expr, pick(lhs.dims, a, batch),
                       pick(lhs.dims, a, left), pick(lhs.dims, a, sum)};
  ProductOperand second{rhs.expr, pick(rhs.dims, b, batch),
                        pick(rhs.dims, b, right), pick(rhs.dims, b, sum)};
  Term result = sum.empty() ? multiplyElements(first, second)
                            : sumProducts(first, second);
  if (!result)
    return result;
  Labels order = batch;
  order.append(left);
  order.append(right);
  result.dims = pick(result.dims, order, out);
  return result;
}
