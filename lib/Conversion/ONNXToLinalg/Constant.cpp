//===- Constant.cpp - onnx.Constant ---------------------------------------===//
#include "Lowering.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// onnx.Constant dense<[1, 2]>
///   -> tensor.from_elements of arith.constants, where the value stays scalar,
///      else arith.constant dense<[1, 2]>
struct LowerConstant : public LoweringPattern<ConstantOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ConstantOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    auto type = cast<RankedTensorType>(
        getTypeConverter()->convertType(op.getOutput().getType()));
    auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
    if (!dense)
      return op.emitOpError("expected a dense value");
    if (dense.getType() != type)
      dense = dense.bitcast(type.getElementType());
    if (!isScalarised(type))
      return SmallVector<Value>{arith::ConstantOp::create(b, dense)};
    SmallVector<Value> elements;
    for (APInt element : dense.getValues<APInt>())
      elements.push_back(arith::ConstantOp::create(
          b, b.getIntegerAttr(type.getElementType(), element)));
    return SmallVector<Value>{
        tensor::FromElementsOp::create(b, type, elements)};
  }
};
} // namespace

void moe::onnx::populateConstantPatterns(const LoweringTypeConverter &converter,
                                         RewritePatternSet &patterns) {
  patterns.add<LowerConstant>(converter, patterns.getContext());
}
