//===- ScheduleCPU.cpp - Schedules of grouped matmuls on CPUs -------------===//
//
// Chooses tiles from the registers and caches of the CPU, and packs weights
// into the panels that those tiles read: the recipe of a weight does it, once.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/SymbolTable.h"
#include "moe/Dialect/MoE/IR/Schedules.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "moe/Dialect/RT/IR/Weights.h"

namespace moe {
#define GEN_PASS_DEF_SCHEDULECPUPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// Products between two visits of a sum: a block of a panel fits the first
/// cache beside the rows that it meets.
static constexpr int64_t kBlock = 256;
/// Rows that are copied together at most, as far as the second cache has room.
static constexpr int64_t mostRows = 84;

/// Products per sum where their number is not static, as in attention.
static constexpr int64_t assumedInner = 2048;

/// The schedule of a matmul with `inner` products and `sums` per output.
static CPUScheduleAttr chooseSchedule(MLIRContext *context,
                                      const VectorISAInfo &cpu, int64_t inner,
                                      int64_t sums) {
  int64_t vectors = std::max<int64_t>(2, sums);
  int64_t rows = std::max<int64_t>(cpu.tileVectors / vectors, 1);
  int64_t rowsInCache =
      cpu.cacheBytes * 7 / 10 / (4 * std::max<int64_t>(inner, 1));
  int64_t rowBlock =
      std::clamp(rowsInCache / rows * rows, rows, mostRows / rows * rows);
  int64_t streamVectors = 4 / sums * sums;
  return CPUScheduleAttr::get(context, cpu.lanes, rows, vectors, rowBlock,
                              kBlock, /*stream_rows=*/3,
                              std::max(streamVectors, sums));
}

namespace {
struct ScheduleCPUPass final : moe::impl::ScheduleCPUPassBase<ScheduleCPUPass> {
  using Base::Base;

  void runOnOperation() override {
    if (isa == VectorISA::None)
      return;
    SymbolTable symbols(getOperation());
    getOperation().walk([&](GroupedMatmulOp op) {
      if (!op.getScheduleAttr())
        schedule(op, symbols);
    });
    rt::eraseUnusedWeights(getOperation());
  }

private:
  /// Why a matmul stays loops, or nothing.
  StringRef findObstacle(GroupedMatmulOp op) const;

  /// moe.grouped_matmul ... weights(rt.weight_ref @w)
  ///   -> moe.grouped_matmul ... weights(rt.weight_ref @w.panels)
  ///        {schedule = #moe.cpu_schedule<...>}
  void schedule(GroupedMatmulOp op, SymbolTable &symbols);

  /// An operand of weights in panels: by its recipe, or in every run.
  Value makePanels(OpBuilder &builder, Value weights, int64_t lanes,
                   SymbolTable &symbols);
  /// The weight with the step #rt.pack<lanes>.
  rt::WeightOp pack(rt::WeightOp weight, int64_t lanes, SymbolTable &symbols);

  DenseMap<Operation *, rt::WeightOp> packed;
};
} // namespace

/// The weight that a value is, or null.
static rt::WeightOp lookup(Value value, SymbolTable &symbols) {
  auto ref = value.getDefiningOp<rt::WeightRefOp>();
  return ref ? symbols.lookup<rt::WeightOp>(ref.getWeight()) : nullptr;
}

StringRef ScheduleCPUPass::findObstacle(GroupedMatmulOp op) const {
  for (Value weights : op.getWeights()) {
    Type element = getElementTypeOrSelf(weights);
    if (!element.isF32() && !element.isBF16() && !element.isF16())
      return "its weights are not of f32, bf16 or f16";
    if (element != getElementTypeOrSelf(op.getWeights().front()))
      return "its weights are of several types";
  }
  if (!hasPanelColumns(op, getVectorISAInfo(isa).lanes))
    return "the columns of its sums do not start with panels";
  for (Operation &inner : op.getEpilogue().front().without_terminator())
    if (!OpTrait::hasElementwiseMappableTraits(&inner) &&
        !matchPattern(&inner, m_Constant()))
      return "its epilogue is not elementwise";
  return "";
}

rt::WeightOp ScheduleCPUPass::pack(rt::WeightOp weight, int64_t lanes,
                                   SymbolTable &symbols) {
  rt::WeightOp &result = packed[weight];
  if (result)
    return result;
  OpBuilder builder(weight);
  auto step = rt::PackAttr::get(&getContext(), lanes);
  auto before = cast<RankedTensorType>(weight.getType());
  auto after = step.inferTypes(before, [&] { return weight.emitOpError(); });
  SmallVector<Attribute> recipe(weight.getRecipe().getValue());
  recipe.push_back(step);
  result = rt::WeightOp::create(
      builder, weight.getLoc(),
      builder.getStringAttr(weight.getSymName() + ".panels"),
      weight.getSource(), builder.getArrayAttr(recipe),
      TypeAttr::get(after->front()));
  symbols.insert(result);
  return result;
}

/// %w                   -> moe.pack matrices(%w)
/// linalg.transpose %w  -> moe.pack matrices(%w) {transposed}
static Value packComputed(OpBuilder &builder, Value weights, int64_t lanes) {
  ImplicitLocOpBuilder b(weights.getLoc(), builder);
  SmallVector<OpFoldResult> sizes =
      tensor::getMixedSizes(b, b.getLoc(), weights);
  Value columns = getValueOrCreateConstantIndexOp(b, b.getLoc(), sizes[2]);
  OpFoldResult numPanels = getAsOpFoldResult(b.createOrFold<arith::CeilDivUIOp>(
      columns, arith::ConstantIndexOp::create(b, lanes)));
  Value out = tensor::EmptyOp::create(
      b,
      ArrayRef<OpFoldResult>{sizes[0], numPanels, sizes[1],
                             b.getIndexAttr(lanes)},
      getElementTypeOrSelf(weights));
  auto transpose = weights.getDefiningOp<linalg::TransposeOp>();
  bool isTransposed =
      transpose && transpose.getPermutation() == ArrayRef<int64_t>{0, 2, 1};
  return PackOp::create(b, out.getType(),
                        isTransposed ? transpose.getInput() : weights, out,
                        isTransposed)
      .getResult(0);
}

Value ScheduleCPUPass::makePanels(OpBuilder &builder, Value weights,
                                  int64_t lanes, SymbolTable &symbols) {
  rt::WeightOp weight = lookup(weights, symbols);
  if (!weight)
    return packComputed(builder, weights, lanes);
  rt::WeightOp panels = pack(weight, lanes, symbols);
  return rt::WeightRefOp::create(builder, weights.getLoc(), panels.getType(),
                                 panels.getSymName());
}

void ScheduleCPUPass::schedule(GroupedMatmulOp op, SymbolTable &symbols) {
  StringRef obstacle = findObstacle(op);
  if (!obstacle.empty()) {
    remark::missed(
        op.getLoc(),
        remark::RemarkOpts::name("NotScheduled").category("schedule"))
        << "runs as plain loops: " << obstacle;
    return;
  }
  const VectorISAInfo &cpu = getVectorISAInfo(isa);
  int64_t inner =
      cast<ShapedType>(op.getWeights().front().getType()).getDimSize(1);
  if (inner == ShapedType::kDynamic)
    inner = assumedInner;
  OpBuilder builder(op);
  // Sums whose columns alternate in one matrix still do so.
  DenseMap<Value, Value> refs;
  for (OpOperand &weights : op.getWeightsMutable()) {
    Value &ref = refs[weights.get()];
    if (!ref)
      ref = makePanels(builder, weights.get(), cpu.lanes, symbols);
    weights.set(ref);
  }
  op.setScheduleAttr(
      chooseSchedule(&getContext(), cpu, inner, op.getWeights().size()));
}
