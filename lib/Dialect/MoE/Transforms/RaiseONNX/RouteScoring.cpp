//===- RouteScoring.cpp - From selected data back to scores ---------------===//
//
// TopK's data may be scores behind softmax or sigmoid, a bias that only
// selection sees, and a mask of groups (DeepSeek).
//
//===----------------------------------------------------------------------===//
#include "Route.h"

#include "moe/Dialect/ONNX/IR/Constants.h"
#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

Value moe::raise::skipIdentities(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    bool isIdentity =
        isa<onnx::IdentityOp, onnx::CastOp, onnx::ReshapeOp>(op) &&
        op->getOperand(0).getType() == value.getType();
    // A reshape of [?, ?] may regroup.
    if (isa<onnx::ReshapeOp>(op) &&
        llvm::count_if(typeOf(value).getShape(), ShapedType::isDynamic) > 1)
      isIdentity = false;
    if (!isIdentity)
      break;
    value = op->getOperand(0);
  }
  return value;
}

bool moe::raise::isSame(Value lhs, Value rhs) {
  return lhs && rhs && skipIdentities(lhs) == skipIdentities(rhs);
}

bool moe::raise::isLastAxis(int64_t axis, Value value) {
  return axis == -1 || axis == typeOf(value).getRank() - 1;
}

bool moe::raise::isLastAxis(Value axes, Value value) {
  auto ints = onnx::getConstantInts(axes);
  return ints && ints->size() == 1 && isLastAxis(ints->front(), value);
}

//===----------------------------------------------------------------------===//
// Groups
//===----------------------------------------------------------------------===//

namespace {
/// `kept` where a column's group is selected, else `masked`.
struct GroupMask {
  Value kept;
  double masked = 0;
  Selection groups;
};
} // namespace

/// What a mask over columns [T, N] says of the groups that `groups` selects:
/// the numbers of columns in selected groups and in others.
static std::optional<std::pair<double, double>>
readMask(Value mask, const Selection &groups, const onnx::SymbolicDims &dims,
         onnx::DimContext &context) {
  Interpreter interpreter(dims, context, groups);
  const Term &term = interpreter.get(mask);
  if (!term || term.expr->kind != ExprKind::Select ||
      term.expr->selector != Selector::Column || !term.expr->hasNumber ||
      term.expr->operands.front()->kind != ExprKind::Number)
    return std::nullopt;
  // [tokens, group x column in it].
  if (term.dims.size() != interpreter.getTokens().size() + 1)
    return std::nullopt;
  const Dim &columns = term.dims.back();
  if (columns.size() != 2 || !columns[0].atom ||
      columns[0].atom->kind != AtomKind::Column || !columns[1].isAny())
    return std::nullopt;
  return std::make_pair(term.expr->operands.front()->number, term.expr->number);
}

static std::optional<double> getNumber(Value value) {
  value = skipIdentities(value);
  while (isa_and_present<onnx::ExpandOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  auto constant = value.getDefiningOp<onnx::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue())
                        : DenseFPElementsAttr();
  if (!dense || !dense.isSplat())
    return std::nullopt;
  return dense.getSplatValue<APFloat>().convertToDouble();
}

/// TopK of groups that `mask` is made of.
static SmallVector<Selection>
findGroupSelections(Value mask, const Selection &selection,
                    const onnx::SymbolicDims &dims) {
  SmallVector<Selection> found;
  SmallVector<Value> worklist{mask};
  llvm::DenseSet<Value> seen;
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    Operation *op = value.getDefiningOp();
    if (!op || !seen.insert(value).second)
      continue;
    if (auto topK = dyn_cast<onnx::TopKOp>(op)) {
      Selection groups;
      groups.ids = topK.getIndices();
      groups.data = topK.getX();
      groups.numColumns = typeOf(topK.getX()).getShape().back();
      groups.numSlots = typeOf(topK.getIndices()).getShape().back();
      if (isLastAxis(topK.getAxis(), topK.getX()) && topK.getLargest() &&
          groups.numColumns > 1 && groups.numSlots > 0 &&
          selection.numColumns % groups.numColumns == 0)
        found.push_back(groups);
      continue;
    }
    worklist.append(op->operand_begin(), op->operand_end());
  }
  return found;
}

static std::optional<GroupMask> matchGroupMask(const Selection &selection,
                                               const onnx::SymbolicDims &dims,
                                               onnx::DimContext &context) {
  auto where = getSource<onnx::WhereOp>(selection.data);
  auto product = getSource<onnx::MulOp>(selection.data);
  if (where) {
    for (const Selection &groups :
         findGroupSelections(where.getCondition(), selection, dims)) {
      auto numbers = readMask(where.getCondition(), groups, dims, context);
      if (!numbers || (numbers->first != 0) == (numbers->second != 0))
        continue;
      Value kept = numbers->first != 0 ? where.getX() : where.getY();
      Value other = numbers->first != 0 ? where.getY() : where.getX();
      if (std::optional<double> masked = getNumber(other))
        return GroupMask{kept, *masked, groups};
    }
  }
  if (product)
    for (unsigned side : {0, 1})
      for (const Selection &groups :
           findGroupSelections(product->getOperand(side), selection, dims)) {
        auto numbers =
            readMask(product->getOperand(side), groups, dims, context);
        if (numbers && numbers->first == 1 && numbers->second == 0)
          return GroupMask{product->getOperand(1 - side), 0, groups};
      }
  return std::nullopt;
}

/// Whether `value` is `columns` [T, N] as [T, groups, N / groups].
static bool isGrouped(Value value, Value columns, int64_t numGroups) {
  auto reshape = getSource<onnx::ReshapeOp>(value);
  if (!reshape || !isSame(reshape.getData(), columns))
    return false;
  ArrayRef<int64_t> shape = typeOf(reshape.getReshaped()).getShape();
  int64_t numColumns = typeOf(columns).getShape().back();
  return shape.size() == static_cast<size_t>(typeOf(columns).getRank()) + 1 &&
         shape[shape.size() - 2] == numGroups &&
         shape.back() == numColumns / numGroups;
}

static std::optional<GroupScore> matchGroupScore(const GroupMask &mask) {
  int64_t numGroups = mask.groups.numColumns;
  if (auto max = getSource<onnx::ReduceMaxOp>(mask.groups.data))
    if (isLastAxis(max.getAxes(), max.getData()) && !max.getKeepdims() &&
        isGrouped(max.getData(), mask.kept, numGroups))
      return GroupScore::Max;
  auto sum = getSource<onnx::ReduceSumOp>(mask.groups.data);
  if (!sum || !isLastAxis(sum.getAxes(), sum.getData()) || sum.getKeepdims())
    return std::nullopt;
  auto best = getSource<onnx::TopKOp>(sum.getData());
  if (best && skipIdentities(sum.getData()) == best.getValues() &&
      best.getLargest() && isLastAxis(best.getAxis(), best.getX()) &&
      typeOf(best.getValues()).getShape().back() == 2 &&
      isGrouped(best.getX(), mask.kept, numGroups))
    return GroupScore::SumTop2;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// Whether `value` is a constant vector over `numColumns`, leading dims of 1
/// aside.
static bool isColumnVector(Value value, int64_t numColumns) {
  return isa_and_present<onnx::ConstantOp, rt::WeightRefOp>(
             value.getDefiningOp()) &&
         typeOf(value).getRank() == 1 &&
         typeOf(value).getShape().back() == numColumns;
}

/// Whether a constant has -inf in it: it closes columns.
static bool hasInfinity(Value value) {
  auto constant = value.getDefiningOp<onnx::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue())
                        : DenseFPElementsAttr();
  return dense &&
         llvm::any_of(dense.getValues<APFloat>(), [](const APFloat &number) {
           return number.isInfinity() && number.isNegative();
         });
}

/// scores + mask. A vector beside a projection is the bias of that.
static void matchMask(ScoringMatch &match, int64_t numColumns) {
  auto add = getSource<onnx::AddOp>(match.scores);
  if (!add)
    return;
  for (unsigned side : {0, 1}) {
    Value vector = add->getOperand(side), rest = add->getOperand(1 - side);
    bool isBias = getSource<onnx::MatMulOp>(rest) && !hasInfinity(vector);
    if (!isColumnVector(vector, numColumns) || isBias ||
        rest.getType() != match.scores.getType())
      continue;
    match.mask = vector;
    match.scores = rest;
    return;
  }
}

ScoringMatch moe::raise::matchScoring(const Selection &selection,
                                      const onnx::SymbolicDims &dims) {
  ScoringMatch match;
  MLIRContext *context = selection.ids.getContext();
  Value data = selection.data;
  onnx::DimContext &dimContext = dims.getDim(selection.ids, 0).getContext();
  if (std::optional<GroupMask> mask =
          matchGroupMask(selection, dims, dimContext))
    if (std::optional<GroupScore> score = matchGroupScore(*mask)) {
      match.groups = GroupsAttr::get(
          context, mask->groups.numColumns, mask->groups.numSlots, *score,
          FloatAttr::get(Float32Type::get(context), mask->masked));
      data = mask->kept;
    }
  if (auto add = getSource<onnx::AddOp>(data))
    for (unsigned side : {0, 1})
      if (isColumnVector(add->getOperand(side), selection.numColumns) &&
          (getSource<onnx::SoftmaxOp>(add->getOperand(1 - side)) ||
           getSource<onnx::SigmoidOp>(add->getOperand(1 - side)))) {
        match.bias = add->getOperand(side);
        data = add->getOperand(1 - side);
      }
  match.scored = data;
  match.scores = data;
  if (auto softmax = getSource<onnx::SoftmaxOp>(data);
      softmax && isLastAxis(softmax.getAxis(), data)) {
    match.score = Score::Softmax;
    match.scores = softmax.getInput();
  } else if (auto sigmoid = getSource<onnx::SigmoidOp>(data)) {
    match.score = Score::Sigmoid;
    match.scores = sigmoid->getOperand(0);
  }
  matchMask(match, selection.numColumns);
  return match;
}
