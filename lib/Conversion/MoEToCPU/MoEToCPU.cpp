//===- MoEToCPU.cpp - Scheduled kernels to vector code --------------------===//
#include "Kernels.h"
#include "VectorMath.h"

#include "moe/Conversion/Passes.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTMOETOCPUPASS
#include "moe/Conversion/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {
struct ConvertMoEToCPUPass final
    : moe::impl::ConvertMoEToCPUPassBase<ConvertMoEToCPUPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<DestinationStyleOpInterface> kernels;
    getOperation().walk([&](DestinationStyleOpInterface op) {
      auto matmul = dyn_cast<GroupedMatmulOp>(op.getOperation());
      bool isScheduled =
          matmul && isa_and_present<CPUScheduleAttr>(matmul.getScheduleAttr());
      if (isScheduled || isa<PackOp>(op))
        kernels.push_back(op);
    });
    SymbolTable symbols(getOperation());
    cpu::MicroKernels microKernels(symbols);
    for (DestinationStyleOpInterface op : kernels) {
      if (!op.hasPureBufferSemantics()) {
        op->emitOpError("expected memrefs, but got tensors: bufferise first");
        return signalPassFailure();
      }
      if (auto matmul = dyn_cast<GroupedMatmulOp>(op.getOperation()))
        cpu::buildGroupedMatmul(matmul, microKernels);
      else
        cpu::buildPack(cast<PackOp>(op));
      op->erase();
    }
    cpu::expandVectorMath(getOperation());
  }
};
} // namespace
