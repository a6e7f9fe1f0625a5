//===- ProviderDependent.cpp - Nodes whose meaning depends on who runs them
//===//
//
// Nodes of com.microsoft that ONNX Runtime's CPU and CUDA providers compute
// differently, so that "it ran there" says nothing about here.
//
//===----------------------------------------------------------------------===//
#include "Lint.h"

using namespace mlir;
using namespace moe;

/// onnx.ms.MoE %x router %logits ... {use_sparse_mixer = 1}
static void lintMoE(onnx::MSMoEOp op) {
  if (op.getUseSparseMixer())
    emitWarning(op.getLoc())
        << "provider-dependent node: with use_sparse_mixer ONNX Runtime's CPU "
           "provider takes the two most probable experts, its CUDA provider "
           "and this compiler SparseMixer's two, with other weights; leave the "
           "attribute out if the plain top 2 is meant, else compare with CUDA";
  Type element = getElementTypeOrSelf(op.getInput().getType());
  if (element.isF16() && !op.getNormalizeRoutingWeights())
    emitWarning(op.getLoc())
        << "provider-dependent node: ONNX Runtime's CPU provider (1.30, 1.31) "
           "gives wrong values on float16 without normalize_routing_weights, "
           "this compiler what the operator says; compare with a float model, "
           "or with CUDA";
}

void moe::lintProviderDependent(ModuleOp module) { module.walk(lintMoE); }
