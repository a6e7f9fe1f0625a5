//===- Lowering.cpp - Shared by the lowerings of onnx ops -----------------===//
#include "Lowering.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

#include <limits>

using namespace mlir;
using namespace moe;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static Type toSignless(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  if (!integer || integer.isSignless())
    return type;
  return IntegerType::get(type.getContext(), integer.getWidth());
}

LoweringTypeConverter::LoweringTypeConverter(LoweringContext &context)
    : context(&context) {
  addConversion([](Type type) { return toSignless(type); });
  addConversion([](RankedTensorType type) -> Type {
    return type.clone(toSignless(type.getElementType()));
  });
  auto materialize = [](OpBuilder &builder, Type type, ValueRange inputs,
                        Location loc) -> Value {
    return UnrealizedConversionCastOp::create(builder, loc, type, inputs)
        .getResult(0);
  };
  addSourceMaterialization(materialize);
  addTargetMaterialization(materialize);
}

Type moe::onnx::elementType(Value value) {
  return cast<RankedTensorType>(value.getType()).getElementType();
}

//===----------------------------------------------------------------------===//
// Extents and scalars
//===----------------------------------------------------------------------===//

Extents moe::onnx::extentsOf(LoweringBuilder &b, Value tensor) {
  Extents result;
  int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
  for (int64_t i = 0; i < rank; ++i)
    result.push_back(extentOf(b, tensor, i));
  return result;
}

OpFoldResult moe::onnx::extentOf(LoweringBuilder &b, Value tensor,
                                 int64_t dim) {
  return b.getLoweringContext().extentOf(b, tensor, dim);
}

Value moe::onnx::indexValue(ImplicitLocOpBuilder &b, OpFoldResult extent) {
  return getValueOrCreateConstantIndexOp(b, b.getLoc(), extent);
}

OpFoldResult moe::onnx::toExtent(ImplicitLocOpBuilder &b, Value scalar) {
  if (std::optional<int64_t> constant = getConstantIntValue(scalar))
    return b.getIndexAttr(*constant);
  if (isa<IndexType>(scalar.getType()))
    return scalar;
  // An extent that became an element of a shape is that extent again.
  if (auto element = scalar.getDefiningOp<arith::IndexCastOp>();
      element && isa<IndexType>(element.getIn().getType()) &&
      scalar.getType().isInteger(64))
    return element.getIn();
  return b.createOrFold<arith::IndexCastOp>(b.getIndexType(), scalar);
}

/// `fold(lhs, rhs)` when both are constant, else an OpTy on index values.
template <typename OpTy>
static OpFoldResult combine(ImplicitLocOpBuilder &b, OpFoldResult lhs,
                            OpFoldResult rhs,
                            function_ref<int64_t(int64_t, int64_t)> fold) {
  std::optional<int64_t> l = getConstantIntValue(lhs);
  std::optional<int64_t> r = getConstantIntValue(rhs);
  if (l && r)
    return b.getIndexAttr(fold(*l, *r));
  return OpTy::create(b, indexValue(b, lhs), indexValue(b, rhs)).getResult();
}

OpFoldResult moe::onnx::mulExtents(ImplicitLocOpBuilder &b, OpFoldResult lhs,
                                   OpFoldResult rhs) {
  if (isOneInteger(lhs))
    return rhs;
  if (isOneInteger(rhs))
    return lhs;
  return combine<arith::MulIOp>(b, lhs, rhs, std::multiplies<int64_t>());
}

OpFoldResult moe::onnx::addExtents(ImplicitLocOpBuilder &b, OpFoldResult lhs,
                                   OpFoldResult rhs) {
  return combine<arith::AddIOp>(b, lhs, rhs, std::plus<int64_t>());
}

OpFoldResult moe::onnx::subExtents(ImplicitLocOpBuilder &b, OpFoldResult lhs,
                                   OpFoldResult rhs) {
  return combine<arith::SubIOp>(b, lhs, rhs, std::minus<int64_t>());
}

Value moe::onnx::intConstant(ImplicitLocOpBuilder &b, Type type,
                             int64_t value) {
  return arith::ConstantOp::create(b, b.getIntegerAttr(type, value));
}

Value moe::onnx::floatConstant(ImplicitLocOpBuilder &b, Type type,
                               double value) {
  return arith::ConstantOp::create(b, b.getFloatAttr(type, value));
}

Value moe::onnx::indexConstant(ImplicitLocOpBuilder &b, int64_t value) {
  return arith::ConstantIndexOp::create(b, value);
}

Value moe::onnx::zeroConstant(ImplicitLocOpBuilder &b, Type type) {
  return arith::ConstantOp::create(b, b.getZeroAttr(type));
}

Value moe::onnx::extractElement(ImplicitLocOpBuilder &b, Value tensor,
                                int64_t index) {
  SmallVector<Value> indices;
  if (cast<RankedTensorType>(tensor.getType()).getRank() == 1)
    indices.push_back(indexConstant(b, index));
  return b.createOrFold<tensor::ExtractOp>(tensor, indices);
}

bool moe::onnx::isScalarised(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor && tensor.hasStaticShape() && tensor.getRank() <= 1 &&
         tensor.getNumElements() <= 32 && tensor.getElementType().isInteger();
}

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

Value moe::onnx::emptyTensor(ImplicitLocOpBuilder &b, const Extents &extents,
                             Type elementType) {
  return tensor::EmptyOp::create(b, extents, elementType);
}

Value moe::onnx::filledTensor(ImplicitLocOpBuilder &b, const Extents &extents,
                              Value scalar) {
  Value empty = emptyTensor(b, extents, scalar.getType());
  return linalg::FillOp::create(b, scalar, empty).getResult(0);
}

Value moe::onnx::castTo(ImplicitLocOpBuilder &b, Value value, Type type) {
  if (value.getType() == type)
    return value;
  return tensor::CastOp::create(b, type, value);
}

void moe::onnx::require(ImplicitLocOpBuilder &b, Value condition,
                        const Twine &message) {
  if (matchPattern(condition, m_One()))
    return;
  rt::RequireOp::create(b, condition, b.getStringAttr(message),
                        b.getStringAttr(rt::getNodeName(b.getLoc())));
}

Extents moe::onnx::broadcastExtents(LoweringBuilder &b, ValueRange tensors) {
  SmallVector<Extents> shapes;
  for (Value tensor : tensors)
    shapes.push_back(extentsOf(b, tensor));
  return broadcastExtents(b, shapes);
}

Extents moe::onnx::broadcastExtents(ImplicitLocOpBuilder &b,
                                    ArrayRef<Extents> shapes) {
  size_t rank = 0;
  for (const Extents &extents : shapes)
    rank = std::max(rank, extents.size());
  Extents result(rank, b.getIndexAttr(1));
  for (const Extents &extents : shapes) {
    for (auto [i, extent] : llvm::enumerate(llvm::reverse(extents))) {
      OpFoldResult &current = result[rank - 1 - i];
      if (isOneInteger(extent) || isEqualConstantIntOrValue(extent, current))
        continue;
      if (isOneInteger(current)) {
        current = extent;
        continue;
      }
      // The verifier has compared static extents: a dynamic one is left.
      Value lhs = indexValue(b, current), rhs = indexValue(b, extent);
      Value one = indexConstant(b, 1);
      Value equal =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lhs, rhs);
      Value lhsIsOne =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, lhs, one);
      Value rhsIsOne =
          arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rhs, one);
      Value fits = arith::OrIOp::create(
          b, equal, arith::OrIOp::create(b, lhsIsOne, rhsIsOne));
      require(b, fits, "operand shapes must broadcast: equal extents, or 1");
      std::optional<int64_t> staticCurrent = getConstantIntValue(current);
      std::optional<int64_t> staticExtent = getConstantIntValue(extent);
      if (staticExtent)
        current = extent;
      else if (!staticCurrent)
        current = arith::SelectOp::create(b, lhsIsOne, rhs, lhs).getResult();
    }
  }
  return result;
}

Value moe::onnx::elementwise(
    LoweringBuilder &b, ValueRange inputs, const Extents &extents,
    Type resultElementType,
    function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> body) {
  int64_t rank = extents.size();
  SmallVector<AffineMap> maps;
  SmallVector<Value> direct, stretched;
  // Per input: whether it is a linalg operand or read by tensor.extract.
  SmallVector<bool> isDirect;
  for (Value input : inputs) {
    Extents sizes = extentsOf(b, input);
    int64_t lead = rank - static_cast<int64_t>(sizes.size());
    SmallVector<AffineExpr> exprs;
    bool mayStretch = false;
    for (auto [i, size] : llvm::enumerate(sizes)) {
      if (isOneInteger(size) && !isOneInteger(extents[lead + i])) {
        exprs.push_back(b.getAffineConstantExpr(0));
        continue;
      }
      exprs.push_back(b.getAffineDimExpr(lead + i));
      // A dynamic extent that is not visibly the result's may be 1.
      if (isa<Value>(size) &&
          !isEqualConstantIntOrValue(size, extents[lead + i]))
        mayStretch = true;
    }
    isDirect.push_back(!mayStretch);
    if (mayStretch) {
      stretched.push_back(input);
      continue;
    }
    direct.push_back(input);
    maps.push_back(AffineMap::get(rank, 0, exprs, b.getContext()));
  }
  maps.push_back(b.getMultiDimIdentityMap(rank));
  Value empty = emptyTensor(b, extents, resultElementType);
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  Value result =
      linalg::GenericOp::create(
          b, empty.getType(), direct, empty, maps, iterators,
          [&](OpBuilder &nested, Location loc, ValueRange args) {
            ImplicitLocOpBuilder inner(loc, nested);
            SmallVector<Value> scalars;
            auto nextArg = args.begin();
            for (auto [input, isOperand] : llvm::zip(inputs, isDirect)) {
              if (isOperand) {
                scalars.push_back(*nextArg++);
                continue;
              }
              auto type = cast<RankedTensorType>(input.getType());
              int64_t lead = rank - type.getRank();
              SmallVector<Value> indices;
              for (int64_t i = 0; i < type.getRank(); ++i) {
                Value index = linalg::IndexOp::create(inner, lead + i);
                Value size = tensor::DimOp::create(inner, input, i);
                Value isOne =
                    arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, size,
                                          indexConstant(inner, 1));
                indices.push_back(arith::SelectOp::create(
                    inner, isOne, indexConstant(inner, 0), index));
              }
              scalars.push_back(
                  tensor::ExtractOp::create(inner, input, indices));
            }
            linalg::YieldOp::create(inner, body(inner, scalars));
          })
          .getResult(0);
  b.getLoweringContext().recordExtents(result, extents);
  return result;
}

Value moe::onnx::generate(
    ImplicitLocOpBuilder &b, const Extents &extents, Type elementType,
    function_ref<Value(ImplicitLocOpBuilder &, ValueRange)> body) {
  int64_t rank = extents.size();
  Value empty = emptyTensor(b, extents, elementType);
  SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(rank)};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, empty.getType(), ValueRange{}, empty, maps, iterators,
             [&](OpBuilder &nested, Location loc, ValueRange) {
               ImplicitLocOpBuilder inner(loc, nested);
               SmallVector<Value> indices;
               for (int64_t i = 0; i < rank; ++i)
                 indices.push_back(linalg::IndexOp::create(inner, i));
               linalg::YieldOp::create(inner, body(inner, indices));
             })
      .getResult(0);
}

Value moe::onnx::allOf(
    ImplicitLocOpBuilder &b, Value tensor,
    function_ref<Value(ImplicitLocOpBuilder &, Value)> predicate) {
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t rank = type.getRank();
  Value init = filledTensor(b, {}, intConstant(b, b.getI1Type(), 1));
  SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(rank),
                              AffineMap::get(rank, 0, b.getContext())};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::reduction);
  Value result =
      linalg::GenericOp::create(
          b, init.getType(), tensor, init, maps, iterators,
          [&](OpBuilder &nested, Location loc, ValueRange args) {
            ImplicitLocOpBuilder inner(loc, nested);
            Value holds = predicate(inner, args[0]);
            linalg::YieldOp::create(
                inner,
                arith::AndIOp::create(inner, holds, args[1]).getResult());
          })
          .getResult(0);
  return tensor::ExtractOp::create(b, result, ValueRange{});
}

//===----------------------------------------------------------------------===//
// Scalar arithmetic
//===----------------------------------------------------------------------===//

Value moe::onnx::addScalars(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isa<FloatType>(lhs.getType()))
    return arith::AddFOp::create(b, lhs, rhs);
  return b.createOrFold<arith::AddIOp>(lhs, rhs);
}

Value moe::onnx::mulScalars(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  if (isa<FloatType>(lhs.getType()))
    return arith::MulFOp::create(b, lhs, rhs);
  return b.createOrFold<arith::MulIOp>(lhs, rhs);
}

Value moe::onnx::maxScalars(ImplicitLocOpBuilder &b, Value lhs, Value rhs,
                            bool isUnsignedType) {
  if (isa<FloatType>(lhs.getType()))
    return arith::MaximumFOp::create(b, lhs, rhs);
  if (isUnsignedType)
    return arith::MaxUIOp::create(b, lhs, rhs);
  return b.createOrFold<arith::MaxSIOp>(lhs, rhs);
}

Value moe::onnx::minScalars(ImplicitLocOpBuilder &b, Value lhs, Value rhs,
                            bool isUnsignedType) {
  if (isa<FloatType>(lhs.getType()))
    return arith::MinimumFOp::create(b, lhs, rhs);
  if (isUnsignedType)
    return arith::MinUIOp::create(b, lhs, rhs);
  return b.createOrFold<arith::MinSIOp>(lhs, rhs);
}

/// A float truncated to 64 bits, then to those of `to`. NaN and what 64 bits do
/// not hold give the least i64: a conversion out of range would be poison.
static Value castFloatToInt(ImplicitLocOpBuilder &b, Value value, Type to) {
  if (value.getType().getIntOrFloatBitWidth() < 32)
    value = arith::ExtFOp::create(b, b.getF32Type(), value);
  Type type = value.getType();
  const double limit = 9223372036854775808.0; // 2^63
  auto isIn = [&](double low, double high) -> Value {
    Value above = arith::CmpFOp::create(b, arith::CmpFPredicate::OGE, value,
                                        floatConstant(b, type, low));
    Value below = arith::CmpFOp::create(b, arith::CmpFPredicate::OLT, value,
                                        floatConstant(b, type, high));
    return arith::AndIOp::create(b, above, below);
  };
  Value zero = zeroConstant(b, type);
  Value fits = isIn(-limit, limit);
  Value safe = arith::SelectOp::create(b, fits, value, zero);
  Value wide = arith::FPToSIOp::create(b, b.getI64Type(), safe);
  Value least =
      intConstant(b, b.getI64Type(), std::numeric_limits<int64_t>::min());
  Value result = arith::SelectOp::create(b, fits, wide, least);
  if (to.isUnsignedInteger(64)) {
    Value isHigh = isIn(limit, 2 * limit);
    Value high = arith::SelectOp::create(b, isHigh, value, zero);
    result = arith::SelectOp::create(
        b, isHigh, arith::FPToUIOp::create(b, b.getI64Type(), high), result);
  }
  Type target = toSignless(to);
  if (target == result.getType())
    return result;
  return arith::TruncIOp::create(b, target, result);
}

Value moe::onnx::castScalar(ImplicitLocOpBuilder &b, Value value, Type from,
                            Type to) {
  Type target = toSignless(to);
  if (to.isInteger(1)) {
    Value zero = zeroConstant(b, value.getType());
    if (isa<FloatType>(from))
      return arith::CmpFOp::create(b, arith::CmpFPredicate::UNE, value, zero);
    return b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ne, value, zero);
  }
  unsigned fromWidth = from.getIntOrFloatBitWidth();
  unsigned toWidth = to.getIntOrFloatBitWidth();
  if (isa<FloatType>(from) && isa<FloatType>(to)) {
    if (fromWidth == toWidth && from != to) // f16 <-> bf16
      return arith::TruncFOp::create(
          b, target, arith::ExtFOp::create(b, b.getF32Type(), value));
    if (fromWidth < toWidth)
      return arith::ExtFOp::create(b, target, value);
    if (from.isF64() && to.isBF16()) {
      value = arith::TruncFOp::create(b, b.getF32Type(), value);
      fromWidth = 32;
    }
    if (fromWidth > toWidth)
      return arith::TruncFOp::create(b, target, value);
    return value;
  }
  if (isa<FloatType>(from))
    return castFloatToInt(b, value, to);
  if (isa<FloatType>(to)) {
    // Narrow floats go through f32: only its rounding to them is expanded.
    Type wide = toWidth < 32 ? b.getF32Type() : target;
    Value result = isUnsigned(from)
                       ? arith::UIToFPOp::create(b, wide, value).getResult()
                       : arith::SIToFPOp::create(b, wide, value).getResult();
    return castScalar(b, result, wide, to);
  }
  if (fromWidth < toWidth)
    return isUnsigned(from) ? b.createOrFold<arith::ExtUIOp>(target, value)
                            : b.createOrFold<arith::ExtSIOp>(target, value);
  if (fromWidth > toWidth)
    return b.createOrFold<arith::TruncIOp>(target, value);
  return value;
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

LogicalResult moe::onnx::replaceLowered(
    Operation *op, const TypeConverter *typeConverter,
    ConversionPatternRewriter &rewriter,
    function_ref<FailureOr<SmallVector<Value>>(LoweringBuilder &)> lower) {
  auto *converter = static_cast<const LoweringTypeConverter *>(typeConverter);
  LoweringContext &context = converter->getLoweringContext();
  LoweringBuilder b(op->getLoc(), rewriter, context);
  FailureOr<SmallVector<Value>> results = lower(b);
  if (failed(results))
    return failure();
  for (auto [value, result] : llvm::zip_equal(*results, op->getResults())) {
    Value cast = castTo(b, value, converter->convertType(result.getType()));
    context.copyExtents(value, cast);
    value = cast;
    context.recordLowered(value, result);
  }
  rewriter.replaceOp(op, *results);
  return success();
}
