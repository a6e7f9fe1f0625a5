//===- Experts.cpp - moe.experts to dispatch, values, combine -------------===//
#include "Layers.h"
#include "moe/Conversion/ONNXToLinalg/Scalars.h"
#include "moe/Dialect/ONNX/Analysis/Flops.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;
using namespace moe;

using I = arith::CmpIPredicate;

/// moe.dispatch of ids [T, k] to groups.
static Dispatched dispatch(LayerBuilder &b, Value ids, Value counts,
                           int64_t groups) {
  Dispatched result;
  result.tokens = b.extent(ids, 0);
  result.slotsPerRow = staticExtent(ids, 1);
  if (auto tokens = getConstantIntValue(result.tokens))
    result.count = b.getIndexAttr(*tokens * result.slotsPerRow);
  else
    result.count = arith::MulIOp::create(b, b.indexValue(result.tokens),
                                         b.index(result.slotsPerRow))
                       .getResult();
  Type i32 = b.getI32Type();
  SmallVector<Value> outs{
      b.empty({b.getIndexAttr(groups + 1)}, i32), b.empty({result.count}, i32),
      b.empty({result.tokens, b.getIndexAttr(result.slotsPerRow)}, i32)};
  auto op = DispatchOp::create(b, b.partLoc("dispatch"),
                               ValueRange(outs).getTypes(), ids, counts, outs);
  result.offsets = op.getResult(0);
  result.slots = op.getResult(1);
  result.rows = op.getResult(2);
  return result;
}

/// The token of a row, and its slot.
static Value tokenOf(LayerBuilder &b, const Dispatched &dispatched,
                     Value slot) {
  return arith::DivUIOp::create(b, slot, b.index(dispatched.slotsPerRow));
}

Value moe::gatherRows(LayerBuilder &b, Value rows, const Dispatched &dispatched,
                      Value begin, OpFoldResult count, Value factors) {
  Value groups = b.indexValue(b.extent(dispatched.offsets, 0));
  Value last = arith::SubIOp::create(b, groups, b.index(1));
  Value used = b.toIndex(b.extract(dispatched.offsets, last));
  Value zero = b.index(0);
  // Rows beyond the last group are undefined: any token will do.
  auto slotOf = [&](LayerBuilder &inner, Value position) -> Value {
    Value row = arith::AddIOp::create(inner, begin, position);
    Value isUsed = arith::CmpIOp::create(inner, I::ult, row, used);
    row = arith::SelectOp::create(inner, isUsed, row, zero);
    Value slot = inner.toIndex(inner.extract(dispatched.slots, row));
    return arith::SelectOp::create(inner, isUsed, slot, zero);
  };
  auto type = cast<RankedTensorType>(rows.getType());
  Type element = type.getElementType();
  if (element.isUnsignedInteger()) {
    // Only onnx ops may have unsigned elements.
    Value tokens = b.generate(
        {count}, b.getI64Type(), [&](LayerBuilder &inner, ValueRange at) {
          Value token = tokenOf(inner, dispatched, slotOf(inner, at.front()));
          return inner.createOrFold<arith::IndexCastOp>(inner.getI64Type(),
                                                        token);
        });
    SmallVector<int64_t> shape(type.getShape());
    shape.front() = staticExtent(tokens, 0);
    return onnx::GatherOp::create(b, type.clone(shape), rows, tokens);
  }
  SmallVector<OpFoldResult> extents{count};
  for (int64_t dim = 1; dim < type.getRank(); ++dim)
    extents.push_back(b.extent(rows, dim));
  return b.generate(extents, element, [&](LayerBuilder &inner, ValueRange at) {
    Value slot = slotOf(inner, at.front());
    Value token = tokenOf(inner, dispatched, slot);
    SmallVector<Value> from(at);
    from[0] = token;
    Value value = inner.extract(rows, from);
    if (!factors)
      return value;
    Type wide = onnx::accumulatorType(element);
    Value perToken = inner.index(dispatched.slotsPerRow);
    Value s = arith::RemUIOp::create(inner, slot, perToken);
    Value factor = inner.extract(factors, {token, s});
    factor = onnx::castScalar(inner, factor, factor.getType(), wide);
    value = onnx::castScalar(inner, value, element, wide);
    return onnx::castScalar(inner, onnx::mulScalars(inner, value, factor), wide,
                            element);
  });
}

/// Slice `e` of an operand of `stacked`, without the leading dim.
static Value sliceOf(LayerBuilder &b, Value stacked, Value e) {
  auto type = cast<RankedTensorType>(stacked.getType());
  auto slice = RankedTensorType::get(type.getShape().drop_front(),
                                     type.getElementType());
  if (type.getElementType().isUnsignedInteger()) {
    // Only onnx ops may have unsigned elements.
    Value index = arith::IndexCastOp::create(b, b.getI64Type(), e);
    Value scalar = tensor::FromElementsOp::create(
        b, RankedTensorType::get({}, b.getI64Type()), index);
    return onnx::GatherOp::create(b, slice, stacked, scalar);
  }
  SmallVector<OpFoldResult> offsets(type.getRank(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> strides(type.getRank(), b.getIndexAttr(1)), sizes;
  offsets[0] = e;
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    sizes.push_back(b.extent(stacked, dim));
  sizes[0] = b.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(b, slice, stacked, offsets, sizes,
                                        strides);
}

/// for e: rows [begin, end) of the expert, if any
///   values[begin : end] = body(rows of x, slices of the stacked operands)
Value moe::lowerAsLoop(ExpertsOp op, LayerBuilder &b,
                       const Dispatched &dispatched) {
  auto result = op.getResult().getType();
  OpFoldResult hidden = b.extent(op.getResult(), 1);
  Value init = b.empty({dispatched.count, hidden}, result.getElementType());
  Value zero = b.index(0), one = b.index(1);
  auto emitBody = [&](LayerBuilder &inner, Value e, Value begin, Value count,
                      Value values) -> Value {
    IRMapping mapping;
    for (auto [argument, rows] :
         llvm::zip_equal(op.getRowArguments(), op.getRows())) {
      bool isFirst = argument.getArgNumber() == 0;
      mapping.map(argument,
                  gatherRows(inner, rows, dispatched, begin, count,
                             isFirst ? op.getInputWeights() : Value()));
    }
    for (auto [argument, stacked] :
         llvm::zip_equal(op.getStackedArguments(), op.getStacked()))
      mapping.map(argument, sliceOf(inner, stacked, e));
    mapping.map(op.getSharedArguments(), op.getShared());
    Block &body = op.getBody().front();
    for (Operation &nested : body.without_terminator())
      inner.clone(nested, mapping);
    if (FlatSymbolRefAttr counter = getCounter(op)) {
      Value flops = arith::MulIOp::create(
          inner, count, inner.index(onnx::countFlopsPerRow(body)));
      rt::CountOp::create(inner, counter.getValue(), rt::Counter::ExpertFlops,
                          /*expert=*/Value(), flops);
    }
    Value rows = mapping.lookup(body.getTerminator()->getOperand(0));
    SmallVector<OpFoldResult> offsets{begin, inner.getIndexAttr(0)};
    SmallVector<OpFoldResult> sizes{count, hidden};
    SmallVector<OpFoldResult> strides(2, inner.getIndexAttr(1));
    return tensor::InsertSliceOp::create(inner, rows, values, offsets, sizes,
                                         strides);
  };
  auto loop = scf::ForOp::create(
      b, zero, b.index(op.getNumExperts()), one, init,
      [&](OpBuilder &nested, Location loc, Value e, ValueRange state) {
        LayerBuilder inner(loc, nested);
        Value next = arith::AddIOp::create(inner, e, one);
        Value begin = inner.toIndex(inner.extract(dispatched.offsets, e));
        Value end = inner.toIndex(inner.extract(dispatched.offsets, next));
        Value count = arith::SubIOp::create(inner, end, begin);
        Value hasRows = arith::CmpIOp::create(inner, I::ugt, count, zero);
        auto branch = scf::IfOp::create(
            inner, hasRows,
            [&](OpBuilder &then, Location) {
              LayerBuilder block(loc, then);
              scf::YieldOp::create(block,
                                   emitBody(block, e, begin, count, state[0]));
            },
            [&](OpBuilder &otherwise, Location) {
              scf::YieldOp::create(otherwise, loc, state[0]);
            });
        scf::YieldOp::create(inner, branch.getResults());
      });
  return loop.getResult(0);
}

/// for r in the rows of a group: values[r] = row(r)
static Value fillRows(LayerBuilder &b, Value values,
                      const Dispatched &dispatched, int64_t firstGroup,
                      int64_t endGroup,
                      function_ref<Value(LayerBuilder &, Value)> row) {
  Value begin = b.toIndex(b.extract(dispatched.offsets, b.index(firstGroup)));
  Value end = b.toIndex(b.extract(dispatched.offsets, b.index(endGroup)));
  SmallVector<OpFoldResult> sizes{b.getIndexAttr(1), b.extent(values, 1)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  auto loop = scf::ForOp::create(
      b, begin, end, b.index(1), values,
      [&](OpBuilder &nested, Location loc, Value r, ValueRange state) {
        LayerBuilder inner(loc, nested);
        SmallVector<OpFoldResult> offsets{r, inner.getIndexAttr(0)};
        Value next = tensor::InsertSliceOp::create(
            inner, row(inner, r), state[0], offsets, sizes, strides);
        scf::YieldOp::create(inner, next);
      });
  return loop.getResult(0);
}

/// Row `at` of a matrix as [1, H].
static Value rowOf(LayerBuilder &b, Value matrix, OpFoldResult at) {
  SmallVector<OpFoldResult> offsets{at, b.getIndexAttr(0)};
  SmallVector<OpFoldResult> sizes{b.getIndexAttr(1), b.extent(matrix, 1)};
  SmallVector<OpFoldResult> strides(2, b.getIndexAttr(1));
  return tensor::ExtractSliceOp::create(b, matrix, offsets, sizes, strides);
}

/// The rows of slots of copy and constant experts, behind those of the others.
static Value fillOtherKinds(ExpertsOp op, LayerBuilder &b, const Groups &groups,
                            const Dispatched &dispatched, Value values) {
  int64_t group = groups.experts;
  if (groups.copies) {
    Value x = op.getRows().front();
    values =
        fillRows(b, values, dispatched, group, group + groups.copies,
                 [&](LayerBuilder &inner, Value r) {
                   Value slot =
                       inner.toIndex(inner.extract(dispatched.slots, r));
                   return rowOf(inner, x, tokenOf(inner, dispatched, slot));
                 });
  }
  group += groups.copies;
  for (int64_t i = 0; i < groups.constants; ++i, ++group)
    values = fillRows(b, values, dispatched, group, group + 1,
                      [&](LayerBuilder &inner, Value) {
                        return rowOf(inner, op.getConstants(),
                                     inner.getIndexAttr(i));
                      });
  return values;
}

LogicalResult moe::lowerExperts(ExpertsOp op, const Groups &groups,
                                Value counts) {
  if (op.getResult().getType().isDynamicDim(1))
    return op.emitOpError("expected a static number of columns of the result, "
                          "but got ")
           << op.getResult().getType();
  LayerBuilder b(op);
  if (!counts || staticExtent(counts, 0) != groups.getCount())
    counts = countSlots(b, op.getIds(), groups.getCount());
  Dispatched dispatched = dispatch(b, op.getIds(), counts, groups.getCount());
  Value values;
  if (groups.experts)
    values = lowerAsMatmuls(op, b, dispatched);
  if (!values)
    values = lowerAsLoop(op, b, dispatched);
  values = fillOtherKinds(op, b, groups, dispatched, values);

  auto type = op.getResult().getType();
  Value out = b.empty({dispatched.tokens, b.getIndexAttr(type.getDimSize(1))},
                      type.getElementType());
  auto combine = CombineOp::create(b, b.partLoc("combine"), out.getType(),
                                   values, dispatched.rows, op.getWeights(),
                                   op.getCoefficients(), op.getTerms(), out);
  op.getResult().replaceAllUsesWith(
      b.createOrFold<tensor::CastOp>(type, combine.getResult(0)));
  op.erase();
  return success();
}
