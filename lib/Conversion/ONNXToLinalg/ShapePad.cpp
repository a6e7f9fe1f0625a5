//===- ShapePad.cpp - onnx.Pad --------------------------------------------===//
//
// A constant border is a fill and an insertion of what is left of the data; the
// other modes read each element from where its index leads.
//
//===----------------------------------------------------------------------===//
#include "ShapeUtils.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moe::onnx;

/// value mod divisor in [0, divisor), for a positive divisor.
static OpFoldResult floorMod(ImplicitLocOpBuilder &b, OpFoldResult value,
                             OpFoldResult divisor) {
  OpFoldResult rest = foldIndex<arith::RemSIOp>(b, value, divisor);
  return wrapIndex(b, rest, divisor);
}

/// Where an index that may be outside of [0, extent) reads. `extent` > 0.
static OpFoldResult mapIndex(ImplicitLocOpBuilder &b, PadMode mode,
                             OpFoldResult index, OpFoldResult extent) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  OpFoldResult last = subExtents(b, extent, one);
  if (mode == PadMode::Wrap)
    return floorMod(b, index, extent);
  if (mode == PadMode::Edge)
    return foldIndex<arith::MinSIOp>(
        b, foldIndex<arith::MaxSIOp>(b, index, zero), last);
  // Reflect: 0 1 2 1 | 0 1 2 1 | ..., of period 2 * last; 1 where last is 0.
  OpFoldResult period =
      foldIndex<arith::MaxSIOp>(b, mulExtents(b, last, b.getIndexAttr(2)), one);
  OpFoldResult phase = floorMod(b, index, period);
  return foldIndex<arith::MinSIOp>(b, phase, subExtents(b, period, phase));
}

namespace {
/// onnx.Pad %x, %pads
///   -> tensor.insert_slice (tensor.extract_slice %x) into linalg.fill
///   or linalg.generic that reads %x[map(index - before)]
struct LowerPad : public LoweringPattern<PadOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(PadOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData();
    Extents from = extentsOf(b, data);
    Extents before(from.size(), b.getIndexAttr(0));
    Extents behind = before;
    if (failed(readPads(op, adaptor, b, before, behind)))
      return failure();
    Extents extents;
    for (auto [extent, low, high] : llvm::zip_equal(from, before, behind)) {
      // Small enough for their sum not to wrap around.
      for (OpFoldResult pad : {low, high})
        if (!isMadeOfExtents(pad))
          require(b,
                  compare(b, arith::CmpIPredicate::sle, pad,
                          b.getIndexAttr(int64_t(1) << 56)),
                  "pads must be at most 2^56");
      OpFoldResult sum = addExtents(b, addExtents(b, extent, low), high);
      require(b, compare(b, arith::CmpIPredicate::sge, sum, b.getIndexAttr(0)),
              "negative pads must not cut off more than there is");
      extents.push_back(sum);
    }
    FailureOr<Extents> refined =
        refineExtents(b, op, std::move(extents), op.getOutput().getType());
    if (failed(refined))
      return failure();
    requireAddressable(b, *refined);
    if (op.getMode() == PadMode::Constant) {
      Value fill = adaptor.getConstantValue()
                       ? onlyElement(b, adaptor.getConstantValue())
                       : zeroConstant(b, elementType(data));
      return padConstant(b, data, fill, *refined, before, behind);
    }
    for (auto [extent, result] : llvm::zip_equal(from, *refined)) {
      OpFoldResult zero = b.getIndexAttr(0);
      require(b,
              b.createOrFold<arith::OrIOp>(
                  compare(b, arith::CmpIPredicate::sgt, extent, zero),
                  compare(b, arith::CmpIPredicate::eq, result, zero)),
              "only mode constant pads a dim of extent 0");
    }
    return SmallVector<Value>{readEach(
        b, data, *refined,
        [&](ImplicitLocOpBuilder &inner, int64_t dim, OpFoldResult index) {
          if (isZeroInteger(before[dim]) && isZeroInteger(behind[dim]))
            return index;
          return mapIndex(inner, op.getMode(),
                          subExtents(inner, index, before[dim]), from[dim]);
        })};
  }

private:
  /// Reads `pads` into the counts before and behind each dim of the data.
  static LogicalResult readPads(PadOp op, Adaptor adaptor, LoweringBuilder &b,
                                Extents &before, Extents &behind) {
    int64_t rank = before.size();
    Extents axes;
    if (adaptor.getAxes()) {
      std::optional<Extents> elements = indexElements(b, adaptor.getAxes());
      if (!elements)
        return op.emitOpError("expected axes of static length, but got ")
               << op.getAxes().getType();
      axes = *elements;
    } else {
      for (int64_t i = 0; i < rank; ++i)
        axes.push_back(b.getIndexAttr(i));
    }
    int64_t count = axes.size();
    Extents pads = *indexElements(b, adaptor.getPads(), 2 * count);
    for (int64_t i = 0; i < count; ++i) {
      FailureOr<OpFoldResult> axis = readAxis(b, op, axes[i], rank);
      if (failed(axis))
        return failure();
      for (int64_t k = 0; k < rank; ++k) {
        Value isThis =
            compare(b, arith::CmpIPredicate::eq, *axis, b.getIndexAttr(k));
        before[k] = select(b, isThis, pads[i], before[k]);
        behind[k] = select(b, isThis, pads[count + i], behind[k]);
      }
    }
    return success();
  }

  /// What negative pads leave of `data`, inserted into a filled tensor.
  static FailureOr<SmallVector<Value>> padConstant(LoweringBuilder &b,
                                                   Value data, Value fill,
                                                   const Extents &extents,
                                                   const Extents &before,
                                                   const Extents &behind) {
    OpFoldResult zero = b.getIndexAttr(0);
    Extents cut, sizes, at;
    for (auto [extent, low, high] :
         llvm::zip_equal(extentsOf(b, data), before, behind)) {
      OpFoldResult inside = foldIndex<arith::MaxSIOp>(b, low, zero);
      at.push_back(inside);
      cut.push_back(subExtents(b, inside, low));
      OpFoldResult cutBehind =
          foldIndex<arith::MaxSIOp>(b, subExtents(b, zero, high), zero);
      OpFoldResult size = extent;
      if (!isZeroInteger(cut.back()))
        size = subExtents(b, size, cut.back());
      if (!isZeroInteger(cutBehind))
        size = subExtents(b, size, cutBehind);
      require(b, compare(b, arith::CmpIPredicate::sge, size, zero),
              "negative pads must not cut off more than there is");
      sizes.push_back(size);
    }
    Value inner = data;
    if (sizes != extentsOf(b, data))
      inner = extractSlice(b, data, cut, sizes,
                           Extents(sizes.size(), b.getIndexAttr(1)));
    Value result = filledTensor(b, extents, fill);
    return SmallVector<Value>{insertSlice(b, inner, result, at)};
  }
};
} // namespace

void moe::onnx::populateShapePadPatterns(const LoweringTypeConverter &converter,
                                         RewritePatternSet &patterns) {
  patterns.add<LowerPad>(converter, patterns.getContext());
}
