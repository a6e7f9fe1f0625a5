//===- LinalgToCPU.cpp - linalg on memrefs to loops of vectors ------------===//
#include "../MoEToCPU/VectorMath.h"
#include "NestBuilder.h"

#include "moe/Conversion/Passes.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTLINALGTOCPUPASS
#include "moe/Conversion/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

namespace {
struct ConvertLinalgToCPUPass final
    : moe::impl::ConvertLinalgToCPUPassBase<ConvertLinalgToCPUPass> {
  using Base::Base;

  void runOnOperation() override {
    if (isa == VectorISA::None)
      return;
    int64_t lanes = getVectorISAInfo(isa).lanes;
    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops)
      if (succeeded(buildNest(op, lanes)))
        op.erase();
    expandVectorMath(getOperation());
  }
};
} // namespace
