//===- MaskRules.cpp - Masks of ids, lists and counts of pairs ----------===//
//
// Lists of the pairs of an expert (NonZero) or of all pairs by expert (TopK as
// argsort), and how many pairs each expert has.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;
using moe::onnx::normalizeAxis;

Term Interpreter::oneHot(onnx::OneHotOp op) {
  const Term &ids = get(op.getIndices());
  std::optional<int64_t> depth = getInt(op.getDepth());
  auto values = op.getValues().getDefiningOp<onnx::ConstantOp>();
  auto dense = values ? dyn_cast<DenseElementsAttr>(values.getValue())
                      : DenseElementsAttr();
  // Ids past the last column have none.
  if (!isIdentityColumn(ids.expr) || !depth || *depth < 2 ||
      *depth > selection.numColumns || !dense)
    return Term::none("it is not a mask of the layer's ids");
  auto read = [&](unsigned i) -> double {
    if (isa<FloatType>(dense.getElementType()))
      return dense.getValues<APFloat>()[i].convertToDouble();
    if (dense.getElementType().isInteger(1))
      return dense.getValues<bool>()[i];
    return static_cast<double>(dense.getValues<APInt>()[i].getSExtValue());
  };
  const Expr *expr = algebra.selectColumn(
      /*isSummed=*/false, exprs.getNumber(dense.getElementType(), read(1)),
      read(0));
  Dims dims = ids.dims;
  int64_t axis = normalizeAxis(op.getAxis(), dims.size() + 1);
  SmallVector<int64_t> positions(identity);
  std::fill(positions.begin() + *depth, positions.end(), -1);
  dims.insert(dims.begin() + axis,
              Dim{Axis{getColumns(positions, *depth), -1}});
  return Term::get(expr, std::move(dims));
}

const Expr *Interpreter::countColumns() {
  Expr count(ExprKind::Count);
  count.selector = Selector::Column;
  return exprs.get(std::move(count));
}

/// Of counts per column: how many pairs come before the end of each.
Term Interpreter::cumSum(onnx::CumSumOp op) {
  const Term &data = get(op.getX());
  bool isCount = data.expr == countColumns() && data.dims.size() == 1 &&
                 isAxis(data.dims.front(), column) && !op.getReverse();
  if (!isCount)
    return Term::none("it numbers tokens, which makes them depend on others");
  Expr count(*data.expr);
  count.ints = {op.getExclusive() ? 0 : 1};
  return Term::get(exprs.get(std::move(count)), data.dims);
}

/// The list of pairs (t, s) in `columns`.
Term Interpreter::nonZero(onnx::NonZeroOp op) {
  const Term &mask = get(op.getX());
  const Expr *expr = mask.expr;
  // Of slots and tokens, or of the tokens that have an expert in some slot.
  bool isOfTokens =
      expr->isSummed && expr->columns.count() == 1 && selection.isDistinct;
  bool isMask =
      expr->kind == ExprKind::Select && expr->selector == Selector::Index &&
      (!expr->isSummed || isOfTokens) && expr->hasNumber && expr->number == 0 &&
      expr->operands.front()->kind == ExprKind::Number &&
      expr->operands.front()->number != 0;
  Dim axes = flatten(mask.dims);
  bool isAllTokens =
      axes.size() == tokens.size() && llvm::all_of(axes, [&](const Axis &axis) {
        return llvm::is_contained(tokens, axis.atom);
      });
  if (!isMask || !(isOfTokens ? isAllTokens : coversAllPairs(axes)))
    return Term::none("it lists what is not an expert's tokens and slots");
  const Atom *&list = pairLists[expr];
  if (!list) {
    DimExpr extent = extentsOf(op.getY())[1];
    Atom *created =
        const_cast<Atom *>(layout.createAtom(AtomKind::Pairs, extent));
    created->columns = expr->columns;
    list = created;
  }
  SmallVector<const Expr *> components;
  for (const Dim &dim : mask.dims) {
    const Expr *place =
        dim.empty() ? exprs.getNumber(op.getY().getType().getElementType(), 0)
                    : getPlace(dim);
    if (!place)
      return Term::none("it lists parts of tokens");
    components.push_back(place);
  }
  Dims dims{Dim(), Dim{Axis{list, -1}}};
  if (components.size() == 1)
    return Term::get(components.front(), std::move(dims));
  dims.front().push_back({nullptr, 0});
  return Term::get(exprs.getTuple(components), std::move(dims));
}

/// TopK of everything along an axis: an argsort.
Term Interpreter::sort(onnx::TopKOp op, unsigned number) {
  const Term &data = get(op.getX());
  bool isAll =
      data.dims.size() == 1 &&
      extentsOf(op.getIndices()).front() == extentsOf(op.getX()).front() &&
      !op.getLargest();
  if (!isAll)
    return Term::none("it is another selection");
  const Dim &dim = data.dims.front();
  if (isIdentityColumn(data.expr) && coversAllPairs(dim)) {
    const Expr *place = getPlace(dim);
    if (!place)
      return Term::none("it sorts what is not in order");
    if (!sorted)
      sorted = layout.createAtom(AtomKind::Sorted,
                                 extentsOf(op.getIndices()).front());
    return Term::get(number == 0 ? data.expr : place, {{Axis{sorted, -1}}});
  }
  // The inverse of a permutation.
  if (number == 1 && sorted && isAxis(dim, sorted) &&
      data.expr->kind == ExprKind::Affine) {
    Dim slots;
    if (selection.numSlots > 1)
      slots.push_back({slot, -1});
    Dim tokenMajor = flatten(ArrayRef<Dim>{});
    for (const Atom *token : tokens)
      tokenMajor.push_back({token, -1});
    Dim slotMajor = slots;
    slotMajor.append(tokenMajor);
    tokenMajor.append(slots);
    Expr position(ExprKind::Position);
    for (const Dim &order : {tokenMajor, slotMajor})
      if (getPlace(order) == data.expr)
        return Term::get(exprs.get(std::move(position)), {order});
  }
  return Term::none("it sorts what is not ids or their order");
}
