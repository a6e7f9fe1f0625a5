//===- Reachability.cpp - Columns that no token can select ----------------===//
//
// From the constant mask and bias of the route, for rows of finite scores:
//
//  * a column whose mask is -inf is selected only if fewer than k columns are
//    open. Behind a softmax or a sigmoid it is 0, and a bias or groups may lift
//    that above others; its weight is 0, unless other scores give it;
//  * scores of sigmoid lie in [0, 1], those of softmax too; a column whose bias
//    lies more than 1 below that of k open columns is never selected.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/Analysis/Reachability.h"

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
static void closeMasked(RouteOp route, llvm::SmallBitVector &isOpen) {
  auto mask = getConstant(route.getMask());
  bool isScored =
      route.getOrder() == ScoreOrder::Before && route.getScore() != Score::None;
  if (isScored && (route.getBias() || route.getGroups() || route.getMix()))
    return;
  for (size_t i = 0; mask && i < isOpen.size(); ++i)
    if ((*mask)[i] == -std::numeric_limits<double>::infinity())
      isOpen.reset(i);
}

/// Marks columns that k others always beat by bias.
static void closeBiased(RouteOp route, llvm::SmallBitVector &isOpen) {
  auto bias = getConstant(route.getBias());
  bool isBounded =
      route.getOrder() == ScoreOrder::Before && route.getScore() != Score::None;
  if (!bias || !isBounded || route.getGroups())
    return;
  llvm::SmallBitVector stillOpen(isOpen);
  for (size_t column = 0; column < isOpen.size(); ++column) {
    // The sums are rounded: the gap must be wider than their error.
    double reach = (*bias)[column] + 1.0;
    reach += 1e-5 * (std::abs(reach) + 1.0);
    int64_t better = 0;
    for (size_t other = 0; other < isOpen.size(); ++other)
      better += isOpen[other] && (*bias)[other] > reach;
    if (better >= route.getNumSlots())
      stillOpen.reset(column);
  }
  isOpen = stillOpen;
}

llvm::SmallBitVector moe::findReachableColumns(RouteOp route) {
  int64_t columns = route.getNumColumns();
  if (ShapedType::isDynamic(columns))
    return {};
  llvm::SmallBitVector all(columns, true);
  if (!isa<TopKAttr>(route.getSelect()))
    return all;
  llvm::SmallBitVector isOpen(all);
  closeMasked(route, isOpen);
  closeBiased(route, isOpen);
  // With fewer open columns than slots, closed ones are selected after all.
  return static_cast<int64_t>(isOpen.count()) < route.getNumSlots() ? all
                                                                    : isOpen;
}
