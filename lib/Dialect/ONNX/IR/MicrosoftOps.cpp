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

/// A tensor of static extents, whatever the op does not have: success.
static LogicalResult verifyExtents(Operation *op, StringRef name, Value value,
                                   ArrayRef<int64_t> expected) {
  if (!value || shapeOf(value) == expected)
    return success();
  std::string shape;
  llvm::raw_string_ostream os(shape);
  llvm::interleave(expected, os, "x");
  return op->emitOpError("expected ")
         << name << " of shape " << shape << ", but got " << value.getType();
}

LogicalResult MSMoEOp::verify() {
  ArrayRef<int64_t> input = shapeOf(getInput()),
                    router = shapeOf(getRouterProbs()),
                    fc2 = shapeOf(getFc2ExpertsWeights());
  if (input.size() != 2 && input.size() != 3)
    return emitOpError("expected an input of rank 2 or 3, but got ")
           << getInput().getType();
  if (getOutput().getType() != getInput().getType())
    return emitOpError("expected a result of the input's type, but got ")
           << getOutput().getType() << " and " << getInput().getType();
  if (router.size() != 2)
    return emitOpError("expected router_probs of rank 2, but got ")
           << getRouterProbs().getType();
  if (fc2.size() != 3 || !getFc2ExpertsWeights().getType().hasStaticShape() ||
      llvm::is_contained(fc2, 0))
    return emitOpError("expected fc2_experts_weights of static extents "
                       "[experts, hidden, inner], but got ")
           << getFc2ExpertsWeights().getType();
  int64_t experts = fc2[0], hidden = fc2[1], inner = fc2[2];
  if (input.back() != hidden)
    return emitOpError("expected an input of rows of ")
           << hidden << " elements, but got " << getInput().getType();
  if (router[1] != experts)
    return emitOpError("expected router_probs with a column for each of ")
           << experts << " experts, but got " << getRouterProbs().getType();

  auto k = static_cast<int64_t>(getK());
  if (k < 1 || k > experts)
    return emitOpError("expected k in [1, ") << experts << "], but got " << k;
  if (getUseSparseMixer() && k != 2)
    return emitOpError("expected k = 2 with use_sparse_mixer, but got ") << k;
  if (getUseSparseMixer() && getNormalizeRoutingWeights())
    return emitOpError("expected normalize_routing_weights = 0 with "
                       "use_sparse_mixer: its weights are final");
  auto fusion = static_cast<int64_t>(getSwigluFusion());
  if (fusion < 0 || fusion > 2)
    return emitOpError("expected swiglu_fusion in [0, 2], but got ") << fusion;
  bool isSwiglu = getActivationType() == ExpertActivation::Swiglu;
  if (!isSwiglu && fusion == 1)
    return emitOpError("expected activation_type = swiglu with swiglu_fusion = "
                       "1, but got ")
           << stringifyExpertActivation(getActivationType());
  if (isFused() && getFc3ExpertsWeights())
    return emitOpError("expected no fc3_experts_weights with swiglu_fusion = ")
           << fusion << ": fc1 holds both parts";
  if (isSwiglu && !fusion && !getFc3ExpertsWeights())
    return emitOpError("expected fc3_experts_weights with swiglu and "
                       "swiglu_fusion = 0");
  if (getFc3ExpertsBias() && !getFc3ExpertsWeights())
    return emitOpError("expected fc3_experts_weights with fc3_experts_bias");
  if (getSwigluLimit() && !(getSwigluLimit()->convertToFloat() >= 0.0f))
    return emitOpError("expected swiglu_limit >= 0, but got ")
           << getSwigluLimit()->convertToFloat();

  int64_t outer = isFused() ? 2 * inner : inner;
  Operation *op = *this;
  return success(
      succeeded(verifyExtents(op, "fc1_experts_weights", getFc1ExpertsWeights(),
                              {experts, outer, hidden})) &&
      succeeded(verifyExtents(op, "fc1_experts_bias", getFc1ExpertsBias(),
                              {experts, outer})) &&
      succeeded(verifyExtents(op, "fc2_experts_bias", getFc2ExpertsBias(),
                              {experts, hidden})) &&
      succeeded(verifyExtents(op, "fc3_experts_weights", getFc3ExpertsWeights(),
                              {experts, inner, hidden})) &&
      succeeded(verifyExtents(op, "fc3_experts_bias", getFc3ExpertsBias(),
                              {experts, inner})));
}
