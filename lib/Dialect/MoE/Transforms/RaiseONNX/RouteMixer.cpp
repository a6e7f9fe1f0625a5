//===- RouteMixer.cpp - PhiMoE's sparse mixer -----------------------------===//
//
// Two rounds, each: the greatest score m and its column e; scores s with
// (m - s) / max(|s|, m) above a threshold become -inf; the weight is the
// softmax at e. The second round sees scores with the first one's column at
// -inf, but for the s of the quotient.
//
//===----------------------------------------------------------------------===//
#include "Route.h"

#include "mlir/IR/BuiltinTypes.h"

#include <cmath>

using namespace mlir;
using namespace moe;
using namespace moe::raise;

static std::optional<double> getNumber(Value value) {
  value = skipIdentities(value);
  while (isa_and_present<onnx::ExpandOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  DenseFPElementsAttr dense;
  if (auto constant = value.getDefiningOp<onnx::ConstantOp>())
    dense = dyn_cast<DenseFPElementsAttr>(constant.getValue());
  else if (auto fill = value.getDefiningOp<onnx::ConstantOfShapeOp>())
    if (std::optional<ElementsAttr> attr = fill.getValue())
      dense = dyn_cast<DenseFPElementsAttr>(*attr);
  if (!dense || !dense.isSplat())
    return std::nullopt;
  return dense.getSplatValue<APFloat>().convertToDouble();
}

static bool isMinusInfinity(Value value) {
  return getNumber(value) == -std::numeric_limits<double>::infinity();
}

/// Whether `value` is the greatest of each row of `data`.
static bool isRowMax(Value value, Value data) {
  auto max = getSource<onnx::ReduceMaxOp>(value);
  return max && max.getKeepdims() && isSame(max.getData(), data) &&
         isLastAxis(max.getAxes(), max.getData());
}

namespace {
struct Round {
  Value data; ///< what the column is selected from
  FloatAttr threshold;
};
} // namespace

/// softmax(where((m - s) / max(|s|, m) > threshold, -inf, data)) at `id`.
static std::optional<Round> matchRound(Value weight, Value id, Value scores) {
  auto gather = getSource<onnx::GatherElementsOp>(weight);
  auto argMax = getSource<onnx::ArgMaxOp>(id);
  if (!gather || !argMax || !isSame(gather.getIndices(), id) ||
      !isLastAxis(gather.getAxis(), gather.getData()))
    return std::nullopt;
  Value data = argMax.getData();
  auto softmax = getSource<onnx::SoftmaxOp>(gather.getData());
  if (!softmax || !isLastAxis(softmax.getAxis(), softmax.getInput()))
    return std::nullopt;
  auto where = getSource<onnx::WhereOp>(softmax.getInput());
  if (!where || !isMinusInfinity(where.getX()) || !isSame(where.getY(), data))
    return std::nullopt;
  auto greater = getSource<onnx::GreaterOp>(where.getCondition());
  if (!greater)
    return std::nullopt;
  std::optional<double> threshold = getNumber(greater->getOperand(1));
  auto quotient = getSource<onnx::DivOp>(greater->getOperand(0));
  if (!threshold || !quotient)
    return std::nullopt;
  auto difference = getSource<onnx::SubOp>(quotient->getOperand(0));
  auto max = getSource<onnx::MaxOp>(quotient->getOperand(1));
  if (!difference || !isRowMax(difference->getOperand(0), data) ||
      !isSame(difference->getOperand(1), scores) || !max ||
      max->getNumOperands() != 2)
    return std::nullopt;
  for (unsigned side : {0, 1}) {
    auto abs = getSource<onnx::AbsOp>(max->getOperand(side));
    if (abs && isSame(abs->getOperand(0), scores) &&
        isRowMax(max->getOperand(1 - side), data))
      return Round{data, FloatAttr::get(Float32Type::get(weight.getContext()),
                                        *threshold)};
  }
  return std::nullopt;
}

std::optional<std::pair<Value, FloatAttr>>
moe::raise::matchSparseMixer(const Selection &selection, Value weights) {
  auto ids = selection.ids.getDefiningOp<onnx::ConcatOp>();
  auto concat = getSource<onnx::ConcatOp>(weights);
  if (!ids || !concat || ids.getInputs().size() != 2 ||
      concat.getInputs().size() != 2 || !isLastAxis(concat.getAxis(), weights))
    return std::nullopt;
  Value scores = selection.data;
  std::optional<Round> first =
      matchRound(concat.getInputs()[0], ids.getInputs()[0], scores);
  std::optional<Round> second =
      matchRound(concat.getInputs()[1], ids.getInputs()[1], scores);
  if (!first || !second || first->threshold != second->threshold ||
      !isSame(first->data, scores))
    return std::nullopt;
  auto scatter = getSource<onnx::ScatterElementsOp>(second->data);
  if (!scatter || !isSame(scatter.getData(), scores) ||
      !isSame(scatter.getIndices(), ids.getInputs()[0]) ||
      !isMinusInfinity(scatter.getUpdates()) ||
      !isLastAxis(scatter.getAxis(), scatter.getData()) ||
      scatter.getReduction() != onnx::ScatterReduction::None)
    return std::nullopt;
  return std::make_pair(scores, first->threshold);
}
