//===- Lint.cpp - Graphs that compute what nobody meant -------------------===//
#include "Lint.h"

#include "moe/Dialect/MoE/Transforms/Passes.h"

namespace moe {
#define GEN_PASS_DEF_LINTPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

int64_t moe::normalizeAxis(int64_t axis, Value value) {
  return axis < 0 ? axis + cast<RankedTensorType>(value.getType()).getRank()
                  : axis;
}

Value moe::peelViews(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<onnx::CastOp, onnx::IdentityOp, onnx::ReshapeOp, onnx::SqueezeOp,
             onnx::UnsqueezeOp, onnx::TransposeOp, onnx::FlattenOp,
             onnx::ExpandOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

std::string moe::listInts(ArrayRef<int64_t> values) {
  std::string text;
  llvm::raw_string_ostream out(text);
  llvm::interleaveComma(values, out);
  return text;
}

namespace {
struct LintPass final : moe::impl::LintPassBase<LintPass> {
  using Base::Base;

  void runOnOperation() override {
    lintFrozenRouting(getOperation());
    lintMissingExperts(getOperation());
    lintDoubleSoftmax(getOperation());
    lintProviderDependent(getOperation());
    markAllAnalysesPreserved();
  }
};
} // namespace
