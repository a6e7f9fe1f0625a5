//===- ONNXToLinalg.cpp - The reference lowering of onnx ops --------------===//
//
// The pass: what is legal afterwards, and the families of patterns.
//
//===----------------------------------------------------------------------===//
#include "Lowering.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "moe/Conversion/Passes.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTONNXTOLINALGPASS
#include "moe/Conversion/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;
using namespace moe::onnx;

namespace {
/// rt.weight_ref of unsigned elements -> of signless ones.
struct ConvertWeightRef : public OpConversionPattern<rt::WeightRefOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(rt::WeightRefOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<rt::WeightRefOp>(
        op, getTypeConverter()->convertType(op.getResult().getType()),
        op.getWeightAttr());
    return success();
  }
};

/// (%x: tensor<4xui8>) -> (%x: tensor<4xui8> {rt.type = tensor<4xui8>}): the
/// caller still sees the unsigned type when lowering makes it signless.
void keepUnsignedTypes(func::FuncOp function) {
  auto isUnsignedTensor = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getElementType().isUnsignedInteger();
  };
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (isUnsignedTensor(type))
      function.setArgAttr(i, rt::RTDialect::typeAttrName, TypeAttr::get(type));
  for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
    if (isUnsignedTensor(type))
      function.setResultAttr(i, rt::RTDialect::typeAttrName,
                             TypeAttr::get(type));
}

struct ConvertONNXToLinalgPass final
    : moe::impl::ConvertONNXToLinalgPassBase<ConvertONNXToLinalgPass> {
  using Base::Base;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    for (auto function : getOperation().getOps<func::FuncOp>())
      keepUnsignedTypes(function);
    LoweringContext loweringContext(getOperation());
    LoweringTypeConverter converter(loweringContext);
    ConversionTarget target(*context);
    target.addLegalDialect<arith::ArithDialect, linalg::LinalgDialect,
                           math::MathDialect, scf::SCFDialect,
                           tensor::TensorDialect>();
    target.addLegalOp<ModuleOp, rt::CountOp, rt::LayerOp, rt::RequireOp,
                      rt::WeightOp>();
    // Layers are kernels by now, which stay.
    target.addLegalOp<GateOp, DispatchOp, GroupedMatmulOp, CombineOp,
                      moe::YieldOp>();
    target.addIllegalDialect<ONNXDialect>();
    target.addDynamicallyLegalOp<rt::WeightRefOp>(
        [&](Operation *op) { return converter.isLegal(op); });
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp op) {
      return converter.isSignatureLegal(op.getFunctionType()) &&
             converter.isLegal(&op.getBody());
    });
    target.addDynamicallyLegalOp<func::ReturnOp, func::CallOp>(
        [&](Operation *op) { return converter.isLegal(op); });

    RewritePatternSet patterns(context);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns,
                                                                   converter);
    populateReturnOpTypeConversionPattern(patterns, converter);
    populateCallOpTypeConversionPattern(patterns, converter);
    patterns.add<ConvertWeightRef>(converter, context);
    populateConstantPatterns(converter, patterns);
    populateShapePatterns(converter, patterns);
    populateIndexingPatterns(converter, patterns);
    populateMathPatterns(converter, patterns);
    populateReductionPatterns(converter, patterns);
    populateMatMulPatterns(converter, patterns);
    populateNNPatterns(converter, patterns);
    populateConvPatterns(converter, patterns);
    populatePoolPatterns(converter, patterns);
    populateQuantizePatterns(converter, patterns);
    populateResizePatterns(converter, patterns);
    populateControlFlowPatterns(converter, patterns);
    populateMicrosoftPatterns(converter, patterns);
    populateMicrosoftMoEPatterns(converter, patterns);
    if (failed(
            applyFullConversion(getOperation(), target, std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
