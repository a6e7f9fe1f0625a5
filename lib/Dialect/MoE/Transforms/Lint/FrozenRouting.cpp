//===- FrozenRouting.cpp - Counts that were data of one example input -----===//
//
// Tracing turns tolist() and item() into constants. What a router selects is
// data: rows of experts that are split by constant counts, and lists of
// selected experts of constant length, are those of the traced example.
//
//===----------------------------------------------------------------------===//
#include "Lint.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace moe;

/// Ops between the rows that a router selects and their use that are followed.
static constexpr int maxSteps = 32;

static int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

static bool isDynamic(Value value, int64_t axis) {
  return cast<RankedTensorType>(value.getType()).isDynamicDim(axis);
}

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

/// What selects the entries of `value` along `axis`: integers of a dynamic
/// number that follow from a router, or rows gathered by such. Null: nothing
/// does.
static Operation *findRowSelection(Value value, int64_t axis) {
  if (!isFloat(value))
    return isDynamic(value, axis) ? findSelection(value) : nullptr;
  for (int step = 0; step < maxSteps; ++step) {
    Operation *op = value.getDefiningOp();
    if (!op || op->getNumOperands() == 0)
      return nullptr;
    Value operand = op->getOperand(0);
    if (auto gather = dyn_cast<onnx::GatherOp>(op)) {
      int64_t first = normalizeAxis(gather.getAxis(), gather.getData());
      bool isSelected =
          axis >= first && axis < first + rankOf(gather.getIndices());
      return isSelected ? findSelection(gather.getIndices()) : nullptr;
    }
    if (isa<onnx::GatherNDOp, onnx::CompressOp>(op))
      return axis == 0 ? findSelection(op->getOperand(1)) : nullptr;
    // A view of a dynamic number of rows has them in front.
    bool isView = isa<onnx::ReshapeOp, onnx::SqueezeOp, onnx::UnsqueezeOp>(op);
    if (isView && !isDynamic(value, axis))
      return nullptr;
    if (isView) {
      axis = 0;
      while (axis < rankOf(operand) && !isDynamic(operand, axis))
        ++axis;
      if (axis == rankOf(operand))
        return nullptr;
      value = operand;
      continue;
    }
    bool isProduct = isa<onnx::MatMulOp, onnx::GemmOp>(op);
    bool keepsRows = isa<onnx::ElementwiseOpInterface, onnx::IdentityOp>(op) ||
                     (isProduct && axis != rankOf(value) - 1);
    if (!keepsRows || rankOf(operand) != rankOf(value) || !isFloat(operand))
      return nullptr;
    value = operand;
  }
  return nullptr;
}

static constexpr StringLiteral remedy =
    "; export again without tolist(), item() or len() on what the router "
    "selects (in transformers: experts_implementation=\"batched_mm\")";

/// %rows = onnx.Gather %x, %selected
/// onnx.Split %rows, %constants
static void lintSplit(onnx::SplitOp split,
                      llvm::SmallDenseSet<Operation *> &told) {
  Value input = split.getInput();
  auto counts = onnx::getConstantInts(split.getSplit());
  if (!counts || counts->size() < 2)
    return;
  int64_t axis = normalizeAxis(split.getAxis(), input);
  // Equal parts of a static extent are a layout, not counts.
  if (!isDynamic(input, axis) && llvm::all_equal(*counts))
    return;
  Operation *selection = findRowSelection(input, axis);
  if (!selection || !told.insert(selection).second)
    return;
  bool isList = !isFloat(input);
  if (isList && llvm::all_equal(*counts))
    emitWarning(split.getLoc())
        << "frozen routing: the graph takes it that " << counts->size()
        << " experts are selected, as they were by the example input that it "
           "was traced with; all other experts are missing, and an input that "
           "selects fewer or more fails or gives wrong results"
        << remedy;
  else
    emitWarning(split.getLoc())
        << "frozen routing: the numbers of rows per expert, "
        << listInts(*counts)
        << ", are those of the example input that the model was traced with; "
           "for any other input rows go to the wrong experts, or the run fails"
        << remedy;
}

/// %rows = onnx.Gather %x, %selected
/// onnx.Slice %rows, 0, 3; onnx.Slice %rows, 3, 5; ...
static void lintSlices(Value rows, ArrayRef<onnx::SliceOp> slices,
                       llvm::SmallDenseSet<Operation *> &told) {
  SmallVector<std::pair<int64_t, int64_t>> ranges;
  int64_t sliced = 0;
  for (onnx::SliceOp slice : slices) {
    auto starts = onnx::getConstantInts(slice.getStarts()),
         ends = onnx::getConstantInts(slice.getEnds());
    auto axes = onnx::getConstantInts(slice.getAxes());
    if (!starts || !ends || starts->size() != 1 || ends->size() != 1 ||
        (slice.getAxes() && (!axes || axes->size() != 1)))
      continue;
    int64_t axis = normalizeAxis(axes ? axes->front() : 0, rows);
    bool isRange = starts->front() >= 0 && ends->front() > starts->front() &&
                   ends->front() < std::numeric_limits<int32_t>::max();
    if (!isRange || !isDynamic(rows, axis) ||
        (!ranges.empty() && axis != sliced))
      continue;
    sliced = axis;
    ranges.push_back({starts->front(), ends->front()});
  }
  llvm::sort(ranges);
  ranges.erase(llvm::unique(ranges), ranges.end());
  // One after the other: what a loop over counts unrolls to.
  for (size_t i = 1; i < ranges.size(); ++i)
    if (ranges[i].first != ranges[i - 1].second)
      return;
  if (ranges.size() < 2)
    return;
  Operation *selection = findRowSelection(rows, sliced);
  if (!selection || !told.insert(selection).second)
    return;
  auto counts = llvm::map_to_vector(
      ranges, [](auto range) { return range.second - range.first; });
  emitWarning(slices.front()->getLoc())
      << "frozen routing: the numbers of rows per expert, " << listInts(counts)
      << ", are those of the example input that the model was traced with; for "
         "any other input rows go to the wrong experts, or are lost"
      << remedy;
}

void moe::lintFrozenRouting(ModuleOp module) {
  // One warning per router.
  llvm::SmallDenseSet<Operation *> told;
  llvm::MapVector<Value, SmallVector<onnx::SliceOp>> slices;
  module.walk([&](Operation *op) {
    if (auto split = dyn_cast<onnx::SplitOp>(op))
      lintSplit(split, told);
    else if (auto slice = dyn_cast<onnx::SliceOp>(op))
      slices[slice.getData()].push_back(slice);
  });
  for (auto &[rows, ops] : slices)
    lintSlices(rows, ops, told);
}
