//===- ShapeReshape.cpp - Ops that keep the order of elements -------------===//
//
// Reshape, Flatten, Squeeze, Unsqueeze and Identity. All become collapse_shape
// followed by expand_shape, which are views, or stay scalars.
//
//===----------------------------------------------------------------------===//
#include "ShapeUtils.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <numeric>

using namespace mlir;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// Products of extents, as far as they can be compared
//===----------------------------------------------------------------------===//

namespace {
/// A product: a constant times values that are not looked into.
struct Factors {
  int64_t constant = 1;
  SmallVector<Value> values;

  bool isOne() const { return constant == 1 && values.empty(); }
};
} // namespace

static void multiply(Factors &factors, OpFoldResult extent) {
  if (std::optional<int64_t> constant = getConstantIntValue(extent)) {
    factors.constant *= *constant;
    return;
  }
  SmallVector<Value> worklist{cast<Value>(extent)};
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (std::optional<int64_t> constant = getConstantIntValue(value))
      factors.constant *= *constant;
    else if (auto product = value.getDefiningOp<arith::MulIOp>())
      llvm::append_range(worklist, product->getOperands());
    else if (auto convert = value.getDefiningOp<arith::IndexCastOp>())
      worklist.push_back(convert.getIn());
    else
      factors.values.push_back(value);
  }
}

/// Divides both by what they share.
static void cancel(Factors &lhs, Factors &rhs) {
  llvm::erase_if(lhs.values, [&](Value value) {
    auto it = llvm::find(rhs.values, value);
    if (it == rhs.values.end())
      return false;
    rhs.values.erase(it);
    return true;
  });
  if (lhs.constant == 0 && rhs.constant == 0) {
    lhs.constant = rhs.constant = 1;
    return;
  }
  int64_t shared = std::gcd(lhs.constant, rhs.constant);
  lhs.constant /= shared;
  rhs.constant /= shared;
}

static OpFoldResult toExtent(ImplicitLocOpBuilder &b, const Factors &factors) {
  OpFoldResult product = b.getIndexAttr(factors.constant);
  for (Value value : factors.values)
    product = mulExtents(b, product, toExtent(b, value));
  return product;
}

//===----------------------------------------------------------------------===//
// reshapeTo
//===----------------------------------------------------------------------===//

namespace {
/// Dims of both shapes that hold the same elements.
struct DimGroup {
  ReassociationIndices from, to;
};
} // namespace

/// Splits two shapes of one number of elements into the smallest groups whose
/// products are visibly equal. Both have a dim.
static SmallVector<DimGroup> groupDims(ArrayRef<OpFoldResult> from,
                                       ArrayRef<OpFoldResult> to) {
  SmallVector<DimGroup> groups;
  size_t i = 0, j = 0;
  while (i < from.size() && j < to.size()) {
    DimGroup &group = groups.emplace_back();
    Factors left, right;
    auto takeFrom = [&] {
      multiply(left, from[i]);
      group.from.push_back(i++);
    };
    auto takeTo = [&] {
      multiply(right, to[j]);
      group.to.push_back(j++);
    };
    takeFrom();
    takeTo();
    for (;;) {
      cancel(left, right);
      if ((left.isOne() && right.isOne()) ||
          (i == from.size() && j == to.size()))
        break;
      bool needsMoreLeft =
          left.isOne() ||
          (!right.isOne() && left.values.empty() && right.values.empty() &&
           left.constant < right.constant);
      if (j == to.size() || (needsMoreLeft && i < from.size()))
        takeFrom();
      else
        takeTo();
    }
  }
  // What is left on one side has extent 1.
  for (; i < from.size(); ++i)
    groups.back().from.push_back(i);
  for (; j < to.size(); ++j)
    groups.back().to.push_back(j);
  return groups;
}

/// Between a scalar and a tensor whose dims all are 1.
static Value reshapeScalar(LoweringBuilder &b, Value tensor,
                           const Extents &extents) {
  auto type = cast<RankedTensorType>(tensor.getType());
  auto onesOf = [&](int64_t rank) {
    return type.clone(SmallVector<int64_t>(rank, 1));
  };
  ArrayRef<ReassociationIndices> none;
  if (extents.empty()) {
    tensor = castTo(b, tensor, onesOf(type.getRank()));
    return tensor::CollapseShapeOp::create(b, type.clone(ArrayRef<int64_t>{}),
                                           tensor, none);
  }
  Value ones =
      tensor::ExpandShapeOp::create(b, onesOf(extents.size()), tensor, none);
  return castTo(b, ones, type.clone(staticShape(extents)));
}

Value moe::onnx::reshapeTo(LoweringBuilder &b, Value tensor,
                           const Extents &extents) {
  Extents from = extentsOf(b, tensor);
  if (from == extents)
    return tensor;
  auto type = cast<RankedTensorType>(tensor.getType());
  SmallVector<int64_t> shape = staticShape(extents);
  if (std::optional<SmallVector<Value>> scalars = scalarElements(b, tensor)) {
    // At most one dim is not known, and the number of elements is.
    int64_t dynamic = llvm::count_if(shape, ShapedType::isDynamic);
    int64_t known = 1;
    for (int64_t dim : shape)
      known *= ShapedType::isDynamic(dim) ? 1 : dim;
    int64_t count = scalars->size();
    if (dynamic <= 1 && known > 0 && count % known == 0) {
      for (int64_t &dim : shape)
        if (ShapedType::isDynamic(dim))
          dim = count / known;
      if (ShapedType::getNumElements(shape) == count)
        return castTo(b, fromScalars(b, shape, *scalars, type.getElementType()),
                      type.clone(staticShape(extents)));
    }
  }
  if (from.empty() && extents.empty())
    return tensor;
  if (from.empty() || extents.empty())
    return reshapeScalar(b, tensor, extents);

  SmallVector<DimGroup> groups = groupDims(from, extents);
  // Upstream's expand-strided-metadata crashes on an expansion of one dim to
  // several dynamic ones.
  auto isDynamic = [&](int64_t dim) {
    return ShapedType::isDynamic(shape[dim]);
  };
  if (llvm::any_of(groups, [&](const DimGroup &group) {
        return llvm::count_if(group.to, isDynamic) > 1 && group.to.size() > 1;
      })) {
    SmallVector<Value> sizes;
    for (OpFoldResult extent : extents)
      sizes.push_back(indexValue(b, extent));
    return tensor::ReshapeOp::create(
        b, type.clone(shape), tensor,
        tensor::FromElementsOp::create(b, sizes).getResult());
  }
  SmallVector<ReassociationIndices> collapsed, expanded;
  SmallVector<int64_t> middle; // one dim per group, as expand_shape wants it
  for (const DimGroup &group : groups) {
    collapsed.push_back(group.from);
    expanded.push_back(group.to);
    int64_t product = 1;
    for (int64_t dim : group.to)
      product =
          ShapedType::isDynamic(product) || ShapedType::isDynamic(shape[dim])
              ? ShapedType::kDynamic
              : product * shape[dim];
    middle.push_back(product);
  }
  Value result = tensor;
  if (groups.size() != from.size())
    result = tensor::CollapseShapeOp::create(b, result, collapsed);
  result = castTo(b, result, type.clone(middle));
  if (groups.size() != extents.size())
    result = tensor::ExpandShapeOp::create(b, type.clone(shape), result,
                                           expanded, extents);
  return result;
}

//===----------------------------------------------------------------------===//
// Patterns
//===----------------------------------------------------------------------===//

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
