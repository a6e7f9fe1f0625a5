//===- Sort.cpp - onnx.TopK -----------------------------------------------===//
//
// Each line keeps a sorted list of its best K so far; an element that beats the
// last of a full list is inserted behind those that are at least as good, so
// that of equals the lowest index stays first.
//
//===----------------------------------------------------------------------===//
#include "Reduction.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
/// The state of a line's list, and where the line is.
struct TopKList {
  Value values, indices;
  SmallVector<Value> line; ///< index of the line; the axis is a gap
  int64_t axis;

  SmallVector<Value> at(Value position) const {
    SmallVector<Value> result(line);
    result[axis] = position;
    return result;
  }
};

/// onnx.TopK %x, %k
///   -> scf.for over the lines
///        scf.for over the line's elements
///          scf.if the list is not full or its last element is beaten
///            position = number of elements that are as good
///            scf.for that moves the rest back; insert
struct LowerTopK : public LoweringPattern<TopKOp> {
  using LoweringPattern::LoweringPattern;

  FailureOr<SmallVector<Value>> lower(TopKOp op, Adaptor adaptor,
                                      LoweringBuilder &b) const override {
    Value data = adaptor.getX();
    RankedTensorType type = op.getX().getType();
    int64_t rank = type.getRank(), axis = normalizeAxis(op.getAxis(), rank);
    Extents extents = extentsOf(b, data);
    Value length = indexValue(b, extents[axis]);
    Value k = requireCount(b, adaptor.getK(), length);

    Extents outExtents = extents;
    outExtents[axis] = toExtent(b, k);
    Value zero = indexConstant(b, 0), one = indexConstant(b, 1);
    // Lines of a list of 0 elements are not looked at.
    Value isEmpty =
        b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, k, zero);
    Value scanned = b.createOrFold<arith::SelectOp>(isEmpty, zero, length);
    SmallVector<Value> lower(rank, zero), steps(rank, one), upper;
    for (auto [i, extent] : llvm::enumerate(extents))
      upper.push_back(static_cast<int64_t>(i) == axis ? one
                                                      : indexValue(b, extent));
    // Narrow floats are kept in f32, in which they are compared.
    Type narrow = elementType(data), wide = accumulatorType(narrow);
    SmallVector<Value> init{emptyTensor(b, outExtents, wide),
                            emptyTensor(b, outExtents, b.getI64Type())};
    auto nest = scf::buildLoopNest(
        b, b.getLoc(), lower, upper, steps, init,
        [&](OpBuilder &nested, Location loc, ValueRange line,
            ValueRange lists) -> scf::ValueVector {
          auto loop = scf::ForOp::create(
              nested, loc, zero, scanned, one, lists,
              [&](OpBuilder &innermost, Location, Value i, ValueRange state) {
                ImplicitLocOpBuilder inner(loc, innermost);
                TopKList list{state[0], state[1], SmallVector<Value>(line),
                              axis};
                scf::YieldOp::create(inner,
                                     offerElement(inner, op, data, list, i, k));
              });
          return {loop.getResult(0), loop.getResult(1)};
        });
    SmallVector<Value> results(nest.results.begin(), nest.results.end());
    for (Value result : results)
      b.getLoweringContext().recordExtents(result, outExtents);
    if (wide != narrow)
      results[0] =
          elementwise(b, results[0], outExtents, narrow,
                      [&](ImplicitLocOpBuilder &inner, ValueRange args) {
                        return castScalar(inner, args[0], wide, narrow);
                      });
    return results;
  }

private:
  /// K as an index, checked.
  Value requireCount(LoweringBuilder &b, Value k, Value length) const {
    for (OpFoldResult extent : extentsOf(b, k)) {
      Value isOne = b.createOrFold<arith::CmpIOp>(
          arith::CmpIPredicate::eq, indexValue(b, extent), indexConstant(b, 1));
      require(b, isOne, "K must have one element");
    }
    Value count = indexValue(b, toExtent(b, extractElement(b, k)));
    Value fits =
        b.createOrFold<arith::CmpIOp>(arith::CmpIPredicate::ule, count, length);
    require(b, fits, "K must be in [0, extent of the axis]");
    return count;
  }

  /// Whether `lhs` stands strictly ahead of `rhs`. NaN is greater than numbers.
  Value standsAhead(ImplicitLocOpBuilder &b, TopKOp op, Value lhs,
                    Value rhs) const {
    if (!op.getLargest())
      std::swap(lhs, rhs);
    // lhs > rhs from here on.
    if (!isa<FloatType>(lhs.getType())) {
      bool isUnsignedType = isUnsigned(op.getX().getType().getElementType());
      return arith::CmpIOp::create(b,
                                   isUnsignedType ? arith::CmpIPredicate::ugt
                                                  : arith::CmpIPredicate::sgt,
                                   lhs, rhs);
    }
    Value greater =
        arith::CmpFOp::create(b, arith::CmpFPredicate::UGT, lhs, rhs);
    Value isNumber =
        arith::CmpFOp::create(b, arith::CmpFPredicate::ORD, rhs, rhs);
    return arith::AndIOp::create(b, greater, isNumber);
  }

  /// The list after element `i` of the line has been offered to it.
  SmallVector<Value> offerElement(ImplicitLocOpBuilder &b, TopKOp op,
                                  Value data, TopKList list, Value i,
                                  Value k) const {
    Value element = tensor::ExtractOp::create(b, data, list.at(i));
    element = castScalar(b, element, element.getType(),
                         accumulatorType(element.getType()));
    Value last = arith::SubIOp::create(b, k, indexConstant(b, 1));
    Value isOpen = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, i, k);
    // What stands last in an open list is not looked at.
    Value worst = tensor::ExtractOp::create(b, list.values, list.at(last));
    Value beats = standsAhead(b, op, element, worst);
    Value enters = arith::OrIOp::create(b, isOpen, beats);
    auto choice = scf::IfOp::create(
        b, enters,
        [&](OpBuilder &nested, Location loc) {
          ImplicitLocOpBuilder inner(loc, nested);
          // The free place, or that of the last element, which leaves.
          Value end = arith::MinUIOp::create(inner, i, last);
          scf::YieldOp::create(inner,
                               insertElement(inner, op, list, element, i, end));
        },
        [&](OpBuilder &nested, Location loc) {
          scf::YieldOp::create(nested, loc,
                               ValueRange{list.values, list.indices});
        });
    return SmallVector<Value>(choice.getResults());
  }

  /// Inserts into the sorted places [0, end), of which the last moves to `end`.
  SmallVector<Value> insertElement(ImplicitLocOpBuilder &b, TopKOp op,
                                   const TopKList &list, Value element, Value i,
                                   Value end) const {
    Value zero = indexConstant(b, 0), one = indexConstant(b, 1);
    auto count = scf::ForOp::create(
        b, zero, end, one, zero,
        [&](OpBuilder &nested, Location loc, Value j, ValueRange state) {
          ImplicitLocOpBuilder inner(loc, nested);
          Value other =
              tensor::ExtractOp::create(inner, list.values, list.at(j));
          Value ahead = standsAhead(inner, op, element, other);
          Value next = arith::AddIOp::create(inner, state[0], one);
          scf::YieldOp::create(
              inner, arith::SelectOp::create(inner, ahead, state[0], next)
                         .getResult());
        });
    Value position = count.getResult(0);
    // From the end down to the position: place j takes what place j - 1 had.
    Value moves = arith::SubIOp::create(b, end, position);
    auto shift = scf::ForOp::create(
        b, zero, moves, one, ValueRange{list.values, list.indices},
        [&](OpBuilder &nested, Location loc, Value step, ValueRange state) {
          ImplicitLocOpBuilder inner(loc, nested);
          Value to = arith::SubIOp::create(inner, end, step);
          Value from = arith::SubIOp::create(inner, to, one);
          SmallVector<Value> next;
          for (Value tensor : state) {
            Value moved =
                tensor::ExtractOp::create(inner, tensor, list.at(from));
            next.push_back(
                tensor::InsertOp::create(inner, moved, tensor, list.at(to)));
          }
          scf::YieldOp::create(inner, next);
        });
    Value index = arith::IndexCastOp::create(b, b.getI64Type(), i);
    return {tensor::InsertOp::create(b, element, shift.getResult(0),
                                     list.at(position)),
            tensor::InsertOp::create(b, index, shift.getResult(1),
                                     list.at(position))};
  }
};
} // namespace

void moe::onnx::populateSortPatterns(const LoweringTypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<LowerTopK>(converter, patterns.getContext());
}
