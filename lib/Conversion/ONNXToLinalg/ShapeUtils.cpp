//===- ShapeUtils.cpp - Shared by the shape and indexing lowerings --------===//
#include "ShapeUtils.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// Arithmetic on extents
//===----------------------------------------------------------------------===//

Value moe::onnx::compare(ImplicitLocOpBuilder &b,
                         arith::CmpIPredicate predicate, OpFoldResult lhs,
                         OpFoldResult rhs) {
  if (lhs == rhs)
    return intConstant(b, b.getI1Type(),
                       predicate == arith::CmpIPredicate::eq ||
                           predicate == arith::CmpIPredicate::sle ||
                           predicate == arith::CmpIPredicate::sge ||
                           predicate == arith::CmpIPredicate::ule);
  return b.createOrFold<arith::CmpIOp>(predicate, indexValue(b, lhs),
                                       indexValue(b, rhs));
}

OpFoldResult moe::onnx::select(ImplicitLocOpBuilder &b, Value condition,
                               OpFoldResult ifTrue, OpFoldResult ifFalse) {
  if (ifTrue == ifFalse || matchPattern(condition, m_One()))
    return ifTrue;
  if (matchPattern(condition, m_Zero()))
    return ifFalse;
  return b.createOrFold<arith::SelectOp>(condition, indexValue(b, ifTrue),
                                         indexValue(b, ifFalse));
}

Value moe::onnx::both(ImplicitLocOpBuilder &b, Value lhs, Value rhs) {
  return b.createOrFold<arith::AndIOp>(lhs, rhs);
}

OpFoldResult moe::onnx::wrapIndex(ImplicitLocOpBuilder &b, OpFoldResult index,
                                  OpFoldResult extent) {
  if (std::optional<int64_t> constant = getConstantIntValue(index))
    return *constant < 0 ? addExtents(b, index, extent) : index;
  Value isNegative =
      compare(b, arith::CmpIPredicate::slt, index, b.getIndexAttr(0));
  return select(b, isNegative, addExtents(b, index, extent), index);
}

OpFoldResult moe::onnx::productOf(ImplicitLocOpBuilder &b,
                                  ArrayRef<OpFoldResult> extents) {
  OpFoldResult product = b.getIndexAttr(1);
  for (OpFoldResult extent : extents)
    product = mulExtents(b, product, extent);
  return product;
}

bool moe::onnx::isMadeOfExtents(OpFoldResult extent) {
  // A few ops make a shape; a longer chain is taken as unknown.
  constexpr unsigned maxOps = 32;
  if (isa<Attribute>(extent))
    return *getConstantIntValue(extent) >= 0;
  SmallVector<Value> worklist{cast<Value>(extent)};
  for (unsigned count = 0; !worklist.empty(); ++count) {
    Value value = worklist.pop_back_val();
    if (std::optional<int64_t> constant = getConstantIntValue(value)) {
      if (*constant < 0)
        return false;
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (!op || count > maxOps)
      return false;
    if (isa<tensor::DimOp>(op))
      continue;
    if (!isa<arith::AddIOp, arith::MulIOp, arith::DivUIOp, arith::DivSIOp,
             arith::MinSIOp, arith::MaxSIOp, arith::IndexCastOp>(op))
      return false;
    llvm::append_range(worklist, op->getOperands());
  }
  return true;
}

FailureOr<Extents> moe::onnx::refineExtents(LoweringBuilder &b, Operation *op,
                                            Extents extents, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  for (auto [i, extent] : llvm::enumerate(extents)) {
    if (tensor.isDynamicDim(i)) {
      auto known = dyn_cast_or_null<Value>(
          op->getNumResults() == 1
              ? b.getLoweringContext().knownExtent(b, op->getResult(0), i)
              : OpFoldResult());
      if (!known)
        continue;
      requireEqual(b, extent, known,
                   "dim " + Twine(i) +
                       " of the result must be what the input's dims say");
      extent = known;
      continue;
    }
    int64_t expected = tensor.getDimSize(i);
    std::optional<int64_t> constant = getConstantIntValue(extent);
    if (constant && *constant != expected) {
      op->emitOpError("expected dim ")
          << i << " of the result to be " << *constant
          << " as its operands say, but got " << type;
      return failure();
    }
    requireEqual(b, extent, b.getIndexAttr(expected),
                 "dim " + Twine(i) + " of the result must be " +
                     Twine(expected));
    extent = b.getIndexAttr(expected);
  }
  return extents;
}

void moe::onnx::requireAddressable(ImplicitLocOpBuilder &b,
                                   ArrayRef<OpFoldResult> extents) {
  if (llvm::all_of(extents, isMadeOfExtents))
    return;
  // Elements have 8 bytes at most.
  OpFoldResult limit = b.getIndexAttr(int64_t(1) << 56);
  OpFoldResult one = b.getIndexAttr(1), product = one;
  Value fits = intConstant(b, b.getI1Type(), 1);
  for (OpFoldResult extent : extents) {
    OpFoldResult most = foldIndex<arith::DivUIOp>(
        b, limit, foldIndex<arith::MaxUIOp>(b, product, one));
    fits = both(b, fits, compare(b, arith::CmpIPredicate::ule, extent, most));
    product = mulExtents(b, product, extent);
  }
  require(b, fits, "the result must have at most 2^56 elements");
}

void moe::onnx::requireEqual(ImplicitLocOpBuilder &b, OpFoldResult lhs,
                             OpFoldResult rhs, const Twine &message) {
  require(b, compare(b, arith::CmpIPredicate::eq, lhs, rhs), message);
}

//===----------------------------------------------------------------------===//
// Elements of shape operands
//===----------------------------------------------------------------------===//

/// The source of casts between tensor types.
static Value skipCasts(Value tensor) {
  while (auto cast = tensor.getDefiningOp<tensor::CastOp>())
    tensor = cast.getSource();
  return tensor;
}

std::optional<SmallVector<Value>>
moe::onnx::scalarElements(ImplicitLocOpBuilder &b, Value tensor) {
  Value source = skipCasts(tensor);
  if (auto made = source.getDefiningOp<tensor::FromElementsOp>();
      made && elementType(source).isInteger())
    return llvm::to_vector(made.getElements());
  for (Value value : {source, tensor}) {
    if (!isScalarised(value.getType()))
      continue;
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<Value> elements;
    for (int64_t i = 0; i < type.getNumElements(); ++i)
      elements.push_back(extractElement(b, value, i));
    return elements;
  }
  return std::nullopt;
}

std::optional<Extents> moe::onnx::indexElements(LoweringBuilder &b,
                                                Value tensor, int64_t count) {
  if (std::optional<SmallVector<Value>> scalars = scalarElements(b, tensor)) {
    Extents result;
    for (Value scalar : *scalars)
      result.push_back(toExtent(b, scalar));
    return result;
  }
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getRank() == 1) {
    if (count < 0 && type.isDynamicDim(0))
      return std::nullopt;
    if (type.isDynamicDim(0))
      requireEqual(b, extentOf(b, tensor, 0), b.getIndexAttr(count),
                   "a shape operand must have " + Twine(count) + " elements");
    else
      count = type.getDimSize(0);
  } else {
    count = 1;
  }
  Extents result;
  for (int64_t i = 0; i < count; ++i)
    result.push_back(toExtent(b, extractElement(b, tensor, i)));
  return result;
}

FailureOr<OpFoldResult> moe::onnx::readAxis(LoweringBuilder &b, Operation *op,
                                            OpFoldResult element,
                                            int64_t rank) {
  if (std::optional<int64_t> constant = getConstantIntValue(element)) {
    if (*constant < -rank || *constant >= rank)
      return op->emitOpError("expected axes in [")
             << -rank << ", " << rank - 1 << "], but got " << *constant;
    return OpFoldResult(b.getIndexAttr(normalizeAxis(*constant, rank)));
  }
  OpFoldResult axis = wrapIndex(b, element, b.getIndexAttr(rank));
  require(
      b,
      both(b, compare(b, arith::CmpIPredicate::sge, axis, b.getIndexAttr(0)),
           compare(b, arith::CmpIPredicate::slt, axis, b.getIndexAttr(rank))),
      "axes must be in [" + Twine(-rank) + ", " + Twine(rank - 1) + "]");
  return axis;
}

Value moe::onnx::fromScalars(ImplicitLocOpBuilder &b, ArrayRef<int64_t> shape,
                             ArrayRef<Value> elements, Type elementType) {
  return tensor::FromElementsOp::create(
      b, RankedTensorType::get(shape, elementType), elements);
}

Value moe::onnx::onlyElement(LoweringBuilder &b, Value tensor) {
  if (std::optional<SmallVector<Value>> scalars = scalarElements(b, tensor);
      scalars && scalars->size() == 1)
    return scalars->front();
  for (OpFoldResult extent : extentsOf(b, tensor))
    requireEqual(b, extent, b.getIndexAttr(1),
                 "a scalar operand must have one element");
  SmallVector<Value> zeros(rankOf(tensor), indexConstant(b, 0));
  return b.createOrFold<tensor::ExtractOp>(tensor, zeros);
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

SmallVector<int64_t> moe::onnx::staticShape(ArrayRef<OpFoldResult> extents) {
  SmallVector<int64_t> shape;
  for (OpFoldResult extent : extents)
    shape.push_back(getConstantIntValue(extent).value_or(ShapedType::kDynamic));
  return shape;
}

Value moe::onnx::extractSlice(LoweringBuilder &b, Value tensor,
                              const Extents &offsets, const Extents &sizes,
                              const Extents &strides) {
  if (llvm::any_of(sizes,
                   [](OpFoldResult size) { return isZeroInteger(size); }))
    return emptyTensor(b, sizes, elementType(tensor));
  return tensor::ExtractSliceOp::create(b, tensor, offsets, sizes, strides);
}

Value moe::onnx::sliceDim(LoweringBuilder &b, Value tensor, int64_t dim,
                          OpFoldResult offset, OpFoldResult size) {
  Extents sizes = extentsOf(b, tensor);
  if (sizes[dim] == size)
    return tensor;
  sizes[dim] = size;
  Extents offsets(sizes.size(), b.getIndexAttr(0));
  offsets[dim] = offset;
  return extractSlice(b, tensor, offsets, sizes,
                      Extents(sizes.size(), b.getIndexAttr(1)));
}

Value moe::onnx::insertSlice(LoweringBuilder &b, Value source, Value into,
                             const Extents &offsets) {
  Extents sizes = extentsOf(b, source);
  if (llvm::any_of(sizes,
                   [](OpFoldResult size) { return isZeroInteger(size); }))
    return into;
  return tensor::InsertSliceOp::create(
      b, source, into, offsets, sizes,
      Extents(sizes.size(), b.getIndexAttr(1)));
}

//===----------------------------------------------------------------------===//
// Indices from data
//===----------------------------------------------------------------------===//

/// Whether `element` is in [-extent, extent - 1].
static Value isInRange(ImplicitLocOpBuilder &b, OpFoldResult element,
                       OpFoldResult extent) {
  OpFoldResult low = subExtents(b, b.getIndexAttr(0), extent);
  return both(b, compare(b, arith::CmpIPredicate::sge, element, low),
              compare(b, arith::CmpIPredicate::slt, element, extent));
}

void moe::onnx::requireIndices(LoweringBuilder &b, Value indices,
                               OpFoldResult extent, StringRef what) {
  std::optional<int64_t> bound = getConstantIntValue(extent);
  std::string message =
      bound ? ("indices must be in [" + Twine(-*bound) + ", " +
               Twine(*bound - 1) + "]")
                  .str()
            : ("indices must be in [-s, s - 1], s being the extent of the " +
               what + " dim")
                  .str();
  if (std::optional<SmallVector<Value>> scalars = scalarElements(b, indices)) {
    Value holds = intConstant(b, b.getI1Type(), 1);
    for (Value scalar : *scalars)
      holds = both(b, holds, isInRange(b, toExtent(b, scalar), extent));
    return require(b, holds, message);
  }
  DenseIntElementsAttr constants;
  if (bound && matchPattern(indices, m_Constant(&constants)) &&
      llvm::all_of(constants.getValues<APInt>(), [&](const APInt &index) {
        return index.getSExtValue() >= -*bound && index.getSExtValue() < *bound;
      }))
    return;
  Value size = indexValue(b, extent);
  require(b,
          allOf(b, indices,
                [&](ImplicitLocOpBuilder &inner, Value element) {
                  return isInRange(inner, toExtent(inner, element), size);
                }),
          message);
}

void moe::onnx::requireInside(LoweringBuilder &b, const Extents &indices,
                              const Extents &data, int64_t axis) {
  for (auto [i, index, extent] : llvm::enumerate(indices, data))
    if (static_cast<int64_t>(i) != axis)
      require(b, compare(b, arith::CmpIPredicate::sle, index, extent),
              "dim " + Twine(i) +
                  " of the indices must not exceed that of the data");
}

void moe::onnx::requireTuples(LoweringBuilder &b, Value indices,
                              ArrayRef<OpFoldResult> extents, StringRef what) {
  int64_t last = rankOf(indices) - 1, length = extents.size();
  requireEqual(b, extentOf(b, indices, last), b.getIndexAttr(length),
               "index tuples must have " + Twine(length) + " elements");
  for (auto [i, extent] : llvm::enumerate(extents))
    requireIndices(
        b, sliceDim(b, indices, last, b.getIndexAttr(i), b.getIndexAttr(1)),
        extent, what);
}

SmallVector<Value> moe::onnx::readTuple(ImplicitLocOpBuilder &b, Value indices,
                                        ValueRange position,
                                        ArrayRef<OpFoldResult> extents) {
  SmallVector<Value> at(position), tuple;
  at.push_back(nullptr);
  for (auto [i, extent] : llvm::enumerate(extents)) {
    at.back() = indexConstant(b, i);
    Value element = tensor::ExtractOp::create(b, indices, at);
    tuple.push_back(toIndex(b, element, extent));
  }
  return tuple;
}

Value moe::onnx::toIndex(ImplicitLocOpBuilder &b, Value element,
                         OpFoldResult extent) {
  return indexValue(b, wrapIndex(b, toExtent(b, element), extent));
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

Value moe::onnx::indexed(LoweringBuilder &b, ValueRange inputs,
                         ArrayRef<AffineMap> maps, const Extents &extents,
                         Type elementType, IndexedBody body) {
  int64_t rank = extents.size();
  SmallVector<AffineMap> allMaps(maps);
  allMaps.push_back(b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  Value empty = emptyTensor(b, extents, elementType);
  return linalg::GenericOp::create(
             b, empty.getType(), inputs, empty, allMaps, iterators,
             [&](OpBuilder &nested, Location loc, ValueRange args) {
               ImplicitLocOpBuilder inner(loc, nested);
               SmallVector<Value> indices;
               for (int64_t i = 0; i < rank; ++i)
                 indices.push_back(linalg::IndexOp::create(inner, i));
               linalg::YieldOp::create(inner,
                                       body(inner, args.drop_back(), indices));
             })
      .getResult(0);
}

Value moe::onnx::readEach(
    LoweringBuilder &b, Value data, const Extents &extents,
    function_ref<OpFoldResult(ImplicitLocOpBuilder &, int64_t, OpFoldResult)>
        locate) {
  return generate(
      b, extents, elementType(data),
      [&](ImplicitLocOpBuilder &inner, ValueRange indices) -> Value {
        SmallVector<Value> source;
        for (auto [dim, index] : llvm::enumerate(indices))
          source.push_back(indexValue(inner, locate(inner, dim, index)));
        return tensor::ExtractOp::create(inner, data, source);
      });
}

SmallVector<Value> moe::onnx::sequentialLoops(
    LoweringBuilder &b, ArrayRef<OpFoldResult> extents, ValueRange inits,
    function_ref<SmallVector<Value>(ImplicitLocOpBuilder &, ValueRange,
                                    ValueRange)>
        body) {
  SmallVector<Value> lower, upper, steps;
  for (OpFoldResult extent : extents) {
    lower.push_back(indexConstant(b, 0));
    upper.push_back(indexValue(b, extent));
    steps.push_back(indexConstant(b, 1));
  }
  scf::LoopNest nest = scf::buildLoopNest(
      b, b.getLoc(), lower, upper, steps, inits,
      [&](OpBuilder &nested, Location loc, ValueRange indices,
          ValueRange carried) -> scf::ValueVector {
        ImplicitLocOpBuilder inner(loc, nested);
        SmallVector<Value> next = body(inner, indices, carried);
        return scf::ValueVector(next.begin(), next.end());
      });
  return SmallVector<Value>(nest.results.begin(), nest.results.end());
}

//===----------------------------------------------------------------------===//
// Families
//===----------------------------------------------------------------------===//

void moe::onnx::populateShapePatterns(const LoweringTypeConverter &converter,
                                      RewritePatternSet &patterns) {
  populateShapeMakePatterns(converter, patterns);
  populateShapeReshapePatterns(converter, patterns);
  populateShapeMovePatterns(converter, patterns);
  populateShapeSlicePatterns(converter, patterns);
  populateShapePadPatterns(converter, patterns);
}

void moe::onnx::populateIndexingPatterns(const LoweringTypeConverter &converter,
                                         RewritePatternSet &patterns) {
  populateIndexingGatherPatterns(converter, patterns);
  populateIndexingSelectPatterns(converter, patterns);
  populateScatterPatterns(converter, patterns);
}
