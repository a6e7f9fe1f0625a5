//===- TestWrongRaise.cpp - Makes raised layers wrong ---------------------===//
//
// Changes the raised region of every candidate in one way that a bug of the
// raise could. The proof must undo each.
//
//===----------------------------------------------------------------------===//
#include "mlir/Pass/Pass.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;

namespace {
/// What a mistake is made in: the raised layer. The builder stands before the
/// experts.
struct Layer {
  CandidateOp candidate;
  RouteOp route;
  ExpertsOp experts;
  OpBuilder builder;
  Location loc;
};

/// One way to be wrong. `apply` returns false where the layer has nothing to
/// get wrong in this way.
struct Mistake {
  StringLiteral name;
  bool (*apply)(Layer &);
};
} // namespace

//===----------------------------------------------------------------------===//
// Helpers
//===----------------------------------------------------------------------===//

static Value makeConstant(Layer &layer, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())},
                                    layer.builder.getI64Type());
  return onnx::ConstantOp::create(layer.builder, layer.loc, type,
                                  DenseElementsAttr::get(type, values));
}

/// `value` with `indices` along `axis`.
static Value pick(Layer &layer, Value value, ArrayRef<int64_t> indices,
                  uint64_t axis) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = int64_t(indices.size());
  return onnx::GatherOp::create(layer.builder, layer.loc, type.clone(shape),
                                value, makeConstant(layer, indices), axis);
}

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

template <typename OpTy> static OpTy findInBody(Layer &layer) {
  OpTy found;
  layer.experts.getBody().walk([&](OpTy op) {
    found = op;
    return WalkResult::interrupt();
  });
  return found;
}

/// The bodies' stacked argument of rank `rank` and position `n` among those.
static std::optional<unsigned> findStacked(Layer &layer, int64_t rank,
                                           unsigned n = 0) {
  for (auto [i, value] : llvm::enumerate(layer.experts.getStacked()))
    if (cast<RankedTensorType>(value.getType()).getRank() == rank && n-- == 0)
      return i;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Mistakes in routes
//===----------------------------------------------------------------------===//

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

//===----------------------------------------------------------------------===//
// Mistakes in experts
//===----------------------------------------------------------------------===//

/// The first two experts exchange their first weight.
static bool swapExperts(Layer &layer) {
  std::optional<unsigned> index = findStacked(layer, 3);
  int64_t count = layer.experts.getNumExperts();
  if (!index || count < 2)
    return false;
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(count));
  std::swap(order[0], order[1]);
  OpOperand &operand = layer.experts.getStackedMutable()[*index];
  operand.set(pick(layer, operand.get(), order, 0));
  return true;
}

/// Halves of one product, or the two weights that make gate and up.
static bool swapGateAndUp(Layer &layer) {
  if (auto split = findInBody<onnx::SplitOp>(layer);
      split && split->getNumResults() == 2) {
    Value gate = split->getResult(0), up = split->getResult(1);
    SmallVector<OpOperand *> uses(llvm::make_pointer_range(gate.getUses()));
    up.replaceAllUsesWith(gate);
    for (OpOperand *use : uses)
      use->set(up);
    return true;
  }
  std::optional<unsigned> gate = findStacked(layer, 3, 0),
                          up = findStacked(layer, 3, 1);
  if (!gate || !up)
    return false;
  OpOperand &a = layer.experts.getStackedMutable()[*gate];
  OpOperand &b = layer.experts.getStackedMutable()[*up];
  if (a.get().getType() != b.get().getType() || a.get() == b.get())
    return false;
  Value first = a.get();
  a.set(b.get());
  b.set(first);
  return true;
}

static bool transposeWeight(Layer &layer) {
  for (OpOperand &operand : layer.experts.getStackedMutable()) {
    auto type = cast<RankedTensorType>(operand.get().getType());
    if (type.getRank() != 3 || type.getDimSize(1) != type.getDimSize(2))
      continue;
    operand.set(onnx::TransposeOp::create(
        layer.builder, layer.loc, type, operand.get(),
        layer.builder.getDenseI64ArrayAttr({0, 2, 1})));
    return true;
  }
  return false;
}

static bool exchangeActivation(Layer &layer) {
  Operation *activation = nullptr;
  layer.experts.getBody().walk([&](Operation *op) {
    if (isa<onnx::SigmoidOp, onnx::SwishOp, onnx::GeluOp, onnx::ReluOp>(op))
      activation = op;
  });
  if (!activation)
    return false;
  OpBuilder b(activation);
  Value other = onnx::TanhOp::create(b, activation->getLoc(),
                                     activation->getResult(0).getType(),
                                     activation->getOperand(0));
  activation->getResult(0).replaceAllUsesWith(other);
  return true;
}

/// The body's first addition of a slice does nothing.
static bool dropExpertBias(Layer &layer) {
  for (Value slice : layer.experts.getStackedArguments())
    for (Operation *user : slice.getUsers())
      if (isa<onnx::AddOp>(user)) {
        user->getResult(0).replaceAllUsesWith(
            user->getOperand(user->getOperand(0) == slice));
        return true;
      }
  return false;
}

/// A limit is a tenth larger.
static bool changeClamp(Layer &layer) {
  auto clip = findInBody<onnx::ClipOp>(layer);
  if (!clip)
    return false;
  Value limit = clip.getMax() ? clip.getMax() : clip.getMin();
  OpBuilder b(clip);
  auto type = cast<RankedTensorType>(limit.getType());
  Value factor = onnx::ConstantOp::create(
      b, layer.loc, type,
      DenseElementsAttr::get(type, b.getFloatAttr(type.getElementType(), 1.1)));
  Value other = onnx::MulOp::create(b, layer.loc, type, limit, factor);
  (clip.getMax() ? clip.getMaxMutable() : clip.getMinMutable()).assign(other);
  return true;
}

/// Every token gets the mean of all.
static bool shareRow(Layer &layer) {
  OpOperand &operand = layer.experts.getRowsMutable()[0];
  auto type = cast<RankedTensorType>(operand.get().getType());
  SmallVector<int64_t> one(type.getShape());
  one.front() = 1;
  Value mean =
      onnx::ReduceMeanOp::create(layer.builder, layer.loc, type.clone(one),
                                 operand.get(), makeConstant(layer, {0}));
  auto shapeType =
      RankedTensorType::get({type.getRank()}, layer.builder.getI64Type());
  Value shape = onnx::ShapeOp::create(layer.builder, layer.loc, shapeType,
                                      operand.get(), uint64_t(0), nullptr);
  operand.set(
      onnx::ExpandOp::create(layer.builder, layer.loc, type, mean, shape));
  return true;
}

static bool copyInsteadOfZero(Layer &layer) {
  SmallVector<ExpertRun> runs(layer.experts.getExperts().getRuns());
  bool found = false;
  for (ExpertRun &run : runs)
    if (run.kind == ExpertKind::Zero) {
      run.kind = ExpertKind::Copy;
      found = true;
    }
  layer.experts.setExpertsAttr(
      KindsAttr::get(layer.candidate.getContext(), runs));
  return found;
}

static bool dropWeights(Layer &layer) {
  if (!layer.experts.getWeights())
    return false;
  layer.experts.getWeightsMutable().clear();
  return true;
}

/// The weight goes in front of the experts instead of behind, or back.
static bool moveWeights(Layer &layer) {
  ExpertsOp experts = layer.experts;
  if (experts.getInputWeights() && !experts.getWeights()) {
    experts.getWeightsMutable().assign(experts.getInputWeights());
    experts.getInputWeightsMutable().clear();
    return true;
  }
  if (!experts.getInputWeights() && experts.getWeights()) {
    experts.getInputWeightsMutable().assign(experts.getWeights());
    experts.getWeightsMutable().clear();
    return true;
  }
  return false;
}

//===----------------------------------------------------------------------===//
// The pass
//===----------------------------------------------------------------------===//

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
    {"expert-order", swapExperts},
    {"gate-and-up", swapGateAndUp},
    {"transposed-weight", transposeWeight},
    {"activation", exchangeActivation},
    {"no-expert-bias", dropExpertBias},
    {"clamp", changeClamp},
    {"shared-row", shareRow},
    {"copy-for-zero", copyInsteadOfZero},
    {"no-weights", dropWeights},
    {"input-weights", moveWeights},
};

namespace {
struct TestWrongRaisePass final
    : PassWrapper<TestWrongRaisePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestWrongRaisePass)

  TestWrongRaisePass() = default;
  TestWrongRaisePass(const TestWrongRaisePass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "test-moe-wrong-raise"; }
  StringRef getDescription() const override {
    return "Make raised layers wrong in one way";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<MoEDialect, onnx::ONNXDialect>();
  }

  void runOnOperation() override;

  Option<std::string> kind{*this, "kind", llvm::cl::desc("The mistake")};
};
} // namespace

void TestWrongRaisePass::runOnOperation() {
  const Mistake *mistake = llvm::find_if(
      mistakes, [&](const Mistake &other) { return other.name == kind; });
  if (mistake == std::end(mistakes)) {
    getOperation().emitError("unknown kind '") << kind << "'";
    return signalPassFailure();
  }
  WalkResult walked = getOperation().walk([&](CandidateOp candidate) {
    RouteOp route;
    ExpertsOp experts;
    candidate.getRaised().walk([&](RouteOp op) { route = op; });
    candidate.getRaised().walk([&](ExpertsOp op) { experts = op; });
    if (route && experts) {
      OpBuilder builder(experts);
      Layer layer{candidate, route, experts, builder, candidate.getLoc()};
      if (mistake->apply(layer))
        return WalkResult::advance();
    }
    candidate.emitError("'") << kind << "' does not apply";
    return WalkResult::interrupt();
  });
  if (walked.wasInterrupted())
    signalPassFailure();
}

namespace moe::test {
void registerTestWrongRaisePass() { PassRegistration<TestWrongRaisePass>(); }
} // namespace moe::test
