//===- LayoutRules.cpp - Ops that move elements ---------------------------===//
//
// Their results hold the operand's expression under other dims, or features of
// it.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;
using moe::onnx::DimExprs;
using moe::onnx::normalizeAxis;

static int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

//===----------------------------------------------------------------------===//
// Order of axes
//===----------------------------------------------------------------------===//

Term Interpreter::reshape(Value result, const Term &data) {
  std::optional<Dims> dims =
      layout.regroup(flatten(data.dims), data.expr, extentsOf(result));
  if (!dims)
    return Term::none("it cuts through tokens, slots or features");
  return Term::get(data.expr, std::move(*dims));
}

Term Interpreter::evaluateLayout(Operation *op, Value result) {
  const Term &data = get(op->getOperand(0));
  if (isa<onnx::IdentityOp>(op))
    return Term::get(data.expr, data.dims);
  if (isa<onnx::ReshapeOp, onnx::FlattenOp>(op)) {
    // To the same shape, however its extents are known.
    ArrayRef<DimExpr> extents = extentsOf(op->getOperand(0));
    const DimExprs *shape = isa<onnx::ReshapeOp>(op)
                                ? symbolicDims.getElements(op->getOperand(1))
                                : nullptr;
    if (llvm::equal(extents, extentsOf(result)) ||
        (shape && llvm::equal(extents, *shape)))
      return Term::get(data.expr, data.dims);
    return reshape(result, data);
  }
  if (auto transpose = dyn_cast<onnx::TransposeOp>(op)) {
    Dims dims;
    std::optional<ArrayRef<int64_t>> perm = transpose.getPerm();
    for (size_t i = 0; i < data.dims.size(); ++i)
      dims.push_back(data.dims[perm ? (*perm)[i] : data.dims.size() - 1 - i]);
    return Term::get(data.expr, std::move(dims));
  }
  // Squeeze and Unsqueeze: dims without axes go or come.
  int64_t rank = rankOf(result);
  auto axes =
      op->getNumOperands() > 1 ? getInts(op->getOperand(1)) : std::nullopt;
  if (op->getNumOperands() > 1 && !axes)
    return Term::none("its axes are not constant");
  Dims dims;
  if (isa<onnx::UnsqueezeOp>(op)) {
    auto isNew = [&](int64_t i) {
      return llvm::any_of(
          *axes, [&](int64_t axis) { return normalizeAxis(axis, rank) == i; });
    };
    const auto *next = data.dims.begin();
    for (int64_t i = 0; i < rank; ++i)
      dims.push_back(isNew(i) ? Dim() : *next++);
    return Term::get(data.expr, std::move(dims));
  }
  int64_t dataRank = data.dims.size();
  for (int64_t i = 0; i < dataRank; ++i) {
    bool goes = axes ? llvm::any_of(*axes,
                                    [&](int64_t axis) {
                                      return normalizeAxis(axis, dataRank) == i;
                                    })
                     : extentsOf(op->getOperand(0))[i].isConstant(1);
    if (!goes)
      dims.push_back(data.dims[i]);
    else if (!data.dims[i].empty())
      return Term::none("it removes a dim of tokens, slots or features");
  }
  return Term::get(data.expr, std::move(dims));
}

//===----------------------------------------------------------------------===//
// Broadcasts
//===----------------------------------------------------------------------===//

/// Whether a dim of extent `have` broadcast with `wanted` stays as it is: both
/// are equal, or `wanted` is never more than 1. (Accumulators are cut to
/// min(1, tokens) rows to make a shape; without tokens there are no pairs.)
static bool keepsExtent(DimExpr wanted, DimExpr have) {
  if (wanted == have || wanted.isConstant(1))
    return true;
  const onnx::DimSymbol *symbol = wanted.getSymbol();
  if (!symbol)
    return false;
  if (symbol->kind == onnx::DimSymbolKind::Min)
    return symbol->lhs.isConstant(1) || symbol->rhs.isConstant(1);
  return symbol->kind == onnx::DimSymbolKind::Broadcast &&
         keepsExtent(symbol->lhs, have) && keepsExtent(symbol->rhs, have);
}

Term Interpreter::expand(onnx::ExpandOp op) {
  const Term &data = get(op.getInput());
  ArrayRef<DimExpr> extents = extentsOf(op.getOutput());
  const DimExprs *shape = symbolicDims.getElements(op.getShape());
  Dims dims;
  size_t numNew = extents.size() - data.dims.size();
  for (auto [i, extent] : llvm::enumerate(extents)) {
    const Dim *dim = i < numNew ? nullptr : &data.dims[i - numNew];
    if (!dim || dim->empty()) {
      dims.push_back(layout.getAny(extent));
      continue;
    }
    // A dim that is 1 in some run must not stretch in it.
    size_t offset = shape ? extents.size() - shape->size() : 0;
    DimExpr wanted = shape && i >= offset ? (*shape)[i - offset] : DimExpr();
    DimExpr have = layout.getExtent(*dim, data.expr);
    bool stays = have.getConstant().has_value() || (shape && i < offset) ||
                 (wanted && keepsExtent(wanted, have));
    if (!stays)
      return Term::none("it may stretch a dim of tokens or slots");
    dims.push_back(*dim);
  }
  return Term::get(data.expr, std::move(dims));
}

Term Interpreter::tile(onnx::TileOp op) {
  const Term &data = get(op.getInput());
  const DimExprs *repeats = symbolicDims.getElements(op.getRepeats());
  if (!repeats || repeats->size() != data.dims.size())
    return Term::none("its repeats are not known");
  Dims dims;
  for (auto [dim, count] : llvm::zip(data.dims, *repeats)) {
    Dim tiled = layout.getAny(count);
    tiled.append(dim);
    dims.push_back(std::move(tiled));
  }
  return Term::get(data.expr, std::move(dims));
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

Term Interpreter::sliceFeature(Operation *op, const Term &data, int64_t axis,
                               int64_t start, int64_t step, int64_t count) {
  const Dim &dim = data.dims[axis];
  if (data.expr->kind == ExprKind::Tuple && step == 1 && isFeature(dim, 0)) {
    auto parts = ArrayRef(data.expr->operands).slice(start, count);
    Dims dims = data.dims;
    if (count == 1)
      dims[axis].clear();
    return Term::get(count == 1 ? parts.front() : exprs.getTuple(parts),
                     std::move(dims));
  }
  if (data.expr->kind == ExprKind::Weight) {
    // One expert of stacked weights; other parts are constants of their own.
    bool isExpert = data.expr->selector == Selector::None && count == 1 &&
                    isFeature(dim, data.expr->shape.size() - 1);
    Dims dims = data.dims;
    dims[axis].clear();
    if (isExpert)
      if (const Expr *part =
              algebra.getExpertWeight(data.expr, Selector::None, {start}))
        return Term::get(part, std::move(dims));
    return Term::none("it is a part of a constant");
  }
  if (getColumnAxis(dim))
    return sliceColumns(data, axis, start, step, count);
  if (!isFeature(dim, 0) || step < 1)
    return Term::none("it takes a part of the tokens or slots");
  const Expr *part = algebra.slice(data.expr, start, step, count);
  Dims dims = data.dims;
  if (count == 1)
    return Term::none("it takes one feature");
  return part ? Term::get(part, std::move(dims))
              : Term::none("it takes a part of a sum over experts");
}

/// Some of the columns, or one.
Term Interpreter::sliceColumns(const Term &data, int64_t axis, int64_t start,
                               int64_t step, int64_t count) {
  const Atom *columns = getColumnAxis(data.dims[axis]);
  Dims dims = data.dims;
  dims[axis].clear();
  if (count == 1) {
    const Expr *part =
        algebra.replaceColumn(data.expr, getColumnsAt(columns, start));
    return part ? Term::get(part, std::move(dims))
                : Term::none("it takes one column");
  }
  SmallVector<int64_t> positions(columns->positions.size(), -1);
  for (int64_t i = 0; i < count; ++i) {
    llvm::BitVector ids = getColumnsAt(columns, start + i * step);
    for (unsigned id : ids.set_bits())
      positions[id] = i;
  }
  if (llvm::all_of(positions, [](int64_t position) { return position < 0; }))
    return Term::none("it takes columns that the router has not");
  dims[axis].push_back({getColumns(positions, count), -1});
  return Term::get(data.expr, std::move(dims));
}

Term Interpreter::slice(onnx::SliceOp op) {
  const Term &data = get(op.getData());
  int64_t rank = data.dims.size();
  auto starts = getInts(op.getStarts()), ends = getInts(op.getEnds());
  auto axes = op.getAxes() ? getInts(op.getAxes()) : std::nullopt;
  auto steps = op.getSteps() ? getInts(op.getSteps()) : std::nullopt;
  int64_t first =
      axes && axes->size() == 1 ? normalizeAxis(axes->front(), rank) : 0;
  bool isOfSorted = sorted && isAxis(data.dims[first], sorted) &&
                    (!axes || axes->size() == 1) &&
                    (!steps || steps == SmallVector<int64_t>{1});
  if (isOfSorted &&
      cast<RankedTensorType>(op.getStarts().getType()).getNumElements() == 1)
    return sliceSorted(op, data, first);
  if (!starts || !ends || (op.getAxes() && !axes) || (op.getSteps() && !steps))
    return Term::none("its bounds are not constant");
  Term result = Term::get(data.expr, data.dims);
  for (size_t i = 0; i < starts->size(); ++i) {
    int64_t axis =
        axes ? normalizeAxis((*axes)[i], rank) : static_cast<int64_t>(i);
    int64_t step = steps ? (*steps)[i] : 1;
    int64_t start = (*starts)[i], end = (*ends)[i];
    std::optional<int64_t> size = extentsOf(op.getData())[axis].getConstant();
    bool takesAll = start == 0 && step == 1 &&
                    (end == std::numeric_limits<int64_t>::max() || end == size);
    if (takesAll)
      continue;
    if (!size || step == 0)
      return Term::none("it takes a part of the tokens");
    // Backwards the first bound is an element and the last may be before all.
    int64_t before = step < 0 ? 1 : 0;
    start = std::clamp<int64_t>(normalizeAxis(start, *size), 0, *size - before);
    end = end < -*size
              ? -before
              : std::clamp<int64_t>(normalizeAxis(end, *size), -before, *size);
    int64_t length = step < 0 ? start - end : end - start;
    int64_t count =
        std::max<int64_t>(0, (length + std::abs(step) - 1) / std::abs(step));
    result = sliceFeature(op, result, axis, start, step, count);
    if (!result)
      return result;
  }
  return result;
}

const Atom *Interpreter::getSortedPart(int64_t expert, DimExpr extent) {
  const Atom *&part = sortedParts[expert];
  if (!part) {
    Atom *created =
        const_cast<Atom *>(layout.createAtom(AtomKind::Pairs, extent));
    created->columns = llvm::BitVector(selection.numColumns);
    created->columns.set(expert);
    part = created;
  }
  return part;
}

Term Interpreter::sliceSorted(onnx::SliceOp op, const Term &data,
                              int64_t axis) {
  // How many columns' pairs come before a bound.
  auto getBound = [&](Value value) -> std::optional<int64_t> {
    if (std::optional<int64_t> known = getInt(value)) {
      if (*known == 0)
        return 0;
      return *known == std::numeric_limits<int64_t>::max()
                 ? std::optional(selection.numColumns)
                 : std::nullopt;
    }
    const Term &bound = get(value);
    if (!bound || bound.expr->kind != ExprKind::Count ||
        bound.expr->selector != Selector::Index)
      return std::nullopt;
    int64_t count = bound.expr->columns.count();
    return bound.expr->columns.find_last() < count ? std::optional(count)
                                                   : std::nullopt;
  };
  std::optional<int64_t> start = getBound(op.getStarts());
  std::optional<int64_t> end = getBound(op.getEnds());
  if (!start || !end || *end != *start + 1)
    return Term::none("its bounds are not those of one expert's tokens");
  Dims dims = data.dims;
  dims[axis] = {
      Axis{getSortedPart(*start, extentsOf(op.getOutput())[axis]), -1}};
  return Term::get(data.expr, std::move(dims));
}

Term Interpreter::split(onnx::SplitOp op, unsigned number) {
  const Term &data = get(op.getInput());
  int64_t axis = normalizeAxis(op.getAxis(), data.dims.size());
  const Dim &dim = data.dims[axis];
  if (sorted && isAxis(dim, sorted)) {
    // Runs of pairs, as long as each expert has pairs.
    if (!op.getSplit())
      return Term::none("it cuts the tokens into equal parts");
    const Term &sizes = get(op.getSplit());
    bool isByColumn = sizes.expr->kind == ExprKind::Count &&
                      sizes.expr->selector == Selector::Column;
    bool isByTuple = sizes.expr->kind == ExprKind::Tuple &&
                     static_cast<int64_t>(sizes.expr->operands.size()) ==
                         selection.numColumns;
    if (isByTuple)
      for (auto [i, part] : llvm::enumerate(sizes.expr->operands))
        isByTuple &= part->kind == ExprKind::Count &&
                     part->columns.count() == 1 && part->columns.test(i);
    if (!isByColumn && !isByTuple)
      return Term::none("its sizes are not the numbers of tokens per expert");
    const Atom *part =
        getSortedPart(number, extentsOf(op.getResult(number))[axis]);
    Dims dims = data.dims;
    dims[axis] = {Axis{part, -1}};
    return Term::get(data.expr, std::move(dims));
  }
  int64_t start = 0;
  for (unsigned i = 0; i <= number; ++i) {
    std::optional<int64_t> count =
        extentsOf(op.getResult(i))[axis].getConstant();
    if (!count)
      return Term::none("its sizes are not known");
    if (i == number)
      return sliceFeature(op, data, axis, start, 1, *count);
    start += *count;
  }
  return Term();
}

Term Interpreter::concat(onnx::ConcatOp op) {
  SmallVector<const Term *> parts;
  for (Value input : op.getInputs())
    parts.push_back(&get(input));
  if (parts.size() == 1)
    return Term::get(parts.front()->expr, parts.front()->dims);
  int64_t axis = normalizeAxis(op.getAxis(), parts.front()->dims.size());
  for (const Term *part : parts)
    for (auto [i, dim] : llvm::enumerate(part->dims))
      if (static_cast<int64_t>(i) != axis && !(dim == parts.front()->dims[i]))
        return Term::none("its operands lie differently");
  Dims dims = parts.front()->dims;
  // Integers side by side.
  if (llvm::all_of(parts, [&](const Term *part) {
        return !part->expr->type && part->dims[axis].empty() &&
               part->expr->isScalar();
      })) {
    auto components =
        llvm::map_to_vector(parts, [](const Term *part) { return part->expr; });
    dims[axis] = {Axis{nullptr, 0}};
    return Term::get(exprs.getTuple(components), std::move(dims));
  }
  // Runs of pairs, back to back.
  if (!sorted || static_cast<int64_t>(parts.size()) != selection.numColumns)
    return Term::none("it joins what is not one run per expert");
  SmallVector<const Expr *> branches;
  SmallVector<llvm::BitVector> columns;
  for (auto [i, part] : llvm::enumerate(parts)) {
    if (!isAxis(part->dims[axis], sortedParts.lookup(i)))
      return Term::none("its operands are not the experts in order");
    branches.push_back(part->expr);
    columns.push_back(sortedParts.lookup(i)->columns);
  }
  std::pair<const Expr *, const Expr *> difference;
  const Expr *merged = algebra.merge(branches, columns, difference);
  if (!merged)
    return Term::none("its experts compute different things");
  dims[axis] = {Axis{sorted, -1}};
  return Term::get(merged, std::move(dims));
}
