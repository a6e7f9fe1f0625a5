//===- MicrosoftOps.cpp - Ops of Microsoft.td -----------------------------===//
#include "VerifyUtils.h"

using namespace mlir;
using namespace moe::onnx;

LogicalResult MSSimplifiedLayerNormalizationOp::verify() {
  int64_t rank = shapeOf(getX()).size(), axis = static_cast<int64_t>(getAxis());
  if (axis < -rank || axis >= rank)
    return emitOpError("expected an axis in [")
           << -rank << ", " << rank << "), but got " << axis;
  if (static_cast<int64_t>(shapeOf(getScale()).size()) > rank)
    return emitOpError("expected a scale that broadcasts to X, but got ")
           << getScale().getType();
  return success();
}

/// Both skip normalisations: vectors for the last dim, no training results.
static LogicalResult verifySkipNormalization(Operation *op, Value input,
                                             Value skip, ValueRange vectors,
                                             Value mean, Value invStdVar) {
  if (mean || invStdVar)
    return op->emitOpError("expected no mean and no inv_std_var: they serve "
                           "training");
  if (shapeOf(input).empty() || shapeOf(skip).size() > shapeOf(input).size())
    return op->emitOpError("expected a skip that broadcasts to the input, but "
                           "got ")
           << skip.getType() << " and " << input.getType();
  for (Value vector : vectors)
    if (vector && shapeOf(vector).size() != 1)
      return op->emitOpError("expected vectors for the last dim, but got ")
             << vector.getType();
  return success();
}

LogicalResult MSSkipSimplifiedLayerNormalizationOp::verify() {
  return verifySkipNormalization(*this, getInput(), getSkip(),
                                 {getGamma(), getBias()}, getMean(),
                                 getInvStdVar());
}

LogicalResult MSSkipLayerNormalizationOp::verify() {
  return verifySkipNormalization(*this, getInput(), getSkip(),
                                 {getGamma(), getBeta(), getBias()}, getMean(),
                                 getInvStdVar());
}

LogicalResult MSRotaryEmbeddingOp::verify() {
  int64_t rank = shapeOf(getInput()).size();
  if (rank != 3 && rank != 4)
    return emitOpError("expected an input of rank 3 or 4, but got ")
           << getInput().getType();
  if (shapeOf(getCosCache()).size() != 2 || shapeOf(getSinCache()).size() != 2)
    return emitOpError("expected caches of rank 2, but got ")
           << getCosCache().getType() << " and " << getSinCache().getType();
  int64_t positionRank = shapeOf(getPositionIds()).size();
  if (positionRank != 1 && positionRank != 2)
    return emitOpError("expected position_ids of rank 1 or 2, but got ")
           << getPositionIds().getType();
  if (getIsPackedBatching() || getScale().convertToFloat() != 1.0f)
    return emitOpError("expected scale = 1 and is_packed_batching = 0");
  if (getRotaryEmbeddingDim() && rank == 3 && !getNumHeads())
    return emitOpError("expected num_heads with rotary_embedding_dim on an "
                       "input of rank 3");
  return success();
}
