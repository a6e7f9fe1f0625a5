//===- Resize.cpp - onnx.Resize -------------------------------------------===//
//
// Interpolation is separable: one linalg.generic per resized dim. Coordinates
// are computed in f64, elements in f32 (f64 on f64).
//
//===----------------------------------------------------------------------===//
#include "Window.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// How one dim is resized. Scalars are f64 but for the extents.
struct ResizedDim {
  int64_t axis;
  OpFoldResult input, output;
  Value scale;
  Value roiStart, roiEnd;
};

Value toDouble(ImplicitLocOpBuilder &b, Value index) {
  return arith::SIToFPOp::create(
      b, b.getF64Type(), arith::IndexCastOp::create(b, b.getI64Type(), index));
}

Value toIndex(ImplicitLocOpBuilder &b, Value number) {
  return arith::IndexCastOp::create(
      b, b.getIndexType(), arith::FPToSIOp::create(b, b.getI64Type(), number));
}

Value f64(ImplicitLocOpBuilder &b, double value) {
  return floatConstant(b, b.getF64Type(), value);
}

Value add(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return arith::AddFOp::create(b, lhs, rhs);
}
Value sub(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return arith::SubFOp::create(b, lhs, rhs);
}
Value mul(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return arith::MulFOp::create(b, lhs, rhs);
}
Value div(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return arith::DivFOp::create(b, lhs, rhs);
}

/// The coordinate of the input that result coordinate `y` is.
Value inputCoordinate(ImplicitLocOpBuilder &b, CoordinateMode mode,
                      const ResizedDim &dim, Value y, Value input,
                      Value output) {
  Value half = f64(b, 0.5), one = f64(b, 1.0);
  Value width = mul(b, dim.scale, input);
  Value isSingle =
      arith::CmpFOp::create(b, arith::CmpFPredicate::OEQ, width, one);
  Value last = sub(b, input, one), step = sub(b, width, one);
  Value centred = sub(b, div(b, add(b, y, half), dim.scale), half);
  switch (mode) {
  case CoordinateMode::HalfPixel:
    return centred;
  case CoordinateMode::HalfPixelSymmetric: {
    Value adjustment = div(b, output, width);
    Value offset = mul(b, mul(b, input, half), sub(b, one, adjustment));
    return add(b, offset, centred);
  }
  case CoordinateMode::PytorchHalfPixel:
    return arith::SelectOp::create(b, isSingle, f64(b, -0.5), centred);
  case CoordinateMode::AlignCorners:
    return arith::SelectOp::create(b, isSingle, f64(b, 0.0),
                                   div(b, mul(b, y, last), step));
  case CoordinateMode::Asymmetric:
    return div(b, y, dim.scale);
  case CoordinateMode::TfCropAndResize: {
    Value extent = mul(b, sub(b, dim.roiEnd, dim.roiStart), last);
    Value inside = arith::SelectOp::create(b, isSingle, mul(b, extent, half),
                                           div(b, mul(b, y, extent), step));
    return add(b, inside, mul(b, dim.roiStart, last));
  }
  }
  return centred;
}

/// An element of the neighbourhood: its offset from floor(x) and its weight.
struct Tap {
  int64_t offset;
  Value weight;
};

/// The four weights of cubic interpolation at `r` in [0, 1).
SmallVector<Tap> cubicTaps(ImplicitLocOpBuilder &b, Value r, double a) {
  Value one = f64(b, 1.0);
  // Within distance 1: ((a + 2) d - (a + 3)) d^2 + 1.
  auto near = [&](Value d) {
    Value inner = sub(b, mul(b, f64(b, a + 2), d), f64(b, a + 3));
    return add(b, mul(b, mul(b, inner, d), d), one);
  };
  // From 1 to 2: ((a d - 5 a) d + 8 a) d - 4 a.
  auto far = [&](Value d) {
    Value inner = sub(b, mul(b, f64(b, a), d), f64(b, 5 * a));
    inner = add(b, mul(b, inner, d), f64(b, 8 * a));
    return sub(b, mul(b, inner, d), f64(b, 4 * a));
  };
  Value rest = sub(b, one, r);
  return {{-1, far(add(b, r, one))},
          {0, near(r)},
          {1, near(rest)},
          {2, far(add(b, rest, one))}};
}

/// onnx.Resize %x scales %s
///   -> per resized dim: linalg.generic { sum of weight * element }
struct LowerResize : public LoweringPattern<ResizeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ResizeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Type onnxType = getElementTypeOrSelf(op.getX().getType());
    Value x = adaptor.getX();
    Type compute = onnxType.isF64() ? onnxType : Type(b.getF32Type());
    bool isNearest = op.getMode() == ResizeMode::Nearest;
    bool isCrop =
        op.getCoordinateTransformationMode() == CoordinateMode::TfCropAndResize;
    // Nearest elements are copied; all else is computed.
    bool isCopy = isNearest && !isCrop;
    Value current = x;
    if (!isCopy && compute != onnxType)
      current =
          elementwise(b, x, extentsOf(b, x), compute,
                      [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                        return castScalar(inner, args[0], onnxType, compute);
                      });
    for (const ResizedDim &dim : resizedDims(op, adaptor, b))
      current = resizeDim(op, b, current, dim);
    if (!isCopy && compute != onnxType)
      current = roundTo(b, current, compute, onnxType);
    return SmallVector<Value>{current};
  }

private:
  /// Dims whose scale is not visibly 1.
  static SmallVector<ResizedDim> resizedDims(ResizeOp op, Adaptor adaptor,
                                             LoweringBuilder &b) {
    Value x = adaptor.getX();
    int64_t rank = cast<RankedTensorType>(x.getType()).getRank();
    SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(rank));
    if (op.getAxes())
      axes = llvm::map_to_vector(*op.getAxes(), [&](int64_t axis) {
        return normalizeAxis(axis, rank);
      });
    int64_t count = axes.size();
    DenseFPElementsAttr constant;
    bool isConstant =
        op.getScales() && matchPattern(op.getScales(), m_Constant(&constant));
    auto resultType = cast<RankedTensorType>(op.getY().getType());
    Value given =
        adaptor.getScales() ? adaptor.getScales() : adaptor.getSizes();
    requireEqual(b, extentOf(b, given, 0), b.getIndexAttr(count),
                 "expected one scale or size per axis");

    SmallVector<ResizedDim> dims;
    for (auto [i, axis] : llvm::enumerate(axes)) {
      ResizedDim dim{axis, extentOf(b, x, axis), {}, {}, {}, {}};
      if (isConstant && !adaptor.getRoi() &&
          (*(constant.value_begin<APFloat>() + i)).isExactlyValue(1.0))
        continue;
      Value input = indexValue(b, dim.input);
      Value element = extractElement(b, given, i);
      if (adaptor.getScales()) {
        Value scale = castScalar(b, element, element.getType(), b.getF32Type());
        Value extent = math::FloorOp::create(
            b,
            mul(b,
                arith::TruncFOp::create(b, b.getF32Type(), toDouble(b, input)),
                scale));
        dim.output = toIndex(b, extent);
        dim.scale = arith::ExtFOp::create(b, b.getF64Type(), scale);
      } else {
        dim.output = toExtent(b, element);
        dim.scale =
            div(b, toDouble(b, indexValue(b, dim.output)), toDouble(b, input));
      }
      if (Value roi = adaptor.getRoi();
          roi && op.getCoordinateTransformationMode() ==
                     CoordinateMode::TfCropAndResize) {
        auto read = [&](int64_t at) {
          Value bound = extractElement(b, roi, at);
          return castScalar(b, bound, bound.getType(), b.getF64Type());
        };
        dim.roiStart = read(i);
        dim.roiEnd = read(count + i);
      }
      dims.push_back(dim);
    }
    if (op.getKeepAspectRatioPolicy() != AspectPolicy::Stretch &&
        adaptor.getSizes())
      keepAspect(op, b, dims);
    for (const ResizedDim &dim : dims)
      requireElements(b, dim);
    for (ResizedDim &dim : dims)
      if (!resultType.isDynamicDim(dim.axis))
        dim.output = b.getIndexAttr(resultType.getDimSize(dim.axis));
    return dims;
  }

  /// One scale for all dims: the least (not_larger) or the greatest.
  static void keepAspect(ResizeOp op, LoweringBuilder &b,
                         SmallVectorImpl<ResizedDim> &dims) {
    Value common;
    for (const ResizedDim &dim : dims) {
      if (!common)
        common = dim.scale;
      else if (op.getKeepAspectRatioPolicy() == AspectPolicy::NotLarger)
        common = arith::MinimumFOp::create(b, common, dim.scale);
      else
        common = arith::MaximumFOp::create(b, common, dim.scale);
    }
    for (ResizedDim &dim : dims) {
      dim.scale = common;
      Value extent = mul(b, common, toDouble(b, indexValue(b, dim.input)));
      dim.output =
          toIndex(b, math::FloorOp::create(b, add(b, extent, f64(b, 0.5))));
    }
  }

  /// Something cannot be interpolated from nothing.
  static void requireElements(LoweringBuilder &b, const ResizedDim &dim) {
    Value zero = indexConstant(b, 0), output = indexValue(b, dim.output);
    auto compare = [&](arith::CmpIPredicate predicate, Value value) {
      return b.createOrFold<arith::CmpIOp>(predicate, value, zero);
    };
    Value isFull = compare(arith::CmpIPredicate::sgt, indexValue(b, dim.input));
    Value isRight = b.createOrFold<arith::AndIOp>(
        isFull, compare(arith::CmpIPredicate::sge, output));
    require(b,
            b.createOrFold<arith::OrIOp>(
                isRight, compare(arith::CmpIPredicate::eq, output)),
            "a resized extent must be positive, or both must be 0");
  }

  static Value resizeDim(ResizeOp op, LoweringBuilder &b, Value tensor,
                         const ResizedDim &dim) {
    Extents extents = extentsOf(b, tensor);
    extents[dim.axis] = dim.output;
    Type type = elementType(tensor);
    Value size = indexValue(b, dim.input);
    Value input = toDouble(b, size);
    Value output = toDouble(b, indexValue(b, dim.output));
    return generate(
        b, extents, type, [&](ImplicitLocOpBuilder &in, ValueRange at) {
          Value x =
              inputCoordinate(in, op.getCoordinateTransformationMode(), dim,
                              toDouble(in, at[dim.axis]), input, output);
          Value value = interpolate(op, in, tensor, dim.axis, at, x, size);
          if (op.getCoordinateTransformationMode() !=
              CoordinateMode::TfCropAndResize)
            return value;
          Value isLow = arith::CmpFOp::create(in, arith::CmpFPredicate::OLT, x,
                                              f64(in, 0.0));
          Value isHigh = arith::CmpFOp::create(in, arith::CmpFPredicate::OGT, x,
                                               sub(in, input, f64(in, 1.0)));
          Value outside = floatConstant(
              in, type, op.getExtrapolationValue().convertToFloat());
          return arith::SelectOp::create(
                     in, arith::OrIOp::create(in, isLow, isHigh), outside,
                     value)
              .getResult();
        });
  }

  /// The element at `index` of `axis`, clamped to the edge.
  static Value readClamped(ImplicitLocOpBuilder &b, Value tensor, int64_t axis,
                           ValueRange at, Value index, Value size) {
    SmallVector<Value> indices(at);
    Value zero = indexConstant(b, 0);
    Value last = arith::SubIOp::create(b, size, indexConstant(b, 1));
    indices[axis] =
        arith::MaxSIOp::create(b, arith::MinSIOp::create(b, index, last), zero);
    return tensor::ExtractOp::create(b, tensor, indices);
  }

  static Value interpolate(ResizeOp op, ImplicitLocOpBuilder &b, Value tensor,
                           int64_t axis, ValueRange at, Value x, Value size) {
    if (op.getMode() == ResizeMode::Nearest)
      return readClamped(b, tensor, axis, at,
                         toIndex(b, nearest(b, op.getNearestMode(), x)), size);
    Value floor = math::FloorOp::create(b, x);
    Value ratio = sub(b, x, floor), first = toIndex(b, floor);
    SmallVector<Tap> taps{{0, sub(b, f64(b, 1.0), ratio)}, {1, ratio}};
    if (op.getMode() == ResizeMode::Cubic)
      taps = cubicTaps(b, ratio, op.getCubicCoeffA().convertToFloat());
    Type type = elementType(tensor);
    Value sum = zeroConstant(b, type), total = f64(b, 0.0);
    for (Tap tap : taps) {
      Value index =
          arith::AddIOp::create(b, first, indexConstant(b, tap.offset));
      if (op.getExcludeOutside()) {
        Value isInside =
            arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index, size);
        tap.weight =
            arith::SelectOp::create(b, isInside, tap.weight, f64(b, 0.0));
      }
      total = add(b, total, tap.weight);
      Value weight = castScalar(b, tap.weight, b.getF64Type(), type);
      sum = add(b, sum,
                mul(b, weight, readClamped(b, tensor, axis, at, index, size)));
    }
    if (op.getExcludeOutside())
      sum = div(b, sum, castScalar(b, total, b.getF64Type(), type));
    return sum;
  }

  static Value nearest(ImplicitLocOpBuilder &b, NearestMode mode, Value x) {
    Value half = f64(b, 0.5);
    switch (mode) {
    case NearestMode::RoundPreferFloor:
      return math::CeilOp::create(b, sub(b, x, half));
    case NearestMode::RoundPreferCeil:
      return math::FloorOp::create(b, add(b, x, half));
    case NearestMode::Floor:
      return math::FloorOp::create(b, x);
    case NearestMode::Ceil:
      return math::CeilOp::create(b, x);
    }
    return x;
  }

  /// Floats are rounded to `type`; integers to nearest even, saturated.
  static Value roundTo(LoweringBuilder &b, Value tensor, Type compute,
                       Type type) {
    Type signless = isa<FloatType>(type)
                        ? type
                        : b.getIntegerType(type.getIntOrFloatBitWidth());
    return elementwise(
        b, tensor, extentsOf(b, tensor), signless,
        [&](ImplicitLocOpBuilder &inner, ValueRange args) {
          Value value = args[0];
          if (auto integer = dyn_cast<IntegerType>(type)) {
            unsigned bits = integer.getWidth();
            bool isUnsignedType = isUnsigned(type);
            double least = isUnsignedType ? 0.0 : -std::ldexp(1.0, bits - 1);
            double greatest =
                std::ldexp(1.0, isUnsignedType ? bits : bits - 1) - 1.0;
            value = math::RoundEvenOp::create(inner, value);
            value = arith::MaxNumFOp::create(
                inner, value, floatConstant(inner, compute, least));
            value = arith::MinNumFOp::create(
                inner, value, floatConstant(inner, compute, greatest));
          }
          return castScalar(inner, value, compute, type);
        });
  }
};
} // namespace

void moe::onnx::populateResizePatterns(const LoweringTypeConverter &converter,
                                       RewritePatternSet &patterns) {
  patterns.add<LowerResize>(converter, patterns.getContext());
}
