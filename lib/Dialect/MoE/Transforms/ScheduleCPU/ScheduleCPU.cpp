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
#include "moe/Dialect/MoE/IR/Schedules.h"
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

/// Panels of a tile: each element of a row that it loads meets all of them.
static constexpr int64_t tilePanels = 2;

/// Panels that the streaming form reads side by side: memory gives several
/// streams faster than one.
static constexpr int64_t streamedPanels = 4;
/// Rows that leave the time for it to memory; more are faster as a tile.
static constexpr int64_t mostStreamedRows = 3;

/// Products per sum where their number is not static, as in attention.
static constexpr int64_t assumedInner = 2048;

namespace {
/// What of a matmul decides about its schedule.
struct MatmulSizes {
  int64_t inner; ///< products per sum
  int64_t sums;  ///< per output
  /// Of each sum; kDynamic if its columns are.
  int64_t panels;
  int64_t step; ///< products at a time
};
} // namespace

static CPUScheduleAttr chooseSchedule(MLIRContext *context,
                                      const VectorISAInfo &cpu,
                                      const MatmulSizes &sizes) {
  // As many vectors of each sum, side by side, as there are panels for.
  auto countVectors = [&](int64_t wanted) {
    int64_t perSum = std::max<int64_t>(wanted / sizes.sums, 1);
    if (ShapedType::isStatic(sizes.panels))
      perSum = std::min(perSum, std::max<int64_t>(sizes.panels, 1));
    return perSum * sizes.sums;
  };
  int64_t vectors = countVectors(tilePanels);
  int64_t rows =
      std::max<int64_t>(cpu.tileVectors / std::max(vectors, tilePanels), 1);
  // A step's products take the bytes of one.
  int64_t rowBytes = 4 * std::max<int64_t>(sizes.inner, 1) / sizes.step;
  int64_t rowsInCache =
      cpu.cacheBytes * 95 / 100 / std::max<int64_t>(rowBytes, 1);
  int64_t rowBlock =
      std::clamp(rowsInCache / rows * rows, rows, mostRows / rows * rows);
  int64_t streamVectors = countVectors(streamedPanels);
  // Registers for sums, beside a vector of each panel and a row's element; sums
  // of a tile take three quarters of all.
  int64_t streamSums =
      cpu.tileVectors * 4 / 3 - std::max(streamVectors, streamedPanels) - 1;
  int64_t streamRows =
      std::clamp<int64_t>(streamSums / std::max(streamVectors, streamedPanels),
                          1, mostStreamedRows);
  return CPUScheduleAttr::get(context, cpu.lanes, rows, vectors, rowBlock,
                              kBlock * sizes.step, streamRows, streamVectors,
                              sizes.step);
}

namespace {
struct ScheduleCPUPass final : moe::impl::ScheduleCPUPassBase<ScheduleCPUPass> {
  using Base::Base;

  void runOnOperation() override {
    if (bf16Dot && getVectorISAInfo(isa).bf16Step == 1) {
      getOperation().emitError("bf16-dot expects an isa with a dot product of "
                               "bf16, avx512bf16, but got ")
          << getVectorISAInfo(isa).name;
      return signalPassFailure();
    }
    if (isa == VectorISA::None)
      return;
    rt::WeightTable table(getOperation());
    bool hasSteps = false;
    getOperation().walk([&](GroupedMatmulOp op) {
      if (!op.getScheduleAttr())
        schedule(op, table);
      auto chosen = dyn_cast_if_present<CPUScheduleAttr>(op.getScheduleAttr());
      hasSteps |= chosen && chosen.getKStep() > 1;
    });
    if (bf16Dot && !hasSteps)
      getOperation().emitWarning(
          "no product has bf16 weights of the model: all activations stay as "
          "they are; --convert-weights=bf16 makes such weights");
    rt::eraseUnusedWeights(getOperation());
  }

private:
  /// Why a matmul stays loops, or nothing.
  StringRef findObstacle(GroupedMatmulOp op) const;

  /// moe.grouped_matmul ... weights(rt.weight_ref @w)
  ///   -> moe.grouped_matmul ... weights(rt.weight_ref @w.panels)
  ///        {schedule = #moe.cpu_schedule<...>}
  void schedule(GroupedMatmulOp op, rt::WeightTable &table);

  /// Products that a sum takes at once.
  int64_t chooseStep(GroupedMatmulOp op, const rt::WeightTable &table) const;

  /// An operand of weights in panels: by its recipe, or in every run.
  Value makePanels(OpBuilder &builder, Value weights, int64_t step,
                   rt::WeightTable &table);
};
} // namespace

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

int64_t ScheduleCPUPass::chooseStep(GroupedMatmulOp op,
                                    const rt::WeightTable &table) const {
  // moe.pack makes no pairs.
  bool isNarrow = llvm::all_of(op.getWeights(), [&](Value weights) {
    return getElementTypeOrSelf(weights).isBF16() && table.lookup(weights);
  });
  return bf16Dot && isNarrow ? getVectorISAInfo(isa).bf16Step : 1;
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
                                  int64_t step, rt::WeightTable &table) {
  int64_t lanes = getVectorISAInfo(isa).lanes;
  rt::WeightOp weight = table.lookup(weights);
  if (!weight)
    return packComputed(builder, weights, lanes);
  rt::WeightOp panels = table.addSteps(
      weight, rt::PackAttr::get(&getContext(), lanes, step), ".panels");
  return rt::WeightRefOp::create(builder, weights.getLoc(), panels.getType(),
                                 panels.getSymName());
}

void ScheduleCPUPass::schedule(GroupedMatmulOp op, rt::WeightTable &table) {
  StringRef obstacle = findObstacle(op);
  if (!obstacle.empty()) {
    remark::missed(
        op.getLoc(),
        remark::RemarkOpts::name("NotScheduled").category("schedule"))
        << "runs as plain loops: " << obstacle;
    return;
  }
  const VectorISAInfo &cpu = getVectorISAInfo(isa);
  MatmulSizes sizes;
  sizes.inner =
      cast<ShapedType>(op.getWeights().front().getType()).getDimSize(1);
  if (ShapedType::isDynamic(sizes.inner))
    sizes.inner = assumedInner;
  sizes.sums = op.getWeights().size();
  sizes.panels = cast<ShapedType>(op.getOut().getType()).getDimSize(1);
  if (ShapedType::isStatic(sizes.panels))
    sizes.panels = llvm::divideCeil(sizes.panels, cpu.lanes);
  sizes.step = chooseStep(op, table);
  OpBuilder builder(op);
  // Sums whose columns alternate in one matrix still do so.
  DenseMap<Value, Value> refs;
  for (OpOperand &weights : op.getWeightsMutable()) {
    Value &ref = refs[weights.get()];
    if (!ref)
      ref = makePanels(builder, weights.get(), sizes.step, table);
    weights.set(ref);
  }
  op.setScheduleAttr(chooseSchedule(&getContext(), cpu, sizes));
}
