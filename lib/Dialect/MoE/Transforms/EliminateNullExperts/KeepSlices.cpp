//===- KeepSlices.cpp - Weights of fewer experts --------------------------===//
#include "NullExperts.h"

#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace moe;

/// The recipe of a stack of slices for the recipe of the whole tensor:
/// #rt.transpose<[0, 2, 1]> -> #rt.transpose<[1, 0]>, ..., #rt.stack
static ArrayAttr getSliceRecipe(rt::WeightOp weight) {
  Builder builder(weight.getContext());
  SmallVector<Attribute> recipe;
  for (Attribute step : weight.getRecipe()) {
    if (auto transpose = dyn_cast<rt::TransposeAttr>(step)) {
      SmallVector<int64_t> permutation;
      for (int64_t dim : transpose.getPermutation().drop_front())
        permutation.push_back(dim - 1);
      step = rt::TransposeAttr::get(weight.getContext(), permutation);
    }
    recipe.push_back(step);
  }
  recipe.push_back(rt::StackAttr::get(weight.getContext()));
  return builder.getArrayAttr(recipe);
}

/// A weight with the kept slices of `stacked`; null if it is no weight whose
/// slices are ranges of files.
static rt::WeightOp makeKeptWeight(WeightBytes &bytes, Value stacked,
                                   ArrayRef<int64_t> kept) {
  rt::WeightOp weight = bytes.getTable().lookup(stacked);
  SliceForm form = weight ? getSliceForm(weight) : SliceForm::None;
  if (form == SliceForm::None)
    return nullptr;
  SmallVector<Attribute> source;
  for (int64_t slice : kept) {
    if (form == SliceForm::Sources) {
      source.push_back(weight.getSource()[slice]);
      continue;
    }
    auto span = cast<rt::SpanAttr>(weight.getSource()[0]);
    RankedTensorType whole = span.getType();
    uint64_t length = span.getLength() / whole.getDimSize(0);
    source.push_back(rt::SpanAttr::get(
        span.getContext(), span.getFile(), span.getOffset() + slice * length,
        length, bytes.getSliceHash(stacked, slice),
        RankedTensorType::get(whole.getShape().drop_front(),
                              whole.getElementType())));
  }
  ArrayAttr recipe =
      form == SliceForm::Sources ? weight.getRecipe() : getSliceRecipe(weight);
  return bytes.getTable().getOrCreate(
      ArrayAttr::get(weight.getContext(), source), recipe, weight, ".kept");
}

Value moe::keepSlices(OpBuilder &builder, Location loc, WeightBytes &bytes,
                      Value stacked, ArrayRef<int64_t> kept) {
  auto type = cast<RankedTensorType>(stacked.getType());
  if (static_cast<int64_t>(kept.size()) == type.getDimSize(0))
    return stacked;
  SmallVector<int64_t> shape(type.getShape());
  shape.front() = static_cast<int64_t>(kept.size());
  auto keptType = RankedTensorType::get(shape, type.getElementType());
  if (rt::WeightOp weight = makeKeptWeight(bytes, stacked, kept))
    return rt::WeightRefOp::create(builder, loc, keptType, weight.getSymName());
  auto positions = onnx::ConstantOp::create(
      builder, loc,
      RankedTensorType::get({shape.front()}, builder.getI64Type()),
      builder.getI64TensorAttr(kept));
  return onnx::GatherOp::create(builder, loc, keptType, stacked, positions,
                                /*axis=*/0);
}
