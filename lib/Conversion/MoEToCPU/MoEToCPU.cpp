//===- MoEToCPU.cpp - Scheduled kernels to vector code --------------------===//
#include "Kernels.h"
#include "VectorMath.h"

#include "mlir/IR/Remarks.h"
#include "moe/Conversion/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTMOETOCPUPASS
#include "moe/Conversion/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// Gates stay on loops where vectors have no form of them.
static bool hasVectorForm(GateOp gate, StringRef category) {
  StringRef reason = cpu::whyNoVectorGate(gate);
  if (!reason.empty())
    remark::missed(gate.getLoc(),
                   remark::RemarkOpts::name("Gate").category(category))
        << ("a gate stays on loops: " + reason).str();
  return reason.empty();
}

static bool hasKernel(Operation *op, VectorISA cpu, StringRef category) {
  if (auto matmul = dyn_cast<GroupedMatmulOp>(op))
    return isa_and_present<CPUScheduleAttr>(matmul.getScheduleAttr());
  if (isa<PackOp>(op))
    return true;
  if (cpu == VectorISA::None)
    return false;
  auto gate = dyn_cast<GateOp>(op);
  return gate ? hasVectorForm(gate, category) : isa<CombineOp>(op);
}

/// A schedule may come from text, for another CPU.
static LogicalResult verifyCPU(Operation *op, VectorISA cpu) {
  auto matmul = dyn_cast<GroupedMatmulOp>(op);
  if (!matmul)
    return success();
  int64_t step = cast<CPUScheduleAttr>(matmul.getScheduleAttr()).getKStep();
  const VectorISAInfo &info = getVectorISAInfo(cpu);
  if (step <= info.bf16Step)
    return success();
  return op->emitOpError("expected a CPU with dot products of bf16 "
                         "(AVX512_BF16) for a schedule with a k_step of ")
         << step << ", but kernels are built for " << info.name
         << ": schedule it for this CPU, or build for one that has them";
}

namespace {
struct ConvertMoEToCPUPass final
    : moe::impl::ConvertMoEToCPUPassBase<ConvertMoEToCPUPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<DestinationStyleOpInterface> kernels;
    getOperation().walk([&](DestinationStyleOpInterface op) {
      if (hasKernel(op, isa, getArgument()))
        kernels.push_back(op);
    });
    SymbolTable symbols(getOperation());
    cpu::MicroKernels microKernels(symbols);
    int64_t lanes = getVectorISAInfo(isa).lanes;
    for (DestinationStyleOpInterface op : kernels) {
      if (!op.hasPureBufferSemantics()) {
        op->emitOpError("expected memrefs, but got tensors: bufferise first");
        return signalPassFailure();
      }
      if (failed(verifyCPU(op, isa)))
        return signalPassFailure();
      llvm::TypeSwitch<Operation *>(op)
          .Case([&](GroupedMatmulOp matmul) {
            cpu::buildGroupedMatmul(matmul, microKernels);
          })
          .Case([&](PackOp pack) { cpu::buildPack(pack); })
          .Case([&](CombineOp combine) { cpu::buildCombine(combine, lanes); })
          .Case([&](GateOp gate) { cpu::buildGate(gate, symbols, lanes); });
      op->erase();
    }
    cpu::expandVectorMath(getOperation());
  }
};
} // namespace
