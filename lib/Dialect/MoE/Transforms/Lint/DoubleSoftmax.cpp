//===- DoubleSoftmax.cpp - Probabilities of probabilities -----------------===//
#include "Lint.h"

using namespace mlir;
using namespace moe;

/// %p = onnx.Softmax %logits
/// %q = onnx.Softmax %p
/// onnx.TopK %q
///
/// onnx.ms.MoE has the second one, whatever its operand's name says.
void moe::lintDoubleSoftmax(ModuleOp module) {
  llvm::SmallDenseSet<Operation *> told;
  module.walk([&](Operation *op) {
    if (auto moe = dyn_cast<onnx::MSMoEOp>(op)) {
      if (peelViews(moe.getRouterProbs()).getDefiningOp<onnx::SoftmaxOp>())
        emitWarning(op->getLoc())
            << "double softmax: router_probs of com.microsoft::MoE are logits, "
               "of which it takes the softmax, but here they are probabilities "
               "already, so that all experts weigh nearly the same; pass "
               "logits";
      return;
    }
    if (!isa<onnx::TopKOp, onnx::ArgMaxOp>(op))
      return;
    auto second = peelViews(op->getOperand(0)).getDefiningOp<onnx::SoftmaxOp>();
    if (!second)
      return;
    auto first =
        peelViews(second->getOperand(0)).getDefiningOp<onnx::SoftmaxOp>();
    if (!first || !told.insert(second).second)
      return;
    emitWarning(second.getLoc())
        << "double softmax: the router's scores are probabilities already, and "
           "a second softmax makes all experts weigh nearly the same; pass "
           "logits, or leave out one of the two";
  });
}
