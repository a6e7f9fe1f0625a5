//===- Schedules.cpp - How kernels are built ------------------------------===//
#include "moe/Dialect/MoE/IR/Schedules.h"

#include "Verify.h"

using namespace mlir;
using namespace moe;

LogicalResult
CPUScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        int64_t numLanes, int64_t tileRows, int64_t tileVectors,
                        int64_t rowsPerBlock, int64_t productsPerBlock,
                        int64_t streamedRows, int64_t streamedVectors,
                        int64_t productsPerStep) {
  for (auto [size, parameter] :
       {std::pair(numLanes, "lanes"), std::pair(tileRows, "rows"),
        std::pair(tileVectors, "vectors"), std::pair(rowsPerBlock, "row_block"),
        std::pair(productsPerBlock, "k_block"),
        std::pair(streamedVectors, "stream_vectors")})
    if (size < 1)
      return emitError() << "expected " << parameter
                         << " of at least 1, but got " << size;
  if (!llvm::isPowerOf2_64(numLanes))
    return emitError() << "expected lanes to be a power of two, but got "
                       << numLanes;
  if (streamedRows < 0)
    return emitError() << "expected stream_rows of at least 0, but got "
                       << streamedRows;
  if (productsPerStep != 1 && productsPerStep != 2)
    return emitError() << "expected k_step of 1 or 2, but got "
                       << productsPerStep;
  if (productsPerStep == 1)
    return success();
  if (numLanes != 8 && numLanes != 16)
    return emitError() << "expected 8 or 16 lanes, for which there are dot "
                          "products of bf16, but got "
                       << numLanes;
  if (productsPerBlock % productsPerStep)
    return emitError()
           << "expected k_block to be a multiple of k_step, but got "
           << productsPerBlock;
  return success();
}

bool moe::hasPanelColumns(GroupedMatmulOp op, int64_t lanes) {
  auto weights = op.getWeights();
  if (weights.size() == 2 && weights[0] == weights[1] &&
      op.getColumnStride(0) == 2 && op.getColumnStride(1) == 2)
    return op.getColumnOffset(0) + op.getColumnOffset(1) == 1;
  return llvm::all_of(llvm::seq<unsigned>(0, weights.size()), [&](unsigned i) {
    return op.getColumnStride(i) == 1 && op.getColumnOffset(i) % lanes == 0;
  });
}

LogicalResult CPUScheduleAttr::verifySchedule(Operation *op) const {
  auto matmul = dyn_cast<GroupedMatmulOp>(op);
  if (!matmul)
    return op->emitOpError("expected #moe.cpu_schedule on a grouped matmul");
  unsigned sums = matmul.getWeights().size();
  for (int64_t vectors : {getVectors(), getStreamVectors()})
    if (vectors % sums)
      return op->emitOpError("expected the schedule's vectors to divide among ")
             << sums << " sums, but got " << vectors;
  Type first = matmul.getWeights().front().getType();
  for (auto [i, weights] : llvm::enumerate(matmul.getWeights())) {
    if (!matmul.isPacked(i) || extentOf(weights, 3) != getLanes())
      return op->emitOpError("expected weights in panels of ")
             << getLanes() << " columns, as the schedule has lanes, but got "
             << weights.getType();
    if (matmul.getPairs(i) != getKStep())
      return op->emitOpError("expected panels with ")
             << getKStep()
             << " products of a column side by side, as the schedule has "
                "k_step, but got "
             << weights.getType();
    if (getKStep() > 1 && !getElementTypeOrSelf(weights).isBF16())
      return op->emitOpError("expected weights of bf16, which a k_step of ")
             << getKStep() << " takes, but got " << weights.getType();
    if (getElementTypeOrSelf(weights) != getElementTypeOrSelf(first))
      return op->emitOpError("expected weights of one element type under a "
                             "schedule, but got ")
             << first << " and " << weights.getType();
  }
  if (!hasPanelColumns(matmul, getLanes()))
    return op->emitOpError("expected the columns of each sum to start with a "
                           "panel and follow each other, or those of two sums "
                           "to alternate in one matrix");
  return success();
}
