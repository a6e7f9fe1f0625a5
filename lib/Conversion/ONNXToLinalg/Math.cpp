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

/// One element: f16 and bf16 go through f32.
Value emitElement(ImplicitLocOpBuilder &b, const ScalarEntry &entry,
                  Operation *op, ValueRange args, Type resultType) {
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

/// The entry of an op by its name, or null.
const ScalarEntry *findEntry(StringRef name) {
  for (ArrayRef<ScalarEntry> table :
       {getArithmeticScalars(), getActivationScalars(), getFunctionScalars(),
        getLogicScalars()})
    for (const ScalarEntry &entry : table)
      if (entry.name == name)
        return &entry;
  return nullptr;
}

/// onnx.Add %a, %b
///   -> linalg.generic {parallel...} ins(%a, %b) { arith.addf }
///   or, for small integer tensors,
///   -> tensor.from_elements (arith.addi (tensor.extract %a[0]), ...), ...
struct LowerElementwise : public TableLoweringPattern<ScalarEntry> {
  using TableLoweringPattern::TableLoweringPattern;

  FailureOr<SmallVector<Value>> lower(Operation *op, ValueRange operands,
                                      LoweringBuilder &b) const override {
    auto type = cast<RankedTensorType>(
        getTypeConverter()->convertType(op->getResult(0).getType()));
    if (isa<DivOp, ModOp>(op) && !isa<FloatType>(type.getElementType()))
      requireDivisor(b, operands[1]);
    if (isScalarised(type) && llvm::all_of(operands, [](Value v) {
          return isScalarised(v.getType());
        }))
      return SmallVector<Value>{lowerScalarised(op, operands, type, b)};
    return SmallVector<Value>{elementwise(
        b, operands, broadcastExtents(b, operands), type.getElementType(),
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          return emitElement(inner, entry, op, args, type.getElementType());
        })};
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

  Value lowerScalarised(Operation *op, ValueRange operands,
                        RankedTensorType type, ImplicitLocOpBuilder &b) const {
    SmallVector<Value> elements;
    for (int64_t i = 0; i < type.getNumElements(); ++i) {
      SmallVector<Value> args;
      for (Value operand : operands) {
        auto operandType = cast<RankedTensorType>(operand.getType());
        args.push_back(extractElement(
            b, operand, operandType.getNumElements() == 1 ? 0 : i));
      }
      elements.push_back(
          emitElement(b, entry, op, args, type.getElementType()));
    }
    return tensor::FromElementsOp::create(b, type, elements);
  }
};
} // namespace

bool moe::onnx::hasScalarForm(Operation *op) {
  auto isFloatOrBool = [](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type && (isa<FloatType>(type.getElementType()) ||
                    type.getElementType().isInteger(1));
  };
  return isa<ElementwiseOpInterface>(op) &&
         findEntry(op->getName().getStringRef()) &&
         llvm::all_of(op->getOperands(), isFloatOrBool) &&
         llvm::all_of(op->getResults(), isFloatOrBool);
}

Value moe::onnx::emitScalar(ImplicitLocOpBuilder &b, Operation *op,
                            ValueRange args) {
  return emitElement(b, *findEntry(op->getName().getStringRef()), op, args,
                     elementType(op->getResult(0)));
}

void moe::onnx::populateMathPatterns(const LoweringTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  for (ArrayRef<ScalarEntry> table :
       {getArithmeticScalars(), getActivationScalars(), getFunctionScalars(),
        getLogicScalars()})
    for (const ScalarEntry &entry : table)
      patterns.add<LowerElementwise>(converter, entry, patterns.getContext());
}
