//===- Reachability.cpp - Ids that no token can select --------------------===//
//
// From the constant mask and bias of the route, for rows of finite scores:
//
//  * a column whose mask is -inf is selected only if fewer than k columns are
//    open;
//  * scores of sigmoid lie in [0, 1], those of softmax too; a column whose bias
//    lies more than 1 below that of k open columns is never selected.
//
//===----------------------------------------------------------------------===//
#include "NullExperts.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe;

/// The floats of a constant vector, or nothing.
static std::optional<SmallVector<double>> getConstant(Value vector) {
  DenseFPElementsAttr elements;
  if (!vector || !matchPattern(vector, m_Constant(&elements)))
    return std::nullopt;
  return llvm::map_to_vector(
      elements.getValues<APFloat>(),
      [](const APFloat &value) { return value.convertToDouble(); });
}

/// Marks columns that -inf closes.
static void closeMasked(RouteOp route, SmallVectorImpl<bool> &isOpen) {
  auto mask = getConstant(route.getMask());
  for (size_t i = 0; mask && i < isOpen.size(); ++i)
    if ((*mask)[i] == -std::numeric_limits<double>::infinity())
      isOpen[i] = false;
}

/// Marks columns that k others always beat by bias.
static void closeBiased(RouteOp route, SmallVectorImpl<bool> &isOpen) {
  auto bias = getConstant(route.getBias());
  bool isBounded = route.getOrder() == ScoreOrder::Before &&
                   route.getScore() != Score::None;
  if (!bias || !isBounded || route.getGroups())
    return;
  SmallVector<bool> stillOpen(isOpen.begin(), isOpen.end());
  for (size_t column = 0; column < isOpen.size(); ++column) {
    // The sums are rounded: the gap must be wider than their error.
    double reach = (*bias)[column] + 1.0;
    reach += 1e-5 * (std::abs(reach) + 1.0);
    int64_t better = 0;
    for (size_t other = 0; other < isOpen.size(); ++other)
      better += isOpen[other] && (*bias)[other] > reach;
    if (better >= route.getNumSlots())
      stillOpen[column] = false;
  }
  isOpen = stillOpen;
}

void moe::markUnreachable(ExpertsOp experts, MutableArrayRef<IdFate> fate) {
  auto route = experts.getIds().getDefiningOp<RouteOp>();
  if (!route || !isa<TopKAttr>(route.getSelect()) ||
      route.getNumColumns() != static_cast<int64_t>(fate.size()))
    return;
  SmallVector<bool> isOpen(fate.size(), true);
  closeMasked(route, isOpen);
  closeBiased(route, isOpen);
  if (llvm::count(isOpen, true) < route.getNumSlots())
    return;
  for (auto [id, open] : llvm::zip_equal(fate, isOpen))
    if (!open)
      id.kind = IdFate::Kind::Unreachable;
}
