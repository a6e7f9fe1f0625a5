//===- MoEToLoops.cpp - Kernels on memrefs to loops -----------------------===//
#include "Loops.h"

#include "mlir/IR/BuiltinOps.h"
#include "moe/Conversion/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTMOETOLOOPSPASS
#include "moe/Conversion/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {
struct ConvertMoEToLoopsPass final
    : moe::impl::ConvertMoEToLoopsPassBase<ConvertMoEToLoopsPass> {
  using Base::Base;

  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    SmallVector<DestinationStyleOpInterface> kernels;
    getOperation().walk([&](DestinationStyleOpInterface op) {
      if (isa<GateOp, DispatchOp, GroupedMatmulOp, CombineOp>(op))
        kernels.push_back(op);
    });
    for (DestinationStyleOpInterface op : kernels) {
      if (!op.hasPureBufferSemantics()) {
        op->emitOpError("expected memrefs, but got tensors: bufferise first");
        return signalPassFailure();
      }
      LoopBuilder b(op->getLoc(), op);
      llvm::TypeSwitch<Operation *>(op)
          .Case([&](GateOp gate) { lowerGate(gate, b, symbols); })
          .Case([&](DispatchOp dispatch) { lowerDispatch(dispatch, b); })
          .Case([&](GroupedMatmulOp matmul) { lowerGroupedMatmul(matmul, b); })
          .Case([&](CombineOp combine) { lowerCombine(combine, b); });
      op->erase();
    }
  }
};
} // namespace
