//===- MoEBufferization.cpp - Kernels on memrefs --------------------------===//
//
// Level 2 ops bufferise to themselves: results become their destinations.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace {
/// %y = moe.combine ... outs(%y0 : tensor<...>) -> tensor<...>
///   -> moe.combine ... outs(%y0 : memref<...>)
template <typename OpTy>
struct KernelBufferization
    : DstBufferizableOpInterfaceExternalModel<KernelBufferization<OpTy>, OpTy> {
  /// Destinations are written whole, as far as they are defined.
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &state) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  /// An input is read again after an output element was written.
  bool bufferizesToElementwiseAccess(Operation *op, const AnalysisState &state,
                                     ArrayRef<OpOperand *> operands) const {
    return false;
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto kernel = cast<DestinationStyleOpInterface>(op);
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    SmallVector<Value> operands, replacements;
    for (OpOperand &operand : op->getOpOperands()) {
      FailureOr<Value> buffer =
          getBuffer(rewriter, operand.get(), options, state);
      if (failed(buffer))
        return failure();
      operands.push_back(*buffer);
      if (kernel.isDpsInit(&operand))
        replacements.push_back(*buffer);
    }
    OperationState newState(op->getLoc(), op->getName(), operands, TypeRange(),
                            op->getAttrs());
    for (Region &region : op->getRegions())
      newState.addRegion()->takeBody(region);
    rewriter.create(newState);
    replaceOpWithBufferizedValues(rewriter, op, replacements);
    return success();
  }
};
} // namespace

void moe::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, MoEDialect *) {
    GateOp::attachInterface<KernelBufferization<GateOp>>(*context);
    DispatchOp::attachInterface<KernelBufferization<DispatchOp>>(*context);
    GroupedMatmulOp::attachInterface<KernelBufferization<GroupedMatmulOp>>(
        *context);
    PackOp::attachInterface<KernelBufferization<PackOp>>(*context);
    CombineOp::attachInterface<KernelBufferization<CombineOp>>(*context);
  });
}
