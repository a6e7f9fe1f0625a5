//===- ControlFlow.cpp - onnx.If, and what loops share --------------------===//
//
// A body is moved into the scf op, or, where the loop adds work of its own,
// into an scf.execute_region inside of it; its onnx.Yield becomes an scf.yield
// after the body's ops are lowered. A value that flows into a place of a more
// static type is checked at run time.
//
//===----------------------------------------------------------------------===//
#include "ControlFlow.h"

using namespace mlir;
using namespace moe::onnx;

Value moe::onnx::castChecked(LoweringBuilder &b, Value value, Type type) {
  auto from = cast<RankedTensorType>(value.getType());
  auto to = cast<RankedTensorType>(type);
  for (int64_t i = 0; i < to.getRank(); ++i)
    if (from.isDynamicDim(i) && !to.isDynamicDim(i))
      requireEqual(b, extentOf(b, value, i), b.getIndexAttr(to.getDimSize(i)),
                   "a value must have the extent that its type says: " +
                       Twine(to.getDimSize(i)));
  return castTo(b, value, to);
}

Value moe::onnx::singleElement(LoweringBuilder &b, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getRank() == 1)
    requireEqual(b, extentOf(b, tensor, 0), b.getIndexAttr(1),
                 "expected one element");
  return extractElement(b, tensor);
}

Value moe::onnx::singleElementTensor(LoweringBuilder &b, Value scalar,
                                     Type type) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getRank(), 1);
  return castTo(b,
                tensor::FromElementsOp::create(
                    b, RankedTensorType::get(shape, scalar.getType()), scalar),
                type);
}

Value ScanOutput::initial(LoweringBuilder &b) const {
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

Value ScanOutput::append(LoweringBuilder &b, Value tensor, Value value,
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
  Value isFirst = b.createOrFold<arith::CmpIOp>(
      arith::CmpIPredicate::eq, indexValue(b, old[axis]), indexConstant(b, 0));
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
  grown =
      tensor::InsertSliceOp::create(b, tensor, grown, oldOffsets, old, strides);
  grown =
      tensor::InsertSliceOp::create(b, value, grown, offsets, sizes, strides);
  return castTo(b, grown, tensor.getType());
}

SmallVector<Value> moe::onnx::buildCounted(LoweringBuilder &b,
                                           OpFoldResult trips, ValueRange inits,
                                           bool mayReshape, LoopBody body) {
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

bool moe::onnx::mayReshape(ArrayRef<Value> carried,
                           ArrayRef<ScanOutput> outputs) {
  return llvm::any_of(
             carried,
             [](Value value) {
               return !cast<RankedTensorType>(value.getType()).hasStaticShape();
             }) ||
         llvm::any_of(outputs,
                      [](const ScanOutput &output) { return output.grows(); });
}

namespace {
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
} // namespace

void moe::onnx::populateControlFlowPatterns(
    const LoweringTypeConverter &converter, RewritePatternSet &patterns) {
  patterns.add<LowerYield, LowerIf>(converter, patterns.getContext());
  populateLoopPatterns(converter, patterns);
}
