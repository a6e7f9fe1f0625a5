//===- EinsumRules.cpp - onnx.Einsum as products ------------------------===//
//
// One-hot dispatch and combination are written this way.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"
#include "moe/Dialect/ONNX/IR/Einsum.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

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
      dims.push_back(data.dims[llvm::find(equation->operands[0], label) -
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
      return parts.size() == 1 ||
             (size == joined.size() && flatten(parts) == joined);
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
