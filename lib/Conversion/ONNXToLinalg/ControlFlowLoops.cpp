//===- ControlFlowLoops.cpp - onnx.Loop and onnx.Scan ---------------------===//
#include "ControlFlow.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
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

void moe::onnx::populateLoopPatterns(const LoweringTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<LowerLoop, LowerScan>(converter, patterns.getContext());
}
