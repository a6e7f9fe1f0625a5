//===- ReshapeTo.cpp - A tensor with other extents ------------------------===//
//
// Dims are grouped by visibly equal products, so that what comes out are
// collapse_shape and expand_shape, which are views.
//
//===----------------------------------------------------------------------===//
#include "Factors.h"
#include "ShapeUtils.h"

using namespace mlir;
using namespace moe::onnx;

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
