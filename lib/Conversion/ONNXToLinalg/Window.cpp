//===- Window.cpp - Windows that slide over spatial dims ------------------===//
#include "Window.h"

using namespace mlir;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// Extents
//===----------------------------------------------------------------------===//

template <typename OpTy>
static OpFoldResult combineExtents(ImplicitLocOpBuilder &b, OpFoldResult lhs,
                                   OpFoldResult rhs) {
  Value value = b.createOrFold<OpTy>(indexValue(b, lhs), indexValue(b, rhs));
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return b.getIndexAttr(*constant);
  return value;
}

OpFoldResult moe::onnx::floorDivExtents(ImplicitLocOpBuilder &b,
                                        OpFoldResult lhs, OpFoldResult rhs) {
  return combineExtents<arith::FloorDivSIOp>(b, lhs, rhs);
}

OpFoldResult moe::onnx::ceilDivExtents(ImplicitLocOpBuilder &b,
                                       OpFoldResult lhs, OpFoldResult rhs) {
  return combineExtents<arith::CeilDivSIOp>(b, lhs, rhs);
}

OpFoldResult moe::onnx::maxExtents(ImplicitLocOpBuilder &b, OpFoldResult lhs,
                                   OpFoldResult rhs) {
  return combineExtents<arith::MaxSIOp>(b, lhs, rhs);
}

/// dilation * (kernel - 1) + 1
static OpFoldResult windowExtent(ImplicitLocOpBuilder &b, OpFoldResult kernel,
                                 int64_t dilation) {
  OpFoldResult one = b.getIndexAttr(1);
  return addExtents(
      b, mulExtents(b, subExtents(b, kernel, one), b.getIndexAttr(dilation)),
      one);
}

OpFoldResult WindowDim::covered(ImplicitLocOpBuilder &b) const {
  OpFoldResult steps = subExtents(b, output, b.getIndexAttr(1));
  return addExtents(b, mulExtents(b, steps, b.getIndexAttr(stride)),
                    windowExtent(b, kernel, dilation));
}

/// Output and padding of one dim for an auto_pad of SAME_UPPER or SAME_LOWER.
static void padSame(ImplicitLocOpBuilder &b, WindowDim &dim, bool isUpper) {
  OpFoldResult stride = b.getIndexAttr(dim.stride);
  dim.output = ceilDivExtents(b, dim.input, stride);
  OpFoldResult total = maxExtents(b, subExtents(b, dim.covered(b), dim.input),
                                  b.getIndexAttr(0));
  OpFoldResult less = floorDivExtents(b, total, b.getIndexAttr(2));
  OpFoldResult more = subExtents(b, total, less);
  dim.padBegin = isUpper ? less : more;
  dim.padEnd = isUpper ? more : less;
}

/// Output of one dim whose padding is given.
static void outputOfPadded(LoweringBuilder &b, WindowDim &dim, bool isCeil) {
  OpFoldResult one = b.getIndexAttr(1), stride = b.getIndexAttr(dim.stride);
  OpFoldResult begun = addExtents(b, dim.input, dim.padBegin);
  OpFoldResult room = subExtents(b, addExtents(b, begun, dim.padEnd),
                                 windowExtent(b, dim.kernel, dim.dilation));
  if (isa<Value>(room))
    require(b,
            arith::CmpIOp::create(b, arith::CmpIPredicate::sge,
                                  indexValue(b, room), indexConstant(b, 0)),
            "a window must fit into the padded input");
  OpFoldResult steps = isCeil ? ceilDivExtents(b, room, stride)
                              : floorDivExtents(b, room, stride);
  dim.output = maxExtents(b, addExtents(b, steps, one), b.getIndexAttr(0));
  if (!isCeil)
    return;
  // The last window starts inside of the input or the padding ahead of it.
  OpFoldResult starts = ceilDivExtents(b, begun, stride);
  dim.output = combineExtents<arith::MinSIOp>(b, dim.output, starts);
}

SmallVector<WindowDim>
moe::onnx::windowDims(LoweringBuilder &b, ArrayRef<OpFoldResult> spatial,
                      ArrayRef<OpFoldResult> kernel,
                      const WindowAttributes &attributes) {
  SmallVector<WindowDim> dims;
  size_t count = spatial.size();
  for (size_t i = 0; i < count; ++i) {
    WindowDim dim;
    dim.input = spatial[i];
    dim.kernel = kernel[i];
    dim.stride = attributes.strides ? (*attributes.strides)[i] : 1;
    dim.dilation = attributes.dilations ? (*attributes.dilations)[i] : 1;
    bool isSame = attributes.autoPad == AutoPad::SameUpper ||
                  attributes.autoPad == AutoPad::SameLower;
    bool isPadded = attributes.autoPad == AutoPad::NotSet && attributes.pads;
    dim.padBegin = b.getIndexAttr(isPadded ? (*attributes.pads)[i] : 0);
    dim.padEnd = b.getIndexAttr(isPadded ? (*attributes.pads)[count + i] : 0);
    if (isSame)
      padSame(b, dim, attributes.autoPad == AutoPad::SameUpper);
    else
      outputOfPadded(b, dim, attributes.isCeil);
    dims.push_back(dim);
  }
  return dims;
}

//===----------------------------------------------------------------------===//
// Padding
//===----------------------------------------------------------------------===//

Value moe::onnx::padSpatial(LoweringBuilder &b, Value tensor,
                            ArrayRef<OpFoldResult> begins,
                            ArrayRef<OpFoldResult> extents, Value padding) {
  Extents sizes = extentsOf(b, tensor), padded(ArrayRef(sizes).take_front(2));
  padded.append(extents.begin(), extents.end());
  SmallVector<Value> beginValues, sizeValues;
  for (auto [begin, size] :
       llvm::zip_equal(begins, ArrayRef(sizes).drop_front(2))) {
    beginValues.push_back(indexValue(b, begin));
    sizeValues.push_back(indexValue(b, size));
  }
  Type type = elementType(tensor);
  return generate(
      b, padded, type, [&](ImplicitLocOpBuilder &inner, ValueRange at) {
        SmallVector<Value> indices(at.take_front(2));
        Value isInside = intConstant(inner, inner.getI1Type(), 1);
        for (auto [index, begin, size] :
             llvm::zip_equal(at.drop_front(2), beginValues, sizeValues)) {
          Value shifted = arith::SubIOp::create(inner, index, begin);
          // As unsigned, a negative index is beyond all sizes.
          isInside = arith::AndIOp::create(
              inner, isInside,
              arith::CmpIOp::create(inner, arith::CmpIPredicate::ult, shifted,
                                    size));
          indices.push_back(shifted);
        }
        return scf::IfOp::create(
                   inner, isInside,
                   [&](OpBuilder &nested, Location loc) {
                     Value element = tensor::ExtractOp::create(nested, loc,
                                                               tensor, indices);
                     scf::YieldOp::create(nested, loc, element);
                   },
                   [&](OpBuilder &nested, Location loc) {
                     scf::YieldOp::create(nested, loc, padding);
                   })
            .getResult(0);
      });
}

Value moe::onnx::padForWindows(LoweringBuilder &b, Value tensor,
                               ArrayRef<WindowDim> dims, Value padding) {
  SmallVector<OpFoldResult> begins, extents;
  bool isInside = true;
  for (const WindowDim &dim : dims) {
    OpFoldResult covered = dim.covered(b);
    std::optional<int64_t> size = getConstantIntValue(dim.input);
    std::optional<int64_t> needed = getConstantIntValue(covered);
    isInside &=
        isZeroInteger(dim.padBegin) && size && needed && *needed <= *size;
    begins.push_back(dim.padBegin);
    extents.push_back(covered);
  }
  if (isInside)
    return tensor;
  return padSpatial(b, tensor, begins, extents, padding);
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

Value moe::onnx::foldWindows(
    LoweringBuilder &b, Value padded, ArrayRef<WindowDim> dims, Value initial,
    function_ref<Value(ImplicitLocOpBuilder &, Value, Value)> body) {
  int64_t spatial = dims.size(), loops = 2 + 2 * spatial;
  Extents sizes = extentsOf(b, padded), kernel;
  Extents result(ArrayRef(sizes).take_front(2));
  auto loop = [&](int64_t i) { return b.getAffineDimExpr(i); };
  SmallVector<AffineExpr> read{loop(0), loop(1)}, window,
      written{loop(0), loop(1)};
  for (auto [i, dim] : llvm::enumerate(dims)) {
    int64_t tap = 2 + i, place = 2 + spatial + i;
    read.push_back(loop(place) * dim.stride + loop(tap) * dim.dilation);
    window.push_back(loop(tap));
    written.push_back(loop(place));
    kernel.push_back(dim.kernel);
    result.push_back(dim.output);
  }
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::parallel);
  std::fill_n(iterators.begin() + 2, spatial, utils::IteratorType::reduction);
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(loops, 0, exprs, b.getContext());
  };
  // The window gives the kernel's loops their extents; it is never read.
  Value windowTensor = emptyTensor(b, kernel, b.getI1Type());
  return loopsOver(b, {padded, windowTensor},
                   {map(read), map(window), map(written)}, iterators,
                   filledTensor(b, result, initial),
                   [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                     return body(inner, args[0], args[2]);
                   });
}

/// `tensor` with dim `dim` split into `group` equal parts.
static Value splitDim(LoweringBuilder &b, Value tensor, int64_t dim,
                      int64_t group) {
  auto type = cast<RankedTensorType>(tensor.getType());
  Extents sizes = extentsOf(b, tensor);
  OpFoldResult part = floorDivExtents(b, sizes[dim], b.getIndexAttr(group));
  requireEqual(b, mulExtents(b, part, b.getIndexAttr(group)), sizes[dim],
               "channels must be divisible by group");
  SmallVector<ReassociationIndices> groups;
  SmallVector<int64_t> shape(type.getShape());
  shape[dim] = getConstantIntValue(part).value_or(ShapedType::kDynamic);
  shape.insert(shape.begin() + dim, group);
  sizes[dim] = part;
  sizes.insert(sizes.begin() + dim, OpFoldResult(b.getIndexAttr(group)));
  for (int64_t i = 0, next = 0; i < type.getRank(); ++i) {
    groups.push_back({next++});
    if (i == dim)
      groups.back().push_back(next++);
  }
  return tensor::ExpandShapeOp::create(b, type.clone(shape), tensor, groups,
                                       sizes);
}

/// `tensor` with dims `dim` and `dim` + 1 as one.
static Value joinDims(LoweringBuilder &b, Value tensor, int64_t dim) {
  int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
  SmallVector<ReassociationIndices> groups;
  for (int64_t i = 0; i < rank; ++i) {
    groups.push_back({i});
    if (i == dim)
      groups.back().push_back(++i);
  }
  return tensor::CollapseShapeOp::create(b, tensor, groups);
}

Value moe::onnx::convolve(LoweringBuilder &b, Value padded, Value weights,
                          ArrayRef<WindowDim> dims, int64_t group,
                          bool isTransposed) {
  // Loops: n, g, m, c, kernel, output.
  Value input = splitDim(b, padded, 1, group);
  weights = splitDim(b, weights, 0, group);
  Extents sizes = extentsOf(b, input), weightSizes = extentsOf(b, weights);
  requireEqual(b, sizes[2], weightSizes[isTransposed ? 1 : 2],
               "weights must have the input's channels");
  int64_t spatial = dims.size(), loops = 4 + 2 * spatial;
  auto loop = [&](int64_t i) { return b.getAffineDimExpr(i); };
  SmallVector<AffineExpr> read{loop(0), loop(1), loop(3)};
  SmallVector<AffineExpr> factor{loop(1), loop(isTransposed ? 3 : 2),
                                 loop(isTransposed ? 2 : 3)};
  SmallVector<AffineExpr> written{loop(0), loop(1), loop(2)};
  Extents result{sizes[0], sizes[1], weightSizes[isTransposed ? 2 : 1]};
  for (auto [i, dim] : llvm::enumerate(dims)) {
    int64_t tap = 4 + i, place = 4 + spatial + i;
    read.push_back(loop(place) * dim.stride + loop(tap) * dim.dilation);
    factor.push_back(loop(tap));
    written.push_back(loop(place));
    result.push_back(dim.output);
  }
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::parallel);
  std::fill_n(iterators.begin() + 3, spatial + 1,
              utils::IteratorType::reduction);
  auto map = [&](ArrayRef<AffineExpr> exprs) {
    return AffineMap::get(loops, 0, exprs, b.getContext());
  };
  Value sums =
      contract(b, {input, weights}, {map(read), map(factor), map(written)},
               iterators, result, accumulatorType(elementType(input)));
  return joinDims(b, sums, 1);
}

Value moe::onnx::addPerChannel(LoweringBuilder &b, Value tensor, Value bias,
                               Type resultType) {
  if (!bias)
    return convertElements(b, tensor, resultType);
  Extents extents = extentsOf(b, tensor);
  requireEqual(b, extents[1], extentOf(b, bias, 0),
               "a bias must have one element per channel");
  int64_t rank = extents.size();
  Type sumType = elementType(tensor), biasType = elementType(bias);
  AffineMap all = b.getMultiDimIdentityMap(rank);
  AffineMap channel = AffineMap::get(rank, 0, b.getAffineDimExpr(1));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return loopsOver(b, {tensor, bias}, {all, channel, all}, iterators,
                   emptyTensor(b, extents, resultType),
                   [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                     Value sum = addScalars(
                         inner, args[0],
                         castScalar(inner, args[1], biasType, sumType));
                     return castScalar(inner, sum, sumType, resultType);
                   });
}

Value moe::onnx::convolution(LoweringBuilder &b, Value input, Value weights,
                             const WindowAttributes &attributes,
                             int64_t group) {
  Extents sizes = extentsOf(b, input), kernel = extentsOf(b, weights);
  SmallVector<WindowDim> dims =
      windowDims(b, ArrayRef(sizes).drop_front(2),
                 ArrayRef(kernel).drop_front(2), attributes);
  Value padded =
      padForWindows(b, input, dims, zeroConstant(b, elementType(input)));
  return convolve(b, padded, weights, dims, group, /*isTransposed=*/false);
}
