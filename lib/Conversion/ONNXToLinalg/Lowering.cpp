//===- Lowering.cpp - Shared by the lowerings of onnx ops -----------------===//
#include "Lowering.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

Type moe::onnx::toSignless(Type type) {
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
  TypedAttr number = b.getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vector = dyn_cast<VectorType>(type))
    number = DenseElementsAttr::get(vector, number);
  return arith::ConstantOp::create(b, number);
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

Value moe::onnx::foldElements(
    ImplicitLocOpBuilder &b, Value tensor, Value start,
    function_ref<Value(ImplicitLocOpBuilder &, Value, Value)> combine) {
  auto type = cast<RankedTensorType>(tensor.getType());
  int64_t rank = type.getRank();
  Value init = filledTensor(b, {}, start);
  SmallVector<AffineMap> maps{b.getMultiDimIdentityMap(rank),
                              AffineMap::get(rank, 0, b.getContext())};
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::reduction);
  Value result =
      linalg::GenericOp::create(
          b, init.getType(), tensor, init, maps, iterators,
          [&](OpBuilder &nested, Location loc, ValueRange args) {
            ImplicitLocOpBuilder inner(loc, nested);
            linalg::YieldOp::create(inner, combine(inner, args[0], args[1]));
          })
          .getResult(0);
  return tensor::ExtractOp::create(b, result, ValueRange{});
}

Value moe::onnx::allOf(
    ImplicitLocOpBuilder &b, Value tensor,
    function_ref<Value(ImplicitLocOpBuilder &, Value)> predicate) {
  return foldElements(
      b, tensor, intConstant(b, b.getI1Type(), 1),
      [&](ImplicitLocOpBuilder &inner, Value element, Value hold) -> Value {
        return arith::AndIOp::create(inner, predicate(inner, element), hold);
      });
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
