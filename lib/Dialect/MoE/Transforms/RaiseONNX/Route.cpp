//===- Route.cpp - How a graph routes, as moe.route -----------------------===//
#include "Route.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

//===----------------------------------------------------------------------===//
// Selections
//===----------------------------------------------------------------------===//

static std::optional<Selection> getTopK(onnx::TopKOp op) {
  auto ids = typeOf(op.getIndices());
  int64_t rank = ids.getRank();
  if (rank < 2 || !isLastAxis(op.getAxis(), op.getX()) ||
      !isa<FloatType>(typeOf(op.getX()).getElementType()))
    return std::nullopt;
  Selection selection;
  selection.ids = op.getIndices();
  selection.data = op.getX();
  selection.isGreatest = op.getLargest();
  selection.numColumns = typeOf(op.getX()).getDimSize(rank - 1);
  selection.numSlots = ids.getDimSize(rank - 1);
  return selection;
}

static std::optional<Selection> getArgMax(onnx::ArgMaxOp op) {
  if (!op.getKeepdims() || !isLastAxis(op.getAxis(), op.getData()) ||
      op.getSelectLastIndex() || typeOf(op.getData()).getRank() < 2)
    return std::nullopt;
  Selection selection;
  selection.ids = op.getReduced();
  selection.data = op.getData();
  selection.numColumns = typeOf(op.getData()).getShape().back();
  selection.numSlots = 1;
  return selection;
}

static std::optional<Selection> getRounds(onnx::ConcatOp op) {
  if (op.getInputs().size() < 2 || typeOf(op.getConcatResult()).getRank() < 2 ||
      !isLastAxis(op.getAxis(), op.getConcatResult()))
    return std::nullopt;
  Selection selection;
  for (Value input : op.getInputs()) {
    auto round = getSource<onnx::ArgMaxOp>(input);
    std::optional<Selection> one = round ? getArgMax(round) : std::nullopt;
    if (!one)
      return std::nullopt;
    if (selection.ids && selection.numColumns != one->numColumns)
      return std::nullopt;
    if (!selection.ids)
      selection = *one;
  }
  selection.ids = op.getConcatResult();
  selection.numSlots = op.getInputs().size();
  // Nothing says that rounds differ.
  selection.isDistinct = false;
  return selection;
}

SmallVector<Selection>
moe::raise::findSelections(Block &block, const onnx::SymbolicDims &dims) {
  SmallVector<Selection> selections;
  for (Operation &op : block) {
    std::optional<Selection> selection;
    if (auto topK = dyn_cast<onnx::TopKOp>(op))
      selection = getTopK(topK);
    else if (auto argMax = dyn_cast<onnx::ArgMaxOp>(op))
      selection = getArgMax(argMax);
    else if (auto concat = dyn_cast<onnx::ConcatOp>(op))
      selection = getRounds(concat);
    // k and N are constants, and there is a choice.
    if (selection && selection->numColumns > 1 && selection->numSlots > 0 &&
        selection->numSlots < selection->numColumns &&
        !dims.getDims(selection->ids).empty())
      selections.push_back(*selection);
  }
  // Rounds of a selection are none of their own.
  auto isRound = [&](const Selection &selection) {
    return llvm::any_of(selections, [&](const Selection &other) {
      Operation *op = other.ids.getDefiningOp();
      return isa<onnx::ConcatOp>(op) &&
             llvm::any_of(op->getOperands(), [&](Value round) {
               return skipIdentities(round) == selection.ids;
             });
    });
  };
  llvm::erase_if(selections, isRound);
  return selections;
}

//===----------------------------------------------------------------------===//
// Routes
//===----------------------------------------------------------------------===//

/// Values [tokens..., k] that `weight` is computed from, nearest first.
static SmallVector<Value> getTargets(const Expr *weight,
                                     const Selection &selection) {
  SmallVector<Value> targets;
  SmallVector<const Expr *> stack;
  if (weight)
    stack.push_back(weight);
  while (!stack.empty()) {
    const Expr *expr = stack.pop_back_val();
    if (expr->kind == ExprKind::Slot)
      targets.push_back(expr->value);
    stack.append(expr->operands.begin(), expr->operands.end());
  }
  // What comes before, of the same shape.
  auto isPerSlot = [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && isa<FloatType>(type.getElementType()) &&
           type.getRank() == typeOf(selection.ids).getRank() &&
           type.getShape().back() == selection.numSlots;
  };
  for (size_t i = 0; i < targets.size() && targets.size() < 64; ++i)
    if (Operation *op = targets[i].getDefiningOp())
      for (Value operand : op->getOperands())
        if (isPerSlot(operand) && !llvm::is_contained(targets, operand))
          targets.push_back(operand);
  return targets;
}

/// The graph's scoring and mixing as one route, if they fit each other.
static bool combine(const ScoringMatch &scoring, const MixingMatch &mixing,
                    RouteMatch &route, const Selection &selection) {
  Value data = selection.data;
  bool isPlain = !scoring.bias && !scoring.groups;
  bool picksScored =
      mixing.pickedFrom ? isSame(mixing.pickedFrom, scoring.scored) : isPlain;
  bool isScoredTwice =
      scoring.score != Score::None && mixing.score != Score::None;
  auto selectAsScored = [&] {
    route.scores = scoring.scores;
    route.mask = scoring.mask;
    route.bias = scoring.bias;
    route.groups = scoring.groups;
    route.score = scoring.score;
  };
  bool isOfData = !mixing.pickedFrom || isSame(mixing.pickedFrom, data);
  if (selection.isGreatest && picksScored && !isScoredTwice) {
    selectAsScored();
    bool isAfter = mixing.score != Score::None;
    route.score = isAfter ? mixing.score : scoring.score;
    route.order = isAfter ? ScoreOrder::After : ScoreOrder::Before;
  } else {
    // Selection sees what it sees.
    bool isAfter = mixing.score != Score::None;
    route.scores = data;
    route.score = mixing.score;
    route.order = isAfter ? ScoreOrder::After : ScoreOrder::Before;
    if (!isOfData || route.isNegated) {
      route.mix = isOfData ? data : mixing.pickedFrom;
      if (route.mix.getType() != data.getType())
        return false;
      if (!isAfter && !route.isNegated)
        selectAsScored();
    }
  }
  route.normalizeOver = mixing.normalizeOver;
  route.denominator = mixing.denominator;
  route.scale = mixing.scale;
  return true;
}

/// Takes what is computed per slot behind the graph's own values into the
/// route: a sigmoid (Llama 4) or a factor.
static void absorb(RouteMatch &route, const Expr *weight) {
  auto isWeights = [&](const Expr *expr) {
    return expr->kind == ExprKind::Slot && expr->value == route.weights;
  };
  if (!weight || !route.weights)
    return;
  bool isSigmoid = weight->kind == ExprKind::Op &&
                   isa<onnx::SigmoidOp>(weight->proto) &&
                   isWeights(weight->operands.front());
  if (isSigmoid && route.score == Score::None && !route.normalizeOver &&
      !route.scale) {
    route.score = Score::Sigmoid;
    route.order = ScoreOrder::After;
    route.weightExpr = weight;
  }
  if (weight->kind != ExprKind::Mul || route.scale)
    return;
  for (unsigned side : {0, 1})
    if (isWeights(weight->operands[side]) &&
        weight->operands[1 - side]->kind == ExprKind::Number) {
      route.scale = FloatAttr::get(Float32Type::get(route.weights.getContext()),
                                   weight->operands[1 - side]->number);
      route.weightExpr = weight;
      return;
    }
}

std::optional<RouteMatch> moe::raise::matchRoute(Interpreter &interpreter,
                                                 const onnx::SymbolicDims &dims,
                                                 const Expr *weight) {
  const Selection &selection = interpreter.getSelection();
  MLIRContext *context = selection.ids.getContext();
  SmallVector<Value> targets = getTargets(weight, selection);
  RouteMatch route;
  route.isNegated = !selection.isGreatest;
  if (selection.ids.getDefiningOp<onnx::ConcatOp>()) {
    for (Value target : targets)
      if (auto mixer = matchSparseMixer(selection, target)) {
        route.scores = mixer->first;
        route.weights = target;
        route.select = SparseMixerAttr::get(context, mixer->second);
        return route;
      }
    return std::nullopt;
  }
  route.select = TopKAttr::get(context, selection.numSlots, Tie::LowestIndex);
  ScoringMatch scoring = matchScoring(selection, dims);
  for (Value target : targets) {
    std::optional<MixingMatch> mixing = matchMixing(interpreter, target);
    if (mixing && combine(scoring, *mixing, route, selection)) {
      route.weights = target;
      absorb(route, weight);
      return route;
    }
  }
  // Ids alone.
  route.scores = selection.data;
  if (route.isNegated)
    route.mix = selection.data;
  if (auto topK = selection.ids.getDefiningOp<onnx::TopKOp>())
    route.weights = topK.getValues();
  return route;
}
