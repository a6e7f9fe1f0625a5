//===- ScatterRules.cpp - From pairs back to tokens ---------------------===//
//
// Rows of pairs added to rows of tokens, and slots spread over columns.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::normalizeAxis;

/// Rows of pairs added to rows of tokens.
Term Interpreter::scatterRows(const Term &data, const Term &updates,
                              const Dim &pairs, const Expr *place, bool isAdd) {
  bool isOfTokens = place->kind == ExprKind::Affine &&
                    place->first.isConstant(1) && place->second.isConstant(0);
  const Dim &rows = data.dims.front();
  bool isOneToken = tokens.size() == 1 && tokens.front()->extent.isConstant(1);
  bool isOfAll =
      rows.empty() ? isOneToken : rows.size() == 1 && rows.front().isAny();
  if (!isOfTokens || (!isOfAll && getPlace(rows) != place))
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
  int64_t axis = normalizeAxis(op.getAxis(), rank);
  bool isAdd = op.getReduction() == onnx::ScatterReduction::Add;
  if (!isAdd && op.getReduction() != onnx::ScatterReduction::None)
    return Term::none("its reduction is neither none nor add");
  if (isIdentityColumn(index.expr) && rank == 1 && isAdd &&
      coversAllPairs(index.dims.front()) && updates.expr->isNumber(1) &&
      data.expr->isNumber(0) &&
      extentsOf(op.getData()).front() == column->extent)
    return Term::get(countColumns(), {{Axis{column, -1}}});
  if (index.expr->kind == ExprKind::Column) {
    // Slots to columns, or to fewer where ids are clipped.
    ArrayRef<int64_t> places = index.expr->ints;
    int64_t extent = extentsOf(op.getData())[axis].getConstant().value_or(0);
    bool isIn = llvm::all_of(
        places, [&](int64_t at) { return at >= 0 && at < extent; });
    bool isRepeated =
        llvm::SmallDenseSet<int64_t>(places.begin(), places.end()).size() <
        places.size();
    bool isDense =
        isIn && data.expr->kind == ExprKind::Number &&
        (isAdd ? data.expr->number == 0 : selection.isDistinct && !isRepeated);
    SmallVector<Term, 2> terms{index, updates};
    std::optional<Dims> dims = broadcast(terms);
    bool isOfSlots =
        dims && (isAxis((*dims)[axis], slot) ||
                 (selection.numSlots == 1 && (*dims)[axis].empty()));
    if (!isDense || !isOfSlots)
      return Term::none("it does not scatter slots to columns");
    // Slots that a mask sets to 0 put nothing into their columns.
    const Expr *term = updates.expr;
    SmallVector<int64_t> positions(places);
    if (term->kind == ExprKind::Select && !term->isSummed &&
        term->selector == Selector::Index && term->hasNumber &&
        term->number == 0 && data.expr->number == 0) {
      for (auto [id, position] : llvm::enumerate(positions))
        position = term->columns.test(id) ? position : -1;
      term = term->operands.front();
    }
    (*dims)[axis] = {Axis{getColumns(positions, extent), -1}};
    const Expr *expr = algebra.selectColumn(/*isSummed=*/true, term,
                                            data.expr->number, isRepeated);
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
