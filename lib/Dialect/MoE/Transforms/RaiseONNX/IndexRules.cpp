//===- IndexRules.cpp - Ops that index by ids and places ------------------===//
//
// Gathers by expert, by token or by pair; lists of the pairs of an expert
// (NonZero) or of all pairs by expert (TopK as argsort); scatters, which bring
// pairs back to tokens.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;

static int64_t normalize(int64_t axis, int64_t rank) {
  return axis < 0 ? axis + rank : axis;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

const Expr *Interpreter::getPlace(ArrayRef<Axis> axes) {
  DimExpr stride = constant(1), token = constant(0), ofSlot = constant(0);
  size_t numTokens = tokens.size();
  for (const Axis &axis : llvm::reverse(axes)) {
    if (!axis.atom)
      return nullptr;
    if (axis.atom == slot) {
      ofSlot = stride;
    } else {
      // All tokens side by side, the last one innermost.
      if (numTokens == 0 || axis.atom != tokens[numTokens - 1])
        return nullptr;
      if (numTokens-- == tokens.size())
        token = stride;
    }
    stride = stride * axis.atom->extent;
  }
  if (numTokens != 0 && numTokens != tokens.size())
    return nullptr;
  return exprs.getAffine(token, ofSlot);
}

bool Interpreter::coversAllPairs(ArrayRef<Axis> axes) const {
  if (sorted && axes.size() == 1 && axes.front().atom == sorted)
    return true;
  size_t wanted = tokens.size() + (selection.numSlots > 1);
  return axes.size() == wanted && llvm::all_of(axes, [&](const Axis &axis) {
           return axis.atom == slot || llvm::is_contained(tokens, axis.atom);
         });
}

bool Interpreter::isConsistent(const Term &term) const {
  llvm::SmallDenseSet<const Atom *> seen;
  llvm::SmallDenseSet<int64_t> features;
  unsigned numPairs = 0, numCoordinates = 0;
  for (const Axis &axis : flatten(term.dims)) {
    if (axis.isFeature()) {
      if (!features.insert(axis.feature).second)
        return false;
      continue;
    }
    if (axis.isAny())
      continue;
    if (!seen.insert(axis.atom).second)
      return false;
    AtomKind kind = axis.atom->kind;
    numPairs += kind == AtomKind::Pairs || kind == AtomKind::Sorted;
    numCoordinates += kind == AtomKind::Token || kind == AtomKind::Slot;
  }
  if (numPairs > 1 || (numPairs && numCoordinates))
    return false;
  return features.size() == term.expr->shape.size();
}

bool Interpreter::isRowMajor(const Term &term) const {
  if (term.dims.size() != tokens.size() + term.expr->shape.size())
    return false;
  for (auto [token, dim] : llvm::zip(tokens, term.dims))
    if (!isAxis(dim, token))
      return false;
  int64_t next = term.expr->shape.size();
  return llvm::all_of(ArrayRef(term.dims).drop_front(tokens.size()),
                      [&](const Dim &dim) { return isFeature(dim, --next); });
}

std::optional<int64_t> Interpreter::getInt(Value value) const {
  std::optional<SmallVector<int64_t>> ints = getInts(value);
  return ints && ints->size() == 1 ? std::optional(ints->front())
                                   : std::nullopt;
}

std::optional<SmallVector<int64_t>> Interpreter::getInts(Value value) const {
  const onnx::DimExprs *elements = symbolicDims.getElements(value);
  SmallVector<int64_t> ints;
  if (elements) {
    for (DimExpr element : *elements) {
      std::optional<int64_t> known = element.getConstant();
      if (!known)
        return std::nullopt;
      ints.push_back(*known);
    }
    return ints;
  }
  auto constantOp = value.getDefiningOp<onnx::ConstantOp>();
  auto dense = constantOp ? dyn_cast<DenseIntElementsAttr>(constantOp.getValue())
                          : DenseIntElementsAttr();
  if (!dense)
    return std::nullopt;
  for (const APInt &element : dense.getValues<APInt>())
    ints.push_back(element.getSExtValue());
  return ints;
}

//===----------------------------------------------------------------------===//
// Gathers
//===----------------------------------------------------------------------===//

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
  if (isLeading && index->kind == ExprKind::Column) {
    expr = algebra.getExpertWeight(data.expr, Selector::Index, index->ints);
  } else if (isLeading && known) {
    expr = algebra.getExpertWeight(data.expr, Selector::None, {*known});
  } else if (isLeading && index->kind == ExprKind::ColumnId) {
    expr = algebra.getExpertWeight(data.expr, Selector::Column, identity);
  } else if (isAxis(dim, column) && known) {
    int64_t at = *known < 0 ? *known + selection.numColumns : *known;
    if (at >= 0 && at < selection.numColumns)
      expr = algebra.replaceColumn(data.expr, at);
  } else if (dim.empty() && known) {
    expr = data.expr;
  } else if (data.expr->kind == ExprKind::Tuple && isFeature(dim, 0) && known) {
    int64_t count = data.expr->operands.size();
    int64_t at = *known < 0 ? *known + count : *known;
    if (at >= 0 && at < count)
      expr = data.expr->operands[at];
  } else if (index->kind == ExprKind::Position && sorted &&
             isAxis(dim, sorted)) {
    expr = data.expr;
  } else if (index->kind == ExprKind::Affine && getPlace(dim) == index &&
             !dim.empty()) {
    expr = data.expr;
  }
  // At a token that has this expert a sum over slots is what its slot holds.
  for (const Axis &place : flatten(indexDims))
    if (expr && expr->kind == ExprKind::Select && expr->isSummed &&
        expr->selector == Selector::Index && place.atom &&
        place.atom->kind == AtomKind::Pairs && selection.isDistinct &&
        expr->columns.count() == 1 && place.atom->columns == expr->columns)
      expr = expr->operands.front();
  if (!expr)
    return Term::none("its indices are not those of the layer's experts, "
                      "tokens or slots");
  return Term::get(expr, std::move(dims));
}

Term Interpreter::gather(onnx::GatherOp op) {
  const Term &data = get(op.getData()), &index = get(op.getIndices());
  int64_t axis = normalize(op.getAxis(), data.dims.size());
  return gatherAt(data, axis, index.expr, index.dims);
}

Term Interpreter::gatherND(onnx::GatherNDOp op) {
  if (op.getBatchDims() != 0)
    return Term::none("it has batch dims");
  const Term &index = get(op.getIndices());
  Term result = get(op.getData());
  Dims dims = index.dims;
  Dim last = dims.pop_back_val();
  SmallVector<const Expr *> components{index.expr};
  if (index.expr->kind == ExprKind::Tuple) {
    if (!isFeature(last, 0))
      return Term::none("its index tuples lie along another dim");
    components.assign(index.expr->operands.begin(),
                      index.expr->operands.end());
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

//===----------------------------------------------------------------------===//
// Masks, lists and counts
//===----------------------------------------------------------------------===//

Term Interpreter::oneHot(onnx::OneHotOp op) {
  const Term &ids = get(op.getIndices());
  std::optional<int64_t> depth = getInt(op.getDepth());
  auto values = op.getValues().getDefiningOp<onnx::ConstantOp>();
  auto dense = values ? dyn_cast<DenseElementsAttr>(values.getValue())
                      : DenseElementsAttr();
  if (!isIdentityColumn(ids.expr) || depth != selection.numColumns || !dense)
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
  int64_t axis = normalize(op.getAxis(), dims.size() + 1);
  dims.insert(dims.begin() + axis, Dim{Axis{column, -1}});
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
  bool isOfTokens = expr->isSummed && expr->columns.count() == 1 &&
                    selection.isDistinct;
  bool isMask = expr->kind == ExprKind::Select &&
                expr->selector == Selector::Index &&
                (!expr->isSummed || isOfTokens) &&
                expr->hasNumber && expr->number == 0 &&
                expr->operands.front()->kind == ExprKind::Number &&
                expr->operands.front()->number != 0;
  Dim axes = flatten(mask.dims);
  bool isAllTokens = axes.size() == tokens.size() &&
                     llvm::all_of(axes, [&](const Axis &axis) {
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
  bool isAll = data.dims.size() == 1 &&
               extentsOf(op.getIndices()).front() ==
                   extentsOf(op.getX()).front() &&
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

//===----------------------------------------------------------------------===//
// Scatters
//===----------------------------------------------------------------------===//

/// Rows of pairs added to rows of tokens.
Term Interpreter::scatterRows(const Term &data, const Term &updates,
                              const Dim &pairs, const Expr *place,
                              bool isAdd) {
  bool isOfTokens = place->kind == ExprKind::Affine &&
                    place->first.isConstant(1) && place->second.isConstant(0);
  if (!isOfTokens || data.dims.empty() ||
      (!data.dims.front().front().isAny() &&
       getPlace(data.dims.front()) != place))
    return Term::none("it does not add rows up per token");
  const Expr *sum = nullptr;
  bool isOneExpert = pairs.size() == 1 && pairs.front().atom &&
                     pairs.front().atom->kind == AtomKind::Pairs;
  if (isOneExpert) {
    const llvm::BitVector &columns = pairs.front().atom->columns;
    // Without a sum the last one of several stays.
    bool isOnce = selection.isDistinct && columns.count() == 1;
    if (!isAdd && !isOnce && selection.numSlots > 1)
      return Term::none("of several rows of one token the last one stays");
    sum = algebra.select(columns, /*isSummed=*/true, updates.expr);
  } else if (coversAllPairs(pairs)) {
    if (!isAdd && selection.numSlots > 1)
      return Term::none("of several rows of one token the last one stays");
    sum = algebra.sumSlots(updates.expr);
  }
  if (!isAdd && !data.expr->isNumber(0))
    return Term::none("it overwrites rows");
  const Expr *result = sum ? algebra.addToRows(data.expr, sum) : nullptr;
  if (!result)
    return Term::none("an expert's rows are added twice, or to rows that are "
                      "not a sum of experts");
  Dims dims{Dim()};
  for (const Atom *token : tokens)
    dims.front().push_back({token, -1});
  dims.append(updates.dims.begin() + 1, updates.dims.end());
  return Term::get(result, std::move(dims));
}

Term Interpreter::scatterElements(onnx::ScatterElementsOp op) {
  const Term &data = get(op.getData()), &index = get(op.getIndices()),
             &updates = get(op.getUpdates());
  int64_t rank = data.dims.size();
  int64_t axis = normalize(op.getAxis(), rank);
  bool isAdd = op.getReduction() == onnx::ScatterReduction::Add;
  if (!isAdd && op.getReduction() != onnx::ScatterReduction::None)
    return Term::none("its reduction is neither none nor add");
  if (isIdentityColumn(index.expr) && rank == 1 && isAdd &&
      coversAllPairs(index.dims.front()) && updates.expr->isNumber(1) &&
      data.expr->isNumber(0) &&
      extentsOf(op.getData()).front() == column->extent)
    return Term::get(countColumns(), {{Axis{column, -1}}});
  if (isIdentityColumn(index.expr)) {
    // Slots to columns.
    bool isDense = extentsOf(op.getData())[axis] == column->extent &&
                   data.expr->kind == ExprKind::Number &&
                   (isAdd ? data.expr->number == 0 : selection.isDistinct);
    SmallVector<Term, 2> terms{index, updates};
    std::optional<Dims> dims = broadcast(terms);
    bool isOfSlots = dims && (isAxis((*dims)[axis], slot) ||
                              (selection.numSlots == 1 && (*dims)[axis].empty()));
    if (!isDense || !isOfSlots)
      return Term::none("it does not scatter slots to columns");
    (*dims)[axis] = {Axis{column, -1}};
    const Expr *expr = algebra.selectColumn(/*isSummed=*/true,
                                            updates.expr, data.expr->number);
    return expr ? Term::get(expr, std::move(*dims))
                : Term::none("it scatters masks");
  }
  if (axis != 0 || rank != 2 || index.dims.size() != 2 ||
      !(index.dims[1].empty() || index.dims[1].front().isAny()) ||
      extentsOf(op.getUpdates()) != extentsOf(op.getIndices()))
    return Term::none("it does not scatter whole rows");
  Dim pairs = index.dims.front();
  if (!(updates.dims.front() == pairs))
    return Term::none("its rows belong to other tokens than its indices");
  return scatterRows(data, updates, pairs, index.expr, isAdd);
}

Term Interpreter::scatterND(onnx::ScatterNDOp op) {
  const Term &data = get(op.getData()), &index = get(op.getIndices()),
             &updates = get(op.getUpdates());
  bool isAdd = op.getReduction() == onnx::ScatterReduction::Add;
  if (!isAdd && op.getReduction() != onnx::ScatterReduction::None)
    return Term::none("its reduction is neither none nor add");
  if (index.dims.size() != 2 || !index.dims[1].empty() ||
      data.dims.size() != 2 || updates.dims.size() != 2)
    return Term::none("it does not scatter whole rows");
  if (!(updates.dims.front() == index.dims.front()))
    return Term::none("its rows belong to other tokens than its indices");
  return scatterRows(data, updates, index.dims.front(), index.expr, isAdd);
}
