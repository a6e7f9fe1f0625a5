//===- ControlFlow.cpp - onnx.If, Loop, Scan ------------------------------===//
//
// A body is moved into the scf op, or, where the loop adds work of its own,
// into an scf.execute_region inside of it; its onnx.Yield becomes an scf.yield
// after the body's ops are lowered. A value that flows into a place of a more
// static type is checked at run time.
//
//===----------------------------------------------------------------------===//
#include "Contraction.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe::onnx;

namespace {

//===----------------------------------------------------------------------===//
// Values that flow
//===----------------------------------------------------------------------===//

/// `value` as exactly `type`; a dim that only `type` knows is checked.
Value castChecked(LoweringBuilder &b, Value value, Type type) {
  auto from = cast<RankedTensorType>(value.getType());
  auto to = cast<RankedTensorType>(type);
  for (int64_t i = 0; i < to.getRank(); ++i)
    if (from.isDynamicDim(i) && !to.isDynamicDim(i))
      requireEqual(b, extentOf(b, value, i), b.getIndexAttr(to.getDimSize(i)),
                   "a value must have the extent that its type says: " +
                       Twine(to.getDimSize(i)));
  return castTo(b, value, to);
}

/// The element of a tensor of one element.
Value singleElement(LoweringBuilder &b, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getRank() == 1)
    requireEqual(b, extentOf(b, tensor, 0), b.getIndexAttr(1),
                 "expected one element");
  return extractElement(b, tensor);
}

/// A tensor of type `type` (rank 0 or 1) with one element.
Value singleElementTensor(LoweringBuilder &b, Value scalar, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getRank(), 1);
  return castTo(b,
                tensor::FromElementsOp::create(
                    b, RankedTensorType::get(shape, scalar.getType()), scalar),
                type);
}

/// onnx.Yield %a in an scf op -> scf.yield %a, cast to the op's result types.
/// Not legal before the op around it is lowered.
struct LowerYield : public OpConversionPattern<YieldOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(YieldOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Operation *parent = op->getParentOp();
    if (!isa<scf::IfOp, scf::ExecuteRegionOp>(parent))
      return rewriter.notifyMatchFailure(op, "the op around it is not lowered");
    auto *converter =
        static_cast<const LoweringTypeConverter *>(getTypeConverter());
    LoweringBuilder b(op.getLoc(), rewriter, converter->getLoweringContext());
    SmallVector<Value> values;
    for (auto [value, type] :
         llvm::zip_equal(adaptor.getOperands(), parent->getResultTypes()))
      values.push_back(castChecked(b, value, type));
    rewriter.replaceOpWithNewOp<scf::YieldOp>(op, values);
    return success();
  }
};

/// Base of the patterns below.
template <typename OpTy>
struct RegionPattern : public OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;

  LoweringContext &context() const {
    return static_cast<const LoweringTypeConverter *>(this->getTypeConverter())
        ->getLoweringContext();
  }

  SmallVector<Type> convert(TypeRange types) const {
    SmallVector<Type> result;
    for (Type type : types)
      result.push_back(this->getTypeConverter()->convertType(type));
    return result;
  }

  /// Replaces `op` by `values`, cast to its result types.
  void replace(OpTy op, ValueRange values, LoweringBuilder &b,
               ConversionPatternRewriter &rewriter) const {
    SmallVector<Value> results;
    for (auto [value, result] : llvm::zip_equal(values, op->getResults())) {
      Type type = this->getTypeConverter()->convertType(result.getType());
      results.push_back(castChecked(b, value, type));
      context().recordLowered(results.back(), result);
    }
    rewriter.replaceOp(op, results);
  }

  /// What `body` yields for `arguments`: its block moves to where `b` stands.
  SmallVector<Value> inlineBody(Region &body, ValueRange arguments,
                                LoweringBuilder &b,
                                ConversionPatternRewriter &rewriter) const {
    Block &block = body.front();
    for (auto [value, argument] :
         llvm::zip_equal(arguments, block.getArguments()))
      context().recordLowered(value, argument);
    auto region = scf::ExecuteRegionOp::create(
        b, convert(block.getTerminator()->getOperandTypes()));
    OpBuilder::InsertionGuard guard(b);
    Block *entry = b.createBlock(&region.getRegion());
    rewriter.inlineBlockBefore(&block, entry, entry->end(), arguments);
    return SmallVector<Value>(region.getResults());
  }
};

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

/// onnx.If %c then {...} else {...} -> scf.if (tensor.extract %c[])
struct LowerIf : public RegionPattern<IfOp> {
  using RegionPattern::RegionPattern;

  LogicalResult
  matchAndRewrite(IfOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    LoweringBuilder b(op.getLoc(), rewriter, context());
    Value cond = singleElement(b, adaptor.getCond());
    auto branches =
        scf::IfOp::create(b, convert(op.getResultTypes()), cond,
                          /*addThenBlock=*/false, /*addElseBlock=*/false);
    rewriter.inlineRegionBefore(op.getThenBranch(), branches.getThenRegion(),
                                branches.getThenRegion().end());
    rewriter.inlineRegionBefore(op.getElseBranch(), branches.getElseRegion(),
                                branches.getElseRegion().end());
    replace(op, branches.getResults(), b, rewriter);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Scan outputs
//===----------------------------------------------------------------------===//

/// Slices that a loop collects along dim `axis`. With a known trip count and
/// static slices they are written into their place of one tensor; else the
/// tensor grows by one slice per iteration.
class ScanOutput {
public:
  ScanOutput(RankedTensorType slice, int64_t axis, bool isReversed,
             std::optional<OpFoldResult> trips)
      : slice(slice), axis(axis), isReversed(isReversed),
        trips(slice.hasStaticShape() ? trips : std::nullopt) {}

  /// Whether the tensor is a longer one after each iteration.
  bool grows() const { return !trips; }

  /// The tensor ahead of the loop.
  Value initial(LoweringBuilder &b) const {
    Extents extents;
    for (int64_t size : slice.getShape())
      extents.push_back(b.getIndexAttr(ShapedType::isDynamic(size) ? 0 : size));
    extents.insert(extents.begin() + axis,
                   trips ? *trips : OpFoldResult(b.getIndexAttr(0)));
    Value tensor = emptyTensor(b, extents, slice.getElementType());
    if (trips)
      return tensor;
    SmallVector<int64_t> shape(slice.getShape());
    shape.insert(shape.begin() + axis, ShapedType::kDynamic);
    return castTo(b, tensor, slice.clone(shape));
  }

  /// The tensor after `value` of iteration `iteration`.
  Value append(LoweringBuilder &b, Value tensor, Value value,
               Value iteration) const {
    Extents sizes = extentsOf(b, value);
    sizes.insert(sizes.begin() + axis, OpFoldResult(b.getIndexAttr(1)));
    Extents offsets(sizes.size(), b.getIndexAttr(0));
    Extents strides(sizes.size(), b.getIndexAttr(1));
    if (trips) {
      offsets[axis] = iteration;
      if (isReversed)
        offsets[axis] =
            subExtents(b, subExtents(b, *trips, b.getIndexAttr(1)), iteration);
      return tensor::InsertSliceOp::create(b, value, tensor, offsets, sizes,
                                           strides);
    }
    // A longer tensor: the old one and the new slice side by side.
    Extents old = extentsOf(b, tensor), extents = sizes;
    Value isFirst = b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq,
                                                  indexValue(b, old[axis]),
                                                  indexConstant(b, 0));
    for (auto [i, size] : llvm::enumerate(old))
      if (static_cast<int64_t>(i) != axis && isa<Value>(size))
        require(b,
                arith::OrIOp::create(
                    b, isFirst,
                    arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                          indexValue(b, size),
                                          indexValue(b, extents[i]))),
                "slices of a scan output must have equal shapes");
    extents[axis] = addExtents(b, old[axis], b.getIndexAttr(1));
    Value grown = emptyTensor(b, extents, slice.getElementType());
    Extents oldOffsets = offsets;
    (isReversed ? oldOffsets : offsets)[axis] =
        isReversed ? OpFoldResult(b.getIndexAttr(1)) : old[axis];
    grown = tensor::InsertSliceOp::create(b, tensor, grown, oldOffsets, old,
                                          strides);
    grown =
        tensor::InsertSliceOp::create(b, value, grown, offsets, sizes, strides);
    return castTo(b, grown, tensor.getType());
  }

private:
  RankedTensorType slice;
  int64_t axis;
  bool isReversed;
  std::optional<OpFoldResult> trips;
};

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

using LoopBody =
    function_ref<SmallVector<Value>(Value iteration, ValueRange carried)>;

/// `body` for each iteration in [0, trips). Values that may change their shape
/// are carried by an scf.while: canonicalisation of scf.for takes the shape of
/// the first for that of all.
SmallVector<Value> buildCounted(LoweringBuilder &b, OpFoldResult trips,
                                ValueRange inits, bool mayReshape,
                                LoopBody body) {
  OpBuilder::InsertionGuard guard(b);
  Value zero = indexConstant(b, 0), one = indexConstant(b, 1);
  Value end = indexValue(b, trips);
  if (!mayReshape) {
    auto loop = scf::ForOp::create(b, zero, end, one, inits);
    b.setInsertionPointToStart(loop.getBody());
    SmallVector<Value> next =
        body(loop.getInductionVar(), loop.getRegionIterArgs());
    if (!inits.empty())
      scf::YieldOp::create(b, next);
    return SmallVector<Value>(loop.getResults());
  }
  SmallVector<Value> state{zero};
  llvm::append_range(state, inits);
  SmallVector<Type> types(ValueRange(state).getTypes());
  SmallVector<Location> locs(types.size(), b.getLoc());
  auto loop = scf::WhileOp::create(b, types, state);
  Block *before = b.createBlock(&loop.getBefore(), {}, types, locs);
  Value goes = arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                     before->getArgument(0), end);
  scf::ConditionOp::create(b, goes, before->getArguments());
  Block *after = b.createBlock(&loop.getAfter(), {}, types, locs);
  SmallVector<Value> next = body(
      after->getArgument(0), ValueRange(after->getArguments()).drop_front());
  next.insert(next.begin(),
              arith::AddIOp::create(b, after->getArgument(0), one).getResult());
  scf::YieldOp::create(b, next);
  return SmallVector<Value>(loop.getResults().drop_front());
}

/// Whether a loop that carries values of these types and collects `outputs` may
/// change the shape of one.
bool mayReshape(ArrayRef<Value> carried, ArrayRef<ScanOutput> outputs) {
  return llvm::any_of(
             carried,
             [](Value value) {
               return !cast<RankedTensorType>(value.getType()).hasStaticShape();
             }) ||
         llvm::any_of(outputs,
                      [](const ScanOutput &output) { return output.grows(); });
}

/// Whether the constant `value` is true; absent means true.
bool isTrue(Value value) {
  DenseElementsAttr constant;
  return !value ||
         (matchPattern(value, m_Constant(&constant)) &&
          constant.getNumElements() == 1 && *constant.value_begin<bool>());
}

/// onnx.Loop M %m carried %x {...} whose condition stays true
///   -> scf.for %i = 0 to %m iter_args(%x, scan outputs)
/// (an scf.while where shapes may change), any other
///   -> scf.while (0, cond, %x, scan outputs) { i < m and cond } do {...}
struct LowerLoop : public RegionPattern<LoopOp> {
  using RegionPattern::RegionPattern;

  LogicalResult
  matchAndRewrite(LoopOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    LoweringBuilder b(op.getLoc(), rewriter, context());
    Block &body = op.getBody().front();
    Value next = body.getTerminator()->getOperand(0);
    bool isCounted = op.getM() && isTrue(op.getCond()) &&
                     (next == body.getArgument(1) || isTrue(next));
    Value limit;
    std::optional<OpFoldResult> trips;
    if (op.getM()) {
      limit = singleElement(b, adaptor.getM());
      limit = b.createOrFold<arith::MaxSIOp>(
          limit, intConstant(b, limit.getType(), 0));
      if (isCounted)
        trips = toExtent(b, limit);
    }

    SmallVector<Type> yielded = convert(
        TypeRange(body.getTerminator()->getOperandTypes()).drop_front());
    size_t carried = op.getVInitial().size();
    SmallVector<Value> inits;
    for (auto [value, argument] : llvm::zip_equal(
             adaptor.getVInitial(), body.getArguments().drop_front(2)))
      inits.push_back(castChecked(
          b, value, getTypeConverter()->convertType(argument.getType())));
    SmallVector<ScanOutput> outputs;
    for (Type type : ArrayRef(yielded).drop_front(carried)) {
      outputs.emplace_back(cast<RankedTensorType>(type), /*axis=*/0,
                           /*isReversed=*/false, trips);
      inits.push_back(outputs.back().initial(b));
    }
    SmallVector<Value> results =
        isCounted ? buildFor(op, *trips, inits, outputs, b, rewriter)
                  : buildWhile(op, adaptor, limit, inits, outputs, b, rewriter);
    replace(op, results, b, rewriter);
    return success();
  }

private:
  /// One iteration: the next condition (a tensor), then the next values.
  SmallVector<Value> buildBody(LoopOp op, Value iteration, Value cond,
                               ValueRange values, ArrayRef<ScanOutput> outputs,
                               LoweringBuilder &b,
                               ConversionPatternRewriter &rewriter) const {
    Block &body = op.getBody().front();
    SmallVector<Type> types = convert(body.getArgumentTypes());
    size_t carried = op.getVInitial().size();
    Value number = arith::IndexCastOp::create(b, b.getI64Type(), iteration);
    SmallVector<Value> arguments{singleElementTensor(b, number, types[0]),
                                 singleElementTensor(b, cond, types[1])};
    llvm::append_range(arguments, values.take_front(carried));
    SmallVector<Value> yielded =
        inlineBody(op.getBody(), arguments, b, rewriter);
    for (size_t i = 0; i < carried; ++i)
      yielded[i + 1] = castChecked(b, yielded[i + 1], values[i].getType());
    for (auto [i, output] : llvm::enumerate(outputs))
      yielded[carried + i + 1] = output.append(
          b, values[carried + i], yielded[carried + i + 1], iteration);
    return yielded;
  }

  SmallVector<Value> buildFor(LoopOp op, OpFoldResult trips,
                              ArrayRef<Value> inits,
                              ArrayRef<ScanOutput> outputs, LoweringBuilder &b,
                              ConversionPatternRewriter &rewriter) const {
    ArrayRef<Value> carried = inits.drop_back(outputs.size());
    return buildCounted(b, trips, inits, mayReshape(carried, outputs),
                        [&](Value iteration, ValueRange values) {
                          Value always = intConstant(b, b.getI1Type(), 1);
                          SmallVector<Value> next =
                              buildBody(op, iteration, always, values, outputs,
                                        b, rewriter);
                          next.erase(next.begin());
                          return next;
                        });
  }

  SmallVector<Value> buildWhile(LoopOp op, OpAdaptor adaptor, Value limit,
                                ValueRange inits, ArrayRef<ScanOutput> outputs,
                                LoweringBuilder &b,
                                ConversionPatternRewriter &rewriter) const {
    SmallVector<Value> state{indexConstant(b, 0),
                             adaptor.getCond()
                                 ? singleElement(b, adaptor.getCond())
                                 : intConstant(b, b.getI1Type(), 1)};
    llvm::append_range(state, inits);
    SmallVector<Type> types(ValueRange(state).getTypes());
    SmallVector<Location> locs(types.size(), op.getLoc());
    auto loop = scf::WhileOp::create(b, types, state);
    OpBuilder::InsertionGuard guard(b);
    Block *before = b.createBlock(&loop.getBefore(), {}, types, locs);
    Value goes = before->getArgument(1);
    if (limit) {
      Value end = indexValue(b, toExtent(b, limit));
      goes = arith::AndIOp::create(
          b, goes,
          arith::CmpIOp::create(b, arith::CmpIPredicate::slt,
                                before->getArgument(0), end));
    }
    scf::ConditionOp::create(b, goes, before->getArguments());

    Block *after = b.createBlock(&loop.getAfter(), {}, types, locs);
    Value iteration = after->getArgument(0);
    SmallVector<Value> next = buildBody(
        op, iteration, after->getArgument(1),
        ValueRange(after->getArguments()).drop_front(2), outputs, b, rewriter);
    next[0] = singleElement(b, next[0]);
    Value following = arith::AddIOp::create(b, iteration, indexConstant(b, 1));
    next.insert(next.begin(), following);
    scf::YieldOp::create(b, next);
    return SmallVector<Value>(loop.getResults().drop_front(2));
  }
};

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

/// Entry `i` of an optional list, 0 where it is absent.
int64_t entryAt(std::optional<ArrayRef<int64_t>> list, int64_t i) {
  return list ? (*list)[i] : 0;
}

/// onnx.Scan %state, %rows {num_scan_inputs = 1} body {...}
///   -> scf.for %i = 0 to (extent of %rows) iter_args(%state, scan outputs)
///        with tensor.extract_slice %rows[%i, ...]
struct LowerScan : public RegionPattern<ScanOp> {
  using RegionPattern::RegionPattern;

  LogicalResult
  matchAndRewrite(ScanOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    LoweringBuilder b(op.getLoc(), rewriter, context());
    Block &body = op.getBody().front();
    size_t states = op.getNumStates();
    ValueRange scanned =
        adaptor.getInitialStateAndScanInputs().drop_front(states);
    SmallVector<Type> arguments = convert(body.getArgumentTypes());
    SmallVector<Type> yielded =
        convert(body.getTerminator()->getOperandTypes());

    SmallVector<int64_t> axes;
    for (auto [i, input] : llvm::enumerate(scanned))
      axes.push_back(
          normalizeAxis(entryAt(op.getScanInputAxes(), i),
                        cast<RankedTensorType>(input.getType()).getRank()));
    OpFoldResult trips = extentOf(b, scanned.front(), axes.front());
    for (auto [input, axis] : llvm::zip_equal(scanned, axes))
      requireEqual(b, trips, extentOf(b, input, axis),
                   "scanned extents must be equal");

    SmallVector<Value> inits;
    for (size_t i = 0; i < states; ++i)
      inits.push_back(castChecked(b, adaptor.getInitialStateAndScanInputs()[i],
                                  arguments[i]));
    SmallVector<ScanOutput> outputs;
    for (auto [i, type] :
         llvm::enumerate(ArrayRef(yielded).drop_front(states))) {
      auto slice = cast<RankedTensorType>(type);
      outputs.emplace_back(slice,
                           normalizeAxis(entryAt(op.getScanOutputAxes(), i),
                                         slice.getRank() + 1),
                           entryAt(op.getScanOutputDirections(), i) != 0,
                           trips);
      inits.push_back(outputs.back().initial(b));
    }

    ArrayRef<Value> carried = ArrayRef(inits).take_front(states);
    SmallVector<Value> results = buildCounted(
        b, trips, inits, mayReshape(carried, outputs),
        [&](Value iteration, ValueRange current) {
          SmallVector<Value> values(current.take_front(states));
          for (auto [i, input] : llvm::enumerate(scanned)) {
            OpFoldResult index = iteration;
            if (entryAt(op.getScanInputDirections(), i) != 0)
              index =
                  subExtents(b, subExtents(b, trips, b.getIndexAttr(1)), index);
            values.push_back(castChecked(b, sliceAt(b, input, axes[i], index),
                                         arguments[states + i]));
          }
          SmallVector<Value> next =
              inlineBody(op.getBody(), values, b, rewriter);
          for (size_t i = 0; i < states; ++i)
            next[i] = castChecked(b, next[i], arguments[i]);
          for (auto [i, output] : llvm::enumerate(outputs))
            next[states + i] = output.append(b, current[states + i],
                                             next[states + i], iteration);
          return next;
        });
    replace(op, results, b, rewriter);
    return success();
  }

private:
  /// `tensor` at `index` of dim `axis`, without that dim.
  static Value sliceAt(LoweringBuilder &b, Value tensor, int64_t axis,
                       OpFoldResult index) {
    auto type = cast<RankedTensorType>(tensor.getType());
    Extents sizes = extentsOf(b, tensor);
    Extents offsets(sizes.size(), b.getIndexAttr(0));
    Extents strides(sizes.size(), b.getIndexAttr(1));
    offsets[axis] = index;
    sizes[axis] = b.getIndexAttr(1);
    SmallVector<int64_t> shape(type.getShape());
    shape.erase(shape.begin() + axis);
    return tensor::ExtractSliceOp::create(b, type.clone(shape), tensor, offsets,
                                          sizes, strides);
  }
};
} // namespace

void moe::onnx::populateControlFlowPatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerYield, LowerIf, LowerLoop, LowerScan>(
      converter, patterns.getContext());
}
