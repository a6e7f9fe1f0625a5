//===- RTBufferization.cpp - rt.weight_ref as a memref --------------------===//
//
// `rt.weight_ref` bufferises to itself, with a memref result that is never
// written: a write to it makes one-shot bufferisation insert a copy.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/RT/IR/RT.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"

using namespace mlir;
using namespace mlir::bufferization;

namespace {
struct WeightRefBufferization
    : BufferizableOpInterface::ExternalModel<WeightRefBufferization,
                                             moe::rt::WeightRefOp> {
  bool isWritable(Operation *op, Value value,
                  const AnalysisState &state) const {
    return false;
  }

  AliasingOpOperandList
  getAliasingOpOperands(Operation *op, Value value,
                        const AnalysisState &state) const {
    return {};
  }

  FailureOr<BufferLikeType>
  getBufferType(Operation *op, Value value, const BufferizationOptions &options,
                const BufferizationState &state,
                SmallVector<Value> &invocationStack) const {
    auto type = cast<RankedTensorType>(value.getType());
    return cast<BufferLikeType>(
        MemRefType::get(type.getShape(), type.getElementType()));
  }

  /// %w = rt.weight_ref @w : tensor<4xf32>
  ///   -> %w = rt.weight_ref @w : memref<4xf32>
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto ref = cast<moe::rt::WeightRefOp>(op);
    auto type = cast<RankedTensorType>(ref.getResult().getType());
    replaceOpWithNewBufferizedOp<moe::rt::WeightRefOp>(
        rewriter, op, MemRefType::get(type.getShape(), type.getElementType()),
        ref.getWeightAttr());
    return success();
  }
};
} // namespace

void moe::rt::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, RTDialect *) {
    WeightRefOp::attachInterface<WeightRefBufferization>(*context);
  });
}
