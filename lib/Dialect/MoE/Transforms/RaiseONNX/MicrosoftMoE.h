//===- MicrosoftMoE.h - Layers that are one node ----------------*- C++ -*-===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_MICROSOFTMOE_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_MICROSOFTMOE_H

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/ONNX/Analysis/SymbolicDims.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

namespace moe::raise {

/// Gives users of `op` the result of a candidate; `op` stays, without users,
/// for `dims` knows values by their addresses. Nothing is to match: it is a
/// layer.
CandidateOp raiseMicrosoftMoE(onnx::MSMoEOp op, const onnx::SymbolicDims &dims);

} // namespace moe::raise

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_RAISEONNX_MICROSOFTMOE_H
