//===- WrongExperts.cpp - Mistakes in experts -----------------------------===//
//
// Changes of moe.experts: bodies, stacked weights, rows, kinds.
//
//===----------------------------------------------------------------------===//
#include "WrongRaise.h"

#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace moe;
using namespace moe::test;

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

ArrayRef<Mistake> moe::test::getExpertMistakes() {
  static constexpr Mistake mistakes[] = {
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
  return mistakes;
}
