//===- Conv.cpp - onnx.Conv, ConvTranspose --------------------------------===//
#include "Window.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// onnx.Conv %x, %w, %b
///   -> a copy of %x with zeros around, where padding asks for it;
///      linalg.generic over (n, g, m, c, kernel, output); %b added
struct LowerConv : public LoweringPattern<ConvOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ConvOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value sums =
        convolution(b, adaptor.getX(), adaptor.getW(), windowAttributes(op),
                    static_cast<int64_t>(op.getGroup()));
    return SmallVector<Value>{
        addPerChannel(b, sums, adaptor.getB(), elementType(adaptor.getX()))};
  }
};

/// onnx.ConvTranspose %x, %w {strides}
///   -> %x with stride - 1 zeros between its elements and zeros around, then
///      a convolution of stride 1 with the mirrored kernel
struct LowerConvTranspose : public LoweringPattern<ConvTransposeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ConvTransposeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value x = adaptor.getX(), w = adaptor.getW();
    Extents sizes = extentsOf(b, x), kernel = extentsOf(b, w);
    SmallVector<WindowDim> dims;
    SmallVector<OpFoldResult> extents;
    SmallVector<Value> begins, strides;
    OpFoldResult one = b.getIndexAttr(1);
    for (size_t i = 0; i + 2 < sizes.size(); ++i) {
      WindowDim dim = transposedDim(op, b, i, sizes[i + 2], kernel[i + 2]);
      OpFoldResult reach = mulExtents(b, subExtents(b, dim.kernel, one),
                                      b.getIndexAttr(dim.dilation));
      begins.push_back(indexValue(b, subExtents(b, reach, dim.padBegin)));
      strides.push_back(indexConstant(b, dim.stride));
      dim.stride = 1;
      extents.push_back(dim.covered(b));
      dims.push_back(dim);
    }
    Value spread = spreadOut(b, x, begins, strides, extents);
    Value sums = convolve(b, spread, mirrored(b, w), dims,
                          static_cast<int64_t>(op.getGroup()),
                          /*isTransposed=*/true);
    return SmallVector<Value>{
        addPerChannel(b, sums, adaptor.getB(), elementType(x))};
  }

private:
  /// Output and padding of spatial dim `i`.
  static WindowDim transposedDim(ConvTransposeOp op, LoweringBuilder &b,
                                 size_t i, OpFoldResult input,
                                 OpFoldResult kernel) {
    size_t count = cast<RankedTensorType>(op.getX().getType()).getRank() - 2;
    WindowDim dim;
    dim.input = input;
    dim.kernel = kernel;
    dim.stride = op.getStrides() ? (*op.getStrides())[i] : 1;
    dim.dilation = op.getDilations() ? (*op.getDilations())[i] : 1;
    OpFoldResult stride = b.getIndexAttr(dim.stride);
    // What the kernel reaches without padding.
    dim.output = input;
    OpFoldResult full = addExtents(
        b, dim.covered(b),
        b.getIndexAttr(op.getOutputPadding() ? (*op.getOutputPadding())[i]
                                             : 0));
    bool isSame = op.getAutoPad() == AutoPad::SameUpper ||
                  op.getAutoPad() == AutoPad::SameLower;
    if (!op.getOutputShape() && !isSame) {
      bool isPadded = op.getPads() && op.getAutoPad() == AutoPad::NotSet;
      dim.padBegin = b.getIndexAttr(isPadded ? (*op.getPads())[i] : 0);
      dim.padEnd = b.getIndexAttr(isPadded ? (*op.getPads())[count + i] : 0);
      dim.output = subExtents(b, subExtents(b, full, dim.padBegin), dim.padEnd);
      dim.output = maxExtents(b, dim.output, b.getIndexAttr(0));
      return dim;
    }
    dim.output = op.getOutputShape()
                     ? OpFoldResult(b.getIndexAttr((*op.getOutputShape())[i]))
                     : mulExtents(b, input, stride);
    OpFoldResult total =
        maxExtents(b, subExtents(b, full, dim.output), b.getIndexAttr(0));
    OpFoldResult less = floorDivExtents(b, total, b.getIndexAttr(2));
    OpFoldResult more = subExtents(b, total, less);
    bool isUpper = op.getAutoPad() == AutoPad::SameUpper;
    dim.padBegin = isUpper ? less : more;
    dim.padEnd = isUpper ? more : less;
    return dim;
  }

  /// Element i of `x` at begin + i * stride, zeros elsewhere.
  static Value spreadOut(LoweringBuilder &b, Value x, ArrayRef<Value> begins,
                         ArrayRef<Value> strides,
                         ArrayRef<OpFoldResult> extents) {
    Extents sizes = extentsOf(b, x), spread(ArrayRef(sizes).take_front(2));
    spread.append(extents.begin(), extents.end());
    SmallVector<Value> limits;
    for (OpFoldResult size : ArrayRef(sizes).drop_front(2))
      limits.push_back(indexValue(b, size));
    Value zero = zeroConstant(b, elementType(x));
    return generate(
        b, spread, elementType(x),
        [&](ImplicitLocOpBuilder &inner, ValueRange at) {
          SmallVector<Value> indices(at.take_front(2));
          Value isElement = intConstant(inner, inner.getI1Type(), 1);
          for (auto [index, begin, stride, limit] :
               llvm::zip_equal(at.drop_front(2), begins, strides, limits)) {
            Value shifted = arith::SubIOp::create(inner, index, begin);
            Value quotient =
                arith::FloorDivSIOp::create(inner, shifted, stride);
            Value isExact = arith::CmpIOp::create(
                inner, arith::CmpIPredicate::eq, shifted,
                arith::MulIOp::create(inner, quotient, stride));
            Value isInside = arith::CmpIOp::create(
                inner, arith::CmpIPredicate::ult, quotient, limit);
            isElement = arith::AndIOp::create(
                inner, isElement,
                arith::AndIOp::create(inner, isExact, isInside));
            indices.push_back(quotient);
          }
          return scf::IfOp::create(
                     inner, isElement,
                     [&](OpBuilder &nested, Location loc) {
                       Value element =
                           tensor::ExtractOp::create(nested, loc, x, indices);
                       scf::YieldOp::create(nested, loc, element);
                     },
                     [&](OpBuilder &nested, Location loc) {
                       scf::YieldOp::create(nested, loc, zero);
                     })
              .getResult(0);
        });
  }

  /// `weights` with all spatial dims reversed.
  static Value mirrored(LoweringBuilder &b, Value weights) {
    Extents sizes = extentsOf(b, weights);
    SmallVector<Value> lasts;
    for (OpFoldResult size : ArrayRef(sizes).drop_front(2))
      lasts.push_back(indexValue(b, subExtents(b, size, b.getIndexAttr(1))));
    return generate(
        b, sizes, elementType(weights),
        [&](ImplicitLocOpBuilder &inner, ValueRange at) {
          SmallVector<Value> indices(at.take_front(2));
          for (auto [index, last] : llvm::zip_equal(at.drop_front(2), lasts))
            indices.push_back(arith::SubIOp::create(inner, last, index));
          return tensor::ExtractOp::create(inner, weights, indices).getResult();
        });
  }
};
} // namespace

void moe::onnx::populateConvPatterns(const LoweringTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<LowerConv, LowerConvTranspose>(converter, patterns.getContext());
}
