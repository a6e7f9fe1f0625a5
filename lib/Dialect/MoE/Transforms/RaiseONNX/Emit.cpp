//===- Emit.cpp - Writing a candidate -------------------------------------===//
#include "Emit.h"

#include "Body.h"
#include "LayerName.h"
#include "RegionWriter.h"
#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

SmallVector<Value> moe::raise::getSlotValues(const Expr *root) {
  SmallVector<Value> values;
  SmallVector<const Expr *> stack;
  if (root)
    stack.push_back(root);
  while (!stack.empty()) {
    const Expr *expr = stack.pop_back_val();
    bool isLeaf = expr->kind == ExprKind::Slot || expr->kind == ExprKind::Row;
    if (isLeaf && !llvm::is_contained(values, expr->value))
      values.push_back(expr->value);
    stack.append(expr->operands.begin(), expr->operands.end());
  }
  return values;
}

namespace {
/// Writes one candidate.
class Emitter {
public:
  Emitter(Interpreter &interpreter, const LayerMatch &layer,
          const RouteMatch &route, const onnx::SymbolicDims &dims)
      : selection(interpreter.getSelection()), layer(layer), route(route),
        dims(dims), builder(layer.result.getContext()),
        loc(getLayerLocation(selection.ids.getLoc(), layer.result.getLoc())),
        numTokenDims(interpreter.getTokens().size()) {}

  CandidateOp run(Refusal &refusal);

private:
  bool hasDynamicTokens(Refusal &refusal);
  bool collect(Slice &slice, Refusal &refusal);
  Value spreadResult(Value result);
  void emitOriginal(Block &block, const Slice &slice);
  void emitRaised(Block &block, const Slice &slice);
  Value emitScalar(RegionWriter &region, const Expr *expr);
  Value emitNegated(Value scores);
  Value emitExperts(RegionWriter &region, Value ids, Value weight,
                    Value inputWeight);
  Value emitStacked(RegionWriter &region, const Expr *expr, ExpertKind kind,
                    bool isTransposed);

  const Selection &selection;
  const LayerMatch &layer;
  const RouteMatch &route;
  const onnx::SymbolicDims &dims;
  OpBuilder builder;
  Location loc;
  int64_t numTokenDims;
};
} // namespace

/// What is written for a value that nothing reads in the end.
static void eraseUnused(Block &block) {
  for (Operation &unused : llvm::make_early_inc_range(llvm::reverse(block)))
    if (isOpTriviallyDead(&unused))
      unused.erase();
}

//===----------------------------------------------------------------------===//
// The regions
//===----------------------------------------------------------------------===//

Value Emitter::emitScalar(RegionWriter &region, const Expr *expr) {
  for (Value value : getSlotValues(expr))
    region.copy(value);
  IRMapping collapsed;
  for (Value value : getSlotValues(expr))
    collapsed.map(value, region.collapse(region.mapping.lookup(value)));
  return emitSlots(builder, loc, expr, collapsed, selection.numSlots);
}

/// The least scores as the greatest; NaN, after all numbers, stays there.
Value Emitter::emitNegated(Value scores) {
  auto type = cast<RankedTensorType>(scores.getType());
  auto scalar = RankedTensorType::get({}, type.getElementType());
  auto least = APFloat::getInf(
      cast<FloatType>(type.getElementType()).getFloatSemantics(),
      /*Negative=*/true);
  Value last = onnx::ConstantOp::create(builder, loc, scalar,
                                        DenseElementsAttr::get(scalar, least));
  Value isNaN = onnx::IsNaNOp::create(builder, loc,
                                      type.clone(builder.getI1Type()), scores);
  Value negated = onnx::NegOp::create(builder, loc, type, scores);
  return onnx::WhereOp::create(builder, loc, type, isNaN, last, negated);
}

void Emitter::emitOriginal(Block &block, const Slice &slice) {
  RegionWriter region(builder, loc, slice, numTokenDims);
  region.begin(block);
  SmallVector<Value> yielded{region.collapse(region.copy(layer.result)),
                             region.collapse(region.copy(selection.ids))};
  if (const Expr *weight = layer.weight ? layer.weight : layer.inputWeight)
    yielded.push_back(emitScalar(region, weight));
  else if (route.weights)
    yielded.push_back(region.collapse(region.copy(route.weights)));
  YieldOp::create(builder, loc, yielded);
  eraseUnused(block);
}

/// The constants that a node stands for, by expert, as one tensor [E, ...].
Value Emitter::emitStacked(RegionWriter &region, const Expr *expr,
                           ExpertKind kind, bool isTransposed) {
  SmallVector<WeightRow> rows;
  unsigned column = 0;
  for (const ExpertRun &run : layer.runs)
    for (int64_t i = 0; i < run.count; ++i, ++column)
      if (run.kind == kind)
        rows.push_back(expr->rows[column]);
  int64_t numExperts = rows.size();
  SmallVector<int64_t> shape{numExperts};
  shape.append(expr->shape.begin(), expr->shape.end());
  auto ints = [&](ArrayRef<int64_t> values) {
    return makeInts(builder, loc, values);
  };
  auto reshapeTo = [&](Value value, ArrayRef<int64_t> to) {
    auto type = cast<RankedTensorType>(value.getType()).clone(to);
    return reshape(builder, loc, value, type, to);
  };
  bool isOne = llvm::all_of(rows, [&](const WeightRow &row) {
    return row.value == rows.front().value && row.row >= 0;
  });
  Value stacked;
  if (isOne) {
    stacked = region.copy(rows.front().value);
    auto type = cast<RankedTensorType>(stacked.getType());
    // Leading dims of extent 1 are no experts.
    int64_t numRows = type.getNumElements();
    for (int64_t extent : expr->shape)
      numRows /= extent;
    SmallVector<int64_t> whole{numRows};
    whole.append(expr->shape.begin(), expr->shape.end());
    stacked = reshapeTo(stacked, whole);
    auto order =
        llvm::map_to_vector(rows, [](const WeightRow &row) { return row.row; });
    if (numRows != numExperts ||
        !llvm::equal(order, llvm::seq<int64_t>(numExperts)))
      stacked =
          onnx::GatherOp::create(builder, loc, type.clone(shape), stacked,
                                 ints(order), builder.getI64IntegerAttr(0));
  } else {
    SmallVector<Value> parts;
    SmallVector<int64_t> one(shape);
    one.front() = 1;
    for (const WeightRow &row : rows) {
      Value part = region.copy(row.value);
      auto type = cast<RankedTensorType>(part.getType());
      if (row.row >= 0) {
        SmallVector<int64_t> cut(type.getShape());
        cut.front() = 1;
        part =
            onnx::GatherOp::create(builder, loc, type.clone(cut), part,
                                   ints(row.row), builder.getI64IntegerAttr(0));
        parts.push_back(reshapeTo(part, one));
        continue;
      }
      part = reshapeTo(part, expr->shape);
      parts.push_back(onnx::UnsqueezeOp::create(builder, loc, type.clone(one),
                                                part, ints({0})));
    }
    auto type = RankedTensorType::get(shape, expr->type);
    stacked = parts.front();
    if (parts.size() > 1)
      stacked = onnx::ConcatOp::create(builder, loc, type, parts,
                                       builder.getI64IntegerAttr(0));
  }
  if (!isTransposed)
    return stacked;
  std::swap(shape[1], shape[2]);
  return onnx::TransposeOp::create(
      builder, loc, RankedTensorType::get(shape, expr->type), stacked,
      builder.getDenseI64ArrayAttr({0, 2, 1}));
}

Value Emitter::emitExperts(RegionWriter &region, Value ids, Value weight,
                           Value inputWeight) {
  llvm::DenseSet<const Expr *> transposed = getTransposed(layer.body);
  SmallVector<Value> rows, stacked, shared;
  for (auto [expr, value] : layer.rows)
    rows.push_back(region.copyFlat(value));
  for (const Expr *expr : layer.stacked)
    stacked.push_back(
        emitStacked(region, expr, ExpertKind::FFN, transposed.contains(expr)));
  for (const Expr *expr : layer.shared)
    shared.push_back(region.copy(expr->rows.front().value));
  Value constants;
  if (layer.constants)
    constants = emitStacked(region, layer.constants, ExpertKind::Constant,
                            /*isTransposed=*/false);
  auto experts = ExpertsOp::create(
      builder, loc, collapseType(layer.result.getType(), numTokenDims), ids,
      weight, rows, stacked, shared, constants, inputWeight,
      /*coefficients=*/ValueRange(), /*terms=*/ValueRange(),
      KindsAttr::get(builder.getContext(), layer.runs),
      /*layer=*/FlatSymbolRefAttr());
  OpBuilder::InsertionGuard guard(builder);
  emitBody(builder, loc, layer, experts, transposed);
  return experts.getResult();
}

void Emitter::emitRaised(Block &block, const Slice &slice) {
  RegionWriter region(builder, loc, slice, numTokenDims);
  region.begin(block);
  Value scores = region.copyFlat(route.scores);
  if (route.isNegated)
    scores = emitNegated(scores);
  Value mix = route.mix ? region.copyFlat(route.mix) : Value();
  auto type = cast<RankedTensorType>(scores.getType());
  SmallVector<int64_t> shape{type.getDimSize(0), selection.numSlots};
  auto idType = RankedTensorType::get(shape, builder.getI32Type());
  auto op = RouteOp::create(
      builder, loc, idType, type.clone(shape), scores,
      /*project=*/ValueRange(), region.copy(route.bias),
      region.copy(route.mask), mix, route.select,
      ScoreAttr::get(builder.getContext(), route.score),
      ScoreOrderAttr::get(builder.getContext(), route.order), route.groups,
      route.normalizeOver, route.denominator, route.scale);
  // What is left of the graph's own ops reads ids and weights of the route.
  Value ids = onnx::CastOp::create(
      builder, loc, idType.clone(builder.getI64Type()), op.getIds());
  region.mapping.map(selection.ids,
                     region.spread(ids, selection.ids.getType()));
  if (route.weights)
    region.mapping.map(route.weights,
                       region.spread(op.getWeights(), route.weights.getType()));
  auto emitWeight = [&](const Expr *expr) -> Value {
    bool isRouted =
        expr && (expr == route.weightExpr || (expr->kind == ExprKind::Slot &&
                                              expr->value == route.weights));
    return isRouted ? op.getWeights()
           : expr   ? emitScalar(region, expr)
                    : Value();
  };
  Value weight = emitWeight(layer.weight);
  Value inputWeight = emitWeight(layer.inputWeight);
  Value result = emitExperts(region, op.getIds(), weight, inputWeight);
  if (layer.base)
    result = onnx::AddOp::create(builder, loc, result.getType(),
                                 region.copyFlat(layer.base), result);
  SmallVector<Value> yielded{result, op.getIds()};
  // Experts without weights have those of the route as evidence.
  if (weight || inputWeight)
    yielded.push_back(weight ? weight : inputWeight);
  else if (route.weights)
    yielded.push_back(op.getWeights());
  YieldOp::create(builder, loc, yielded);
  eraseUnused(block);
}

//===----------------------------------------------------------------------===//
// The candidate
//===----------------------------------------------------------------------===//

/// In the regions [B, S] tokens are [1, T]: no type may say otherwise.
bool Emitter::hasDynamicTokens(Refusal &refusal) {
  auto type = cast<RankedTensorType>(layer.result.getType());
  if (type.getRank() != numTokenDims + 1) {
    refusal = {layer.result.getDefiningOp(),
               "its result is not a row per token"};
    return false;
  }
  if (numTokenDims == 1)
    return true;
  bool areDynamic =
      llvm::all_of(type.getShape().take_front(numTokenDims),
                   [](int64_t size) { return ShapedType::isDynamic(size); });
  if (!areDynamic)
    refusal = {layer.result.getDefiningOp(),
               "expected one dim of tokens or dynamic ones"};
  return areDynamic;
}

/// What both regions are made of, so that both have the same arguments.
bool Emitter::collect(Slice &slice, Refusal &refusal) {
  SmallVector<Value> wanted;
  // Weights in the order in which experts read them.
  SmallVector<const Expr *> constants(layer.stacked);
  llvm::append_range(constants, layer.shared);
  if (layer.constants)
    constants.push_back(layer.constants);
  for (const Expr *expr : constants)
    for (const WeightRow &row : expr->rows)
      if (row.value)
        wanted.push_back(row.value);
  for (Value vector : {route.bias, route.mask})
    if (vector)
      wanted.push_back(vector);
  wanted.push_back(layer.result);
  wanted.push_back(selection.ids);
  if (route.weights)
    wanted.push_back(route.weights);
  llvm::append_range(wanted, getSlotValues(layer.weight));
  llvm::append_range(wanted, getSlotValues(layer.inputWeight));
  return llvm::all_of(wanted,
                      [&](Value value) { return slice.add(value, refusal); });
}

/// [T, H] as the graph had it.
Value Emitter::spreadResult(Value result) {
  if (numTokenDims == 1)
    return result;
  Value rows = layer.rows.front().second;
  auto type = cast<RankedTensorType>(layer.result.getType());
  Value tokens = onnx::ShapeOp::create(
      builder, loc, RankedTensorType::get({numTokenDims}, builder.getI64Type()),
      rows, builder.getI64IntegerAttr(0),
      builder.getI64IntegerAttr(numTokenDims));
  Value shape = onnx::ConcatOp::create(
      builder, loc,
      RankedTensorType::get({numTokenDims + 1}, builder.getI64Type()),
      ValueRange{tokens, makeInts(builder, loc, type.getShape().back())},
      builder.getI64IntegerAttr(0));
  return onnx::ReshapeOp::create(builder, loc, type, result, shape,
                                 builder.getI64IntegerAttr(1));
}

CandidateOp Emitter::run(Refusal &refusal) {
  if (!hasDynamicTokens(refusal))
    return nullptr;
  SmallVector<Value> outside;
  for (auto [expr, value] : layer.rows)
    outside.push_back(value);
  outside.push_back(route.scores);
  for (Value row : {route.mix, layer.base})
    if (row)
      outside.push_back(row);
  llvm::SetVector<Value> rows(outside.begin(), outside.end());
  Slice slice(dims, dims.getDims(selection.ids).drop_back(),
              rows.getArrayRef());
  if (!collect(slice, refusal))
    return nullptr;

  builder.setInsertionPointAfter(layer.result.getDefiningOp());
  RegionWriter around(builder, loc, slice, numTokenDims);
  SmallVector<Value> operands;
  for (Value row : slice.getRows())
    operands.push_back(around.collapse(row));
  llvm::append_range(operands, slice.getWeights());
  auto candidate = CandidateOp::create(
      builder, loc,
      TypeRange{collapseType(layer.result.getType(), numTokenDims)}, operands,
      builder.getI64IntegerAttr(slice.getRows().size()));
  Value result = spreadResult(candidate.getResult(0));
  emitOriginal(candidate.getOriginal().emplaceBlock(), slice);
  emitRaised(candidate.getRaised().emplaceBlock(), slice);
  Value(layer.result).replaceAllUsesWith(result);
  return candidate;
}

CandidateOp moe::raise::emitCandidate(Interpreter &interpreter,
                                      const LayerMatch &layer,
                                      const RouteMatch &route,
                                      const onnx::SymbolicDims &dims,
                                      Refusal &refusal) {
  return Emitter(interpreter, layer, route, dims).run(refusal);
}
