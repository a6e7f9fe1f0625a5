//===- Math.cpp - Elementwise onnx ops ------------------------------------===//
//
// One pattern lowers every op of ElementwiseOpInterface; the tables of
// MathScalars.h say what each computes on scalars.
//
//===----------------------------------------------------------------------===//
#include "MathScalars.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
bool isNarrowFloat(Type type) {
  return isa<FloatType>(type) && type.getIntOrFloatBitWidth() < 32;
}

/// onnx.Add %a, %b
///   -> linalg.generic {parallel...} ins(%a, %b) { arith.addf }
///   or, for small integer tensors,
///   -> tensor.from_elements (arith.addi (tensor.extract %a[0]), ...), ...
struct LowerElementwise : public ConversionPattern {
  LowerElementwise(const LoweringTypeConverter &converter,
                   const ScalarEntry &scalarEntry, MLIRContext *context)
      : ConversionPattern(converter, scalarEntry.name, /*benefit=*/1, context),
        entry(scalarEntry) {}

  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<Value> operands,
                  ConversionPatternRewriter &rewriter) const override {
    auto *converter =
        static_cast<const LoweringTypeConverter *>(getTypeConverter());
    LoweringContext &context = converter->getLoweringContext();
    LoweringBuilder b(op->getLoc(), rewriter, context);
    auto type = cast<RankedTensorType>(
        converter->convertType(op->getResult(0).getType()));
    if (isa<DivOp, ModOp>(op) && !isa<FloatType>(type.getElementType()))
      requireDivisor(b, operands[1]);
    if (isScalarised(type) && llvm::all_of(operands, [](Value v) {
          return isScalarised(v.getType());
        }))
      return lowerScalarised(op, operands, type, rewriter, b);
    Extents extents = broadcastExtents(b, operands);
    Value result = elementwise(
        b, operands, extents, type.getElementType(),
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          return emitElement(inner, op, args, type.getElementType());
        });
    result = castTo(b, result, type);
    context.recordLowered(result, op->getResult(0));
    rewriter.replaceOp(op, result);
    return success();
  }

private:
  /// A 0 among the divisors ends the run ahead of the loop.
  void requireDivisor(ImplicitLocOpBuilder &b, Value divisors) const {
    auto isNotZero = [](ImplicitLocOpBuilder &inner, Value divisor) {
      return compareInts(inner, arith::CmpIPredicate::ne, divisor,
                         zeroConstant(inner, divisor.getType()));
    };
    constexpr StringLiteral message("an integer divisor must not be 0");
    auto type = cast<RankedTensorType>(divisors.getType());
    if (!isScalarised(type))
      return require(b, allOf(b, divisors, isNotZero), message);
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      require(b, isNotZero(b, extractElement(b, divisors, i)), message);
  }

  /// One element: f16 and bf16 go through f32.
  Value emitElement(ImplicitLocOpBuilder &b, Operation *op, ValueRange args,
                    Type resultType) const {
    if (entry.narrow == Narrow::Keep)
      return entry.emit(b, op, args);
    SmallVector<Value> wide(args);
    for (Value &arg : wide)
      if (isNarrowFloat(arg.getType()))
        arg = arith::ExtFOp::create(b, b.getF32Type(), arg);
    Value result = entry.emit(b, op, wide);
    if (isNarrowFloat(resultType))
      result = castScalar(b, result, result.getType(), resultType);
    return result;
  }

  LogicalResult lowerScalarised(Operation *op, ArrayRef<Value> operands,
                                RankedTensorType type,
                                ConversionPatternRewriter &rewriter,
                                ImplicitLocOpBuilder &b) const {
    SmallVector<Value> elements;
    for (int64_t i = 0; i < type.getNumElements(); ++i) {
      SmallVector<Value> args;
      for (Value operand : operands) {
        auto operandType = cast<RankedTensorType>(operand.getType());
        args.push_back(extractElement(
            b, operand, operandType.getNumElements() == 1 ? 0 : i));
      }
      elements.push_back(emitElement(b, op, args, type.getElementType()));
    }
    rewriter.replaceOp(op, tensor::FromElementsOp::create(b, type, elements));
    return success();
  }

  const ScalarEntry &entry;
};
} // namespace

void moe::onnx::populateMathPatterns(const LoweringTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  for (ArrayRef<ScalarEntry> table :
       {getArithmeticScalars(), getActivationScalars(), getFunctionScalars(),
        getLogicScalars()})
    for (const ScalarEntry &entry : table)
      patterns.add<LowerElementwise>(converter, entry, patterns.getContext());
}
