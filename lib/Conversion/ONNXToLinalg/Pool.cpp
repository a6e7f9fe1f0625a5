//===- Pool.cpp - Pools over windows and over all of space ----------------===//
#include "Normalization.h"
#include "Reduction.h"
#include "Window.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// The windows of a pool over `input`.
template <typename OpTy>
SmallVector<WindowDim> poolDims(OpTy op, Value input, LoweringBuilder &b) {
  Extents sizes = extentsOf(b, input), kernel;
  for (int64_t extent : op.getKernelShape())
    kernel.push_back(b.getIndexAttr(extent));
  WindowAttributes attributes = windowAttributes(op);
  attributes.isCeil = op.getCeilMode() != 0;
  return windowDims(b, ArrayRef(sizes).drop_front(2), kernel, attributes);
}

Type computeTypeOf(Type type) {
  return type.isF64() ? type : Float32Type::get(type.getContext());
}

/// |x|^p and its root on scalars.
Value emitPower(ImplicitLocOpBuilder &b, Value x, int64_t p) {
  Value magnitude = math::AbsFOp::create(b, x);
  if (p == 1)
    return magnitude;
  if (p == 2)
    return mulScalars(b, x, x);
  return math::PowFOp::create(b, magnitude, floatConstant(b, x.getType(), p));
}

Value emitRoot(ImplicitLocOpBuilder &b, Value sum, int64_t p) {
  if (p == 1)
    return sum;
  if (p == 2)
    return math::SqrtOp::create(b, sum);
  return math::PowFOp::create(
      b, sum, floatConstant(b, sum.getType(), 1.0 / static_cast<double>(p)));
}

//===----------------------------------------------------------------------===//
// MaxPool
//===----------------------------------------------------------------------===//

/// onnx.MaxPool %x
///   -> a copy of %x between least values, where padding asks for it;
///      linalg.generic over (n, c, kernel, output) { max }
/// Indices: a second nest with the best value and its place as results.
struct LowerMaxPool : public LoweringPattern<MaxPoolOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(MaxPoolOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    bool isUnsignedType = isUnsigned(getElementTypeOrSelf(op.getX()));
    SmallVector<WindowDim> dims = poolDims(op, x, b);
    Value least =
        extremeConstant(b, elementType(x), /*greatest=*/false, isUnsignedType);
    Value padded = padForWindows(b, x, dims, least);
    SmallVector<Value> results{foldWindows(
        b, padded, dims, least,
        [&](ImplicitLocOpBuilder &inner, Value element, Value best) {
          return maxScalars(inner, best, element, isUnsignedType);
        })};
    if (op.getIndices())
      results.push_back(findMaxima(op, b, x, padded, dims, isUnsignedType));
    return results;
  }

private:
  static Value findMaxima(MaxPoolOp op, LoweringBuilder &b, Value x,
                          Value padded, ArrayRef<WindowDim> dims,
                          bool isUnsignedType) {
    Extents sizes = extentsOf(b, x), result(ArrayRef(sizes).take_front(2));
    SmallVector<Value> begins, limits, taps;
    for (const WindowDim &dim : dims) {
      result.push_back(dim.output);
      begins.push_back(indexValue(b, dim.padBegin));
      limits.push_back(indexValue(b, dim.input));
      taps.push_back(indexValue(b, dim.kernel));
    }
    Value channels = indexValue(b, sizes[1]);
    Type type = elementType(x);
    Value least = extremeConstant(b, type, /*greatest=*/false, isUnsignedType);
    bool isColumnMajor = op.getStorageOrder() != 0;
    return generate(
        b, result, b.getI64Type(),
        [&](ImplicitLocOpBuilder &outer, ValueRange at) {
          Value none = indexConstant(outer, -1);
          SmallVector<Value> best = loopNest(
              outer, taps, {least, none},
              [&](ImplicitLocOpBuilder &inner, ValueRange tap,
                  ValueRange best) {
                return step(inner, at, tap, best, padded, dims, begins, limits,
                            channels, isColumnMajor, isUnsignedType);
              });
          return arith::IndexCastOp::create(outer, outer.getI64Type(), best[1])
              .getResult();
        });
  }

  using NestBody = function_ref<SmallVector<Value>(ImplicitLocOpBuilder &,
                                                   ValueRange, ValueRange)>;

  /// scf.for loops from 0 to `extents` that carry `inits`.
  static SmallVector<Value> loopNest(ImplicitLocOpBuilder &b,
                                     ArrayRef<Value> extents,
                                     ArrayRef<Value> inits, NestBody body) {
    SmallVector<Value> zeros(extents.size(), indexConstant(b, 0));
    SmallVector<Value> ones(extents.size(), indexConstant(b, 1));
    scf::LoopNest nest =
        scf::buildLoopNest(b, b.getLoc(), zeros, extents, ones, inits,
                           [&](OpBuilder &nested, Location loc, ValueRange at,
                               ValueRange carried) -> scf::ValueVector {
                             ImplicitLocOpBuilder inner(loc, nested);
                             SmallVector<Value> next = body(inner, at, carried);
                             return scf::ValueVector(next.begin(), next.end());
                           });
    return SmallVector<Value>(nest.results.begin(), nest.results.end());
  }

  /// The best value and its place after one more tap of the window.
  static SmallVector<Value> step(ImplicitLocOpBuilder &b, ValueRange at,
                                 ValueRange tap, ValueRange best, Value padded,
                                 ArrayRef<WindowDim> dims,
                                 ArrayRef<Value> begins, ArrayRef<Value> limits,
                                 Value channels, bool isColumnMajor,
                                 bool isUnsignedType) {
    SmallVector<Value> indices(at.take_front(2)), coordinates;
    Value isInside = intConstant(b, b.getI1Type(), 1);
    for (auto [i, dim] : llvm::enumerate(dims)) {
      Value start =
          arith::MulIOp::create(b, at[2 + i], indexConstant(b, dim.stride));
      Value offset =
          arith::MulIOp::create(b, tap[i], indexConstant(b, dim.dilation));
      Value index = arith::AddIOp::create(b, start, offset);
      Value coordinate = arith::SubIOp::create(b, index, begins[i]);
      isInside = arith::AndIOp::create(
          b, isInside,
          arith::CmpIOp::create(b, arith::CmpIPredicate::ult, coordinate,
                                limits[i]));
      indices.push_back(index);
      coordinates.push_back(coordinate);
    }
    // The flat place: channels are row-major, spatial dims as asked for.
    Value place = arith::AddIOp::create(
        b, arith::MulIOp::create(b, at[0], channels), at[1]);
    Value within = indexConstant(b, 0);
    for (size_t i = 0; i < dims.size(); ++i) {
      size_t dim = isColumnMajor ? dims.size() - 1 - i : i;
      place = arith::MulIOp::create(b, place, limits[dim]);
      within = arith::AddIOp::create(
          b, arith::MulIOp::create(b, within, limits[dim]), coordinates[dim]);
    }
    place = arith::AddIOp::create(b, place, within);

    Value element = tensor::ExtractOp::create(b, padded, indices);
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, best[1],
                                          indexConstant(b, 0));
    Value isGreater;
    if (isa<FloatType>(element.getType())) {
      // A NaN wins over all that is not one.
      Value isNaN =
          arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, element, element);
      Value wasNumber =
          arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, best[0], best[0]);
      isGreater = arith::OrIOp::create(
          b,
          arith::CmpFOp::create(b, arith::CmpFPredicate::OGT, element, best[0]),
          arith::AndIOp::create(b, isNaN, wasNumber));
    } else {
      isGreater =
          arith::CmpIOp::create(b,
                                isUnsignedType ? arith::CmpIPredicate::ugt
                                               : arith::CmpIPredicate::sgt,
                                element, best[0]);
    }
    Value wins = arith::AndIOp::create(
        b, isInside, arith::OrIOp::create(b, isFirst, isGreater));
    return {arith::SelectOp::create(b, wins, element, best[0]),
            arith::SelectOp::create(b, wins, place, best[1])};
  }
};

//===----------------------------------------------------------------------===//
// AveragePool, LpPool
//===----------------------------------------------------------------------===//

/// onnx.AveragePool %x
///   -> sums of windows of a copy with zeros around; linalg.generic
///      { sum / elements of the window that count }
struct LowerAveragePool : public LoweringPattern<AveragePoolOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(AveragePoolOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    Type type = elementType(x), compute = computeTypeOf(type);
    SmallVector<WindowDim> dims = poolDims(op, x, b);
    Value padded = padForWindows(b, x, dims, zeroConstant(b, type));
    Value sums = foldWindows(
        b, padded, dims, zeroConstant(b, compute),
        [&](ImplicitLocOpBuilder &inner, Value element, Value sum) {
          return addScalars(inner, sum,
                            castScalar(inner, element, type, compute));
        });
    SmallVector<Range> counted;
    for (const WindowDim &dim : dims)
      counted.push_back(countedRange(b, dim, op.getCountIncludePad() != 0));
    return SmallVector<Value>{elementwise(
        b, sums, extentsOf(b, sums), type,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value count = indexConstant(inner, 1);
          for (auto [i, dim] : llvm::enumerate(dims))
            count = arith::MulIOp::create(
                inner, count,
                countTaps(inner, linalg::IndexOp::create(inner, 2 + i), dim,
                          counted[i]));
          Value divisor = arith::SIToFPOp::create(
              inner, compute,
              arith::IndexCastOp::create(inner, inner.getI64Type(), count));
          Value mean = arith::DivFOp::create(inner, args[0], divisor);
          return castScalar(inner, mean, compute, type);
        })};
  }

private:
  /// The places of one dim that count, from the first padding on: [first, end).
  struct Range {
    Value first, end, taps;
  };

  static Range countedRange(LoweringBuilder &b, const WindowDim &dim,
                            bool includesPadding) {
    OpFoldResult end = addExtents(b, dim.padBegin, dim.input);
    if (includesPadding)
      end = addExtents(b, end, dim.padEnd);
    OpFoldResult first =
        includesPadding ? OpFoldResult(b.getIndexAttr(0)) : dim.padBegin;
    return {indexValue(b, first), indexValue(b, end),
            indexValue(b, dim.kernel)};
  }

  /// The number of taps k of window `place` with
  /// first <= place * stride + k * dilation < end.
  static Value countTaps(ImplicitLocOpBuilder &b, Value place,
                         const WindowDim &dim, const Range &range) {
    Value dilation = indexConstant(b, dim.dilation), zero = indexConstant(b, 0);
    Value start = arith::MulIOp::create(b, place, indexConstant(b, dim.stride));
    auto tapsBefore = [&](Value bound) -> Value {
      Value distance = arith::SubIOp::create(b, bound, start);
      Value taps = arith::CeilDivSIOp::create(b, distance, dilation);
      return arith::MinSIOp::create(b, arith::MaxSIOp::create(b, taps, zero),
                                    range.taps);
    };
    return arith::SubIOp::create(b, tapsBefore(range.end),
                                 tapsBefore(range.first));
  }
};

/// onnx.LpPool %x {p} -> sums of |x|^p over windows; linalg.generic { root }
struct LowerLpPool : public LoweringPattern<LpPoolOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(LpPoolOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    Type type = elementType(x), compute = computeTypeOf(type);
    int64_t p = static_cast<int64_t>(op.getP());
    SmallVector<WindowDim> dims = poolDims(op, x, b);
    Value padded = padForWindows(b, x, dims, zeroConstant(b, type));
    Value sums =
        foldWindows(b, padded, dims, zeroConstant(b, compute),
                    [&](ImplicitLocOpBuilder &inner, Value element, Value sum) {
                      Value wide = castScalar(inner, element, type, compute);
                      return addScalars(inner, sum, emitPower(inner, wide, p));
                    });
    return SmallVector<Value>{elementwise(
        b, sums, extentsOf(b, sums), type,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          return castScalar(inner, emitRoot(inner, args[0], p), compute, type);
        })};
  }
};

//===----------------------------------------------------------------------===//
// Global pools
//===----------------------------------------------------------------------===//

/// `tensor` [N, C] as [N, C, 1, ...] of `rank` dims.
Value appendOnes(LoweringBuilder &b, Value tensor, int64_t rank) {
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape(type.getShape());
  Extents sizes = extentsOf(b, tensor);
  shape.resize(rank, 1);
  sizes.resize(rank, b.getIndexAttr(1));
  SmallVector<ReassociationIndices> groups{{0}, {}};
  for (int64_t i = 1; i < rank; ++i)
    groups.back().push_back(i);
  return tensor::ExpandShapeOp::create(b, type.clone(shape), tensor, groups,
                                       sizes);
}

/// onnx.GlobalAveragePool %x -> sums over spatial dims, divided by their count
struct LowerGlobalAveragePool : public LoweringPattern<GlobalAveragePoolOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(GlobalAveragePoolOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    Type type = elementType(x), compute = computeTypeOf(type);
    Extents domain = extentsOf(b, x);
    Value sums = sumOver(
        b, IndexedTensor{x, allLoops(domain.size())}, domain, {0, 1}, compute,
        [](ImplicitLocOpBuilder &, ValueRange args) { return args[0]; });
    Value count = countOver(b, domain, {0, 1}, compute);
    Value means =
        elementwise(b, sums, extentsOf(b, sums), type,
                    [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                      Value mean = arith::DivFOp::create(inner, args[0], count);
                      return castScalar(inner, mean, compute, type);
                    });
    return SmallVector<Value>{appendOnes(b, means, domain.size())};
  }
};

/// onnx.GlobalMaxPool %x -> linalg.generic over all dims { max }
struct LowerGlobalMaxPool : public LoweringPattern<GlobalMaxPoolOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(GlobalMaxPoolOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    Extents domain = extentsOf(b, x);
    int64_t rank = domain.size();
    SmallVector<utils::IteratorType> iterators(rank,
                                               utils::IteratorType::reduction);
    iterators[0] = iterators[1] = utils::IteratorType::parallel;
    SmallVector<AffineExpr> channel{b.getAffineDimExpr(0),
                                    b.getAffineDimExpr(1)};
    Value least = extremeConstant(b, elementType(x), /*greatest=*/false,
                                  /*isUnsignedType=*/false);
    Value maxima = loopsOver(
        b, x,
        {b.getMultiDimIdentityMap(rank),
         AffineMap::get(rank, 0, channel, b.getContext())},
        iterators, filledTensor(b, {domain[0], domain[1]}, least),
        [](ImplicitLocOpBuilder &inner, ValueRange args) {
          return maxScalars(inner, args[0], args[1], /*isUnsignedType=*/false);
        });
    return SmallVector<Value>{appendOnes(b, maxima, rank)};
  }
};

/// onnx.GlobalLpPool %x {p} -> sums of |x|^p over spatial dims; their roots
struct LowerGlobalLpPool : public LoweringPattern<GlobalLpPoolOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(GlobalLpPoolOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX();
    Type type = elementType(x), compute = computeTypeOf(type);
    int64_t p = static_cast<int64_t>(op.getP());
    Extents domain = extentsOf(b, x);
    Value sums =
        sumOver(b, IndexedTensor{x, allLoops(domain.size())}, domain, {0, 1},
                compute, [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                  return emitPower(inner, args[0], p);
                });
    Value roots = elementwise(
        b, sums, extentsOf(b, sums), type,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          return castScalar(inner, emitRoot(inner, args[0], p), compute, type);
        });
    return SmallVector<Value>{appendOnes(b, roots, domain.size())};
  }
};
} // namespace

void moe::onnx::populatePoolPatterns(const LoweringTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<LowerMaxPool, LowerAveragePool, LowerLpPool,
               LowerGlobalAveragePool, LowerGlobalMaxPool, LowerGlobalLpPool>(
      converter, patterns.getContext());
}
