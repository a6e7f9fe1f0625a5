//===- EliminateNullExperts.cpp - Null experts cost nothing ---------------===//
//
// For each moe.experts, in this order: which ids can occur
// (Analysis/Reachability.h), which experts with weights compute nothing or the
// same as another one (ExpertValues.cpp), and what is left of the null kinds:
// terms of the sum. One moe.renumber says it all: -1 for ids that cost nothing
// from here on.
//
//===----------------------------------------------------------------------===//
#include "NullExperts.h"

#include "mlir/IR/Remarks.h"
#include "moe/Dialect/MoE/Analysis/Reachability.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

namespace moe {
#define GEN_PASS_DEF_ELIMINATENULLEXPERTSPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {
/// The rewrite of one layer.
class LayerRewriter {
public:
  LayerRewriter(ExpertsOp layer, WeightBytes &bytes)
      : experts(layer), bytes(bytes), builder(layer),
        fate(layer.getExperts().getNumIds()) {}

  /// Replaces the layer if something in it costs nothing; says what.
  std::optional<std::string> run();

private:
  void markUnreachable();
  void addTerms();
  void addTerm(ColumnsAttr columns, Value row);
  Value getWeights();
  ExpertsOp makeExperts(ArrayRef<int32_t> table, ArrayRef<int64_t> kept);
  std::string describe() const;

  ExpertsOp experts;
  WeightBytes &bytes;
  OpBuilder builder;
  /// One per id.
  SmallVector<IdFate> fate;
  SmallVector<Value> coefficients, terms;
  Value weights;
};
} // namespace

/// Marks ids that no row of finite scores selects.
void LayerRewriter::markUnreachable() {
  auto route = experts.getIds().getDefiningOp<RouteOp>();
  if (!route)
    return;
  llvm::SmallBitVector reachable = findReachableColumns(route);
  if (reachable.size() != fate.size())
    return;
  for (auto [i, id] : llvm::enumerate(fate))
    if (!reachable.test(i))
      id.kind = IdFate::Kind::Unreachable;
}

/// The slots' weights; 1 where the layer has none.
Value LayerRewriter::getWeights() {
  if (!weights)
    weights = experts.getWeights();
  if (weights)
    return weights;
  auto ids = experts.getIds().getType();
  Type element = experts.getResult().getType().getElementType();
  Location loc = experts.getLoc();
  auto shape = onnx::ShapeOp::create(
      builder, loc, RankedTensorType::get({2}, builder.getI64Type()),
      experts.getIds());
  auto one = DenseElementsAttr::get(RankedTensorType::get({1}, element),
                                    builder.getFloatAttr(element, 1.0));
  weights = onnx::ConstantOfShapeOp::create(
      builder, loc, RankedTensorType::get(ids.getShape(), element), shape, one);
  return weights;
}

/// Adds the sum of the weights of slots in `columns` times `row`.
void LayerRewriter::addTerm(ColumnsAttr columns, Value row) {
  Value slotWeights = getWeights();
  auto type = cast<RankedTensorType>(slotWeights.getType());
  coefficients.push_back(SlotSumOp::create(
      builder, experts.getLoc(),
      RankedTensorType::get({type.getDimSize(0)}, type.getElementType()),
      experts.getIds(), slotWeights, columns));
  terms.push_back(row);
}

/// Each run of copy experts, and each constant expert -> a term.
void LayerRewriter::addTerms() {
  int64_t id = 0, constant = 0;
  for (ExpertRun run : experts.getExperts().getRuns()) {
    if (run.kind == ExpertKind::Copy)
      addTerm(ColumnsAttr::get(builder.getContext(), id, id + run.count),
              experts.getRows().front());
    for (int64_t i = 0; run.kind == ExpertKind::Constant && i < run.count;
         ++i, ++constant) {
      auto type = experts.getConstants().getType();
      auto scalar = RankedTensorType::get({}, builder.getI64Type());
      auto position =
          onnx::ConstantOp::create(builder, experts.getLoc(), scalar,
                                   DenseElementsAttr::get(scalar, constant));
      Value row = onnx::GatherOp::create(
          builder, experts.getLoc(),
          RankedTensorType::get({type.getDimSize(1)}, type.getElementType()),
          experts.getConstants(), position, /*axis=*/0);
      addTerm(ColumnsAttr::get(builder.getContext(), id + i, id + i + 1), row);
    }
    id += run.count;
  }
}

/// "8 zero experts and 1 duplicate expert".
std::string LayerRewriter::describe() const {
  std::array<int64_t, static_cast<size_t>(IdFate::Kind::Last) + 1> counts{};
  for (const IdFate &id : fate)
    ++counts[static_cast<size_t>(id.kind)];
  SmallVector<std::string> parts;
  auto add = [&](IdFate::Kind kind, StringRef what) {
    int64_t count = counts[static_cast<size_t>(kind)];
    if (count)
      parts.push_back(
          (Twine(count) + " " + what + (count == 1 ? " expert" : " experts"))
              .str());
  };
  add(IdFate::Kind::Zero, "zero");
  add(IdFate::Kind::Copy, "copy");
  add(IdFate::Kind::Constant, "constant");
  add(IdFate::Kind::ZeroByValue, "all-zero");
  add(IdFate::Kind::Duplicate, "duplicate");
  add(IdFate::Kind::Unreachable, "never selected");
  return llvm::join(parts, ", ");
}

/// The layer with the kept experts only, ids by `table`.
ExpertsOp LayerRewriter::makeExperts(ArrayRef<int32_t> table,
                                     ArrayRef<int64_t> kept) {
  Location loc = experts.getLoc();
  Value slotWeights = getWeights();
  auto renumber =
      RenumberOp::create(builder, loc, experts.getIds(), slotWeights,
                         builder.getDenseI32ArrayAttr(table));
  SmallVector<Value> stacked;
  for (Value operand : experts.getStacked())
    stacked.push_back(keepSlices(builder, loc, bytes, operand, kept));
  ExpertRun run{ExpertKind::FFN, static_cast<int64_t>(kept.size())};
  auto kinds = KindsAttr::get(builder.getContext(), run);
  SmallVector<Value> allCoefficients(experts.getCoefficients());
  SmallVector<Value> allTerms(experts.getTerms());
  llvm::append_range(allCoefficients, coefficients);
  llvm::append_range(allTerms, terms);
  auto result = ExpertsOp::create(
      builder, loc, experts.getResult().getType(), renumber.getNewIds(),
      renumber.getNewWeights(), experts.getRows(), stacked, experts.getShared(),
      /*constants=*/Value(), experts.getInputWeights(), allCoefficients,
      allTerms, kinds, experts.getLayerAttr());
  result.getBody().takeBody(experts.getBody());
  return result;
}

std::optional<std::string> LayerRewriter::run() {
  // A token may have one id twice where no route made its ids. Renumbering
  // merges such slots, which input weights keep apart.
  if (experts.getInputWeights() &&
      !isa_and_present<RouteOp, RenumberOp>(experts.getIds().getDefiningOp()))
    return std::nullopt;
  KindsAttr kinds = experts.getExperts();
  SmallVector<int64_t> ffnIds;
  for (int64_t id = 0, e = kinds.getNumIds(); id < e; ++id) {
    switch (kinds.lookup(id).first) {
    case ExpertKind::FFN:
      ffnIds.push_back(id);
      break;
    case ExpertKind::Zero:
      fate[id].kind = IdFate::Kind::Zero;
      break;
    case ExpertKind::Copy:
      fate[id].kind = IdFate::Kind::Copy;
      break;
    case ExpertKind::Constant:
      fate[id].kind = IdFate::Kind::Constant;
      break;
    }
  }
  markUnreachable();
  markByValue(experts, bytes, ffnIds, fate);
  if (llvm::all_of(
          fate, [](const IdFate &id) { return id.kind == IdFate::Kind::Runs; }))
    return std::nullopt;

  SmallVector<int32_t> table(fate.size(), -1);
  SmallVector<int64_t> kept;
  for (auto [position, id] : llvm::enumerate(ffnIds))
    if (fate[id].kind == IdFate::Kind::Runs) {
      table[id] = static_cast<int32_t>(kept.size());
      kept.push_back(position);
    }
  for (int64_t id : ffnIds)
    if (fate[id].kind == IdFate::Kind::Duplicate)
      table[id] = table[fate[id].sameAs];
  // A layer without any expert that runs keeps one: an empty stack has no type.
  if (kept.empty())
    kept.push_back(0);
  addTerms();
  ExpertsOp replacement = makeExperts(table, kept);
  experts.getResult().replaceAllUsesWith(replacement.getResult());
  std::string what = describe();
  experts.erase();
  return what;
}

namespace {
struct EliminateNullExpertsPass final
    : moe::impl::EliminateNullExpertsPassBase<EliminateNullExpertsPass> {
  using EliminateNullExpertsPassBase::EliminateNullExpertsPassBase;

  void runOnOperation() override {
    SmallVector<ExpertsOp> layers;
    getOperation().walk([&](ExpertsOp op) { layers.push_back(op); });
    WeightBytes bytes(getOperation(), folder);
    auto options =
        remark::RemarkOpts::name("NullExperts").category(getArgument());
    for (ExpertsOp layer : layers) {
      Location loc = layer.getLoc();
      if (std::optional<std::string> what = LayerRewriter(layer, bytes).run())
        remark::passed(loc, options) << (*what + " cost nothing");
    }
    rt::eraseUnusedWeights(getOperation());
  }
};
} // namespace
