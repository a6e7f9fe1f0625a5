//===- RouteMixing.cpp - From weights back to what ids picked -------------===//
//
// Weights are TopK's values or elements gathered by the ids, behind a softmax
// or sigmoid over the slots, a normalisation and a factor.
//
//===----------------------------------------------------------------------===//
#include "Route.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

static FloatAttr getScalar(Value value) {
  value = skipIdentities(value);
  while (
      isa_and_present<onnx::ExpandOp, onnx::UnsqueezeOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  auto constant = value.getDefiningOp<onnx::ConstantOp>();
  auto dense = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue())
                        : DenseFPElementsAttr();
  if (dense && dense.isSplat())
    return FloatAttr::get(Float32Type::get(value.getContext()),
                          dense.getSplatValue<APFloat>().convertToDouble());
  // A shape filled with one number.
  if (auto fill = value.getDefiningOp<onnx::ConstantOfShapeOp>()) {
    std::optional<ElementsAttr> attr = fill.getValue();
    auto splat =
        attr ? dyn_cast<DenseFPElementsAttr>(*attr) : DenseFPElementsAttr();
    if (splat)
      return FloatAttr::get(Float32Type::get(value.getContext()),
                            splat.getSplatValue<APFloat>().convertToDouble());
  }
  return FloatAttr();
}

static bool isZero(Value value) {
  FloatAttr scalar = getScalar(value);
  return scalar && scalar.getValueAsDouble() == 0;
}

//===----------------------------------------------------------------------===//
// Normalisation
//===----------------------------------------------------------------------===//

namespace {
struct Normalization {
  Value raw;
  ColumnsAttr over;
  DenominatorAttr denominator;
};
} // namespace

/// What is kept off zero, and how.
static Value matchDenominator(Value value, DenominatorAttr &denominator) {
  MLIRContext *context = value.getContext();
  auto make = [&](DenominatorKind kind, FloatAttr number) {
    return DenominatorAttr::get(context, kind, number);
  };
  denominator = DenominatorAttr();
  if (auto add = getSource<onnx::AddOp>(value))
    for (unsigned side : {0, 1})
      if (FloatAttr number = getScalar(add->getOperand(side))) {
        denominator = make(DenominatorKind::Plus, number);
        return add->getOperand(1 - side);
      }
  if (auto max = getSource<onnx::MaxOp>(value);
      max && max->getNumOperands() == 2)
    for (unsigned side : {0, 1})
      if (FloatAttr number = getScalar(max->getOperand(side))) {
        denominator = make(DenominatorKind::AtLeast, number);
        return max->getOperand(1 - side);
      }
  if (auto clip = getSource<onnx::ClipOp>(value);
      clip && clip.getMin() && !clip.getMax())
    if (FloatAttr number = getScalar(clip.getMin())) {
      denominator = make(DenominatorKind::AtLeast, number);
      return clip.getInput();
    }
  // where(sum == 0, 1, sum).
  if (auto where = getSource<onnx::WhereOp>(value)) {
    auto equal = getSource<onnx::EqualOp>(where.getCondition());
    FloatAttr one = getScalar(where.getX());
    if (equal && one && one.getValueAsDouble() == 1)
      for (unsigned side : {0, 1})
        if (isZero(equal->getOperand(side)) &&
            isSame(equal->getOperand(1 - side), where.getY())) {
          denominator = make(DenominatorKind::ZeroAsOne, FloatAttr());
          return where.getY();
        }
  }
  return value;
}

bool moe::raise::isKeptOffZero(Value divisor) {
  DenominatorAttr denominator;
  matchDenominator(divisor, denominator);
  return denominator && (denominator.getKind() == DenominatorKind::ZeroAsOne ||
                         denominator.getValue().getValueAsDouble() > 0);
}

/// raw / denominator(sum of raw over slots whose id is in a range).
static std::optional<Normalization> matchNormalization(Interpreter &interpreter,
                                                       onnx::DivOp div) {
  Normalization match;
  match.raw = div->getOperand(0);
  Value sum = matchDenominator(div->getOperand(1), match.denominator);
  if (auto unsqueeze = getSource<onnx::UnsqueezeOp>(sum))
    sum = unsqueeze.getData();
  auto reduce = getSource<onnx::ReduceSumOp>(sum);
  if (!reduce || !isLastAxis(reduce.getAxes(), reduce.getData()))
    return std::nullopt;
  MLIRContext *context = div.getContext();
  int64_t numColumns = interpreter.getSelection().numColumns;
  if (isSame(reduce.getData(), match.raw)) {
    match.over = ColumnsAttr::get(context, 0, numColumns);
    return match;
  }
  // Summed with a mask of ids.
  const Term &term = interpreter.get(reduce.getData());
  const Term &raw = interpreter.get(match.raw);
  if (!term || !raw || term.expr->kind != ExprKind::Select ||
      term.expr->selector != Selector::Index || term.expr->isSummed ||
      !term.expr->hasNumber || term.expr->number != 0 ||
      term.expr->operands.front() != raw.expr || term.dims != raw.dims)
    return std::nullopt;
  int begin = term.expr->columns.find_first();
  int last = term.expr->columns.find_last();
  if (begin < 0 ||
      static_cast<int>(term.expr->columns.count()) != last - begin + 1)
    return std::nullopt;
  match.over = ColumnsAttr::get(context, begin, last + 1);
  return match;
}

//===----------------------------------------------------------------------===//
// Mixing
//===----------------------------------------------------------------------===//

std::optional<MixingMatch> moe::raise::matchMixing(Interpreter &interpreter,
                                                   Value weights) {
  const Selection &selection = interpreter.getSelection();
  MixingMatch match;
  Value value = weights;
  if (auto mul = getSource<onnx::MulOp>(value))
    for (unsigned side : {0, 1})
      if (FloatAttr factor = getScalar(mul->getOperand(side));
          factor && !match.scale &&
          typeOf(mul->getOperand(1 - side)).getRank() ==
              typeOf(weights).getRank()) {
        match.scale = factor;
        value = mul->getOperand(1 - side);
      }
  if (auto div = getSource<onnx::DivOp>(value))
    if (auto normalization = matchNormalization(interpreter, div)) {
      match.normalizeOver = normalization->over;
      match.denominator = normalization->denominator;
      value = normalization->raw;
    }
  if (auto softmax = getSource<onnx::SoftmaxOp>(value);
      softmax && isLastAxis(softmax.getAxis(), value)) {
    match.score = Score::Softmax;
    value = softmax.getInput();
  } else if (auto sigmoid = getSource<onnx::SigmoidOp>(value)) {
    match.score = Score::Sigmoid;
    value = sigmoid->getOperand(0);
  }
  match.raw = skipIdentities(value);
  auto topK = selection.ids.getDefiningOp<onnx::TopKOp>();
  if (topK && match.raw == topK.getValues())
    return match;
  if (auto gather = match.raw.getDefiningOp<onnx::GatherElementsOp>())
    if (isSame(gather.getIndices(), selection.ids) &&
        isLastAxis(gather.getAxis(), gather.getData())) {
      match.pickedFrom = gather.getData();
      return match;
    }
  // ArgMax beside the greatest value.
  auto argMax = selection.ids.getDefiningOp<onnx::ArgMaxOp>();
  auto max = match.raw.getDefiningOp<onnx::ReduceMaxOp>();
  if (argMax && max && max.getKeepdims() &&
      isLastAxis(max.getAxes(), max.getData()) &&
      isSame(max.getData(), selection.data)) {
    match.pickedFrom = max.getData();
    return match;
  }
  return std::nullopt;
}
