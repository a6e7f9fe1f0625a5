//===- MicrosoftMoE.cpp - What onnx.ms.MoE means, in plain ops ------------===//
#include "moe/Dialect/ONNX/IR/MicrosoftMoE.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// Writes onnx ops whose result types follow from their operands.
class Writer {
public:
  Writer(OpBuilder &builder, Location loc) : b(loc, builder) {}

  static RankedTensorType typeOf(Value value) {
    return cast<RankedTensorType>(value.getType());
  }

  Value ints(ArrayRef<int64_t> values) {
    auto type = RankedTensorType::get({int64_t(values.size())}, b.getI64Type());
    return ConstantOp::create(b, type, DenseIntElementsAttr::get(type, values));
  }
  /// A scalar of `like`'s element type.
  Value scalar(Value like, APFloat value) {
    auto element = cast<FloatType>(typeOf(like).getElementType());
    bool losesInfo;
    value.convert(element.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    auto type = RankedTensorType::get({}, element);
    return ConstantOp::create(b, type, DenseElementsAttr::get(type, value));
  }

  template <typename OpTy> Value unary(Value x) {
    return OpTy::create(b, x.getType(), x);
  }
  /// The right operand broadcasts to the left one.
  template <typename OpTy> Value binary(Value lhs, Value rhs) {
    return OpTy::create(b, lhs.getType(), lhs, rhs);
  }
  Value castTo(Value x, Type element) {
    auto type = typeOf(x);
    return type.getElementType() == element
               ? x
               : CastOp::create(b, type.clone(element), x).getResult();
  }
  /// Every `step`-th column of [begin, end).
  Value columns(Value x, int64_t begin, int64_t end, int64_t step,
                int64_t count) {
    auto type = typeOf(x).clone({typeOf(x).getDimSize(0), count});
    return SliceOp::create(b, type, x, ints(begin), ints(end), ints(1),
                           ints(step));
  }
  /// [T, N] -> [T, 1]
  template <typename OpTy> Value reduceRow(Value x) {
    auto type = typeOf(x).clone({typeOf(x).getDimSize(0), 1});
    return OpTy::create(b, type, x, ints(1), b.getI64IntegerAttr(1),
                        b.getI64IntegerAttr(0));
  }
  Value softmax(Value x) {
    return SoftmaxOp::create(b, x.getType(), x, b.getI64IntegerAttr(-1));
  }

  ImplicitLocOpBuilder b;
};
} // namespace

Value moe::onnx::flattenTokens(Value rows, OpBuilder &builder, Location loc) {
  Writer w(builder, loc);
  auto type = Writer::typeOf(rows);
  if (type.getRank() == 2)
    return rows;
  int64_t hidden = type.getDimSize(2);
  bool isStatic = !type.isDynamicDim(0) && !type.isDynamicDim(1);
  int64_t tokens =
      isStatic ? type.getDimSize(0) * type.getDimSize(1) : ShapedType::kDynamic;
  return ReshapeOp::create(w.b, type.clone({tokens, hidden}), rows,
                           w.ints({-1, hidden}), w.b.getI64IntegerAttr(0));
}

Value moe::onnx::spreadTokens(Value flat, Value rows, OpBuilder &builder,
                              Location loc) {
  Writer w(builder, loc);
  auto type = Writer::typeOf(rows);
  if (type.getRank() == 2)
    return flat;
  Value shape = ShapeOp::create(
      w.b, RankedTensorType::get({type.getRank()}, w.b.getI64Type()), rows,
      w.b.getI64IntegerAttr(0), IntegerAttr());
  return ReshapeOp::create(w.b, type, flat, shape,
                           /*allowzero=*/w.b.getI64IntegerAttr(1));
}

Value moe::onnx::widenLogits(Value logits, OpBuilder &builder, Location loc) {
  Type element = Writer::typeOf(logits).getElementType();
  return Writer(builder, loc)
      .castTo(logits, element.isF64() ? element : builder.getF32Type());
}

//===----------------------------------------------------------------------===//
// Routing
//===----------------------------------------------------------------------===//

/// Columns in reverse give the greatest index among equals:
///   %p = Softmax %z;  %r = Slice %p by -1;  %v, %i = TopK %r
///   -> ids N - 1 - %i, weights %v (/ ReduceSum %v)
static MoERouting expandTopK(MSMoEOp op, Value logits, Writer &w) {
  int64_t numExperts = op.getNumExperts(), k = static_cast<int64_t>(op.getK());
  Value p = w.softmax(logits);
  Value reversed =
      w.columns(p, -1, std::numeric_limits<int64_t>::min(), -1, numExperts);
  auto type = Writer::typeOf(p).clone({Writer::typeOf(p).getDimSize(0), k});
  auto idType = type.clone(w.b.getI64Type());
  auto topK =
      TopKOp::create(w.b, TypeRange{type, idType}, reversed, w.ints(k),
                     w.b.getI64IntegerAttr(-1), w.b.getI64IntegerAttr(1),
                     w.b.getI64IntegerAttr(1));
  Value ids =
      SubOp::create(w.b, idType, w.ints(numExperts - 1), topK.getIndices());
  Value weights = topK.getValues();
  if (op.getNormalizeRoutingWeights())
    weights = w.binary<DivOp>(weights, w.reduceRow<ReduceSumOp>(weights));
  return {ids, weights};
}

/// One of SparseMixer's two rounds: the argmax of `open`, and the softmax there
/// of the columns whose `logits` are close to it.
static MoERouting expandRound(Value logits, Value open, Value infinity,
                              Writer &w) {
  auto type = Writer::typeOf(logits);
  auto oneType = type.clone({type.getDimSize(0), 1});
  Value greatest = w.reduceRow<ReduceMaxOp>(open);
  Value id = ArgMaxOp::create(
      w.b, oneType.clone(w.b.getI64Type()), open, w.b.getI64IntegerAttr(1),
      w.b.getI64IntegerAttr(1), w.b.getI64IntegerAttr(0));
  Value factor =
      MaxOp::create(w.b, type, ValueRange{w.unary<AbsOp>(logits), greatest});
  Value distance = SubOp::create(w.b, type, greatest, logits);
  Value ratio = w.binary<DivOp>(distance, factor);
  Value isFar =
      GreaterOp::create(w.b, type.clone(w.b.getI1Type()), ratio,
                        w.scalar(logits, APFloat(sparseMixerThreshold)));
  Value masked = WhereOp::create(w.b, type, isFar, infinity, open);
  Value weight = GatherElementsOp::create(w.b, oneType, w.softmax(masked), id,
                                          w.b.getI64IntegerAttr(1));
  return {id, weight};
}

static MoERouting expandSparseMixer(MSMoEOp op, Value logits, Writer &w) {
  auto type = Writer::typeOf(logits);
  Value infinity = w.scalar(
      logits, APFloat::getInf(APFloat::IEEEsingle(), /*Negative=*/true));
  MoERouting first = expandRound(logits, logits, infinity, w);
  auto columns = llvm::to_vector(llvm::seq<int64_t>(0, op.getNumExperts()));
  Value isFirst = EqualOp::create(w.b, type.clone(w.b.getI1Type()), first.ids,
                                  w.ints(columns));
  Value open = WhereOp::create(w.b, type, isFirst, infinity, logits);
  MoERouting second = expandRound(logits, open, infinity, w);
  auto join = [&](Value lhs, Value rhs) -> Value {
    auto pair = Writer::typeOf(lhs).clone({type.getDimSize(0), 2});
    return ConcatOp::create(w.b, pair, ValueRange{lhs, rhs},
                            w.b.getI64IntegerAttr(1));
  };
  return {join(first.ids, second.ids), join(first.weights, second.weights)};
}

MoERouting moe::onnx::expandRouting(MSMoEOp op, Value logits,
                                    OpBuilder &builder) {
  Writer w(builder, op.getLoc());
  logits = widenLogits(logits, builder, op.getLoc());
  return op.getUseSparseMixer() ? expandSparseMixer(op, logits, w)
                                : expandTopK(op, logits, w);
}

//===----------------------------------------------------------------------===//
// Experts
//===----------------------------------------------------------------------===//

/// rows times a matrix, plus a bias.
static Value expandLinear(Value rows, Value matrix, Value bias, MatrixForm form,
                          Writer &w) {
  auto type = Writer::typeOf(rows);
  bool isOutIn = form == MatrixForm::OutIn;
  int64_t width = Writer::typeOf(matrix).getDimSize(isOutIn ? 0 : 1);
  auto resultType = type.clone({type.getDimSize(0), width});
  Value result;
  if (isOutIn)
    result =
        GemmOp::create(w.b, resultType, rows, matrix, /*C=*/Value(),
                       w.b.getF32FloatAttr(1.0f), w.b.getF32FloatAttr(1.0f),
                       w.b.getI64IntegerAttr(0), w.b.getI64IntegerAttr(1));
  else
    result = MatMulOp::create(w.b, resultType, rows, matrix);
  return bias ? w.binary<AddOp>(result, bias) : result;
}

/// gate * sigmoid(alpha * gate) * (linear + beta), limited.
static Value expandSwiglu(MSMoEOp op, Value gate, Value linear, Writer &w) {
  if (std::optional<APFloat> limit = op.getSwigluLimit()) {
    Value high = w.scalar(gate, *limit), low = w.scalar(gate, neg(*limit));
    gate = ClipOp::create(w.b, gate.getType(), gate, /*min=*/Value(), high);
    linear = ClipOp::create(w.b, linear.getType(), linear, low, high);
  }
  Value angle = gate;
  if (!op.getActivationAlpha().isExactlyValue(1.0))
    angle = w.binary<MulOp>(gate, w.scalar(gate, op.getActivationAlpha()));
  if (!op.getActivationBeta().isZero())
    linear = w.binary<AddOp>(linear, w.scalar(gate, op.getActivationBeta()));
  return w.binary<MulOp>(w.binary<MulOp>(gate, w.unary<SigmoidOp>(angle)),
                         linear);
}

static Value expandActivation(MSMoEOp op, Value h, Writer &w) {
  switch (op.getActivationType()) {
  case ExpertActivation::Relu:
    return w.unary<ReluOp>(h);
  case ExpertActivation::Gelu:
    return GeluOp::create(
        w.b, h.getType(), h,
        GeluApproximationAttr::get(w.b.getContext(), GeluApproximation::Tanh));
  case ExpertActivation::Silu:
    return w.binary<MulOp>(h, w.unary<SigmoidOp>(h));
  case ExpertActivation::Swiglu:
  case ExpertActivation::Identity:
    break;
  }
  return h;
}

Value moe::onnx::expandExpert(MSMoEOp op, Value rows, const MoEWeights &weights,
                              MatrixForm form, OpBuilder &builder,
                              Location loc) {
  Writer w(builder, loc);
  int64_t inner = op.getInnerSize();
  Value h = expandLinear(rows, weights.fc1, weights.bias1, form, w), h3;
  if (weights.fc3)
    h3 = expandLinear(rows, weights.fc3, weights.bias3, form, w);
  bool isSwiglu = op.getActivationType() == ExpertActivation::Swiglu;
  if (isSwiglu && op.getSwigluFusion() == 1)
    h = expandSwiglu(op, w.columns(h, 0, 2 * inner, 2, inner),
                     w.columns(h, 1, 2 * inner, 2, inner), w);
  else if (isSwiglu && op.getSwigluFusion() == 2)
    h = expandSwiglu(op, w.columns(h, 0, inner, 1, inner),
                     w.columns(h, inner, 2 * inner, 1, inner), w);
  else if (isSwiglu)
    h = expandSwiglu(op, h, h3, w);
  else
    h = expandActivation(op, h, w);
  if (h3 && !isSwiglu)
    h = w.binary<MulOp>(h, h3);
  return expandLinear(h, weights.fc2, weights.bias2, form, w);
}
