//===- WrongRoutes.cpp - Mistakes in routes -------------------------------===//
//
// Changes of moe.route, and of the ids and weights between it and the experts.
//
//===----------------------------------------------------------------------===//
#include "WrongRaise.h"

#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace moe;
using namespace moe::test;

/// `make` of `value` takes its place in the ops that use it now.
static void replaceUses(Value value, function_ref<Value(Value)> make) {
  SmallVector<OpOperand *> uses(llvm::make_pointer_range(value.getUses()));
  Value other = make(value);
  for (OpOperand *use : uses)
    use->set(other);
}

/// Columns of the ids, the weights, or both, in another order.
static void pickSlots(Layer &layer, ArrayRef<int64_t> slots, bool ofIds,
                      bool ofWeights) {
  layer.builder.setInsertionPointAfter(layer.route);
  auto change = [&](Value value) { return pick(layer, value, slots, 1); };
  if (ofIds)
    replaceUses(layer.route.getIds(), change);
  if (ofWeights)
    replaceUses(layer.route.getWeights(), change);
}

static SmallVector<int64_t> getReversedSlots(Layer &layer) {
  return llvm::to_vector(
      llvm::reverse(llvm::seq<int64_t>(layer.route.getNumSlots())));
}

static bool scaleWeights(Layer &layer) {
  double scale =
      layer.route.getScale() ? layer.route.getScale()->convertToDouble() : 1.0;
  layer.route.setScaleAttr(layer.builder.getF32FloatAttr(float(scale * 1.001)));
  return true;
}

static bool dropNormalization(Layer &layer) {
  if (!layer.route.getNormalizeOver())
    return false;
  layer.route.removeNormalizeOverAttr();
  layer.route.removeDenominatorAttr();
  return true;
}

static bool changeColumnRange(Layer &layer) {
  std::optional<ColumnsAttr> columns = layer.route.getNormalizeOver();
  if (!columns)
    return false;
  layer.route.setNormalizeOverAttr(
      ColumnsAttr::get(layer.candidate.getContext(), columns->getBegin(),
                       columns->getEnd() - 1));
  return true;
}

static bool changeDenominator(Layer &layer) {
  if (!layer.route.getDenominator() ||
      layer.route.getDenominator()->getKind() == DenominatorKind::Plain)
    return false;
  layer.route.removeDenominatorAttr();
  return true;
}

static bool changeTieRule(Layer &layer) {
  auto select = dyn_cast<TopKAttr>(layer.route.getSelect());
  if (!select)
    return false;
  layer.route.setSelectAttr(TopKAttr::get(select.getContext(), select.getK(),
                                          select.getTie() == Tie::LowestIndex
                                              ? Tie::HighestIndex
                                              : Tie::LowestIndex));
  return true;
}

/// One slot too few; the first stands for it.
static bool selectOneLess(Layer &layer) {
  auto select = dyn_cast<TopKAttr>(layer.route.getSelect());
  if (!select || select.getK() < 2)
    return false;
  int64_t k = select.getK() - 1;
  layer.route.setSelectAttr(
      TopKAttr::get(select.getContext(), k, select.getTie()));
  for (Value result : layer.route->getResults())
    result.setType(cast<RankedTensorType>(result.getType())
                       .clone({ShapedType::kDynamic, k}));
  SmallVector<int64_t> slots = llvm::to_vector(llvm::seq<int64_t>(k));
  slots.push_back(0);
  pickSlots(layer, slots, true, true);
  return true;
}

static bool reverseSelection(Layer &layer) {
  if (layer.route.getNumSlots() < 2)
    return false;
  pickSlots(layer, getReversedSlots(layer), true, true);
  return true;
}

static bool reverseWeights(Layer &layer) {
  if (layer.route.getNumSlots() < 2)
    return false;
  pickSlots(layer, getReversedSlots(layer), false, true);
  return true;
}

static bool moveScore(Layer &layer) {
  if (layer.route.getScore() == Score::None || layer.route.getMix())
    return false;
  layer.route.setOrder(layer.route.getOrder() == ScoreOrder::Before
                           ? ScoreOrder::After
                           : ScoreOrder::Before);
  return true;
}

static bool exchangeScore(Layer &layer) {
  if (layer.route.getScore() == Score::None)
    return false;
  layer.route.setScore(layer.route.getScore() == Score::Softmax
                           ? Score::Sigmoid
                           : Score::Softmax);
  return true;
}

static bool dropMask(Layer &layer) {
  if (!layer.route.getMask())
    return false;
  layer.route.getMaskMutable().clear();
  return true;
}

static bool dropSelectionBias(Layer &layer) {
  if (!layer.route.getBias())
    return false;
  layer.route.getBiasMutable().clear();
  return true;
}

static bool mixBiasedScores(Layer &layer) {
  RouteOp route = layer.route;
  if (!route.getBias() || route.getMix() || route.getScore() != Score::Sigmoid)
    return false;
  layer.builder.setInsertionPoint(route);
  Type type = route.getScores().getType();
  Value p = onnx::SigmoidOp::create(layer.builder, layer.loc, type,
                                    route.getScores());
  Value c =
      onnx::AddOp::create(layer.builder, layer.loc, type, p, route.getBias());
  route.getMixMutable().assign(c);
  return true;
}

static bool changeGroupScore(Layer &layer) {
  std::optional<GroupsAttr> groups = layer.route.getGroups();
  if (!groups)
    return false;
  layer.route.setGroupsAttr(GroupsAttr::get(
      groups->getContext(), groups->getCount(), groups->getKeep(),
      groups->getScore() == GroupScore::Max ? GroupScore::SumTop2
                                            : GroupScore::Max,
      groups->getMasked()));
  return true;
}

static bool keepFewerGroups(Layer &layer) {
  std::optional<GroupsAttr> groups = layer.route.getGroups();
  if (!groups || groups->getKeep() < 2)
    return false;
  layer.route.setGroupsAttr(GroupsAttr::get(
      groups->getContext(), groups->getCount(), groups->getKeep() - 1,
      groups->getScore(), groups->getMasked()));
  return true;
}

ArrayRef<Mistake> moe::test::getRouteMistakes() {
  static constexpr Mistake mistakes[] = {
      {"scale", scaleWeights},
      {"no-normalization", dropNormalization},
      {"column-range", changeColumnRange},
      {"zero-denominator", changeDenominator},
      {"tie-rule", changeTieRule},
      {"one-slot-less", selectOneLess},
      {"sorted-order", reverseSelection},
      {"slot-order", reverseWeights},
      {"score-position", moveScore},
      {"other-score", exchangeScore},
      {"no-mask", dropMask},
      {"no-selection-bias", dropSelectionBias},
      {"biased-mixing", mixBiasedScores},
      {"group-score", changeGroupScore},
      {"fewer-groups", keepFewerGroups},
  };
  return mistakes;
}
