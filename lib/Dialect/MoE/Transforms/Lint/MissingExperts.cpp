//===- MissingExperts.cpp - Experts selected but absent -------------------===//
//
// A loop over the experts that an example input selected leaves the others out
// of a trace. Ids of experts appear as constants that index a one-hot mask, or
// are compared with the selected ids; together they should be all ids, or a run
// of them: null experts stand ahead or behind.
//
//===----------------------------------------------------------------------===//
#include "Lint.h"

#include "llvm/ADT/MapVector.h"

#include <set>

using namespace mlir;
using namespace moe;

namespace {
/// The ids that a graph asks about, of those that one op selects from.
struct AskedIds {
  int64_t count = 0; ///< of all ids
  std::set<int64_t> ids;
  Location loc;
};
using AskedBySelection = llvm::MapVector<Operation *, AskedIds>;
} // namespace

/// The onnx.OneHot whose dim of ids is dim `axis` of `mask`, or null.
static onnx::OneHotOp findOneHot(Value mask, int64_t axis) {
  while (Operation *op = mask.getDefiningOp()) {
    if (auto oneHot = dyn_cast<onnx::OneHotOp>(op))
      return normalizeAxis(oneHot.getAxis(), mask) == axis ? oneHot : nullptr;
    if (auto transpose = dyn_cast<onnx::TransposeOp>(op))
      axis = transpose.getPermutation()[axis];
    else if (!isa<onnx::CastOp, onnx::IdentityOp>(op) &&
             !(isa<onnx::MulOp, onnx::AndOp>(op) &&
               op->getOperand(0).getType() == mask.getType()))
      return nullptr;
    mask = op->getOperand(0);
  }
  return nullptr;
}

static void add(AskedBySelection &asked, Operation *selection, int64_t count,
                ArrayRef<int64_t> ids, Location loc) {
  if (ShapedType::isDynamic(count))
    return;
  AskedIds &entry =
      asked.try_emplace(selection, AskedIds{count, {}, loc}).first->second;
  for (int64_t id : ids)
    entry.ids.insert(id < 0 ? id + count : id);
}

/// %mask = onnx.OneHot %selected, %count
/// onnx.Gather %mask, %constant
static void collectGather(onnx::GatherOp gather, AskedBySelection &asked) {
  auto ids = onnx::getConstantInts(gather.getIndices());
  Value mask = gather.getData();
  int64_t axis = normalizeAxis(gather.getAxis(), mask);
  onnx::OneHotOp oneHot = ids ? findOneHot(mask, axis) : nullptr;
  if (Operation *selection =
          oneHot ? findSelection(oneHot.getIndices()) : nullptr)
    add(asked, selection,
        cast<RankedTensorType>(mask.getType()).getDimSize(axis), *ids,
        gather.getLoc());
}

/// The number of ids that a selection selects from.
static int64_t countIds(Operation *selection) {
  Value scores = selection->getOperand(0);
  auto axis = static_cast<int64_t>(
      isa<onnx::TopKOp>(selection) ? cast<onnx::TopKOp>(selection).getAxis()
                                   : cast<onnx::ArgMaxOp>(selection).getAxis());
  return cast<RankedTensorType>(scores.getType())
      .getDimSize(normalizeAxis(axis, scores));
}

/// The selection whose ids, unchanged, `value` holds.
static Operation *findIds(Value value) {
  Value ids = peelViews(value);
  Operation *op = ids.getDefiningOp();
  if (isa_and_present<onnx::ArgMaxOp>(op))
    return op;
  auto topK = dyn_cast_if_present<onnx::TopKOp>(op);
  bool isSelection =
      topK && ids == topK.getIndices() &&
      isa<FloatType>(getElementTypeOrSelf(topK.getX().getType()));
  return isSelection ? op : nullptr;
}

/// onnx.Equal %selected, %constant
static void collectEqual(onnx::EqualOp equal, AskedBySelection &asked) {
  for (auto [value, other] :
       {std::pair(equal->getOperand(0), equal->getOperand(1)),
        std::pair(equal->getOperand(1), equal->getOperand(0))})
    if (auto ids = onnx::getConstantInts(peelViews(other)))
      if (Operation *selection = findIds(value))
        add(asked, selection, countIds(selection), *ids, equal.getLoc());
}

void moe::lintMissingExperts(ModuleOp module) {
  AskedBySelection asked;
  module.walk([&](Operation *op) {
    if (auto gather = dyn_cast<onnx::GatherOp>(op))
      collectGather(gather, asked);
    else if (auto equal = dyn_cast<onnx::EqualOp>(op))
      collectEqual(equal, asked);
  });
  for (auto &[selection, entry] : asked) {
    SmallVector<int64_t> missing;
    bool hasGap = false;
    for (int64_t id = 0; id < entry.count; ++id) {
      if (entry.ids.count(id))
        continue;
      missing.push_back(id);
      hasGap |= entry.ids.upper_bound(id) != entry.ids.begin() &&
                entry.ids.upper_bound(id) != entry.ids.end();
    }
    if (!hasGap)
      continue;
    bool isOne = missing.size() == 1;
    emitWarning(entry.loc)
        << "missing experts: the router selects from " << entry.count
        << " experts, but the graph has no expert " << listInts(missing)
        << (isOne ? ": its" : ": their")
        << " tokens get nothing. Tracing drops experts that the example input "
           "does not select: export again with a loop over all experts, or "
           "(in transformers) experts_implementation=\"batched_mm\"; if "
        << (isOne ? "it is a null expert" : "they are null experts")
        << ", all is well";
  }
}
