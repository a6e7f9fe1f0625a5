//===- ShapeMove.cpp - Ops that move whole blocks of elements -------------===//
//
// Transpose, Concat, Split, Expand, Tile, the block ops, Trilu and
// ReverseSequence.
//
//===----------------------------------------------------------------------===//
#include "ShapeUtils.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moe::onnx;

Value moe::onnx::transpose(LoweringBuilder &b, Value tensor,
                           ArrayRef<int64_t> permutation) {
  if (isIdentityPermutation(permutation))
    return tensor;
  Extents from = extentsOf(b, tensor);
  Extents extents = applyPermutation(from, permutation);
  // Dims of more than one element keep their order: nothing moves.
  SmallVector<int64_t> moving;
  for (int64_t dim : permutation)
    if (!isOneInteger(from[dim]))
      moving.push_back(dim);
  if (llvm::is_sorted(moving))
    return reshapeTo(b, tensor, extents);
  Value empty = emptyTensor(b, extents, elementType(tensor));
  return linalg::TransposeOp::create(b, tensor, empty, permutation)
      .getResult()[0];
}

namespace {
/// onnx.Transpose %x -> linalg.transpose
struct LowerTranspose : public LoweringPattern<TransposeOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(TransposeOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    return SmallVector<Value>{
        transpose(b, adaptor.getData(), op.getPermutation())};
  }
};

/// onnx.Concat %x, %y
///   -> tensor.insert_slice %y into (tensor.insert_slice %x into tensor.empty),
///      or tensor.from_elements of scalars
struct LowerConcat : public LoweringPattern<ConcatOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ConcatOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    auto type = cast<RankedTensorType>(
        getTypeConverter()->convertType(op.getConcatResult().getType()));
    ValueRange inputs = adaptor.getInputs();
    if (std::optional<SmallVector<Value>> elements = joinScalars(b, inputs))
      return SmallVector<Value>{
          fromScalars(b, elements->size(), *elements, type.getElementType())};
    int64_t axis = normalizeAxis(op.getAxis(), type.getRank());
    Extents extents = extentsOf(b, inputs.front());
    for (Value input : inputs.drop_front()) {
      Extents sizes = extentsOf(b, input);
      for (auto [i, size] : llvm::enumerate(sizes)) {
        if (static_cast<int64_t>(i) == axis) {
          extents[i] = addExtents(b, extents[i], size);
          continue;
        }
        requireEqual(b, extents[i], size,
                     "inputs must have one extent of dim " + Twine(i));
        if (getConstantIntValue(size))
          extents[i] = size;
      }
    }
    FailureOr<Extents> refined = refineExtents(b, op, std::move(extents), type);
    if (failed(refined))
      return failure();
    Value result = emptyTensor(b, *refined, type.getElementType());
    Extents offsets(type.getRank(), b.getIndexAttr(0));
    for (Value input : inputs) {
      Extents sizes = *refined;
      sizes[axis] = extentOf(b, input, axis);
      input = castTo(b, input, type.clone(staticShape(sizes)));
      result = insertSlice(b, input, result, offsets);
      offsets[axis] = addExtents(b, offsets[axis], sizes[axis]);
    }
    return SmallVector<Value>{result};
  }

private:
  /// The scalars of all inputs, when they are vectors that stay scalar and so
  /// does the result.
  static std::optional<SmallVector<Value>> joinScalars(LoweringBuilder &b,
                                                       ValueRange inputs) {
    SmallVector<Value> elements;
    for (Value input : inputs) {
      if (rankOf(input) != 1)
        return std::nullopt;
      std::optional<SmallVector<Value>> scalars = scalarElements(b, input);
      if (!scalars)
        return std::nullopt;
      llvm::append_range(elements, *scalars);
    }
    if (elements.empty() || !isScalarised(RankedTensorType::get(
                                elements.size(), elements.front().getType())))
      return std::nullopt;
    return elements;
  }
};

/// onnx.Split %x -> tensor.extract_slice per result
struct LowerSplit : public LoweringPattern<SplitOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(SplitOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getInput();
    int64_t axis = normalizeAxis(op.getAxis(), rankOf(input));
    OpFoldResult extent = extentOf(b, input, axis);
    int64_t count = op.getOutputs().size();
    Extents sizes = adaptor.getSplit()
                        ? *indexElements(b, adaptor.getSplit(), count)
                        : evenSizes(b, extent, count);
    OpFoldResult sum = b.getIndexAttr(0);
    for (auto [size, output] : llvm::zip_equal(sizes, op.getOutputs())) {
      auto type = cast<RankedTensorType>(output.getType());
      if (!getConstantIntValue(size)) {
        require(b,
                compare(b, arith::CmpIPredicate::sge, size, b.getIndexAttr(0)),
                "split sizes must not be negative");
        if (!type.isDynamicDim(axis)) {
          OpFoldResult known = b.getIndexAttr(type.getDimSize(axis));
          requireEqual(b, size, known,
                       "a split size must be " + Twine(type.getDimSize(axis)));
          size = known;
        }
      }
      sum = addExtents(b, sum, size);
    }
    requireEqual(b, sum, extent, "split sizes must add up to the dim's extent");
    SmallVector<Value> results;
    OpFoldResult offset = b.getIndexAttr(0);
    for (OpFoldResult size : sizes) {
      results.push_back(sliceDim(b, input, axis, offset, size));
      offset = addExtents(b, offset, size);
    }
    return results;
  }

private:
  /// Chunks of ceil(extent / count), the last ones cut by the extent.
  static Extents evenSizes(LoweringBuilder &b, OpFoldResult extent,
                           int64_t count) {
    OpFoldResult chunk = foldIndex<arith::DivUIOp>(
        b, addExtents(b, extent, b.getIndexAttr(count - 1)),
        b.getIndexAttr(count));
    Extents sizes;
    OpFoldResult left = extent;
    for (int64_t i = 0; i < count; ++i) {
      sizes.push_back(i == 0 ? chunk
                             : foldIndex<arith::MinSIOp>(b, chunk, left));
      left = subExtents(b, left, sizes.back());
    }
    return sizes;
  }
};

/// onnx.Expand %x, %shape -> linalg.generic that reads dims of extent 1 at 0
struct LowerExpand : public LoweringPattern<ExpandOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ExpandOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getInput();
    auto type = cast<RankedTensorType>(
        getTypeConverter()->convertType(op.getOutput().getType()));
    // A length that is not known may be smaller than the result's rank.
    std::optional<Extents> shape = indexElements(b, adaptor.getShape());
    if (!shape)
      return op.emitOpError("expected a shape of static length, but got ")
             << op.getShape().getType();
    Extents from = extentsOf(b, input), extents;
    int64_t rank = type.getRank();
    for (int64_t i = 0; i < rank; ++i) {
      int64_t inInput = i - (rank - static_cast<int64_t>(from.size()));
      int64_t inShape = i - (rank - static_cast<int64_t>(shape->size()));
      OpFoldResult one = b.getIndexAttr(1);
      extents.push_back(stretch(b, inInput < 0 ? one : from[inInput],
                                inShape < 0 ? one : (*shape)[inShape], i));
    }
    FailureOr<Extents> refined = refineExtents(b, op, std::move(extents), type);
    if (failed(refined))
      return failure();
    requireAddressable(b, *refined);
    std::optional<SmallVector<Value>> scalars = scalarElements(b, input);
    if (scalars && scalars->size() == 1 && isScalarised(type))
      return SmallVector<Value>{fromScalars(
          b, type.getShape(),
          SmallVector<Value>(type.getNumElements(), scalars->front()),
          type.getElementType())};
    if (*refined == from)
      return SmallVector<Value>{input};
    return SmallVector<Value>{
        elementwise(b, input, *refined, type.getElementType(),
                    [](ImplicitLocOpBuilder &, ValueRange args) -> Value {
                      return args[0];
                    })};
  }

private:
  /// The extent of dim `dim` that the input's and the shape's broadcast to.
  static OpFoldResult stretch(LoweringBuilder &b, OpFoldResult from,
                              OpFoldResult to, int64_t dim) {
    if (from == to || isOneInteger(to))
      return from;
    if (isOneInteger(from)) {
      if (!isMadeOfExtents(to))
        require(b, compare(b, arith::CmpIPredicate::sge, to, b.getIndexAttr(0)),
                "a shape must not be negative");
      return to;
    }
    OpFoldResult one = b.getIndexAttr(1);
    Value equal = compare(b, arith::CmpIPredicate::eq, from, to);
    Value fromIsOne = compare(b, arith::CmpIPredicate::eq, from, one);
    Value toIsOne = compare(b, arith::CmpIPredicate::eq, to, one);
    Value fits = b.createOrFold<arith::OrIOp>(
        equal, b.createOrFold<arith::OrIOp>(fromIsOne, toIsOne));
    require(b, fits,
            "dim " + Twine(dim) +
                " of the shape must be 1 or the input's extent, unless that "
                "is 1");
    return select(b, fromIsOne, to, from);
  }
};

/// onnx.Tile %x, %repeats -> linalg.generic that reads index mod extent
struct LowerTile : public LoweringPattern<TileOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(TileOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getInput();
    auto type = cast<RankedTensorType>(
        getTypeConverter()->convertType(op.getOutput().getType()));
    Extents repeats = *indexElements(b, adaptor.getRepeats(), rankOf(input));
    Extents from = extentsOf(b, input), extents;
    for (auto [extent, repeat] : llvm::zip_equal(from, repeats)) {
      if (!isMadeOfExtents(repeat))
        require(
            b, compare(b, arith::CmpIPredicate::sge, repeat, b.getIndexAttr(0)),
            "repeats must not be negative");
      extents.push_back(mulExtents(b, extent, repeat));
    }
    Extents factors = from;
    llvm::append_range(factors, repeats);
    requireAddressable(b, factors);
    FailureOr<Extents> refined = refineExtents(b, op, std::move(extents), type);
    if (failed(refined))
      return failure();
    std::optional<SmallVector<Value>> scalars = scalarElements(b, input);
    if (scalars && !scalars->empty() && isScalarised(type)) {
      SmallVector<Value> elements;
      for (int64_t i = 0; i < type.getNumElements(); ++i)
        elements.push_back((*scalars)[i % scalars->size()]);
      return SmallVector<Value>{
          fromScalars(b, type.getShape(), elements, type.getElementType())};
    }
    if (*refined == from)
      return SmallVector<Value>{input};
    return SmallVector<Value>{
        readEach(b, input, *refined,
                 [&](ImplicitLocOpBuilder &inner, int64_t dim,
                     OpFoldResult index) -> OpFoldResult {
                   if (isOneInteger(from[dim]))
                     return inner.getIndexAttr(0);
                   if (from[dim] == (*refined)[dim])
                     return index;
                   return foldIndex<arith::RemUIOp>(inner, index, from[dim]);
                 })};
  }
};

/// onnx.DepthToSpace %x -> reshape, linalg.transpose, reshape
struct LowerDepthToSpace : public LoweringPattern<DepthToSpaceOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(DepthToSpaceOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getInput();
    Extents from = extentsOf(b, input);
    OpFoldResult block = b.getIndexAttr(op.getBlocksize());
    OpFoldResult area = mulExtents(b, block, block);
    OpFoldResult depth = foldIndex<arith::DivUIOp>(b, from[1], area);
    FailureOr<Extents> extents =
        refineExtents(b, op,
                      {from[0], depth, mulExtents(b, from[2], block),
                       mulExtents(b, from[3], block)},
                      op.getOutput().getType());
    if (failed(extents))
      return failure();
    requireEqual(b, mulExtents(b, depth, area), from[1],
                 "blocksize^2 must divide the number of channels");
    bool isDCR = op.getMode() == DepthMode::DCR;
    Extents blocks =
        isDCR ? Extents{from[0], block, block, depth, from[2], from[3]}
              : Extents{from[0], depth, block, block, from[2], from[3]};
    Value result = reshapeTo(b, input, blocks);
    result = isDCR ? transpose(b, result, {0, 3, 4, 1, 5, 2})
                   : transpose(b, result, {0, 1, 4, 2, 5, 3});
    return SmallVector<Value>{reshapeTo(b, result, *extents)};
  }
};

/// onnx.SpaceToDepth %x -> reshape, linalg.transpose, reshape
struct LowerSpaceToDepth : public LoweringPattern<SpaceToDepthOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(SpaceToDepthOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getInput();
    Extents from = extentsOf(b, input);
    OpFoldResult block = b.getIndexAttr(op.getBlocksize());
    OpFoldResult height = foldIndex<arith::DivUIOp>(b, from[2], block);
    OpFoldResult width = foldIndex<arith::DivUIOp>(b, from[3], block);
    FailureOr<Extents> extents = refineExtents(
        b, op,
        {from[0], mulExtents(b, from[1], mulExtents(b, block, block)), height,
         width},
        op.getOutput().getType());
    if (failed(extents))
      return failure();
    StringRef message = "blocksize must divide height and width";
    requireEqual(b, mulExtents(b, height, block), from[2], message);
    requireEqual(b, mulExtents(b, width, block), from[3], message);
    Value result =
        reshapeTo(b, input, {from[0], from[1], height, block, width, block});
    result = op.getMode() == DepthMode::DCR
                 ? transpose(b, result, {0, 3, 5, 1, 2, 4})
                 : transpose(b, result, {0, 1, 3, 5, 2, 4});
    return SmallVector<Value>{reshapeTo(b, result, *extents)};
  }
};

/// onnx.Trilu %x, %k -> linalg.generic { column >= row + %k ? element : 0 }
struct LowerTrilu : public LoweringPattern<TriluOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(TriluOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getInput();
    int64_t rank = rankOf(input);
    OpFoldResult k = b.getIndexAttr(0);
    if (adaptor.getK())
      k = toExtent(b, onlyElement(b, adaptor.getK()));
    Value diagonal = indexValue(b, k);
    Value zero = zeroConstant(b, elementType(input));
    auto keeps =
        op.getUpper() ? arith::CmpIPredicate::sge : arith::CmpIPredicate::sle;
    return SmallVector<Value>{
        indexed(b, input, b.getMultiDimIdentityMap(rank), extentsOf(b, input),
                elementType(input),
                [&](ImplicitLocOpBuilder &inner, ValueRange elements,
                    ValueRange indices) -> Value {
                  // column - row cannot overflow, row + k can.
                  OpFoldResult distance =
                      subExtents(inner, indices[rank - 1], indices[rank - 2]);
                  return arith::SelectOp::create(
                      inner, compare(inner, keeps, distance, diagonal),
                      elements[0], zero);
                })};
  }
};

/// onnx.ReverseSequence %x, %lens
///   -> linalg.generic { t < len ? x[len - 1 - t] : x[t] }
struct LowerReverseSequence : public LoweringPattern<ReverseSequenceOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(ReverseSequenceOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value input = adaptor.getInput(), lengths = adaptor.getSequenceLens();
    int64_t time = op.getTimeAxis(), batch = op.getBatchAxis();
    Extents extents = extentsOf(b, input);
    requireEqual(b, extentOf(b, lengths, 0), extents[batch],
                 "sequence_lens must have one element per batch entry");
    Value steps = indexValue(b, extents[time]);
    require(b,
            allOf(b, lengths,
                  [&](ImplicitLocOpBuilder &inner, Value length) {
                    OpFoldResult value = toExtent(inner, length);
                    return both(inner,
                                compare(inner, arith::CmpIPredicate::sge, value,
                                        inner.getIndexAttr(0)),
                                compare(inner, arith::CmpIPredicate::sle, value,
                                        steps));
                  }),
            "sequence_lens must be in [0, extent of the time dim]");
    AffineMap perBatch = AffineMap::get(
        extents.size(), 0, b.getAffineDimExpr(batch), b.getContext());
    return SmallVector<Value>{indexed(
        b, lengths, perBatch, extents, elementType(input),
        [&](ImplicitLocOpBuilder &inner, ValueRange elements,
            ValueRange indices) -> Value {
          OpFoldResult length = toExtent(inner, elements[0]);
          SmallVector<Value> source(indices);
          OpFoldResult mirrored =
              subExtents(inner, subExtents(inner, length, source[time]),
                         inner.getIndexAttr(1));
          source[time] =
              indexValue(inner, select(inner,
                                       compare(inner, arith::CmpIPredicate::slt,
                                               source[time], length),
                                       mirrored, source[time]));
          return tensor::ExtractOp::create(inner, input, source);
        })};
  }
};
} // namespace

void moe::onnx::populateShapeMovePatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerTranspose, LowerConcat, LowerSplit, LowerExpand, LowerTile,
               LowerDepthToSpace, LowerSpaceToDepth, LowerTrilu,
               LowerReverseSequence>(converter, patterns.getContext());
}
