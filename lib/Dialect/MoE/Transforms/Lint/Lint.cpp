//===- Lint.cpp - Graphs that compute what nobody meant -------------------===//
#include "Lint.h"

#include "moe/Dialect/MoE/Transforms/Passes.h"

namespace moe {
#define GEN_PASS_DEF_LINTPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// Ops that a search for a selection looks at.
static constexpr size_t maxVisited = 512;

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

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

Operation *moe::findSelection(Value start) {
  SmallVector<Value> queue{start};
  llvm::SmallDenseSet<Operation *> visited;
  for (size_t next = 0; next < queue.size(); ++next) {
    Operation *op = queue[next].getDefiningOp();
    if (!op || !visited.insert(op).second || visited.size() > maxVisited)
      continue;
    if (auto topK = dyn_cast<onnx::TopKOp>(op)) {
      if (queue[next] == topK.getIndices() && isFloat(topK.getX()))
        return op;
    } else if (auto argMax = dyn_cast<onnx::ArgMaxOp>(op)) {
      if (isFloat(argMax->getOperand(0)))
        return op;
    } else if (isa<onnx::ShapeOp, onnx::SizeOp>(op)) {
      continue;
    }
    for (Value operand : op->getOperands())
      if (!isFloat(operand))
        queue.push_back(operand);
  }
  return nullptr;
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
    markAllAnalysesPreserved();
  }
};
} // namespace
