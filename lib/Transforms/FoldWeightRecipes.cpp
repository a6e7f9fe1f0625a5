//===- FoldWeightRecipes.cpp - Layout ops of weights to recipe steps ------===//
//
// The runtime makes a weight once; an op that permutes, casts or stacks it
// would do so in every run. Small constants are folded likewise.
//
//===----------------------------------------------------------------------===//
#include "moe/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "moe/Dialect/ONNX/IR/Constants.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/RT/IR/Weights.h"

namespace moe {
#define GEN_PASS_DEF_FOLDWEIGHTRECIPESPASS
#include "moe/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// Constants that folding makes stay below this number of elements.
static constexpr int64_t maxConstantElements = 1 << 14;

namespace {
class WeightFolder {
public:
  explicit WeightFolder(ModuleOp module);

  /// Replaces `op` where it only changes the layout or type of weights.
  void fold(Operation &op);

private:
  Value foldTranspose(onnx::TransposeOp op);
  Value foldCast(onnx::CastOp op);
  Value foldStack(onnx::ConcatOp op);
  void foldGemm(onnx::GemmOp op);

  rt::WeightTable weights;
  /// Weights that some op reads as they are.
  llvm::DenseSet<StringAttr> isReadAsIs;
};
} // namespace

WeightFolder::WeightFolder(ModuleOp module) : weights(module) {
  module.walk([&](rt::WeightRefOp ref) {
    for (OpOperand &use : ref->getUses()) {
      auto gemm = dyn_cast<onnx::GemmOp>(use.getOwner());
      if (!gemm || !gemm.getTransB() || use.getOperandNumber() != 1)
        isReadAsIs.insert(ref.getWeightAttr().getAttr());
    }
  });
}

/// The value of a weight where `user` reads it.
static Value refer(Operation *user, rt::WeightOp weight) {
  OpBuilder builder(user);
  return rt::WeightRefOp::create(builder, user->getLoc(), weight.getType(),
                                 weight.getSymName());
}

/// The elements of a constant that is small enough to fold.
static DenseElementsAttr getConstant(Value value) {
  auto constant = value.getDefiningOp<onnx::ConstantOp>();
  if (!constant)
    return nullptr;
  auto elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  return elements && elements.getNumElements() <= maxConstantElements ? elements
                                                                      : nullptr;
}

static Value makeConstant(Operation *user, ArrayRef<Attribute> elements,
                          Type type) {
  OpBuilder builder(user);
  return onnx::ConstantOp::create(
      builder, user->getLoc(), type,
      DenseElementsAttr::get(cast<ShapedType>(type), elements));
}

static Value transposeConstant(onnx::TransposeOp op, DenseElementsAttr data) {
  ArrayRef<int64_t> shape = data.getType().getShape();
  SmallVector<int64_t> permutation = op.getPermutation();
  int64_t rank = data.getType().getRank();
  SmallVector<int64_t> strides(rank, 1);
  for (int64_t i = rank - 1; i > 0; --i)
    strides[i - 1] = strides[i] * shape[i];
  auto values = llvm::to_vector(data.getValues<Attribute>());
  ArrayRef<int64_t> to = op.getTransposed().getType().getShape();
  SmallVector<Attribute> result;
  SmallVector<int64_t> index(rank, 0);
  for (size_t i = 0; i < values.size(); ++i) {
    int64_t from = 0;
    for (int64_t dim = 0; dim < rank; ++dim)
      from += index[dim] * strides[permutation[dim]];
    result.push_back(values[from]);
    for (int64_t dim = rank - 1; dim >= 0 && ++index[dim] == to[dim]; --dim)
      index[dim] = 0;
  }
  return makeConstant(op, result, op.getTransposed().getType());
}

/// onnx.Transpose (rt.weight_ref @w)
///   -> rt.weight_ref @w.transposed, with the step #rt.transpose
Value WeightFolder::foldTranspose(onnx::TransposeOp op) {
  if (DenseElementsAttr data = getConstant(op.getData()))
    return transposeConstant(op, data);
  rt::WeightOp weight = weights.lookup(op.getData());
  if (!weight)
    return nullptr;
  auto step = rt::TransposeAttr::get(op.getContext(), op.getPermutation());
  return refer(op, weights.addSteps(weight, step, ".transposed"));
}

/// onnx.Cast (rt.weight_ref @w) : f32 -> bf16
///   -> rt.weight_ref @w.cast, with the step #rt.cast<bf16>
Value WeightFolder::foldCast(onnx::CastOp op) {
  rt::WeightOp weight = weights.lookup(op->getOperand(0));
  Type element = getElementTypeOrSelf(op->getResult(0));
  if (!weight || !isa<FloatType>(element))
    return nullptr;
  auto step = rt::CastAttr::get(op.getContext(), element);
  return refer(op, weights.addSteps(weight, step, ".cast"));
}

/// The operand of an Unsqueeze that adds a leading dim.
static Value lookThroughUnsqueeze(Value value) {
  auto unsqueeze = value.getDefiningOp<onnx::UnsqueezeOp>();
  if (!unsqueeze)
    return nullptr;
  auto axes = onnx::getConstantInts(unsqueeze.getAxes());
  if (!axes || axes->size() != 1)
    return nullptr;
  int64_t axis = axes->front();
  int64_t rank = unsqueeze.getExpanded().getType().getRank();
  return axis == 0 || axis == -rank ? unsqueeze.getData() : nullptr;
}

/// onnx.Concat (onnx.Unsqueeze (rt.weight_ref @a), [0]), ... {axis = 0}
///   -> rt.weight_ref @a.stacked, with all sources and the step #rt.stack
Value WeightFolder::foldStack(onnx::ConcatOp op) {
  auto type = op.getConcatResult().getType();
  int64_t axis = static_cast<int64_t>(op.getAxis());
  if (axis != 0 && axis != -type.getRank())
    return nullptr;
  SmallVector<Value> parts;
  for (Value input : op.getInputs()) {
    Value part = lookThroughUnsqueeze(input);
    if (!part)
      return nullptr;
    parts.push_back(part);
  }
  if (getConstant(parts.front()) && type.hasStaticShape() &&
      type.getNumElements() <= maxConstantElements) {
    SmallVector<Attribute> elements;
    for (Value part : parts) {
      DenseElementsAttr data = getConstant(part);
      if (!data)
        return nullptr;
      llvm::append_range(elements, data.getValues<Attribute>());
    }
    return makeConstant(op, elements, type);
  }
  rt::WeightOp first = weights.lookup(parts.front());
  if (!first)
    return nullptr;
  SmallVector<Attribute> source;
  for (Value part : parts) {
    rt::WeightOp weight = weights.lookup(part);
    // One span each, so that the stack's slices are the parts.
    if (!weight || weight.getSource().size() != 1 ||
        weight.getType() != first.getType() ||
        weight.getRecipe() != first.getRecipe() ||
        llvm::any_of(weight.getRecipe(), llvm::IsaPred<rt::StackAttr>))
      return nullptr;
    source.push_back(weight.getSource()[0]);
  }
  SmallVector<Attribute> recipe(first.getRecipe().getValue());
  recipe.push_back(rt::StackAttr::get(op.getContext()));
  Builder builder(op.getContext());
  return refer(op, weights.getOrCreate(builder.getArrayAttr(source),
                                       builder.getArrayAttr(recipe), first,
                                       ".stacked"));
}

/// onnx.Gemm %a, (rt.weight_ref @w), %c {transB = 1}
///   -> onnx.Gemm %a, (rt.weight_ref @w.transposed), %c
/// A weight that is also read as it is would be there twice.
void WeightFolder::foldGemm(onnx::GemmOp op) {
  rt::WeightOp weight = op.getTransB() ? weights.lookup(op.getB()) : nullptr;
  if (!weight || isReadAsIs.contains(weight.getSymNameAttr()))
    return;
  auto step = rt::TransposeAttr::get(op.getContext(), {1, 0});
  op.getBMutable().assign(
      refer(op, weights.addSteps(weight, step, ".transposed")));
  op.setTransB(0);
}

void WeightFolder::fold(Operation &op) {
  if (auto gemm = dyn_cast<onnx::GemmOp>(op))
    return foldGemm(gemm);
  Value replacement;
  if (auto transpose = dyn_cast<onnx::TransposeOp>(op))
    replacement = foldTranspose(transpose);
  else if (auto cast = dyn_cast<onnx::CastOp>(op))
    replacement = foldCast(cast);
  else if (auto concat = dyn_cast<onnx::ConcatOp>(op))
    replacement = foldStack(concat);
  if (replacement)
    op.getResult(0).replaceAllUsesWith(replacement);
}

namespace {
struct FoldWeightRecipesPass final
    : moe::impl::FoldWeightRecipesPassBase<FoldWeightRecipesPass> {
  using Base::Base;

  void runOnOperation() override {
    WeightFolder folder(getOperation());
    // Operands come first, so that chains fold in one walk.
    getOperation().walk([&](Operation *op) { folder.fold(*op); });
    rt::eraseUnusedWeights(getOperation());
  }
};
} // namespace
