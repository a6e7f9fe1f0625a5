//===- ShapeReshape.cpp - Ops that keep the order of elements -------------===//
//
// Reshape, Flatten, Squeeze, Unsqueeze and Identity. All become collapse_shape
// followed by expand_shape, which are views, or stay scalars.
//
//===----------------------------------------------------------------------===//
#include "Factors.h"
#include "ShapeUtils.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moe::onnx;

/// Reshapes `tensor` to the extents, which hold as many elements, refined by
/// the type of the op's result.
static FailureOr<SmallVector<Value>> reshapeResult(LoweringBuilder &b,
                                                   Operation *op, Value tensor,
                                                   Extents extents) {
  FailureOr<Extents> refined =
      refineExtents(b, op, std::move(extents), op->getResult(0).getType());
  if (failed(refined))
    return failure();
  return SmallVector<Value>{reshapeTo(b, tensor, *refined)};
}

/// Per dim of a shape of `rank`, whether it is one of `axes`: i1 values,
/// constant where the axes are. The run ends unless the axes are in range and
/// differ.
static FailureOr<SmallVector<Value>> readAxes(LoweringBuilder &b, Operation *op,
                                              Value axes, int64_t rank,
                                              int64_t count) {
  SmallVector<Value> isAxis(rank, intConstant(b, b.getI1Type(), 0));
  Value differ = intConstant(b, b.getI1Type(), 1);
  std::optional<Extents> elements = indexElements(b, axes, count);
  for (OpFoldResult element : *elements) {
    FailureOr<OpFoldResult> axis = readAxis(b, op, element, rank);
    if (failed(axis))
      return failure();
    Value one = intConstant(b, b.getI1Type(), 1);
    for (auto [dim, is] : llvm::enumerate(isAxis)) {
      Value isThis =
          compare(b, arith::CmpIPredicate::eq, *axis, b.getIndexAttr(dim));
      Value isAgain = both(b, isThis, is);
      differ = both(b, differ, b.createOrFold<arith::XOrIOp>(isAgain, one));
      is = b.createOrFold<arith::OrIOp>(is, isThis);
    }
  }
  require(b, differ, "axes must differ");
  return isAxis;
}

/// Per dim, the number of dims ahead of it that are no axes; the last entry
/// counts all of them.
static Extents countOthers(LoweringBuilder &b, ArrayRef<Value> isAxis) {
  Extents counts{b.getIndexAttr(0)};
  for (Value is : isAxis)
    counts.push_back(addExtents(
        b, counts.back(), select(b, is, b.getIndexAttr(0), b.getIndexAttr(1))));
  return counts;
}

namespace {
/// onnx.Identity %x -> %x
struct LowerIdentity : public LoweringPattern<IdentityOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(IdentityOp op, Adaptor adaptor,
                                      LoweringBuilder &) const override {
    return SmallVector<Value>{adaptor.getInput()};
  }
};

/// onnx.Reshape %x, %shape
///   -> tensor.expand_shape (tensor.collapse_shape %x), with one group of dims
///      where the extents are not visibly equal
struct LowerReshape : public LoweringPattern<ReshapeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ReshapeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData();
    Extents from = extentsOf(b, data);
    auto type = cast<RankedTensorType>(op.getReshaped().getType());
    std::optional<Extents> shape =
        indexElements(b, adaptor.getShape(), type.getRank());
    Extents extents;
    SmallVector<Value> isRest; // per dim: whether it takes the rest, or null
    int64_t constantRests = 0;
    for (auto [i, element] : llvm::enumerate(*shape)) {
      std::optional<int64_t> constant = getConstantIntValue(element);
      bool canCopy = !op.getAllowzero() && i < from.size();
      if (constant && *constant < -1)
        return op.emitOpError("expected a shape of extents, 0 and -1, but got ")
               << *constant;
      if (constant && *constant == 0 && canCopy)
        element = from[i];
      isRest.push_back(nullptr);
      if (constant && *constant == -1) {
        ++constantRests;
        if (OpFoldResult known =
                b.getLoweringContext().knownExtent(b, op.getReshaped(), i))
          element = known;
        else
          isRest.back() = intConstant(b, b.getI1Type(), 1);
      } else if (!constant && !isMadeOfExtents(element)) {
        // A 0 that was computed from extents means an empty dim; any other one
        // means the input's dim.
        if (canCopy)
          element = select(
              b,
              compare(b, arith::CmpIPredicate::eq, element, b.getIndexAttr(0)),
              from[i], element);
        require(
            b,
            compare(b, arith::CmpIPredicate::sge, element, b.getIndexAttr(-1)),
            "a shape must hold extents, 0 and -1 only");
        isRest.back() =
            compare(b, arith::CmpIPredicate::eq, element, b.getIndexAttr(-1));
      }
      extents.push_back(element);
    }
    if (constantRests > 1)
      return op.emitOpError("expected one -1 at most in the shape");
    fillRest(b, from, extents, isRest);
    return reshapeResult(b, op, data, std::move(extents));
  }

private:
  /// Puts what is left of the elements of `from` where `isRest` holds, and
  /// requires that the number of elements stays.
  static void fillRest(LoweringBuilder &b, const Extents &from,
                       Extents &extents, ArrayRef<Value> isRest) {
    // Equal extents cancel one by one: 0 / 0 among them is 1 here.
    Extents left = from;
    Factors total, others;
    OpFoldResult rests = b.getIndexAttr(0);
    for (auto [extent, rest] : llvm::zip_equal(extents, isRest)) {
      if (!rest) {
        auto it = llvm::find(left, extent);
        if (it != left.end())
          left.erase(it);
        else
          multiply(others, extent);
        continue;
      }
      multiply(others, select(b, rest, b.getIndexAttr(1), extent));
      rests = addExtents(b, rests,
                         select(b, rest, b.getIndexAttr(1), b.getIndexAttr(0)));
    }
    for (OpFoldResult extent : left)
      multiply(total, extent);
    require(b, compare(b, arith::CmpIPredicate::sle, rests, b.getIndexAttr(1)),
            "a shape must hold one -1 at most");
    cancel(total, others);
    OpFoldResult numerator = toExtent(b, total);
    OpFoldResult denominator = toExtent(b, others);
    bool hasRest = !isZeroInteger(rests);
    OpFoldResult rest = numerator;
    if (hasRest && !isOneInteger(denominator))
      rest = foldIndex<arith::DivUIOp>(
          b, numerator,
          foldIndex<arith::MaxSIOp>(b, denominator, b.getIndexAttr(1)));
    OpFoldResult product = denominator;
    for (auto [extent, takesRest] : llvm::zip_equal(extents, isRest))
      if (takesRest)
        extent = select(b, takesRest, rest, extent);
    if (hasRest)
      product = mulExtents(
          b, denominator,
          select(b,
                 compare(b, arith::CmpIPredicate::eq, rests, b.getIndexAttr(1)),
                 rest, b.getIndexAttr(1)));
    requireEqual(b, product, numerator,
                 "the shape must keep the number of elements");
  }
};

/// onnx.Flatten %x -> tensor.collapse_shape
struct LowerFlatten : public LoweringPattern<FlattenOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(FlattenOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Extents from = extentsOf(b, adaptor.getInput());
    int64_t axis = normalizeAxis(op.getAxis(), from.size());
    ArrayRef<OpFoldResult> dims(from);
    Extents extents{productOf(b, dims.take_front(axis)),
                    productOf(b, dims.drop_front(axis))};
    return reshapeResult(b, op, adaptor.getInput(), std::move(extents));
  }
};

/// onnx.Squeeze %x, %axes -> tensor.collapse_shape
struct LowerSqueeze : public LoweringPattern<SqueezeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(SqueezeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData();
    Extents from = extentsOf(b, data);
    auto type = cast<RankedTensorType>(op.getSqueezed().getType());
    int64_t rank = from.size(), removed = rank - type.getRank();
    FailureOr<SmallVector<Value>> isAxis = SmallVector<Value>();
    if (adaptor.getAxes())
      isAxis = readAxes(b, op, adaptor.getAxes(), rank, removed);
    else
      for (OpFoldResult extent : from)
        isAxis->push_back(intConstant(b, b.getI1Type(), isOneInteger(extent)));
    if (failed(isAxis))
      return failure();
    // Dim i goes to dim i minus the number of axes before it.
    Extents positions = countOthers(b, *isAxis);
    OpFoldResult one = b.getIndexAttr(1);
    Extents extents(type.getRank(), one);
    for (auto [i, extent] : llvm::enumerate(from)) {
      Value goes = (*isAxis)[i];
      require(b,
              b.createOrFold<arith::OrIOp>(
                  b.createOrFold<arith::XOrIOp>(
                      goes, intConstant(b, b.getI1Type(), 1)),
                  compare(b, arith::CmpIPredicate::eq, extent, one)),
              "dim " + Twine(i) + " must be 1 to be removed");
      OpFoldResult kept = select(b, goes, one, extent);
      for (auto [k, to] : llvm::enumerate(extents)) {
        Value isThis = compare(b, arith::CmpIPredicate::eq, positions[i],
                               b.getIndexAttr(k));
        to = select(b, isThis, mulExtents(b, to, kept), to);
      }
    }
    std::optional<int64_t> rankLeft = getConstantIntValue(positions.back());
    if (rankLeft && *rankLeft != type.getRank())
      return op.emitOpError("expected a result of rank ")
             << *rankLeft << ", but got " << type;
    return reshapeResult(b, op, data, std::move(extents));
  }
};

/// onnx.Unsqueeze %x, %axes -> tensor.expand_shape
struct LowerUnsqueeze : public LoweringPattern<UnsqueezeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(UnsqueezeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getData();
    Extents from = extentsOf(b, data);
    auto type = cast<RankedTensorType>(op.getExpanded().getType());
    int64_t rank = type.getRank(), added = rank - from.size();
    FailureOr<SmallVector<Value>> isAxis =
        readAxes(b, op, adaptor.getAxes(), rank, added);
    if (failed(isAxis))
      return failure();
    // Dim i of the result is the data's dim at i minus the axes before it.
    Extents positions = countOthers(b, *isAxis);
    OpFoldResult one = b.getIndexAttr(1);
    Extents extents;
    for (auto [i, isNew] : llvm::enumerate(*isAxis)) {
      OpFoldResult extent = one;
      for (auto [k, size] : llvm::enumerate(from)) {
        Value isThis = compare(b, arith::CmpIPredicate::eq, positions[i],
                               b.getIndexAttr(k));
        extent = select(b, isThis, size, extent);
      }
      extents.push_back(select(b, isNew, one, extent));
    }
    std::optional<int64_t> rankRead = getConstantIntValue(positions.back());
    if (rankRead && *rankRead != static_cast<int64_t>(from.size()))
      return op.emitOpError("expected axes for a result of rank ")
             << rank << ", but they leave " << *rankRead
             << " dims to the data of type " << op.getData().getType();
    return reshapeResult(b, op, data, std::move(extents));
  }
};
} // namespace

void moe::onnx::populateShapeReshapePatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerIdentity, LowerReshape, LowerFlatten, LowerSqueeze,
               LowerUnsqueeze>(converter, patterns.getContext());
}
