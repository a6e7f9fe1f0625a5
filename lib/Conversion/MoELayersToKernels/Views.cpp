//===- Views.cpp - Columns of values --------------------------------------===//
#include "Views.h"

#include "moe/Dialect/ONNX/IR/Constants.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace moe;

TypedAttr moe::numberOf(Value value) {
  auto constant = value.getDefiningOp<onnx::ConstantOp>();
  if (!constant)
    return nullptr;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (!elements || !elements.isSplat())
    return nullptr;
  return cast<TypedAttr>(elements.getSplatValue<Attribute>());
}

bool moe::isVector(Value value) {
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  return typeOf(value).hasStaticShape() &&
         llvm::all_of(shape.drop_back(shape.empty() ? 0 : 1),
                      [](int64_t extent) { return extent == 1; });
}

/// Whether an op gives its operand back, as it is or a vector as a vector.
static bool givesOperand(Operation *definition) {
  if (isa<onnx::IdentityOp>(definition))
    return true;
  if (!isa<onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::ReshapeOp>(definition))
    return false;
  Value from = definition->getOperand(0), to = definition->getResult(0);
  return isVector(to) && isVector(from) &&
         typeOf(to).getNumElements() == typeOf(from).getNumElements();
}

static bool isColumnAxis(Value value, int64_t axis) {
  return axis == -1 || axis == typeOf(value).getRank() - 1;
}

/// %a, %b = onnx.Split %x {axis = 1}: %b is %x behind the width of %a
static bool peelSplit(onnx::SplitOp split, View &view) {
  Value input = split->getOperand(0);
  if (!isColumnAxis(input, split.getAxis()))
    return false;
  int64_t before = 0;
  for (Value result : split->getResults()) {
    if (result == view.value)
      break;
    int64_t width = typeOf(result).getShape().back();
    if (width == ShapedType::kDynamic)
      return false;
    before += width;
  }
  view = {input, before + view.offset, view.stride};
  return true;
}

/// onnx.Slice %x starts(1) steps(2) axes(1): columns 1, 3, ... of %x
static bool peelSlice(onnx::SliceOp slice, View &view) {
  Value input = slice.getData();
  auto starts = onnx::getConstantInts(slice.getStarts()),
       axes = onnx::getConstantInts(slice.getAxes());
  SmallVector<int64_t> steps{1};
  if (slice.getSteps()) {
    auto given = onnx::getConstantInts(slice.getSteps());
    if (!given)
      return false;
    steps = *given;
  }
  int64_t width = typeOf(input).getShape().back();
  if (!starts || !axes || starts->size() != 1 || axes->size() != 1 ||
      steps.size() != 1 || steps[0] < 1 || width == ShapedType::kDynamic ||
      !isColumnAxis(input, (*axes)[0]))
    return false;
  int64_t start = (*starts)[0] < 0 ? (*starts)[0] + width : (*starts)[0];
  start = std::clamp<int64_t>(start, 0, width);
  view = {input, start + steps[0] * view.offset, steps[0] * view.stride};
  return true;
}

View moe::peel(View view) {
  while (Operation *definition = view.value.getDefiningOp()) {
    if (givesOperand(definition)) {
      view.value = definition->getOperand(0);
    } else if (auto split = dyn_cast<onnx::SplitOp>(definition)) {
      if (!peelSplit(split, view))
        break;
    } else if (auto slice = dyn_cast<onnx::SliceOp>(definition)) {
      if (!peelSlice(slice, view))
        break;
    } else {
      break;
    }
  }
  return view;
}

View moe::operandView(const View &view, Value operand) {
  auto type = typeOf(operand);
  if (type.getRank() == 0 || type.getShape().back() == 1) {
    auto result = typeOf(view.value);
    if (result.getRank() == 0 || result.getShape().back() != 1)
      return {operand, 0, 0};
  }
  return {operand, view.offset, view.stride};
}

bool moe::isColumnwise(const View &view) {
  auto type = typeOf(view.value);
  return type.getRank() <= 2 && (view.stride != 0 || isVector(view.value));
}
