//===- MoELayersToKernels.cpp - Layers to gates and dispatches ------------===//
//
// Works on whole functions, in three steps that each leave valid IR:
// ids of layers become ids of groups (moe.renumber where kinds ask for it);
// routes become gates, with what follows them; experts become kernels.
//
//===----------------------------------------------------------------------===//
#include "Layers.h"

#include "mlir/IR/BuiltinOps.h"
#include "moe/Conversion/Passes.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTMOELAYERSTOKERNELSPASS
#include "moe/Conversion/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {
/// %i, %w = moe.renumber %ids, %weights {table = second after first}
SmallVector<int32_t> compose(ArrayRef<int32_t> first,
                             ArrayRef<int32_t> second) {
  SmallVector<int32_t> result(first);
  for (int32_t &id : result)
    if (id >= 0 && id < static_cast<int64_t>(second.size()))
      id = second[id];
  return result;
}

/// Whether each id of a table is one of `count`.
bool fits(ArrayRef<int32_t> table, int64_t count) {
  return llvm::all_of(table, [&](int32_t id) { return id < count; });
}

struct ConvertMoELayersToKernelsPass final
    : moe::impl::ConvertMoELayersToKernelsPassBase<
          ConvertMoELayersToKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    for (ExpertsOp op : collect<ExpertsOp>())
      renumberByGroup(op);
    for (RouteOp op : collect<RouteOp>())
      lowerRoute(op);
    for (CountOp op : collect<CountOp>())
      lowerCount(op);
    for (SlotSumOp op : collect<SlotSumOp>())
      lowerSlotSum(op);
    for (ExpertsOp op : collect<ExpertsOp>())
      if (failed(lowerExperts(op, Groups(op.getExperts()),
                              countsOf.lookup(op.getIds()))))
        return signalPassFailure();
    for (RenumberOp op : collect<RenumberOp>())
      lowerRenumber(op);
  }

private:
  template <typename OpTy> SmallVector<OpTy> collect() {
    SmallVector<OpTy> ops;
    getOperation().walk([&](OpTy op) { ops.push_back(op); });
    return ops;
  }

  /// moe.experts %ids, %w {experts = #moe.kinds<ffn = 8, zero = 8>}
  ///   -> %i, %p = moe.renumber %ids, %w {table = 0, ..., 7, -1, ..., -1}
  ///      moe.experts %i, %p, whose ids are from here on groups
  /// Ids that a token may have twice are not renumbered, which would merge
  /// their slots, but looked up in the table.
  void renumberByGroup(ExpertsOp op) {
    Groups groups(op.getExperts());
    if (groups.isIdentity())
      return;
    LayerBuilder b(op);
    Value ids = op.getIds(), weights = op.getWeights();
    SmallVector<int32_t> table = groups.table;
    auto before = ids.getDefiningOp<RenumberOp>();
    if (before && before.getNewWeights() == weights &&
        fits(before.getTable(), table.size())) {
      table = compose(before.getTable(), table);
      ids = before.getIds();
      weights = before.getWeights();
    } else if (auto route = ids.getDefiningOp<RouteOp>();
               !route || route.getWeights() != weights) {
      op.getIdsMutable().assign(lookUpIds(b, ids, table));
      return;
    }
    auto renumber = RenumberOp::create(b, ids, weights, table);
    op.getIdsMutable().assign(renumber.getNewIds());
    op.getWeightsMutable().assign(renumber.getNewWeights());
    if (before && before.use_empty())
      before.erase();
  }

  /// The one renumbering of a route's slots, where all else that uses them is
  /// sums that a gate takes in, and counts that its histogram gives; else null.
  static RenumberOp findRenumber(RouteOp op) {
    RenumberOp found;
    SmallVector<CountOp> counts;
    for (Operation *user : op->getUsers()) {
      if (isSumOf(user, op))
        continue;
      if (auto count = dyn_cast<CountOp>(user)) {
        counts.push_back(count);
        continue;
      }
      auto renumber = dyn_cast<RenumberOp>(user);
      if (!renumber || renumber.getIds() != op.getIds() ||
          renumber.getWeights() != op.getWeights() ||
          (found && found != renumber))
        return nullptr;
      found = renumber;
    }
    if (found &&
        static_cast<int64_t>(found.getTable().size()) != op.getNumColumns())
      return nullptr;
    for (CountOp count : counts)
      if (found && !keepsCounts(found.getTable(), count.getExperts()))
        return nullptr;
    return found;
  }

  static bool isSumOf(Operation *user, RouteOp op) {
    auto sum = dyn_cast<SlotSumOp>(user);
    return sum && sum.getIds() == op.getIds() &&
           sum.getWeights() == op.getWeights();
  }

  /// Groups of the layer that ids go to; without one, ids of the table.
  static int64_t countGroups(Value ids, ArrayRef<int32_t> table) {
    for (Operation *user : ids.getUsers())
      if (auto experts = dyn_cast<ExpertsOp>(user)) {
        int64_t count = Groups(experts.getExperts()).getCount();
        if (fits(table, count))
          return count;
      }
    int64_t count = 0;
    for (int32_t id : table)
      count = std::max<int64_t>(count, id + 1);
    return count;
  }

  /// %ids, %w = moe.route ...; %i, %p = moe.renumber %ids, %w;
  /// %c = moe.slot_sum %ids, %w
  ///   -> %i, %p, %counts, %c = moe.gate ... {table, sums}
  void lowerRoute(RouteOp op) {
    LayerBuilder b(op);
    RenumberOp renumber = findRenumber(op);
    SmallVector<SlotSumOp> sums;
    SmallVector<Attribute> ranges;
    for (Operation *user : op.getIds().getUsers())
      if (isSumOf(user, op) && !llvm::is_contained(sums, user)) {
        sums.push_back(cast<SlotSumOp>(user));
        ranges.push_back(sums.back().getColumns());
      }
    Value first = op.getScores() ? op.getScores() : op.getProject().front();
    OpFoldResult tokens = b.extent(first, 0);
    OpFoldResult slots = b.getIndexAttr(op.getNumSlots());
    OpFoldResult groups = columnCount(op, b);
    if (isa<Value>(groups))
      b.require(arith::CmpIOp::create(b, arith::CmpIPredicate::uge,
                                      b.indexValue(groups),
                                      b.indexValue(slots)),
                "a route must have as many columns as it selects");
    if (renumber)
      groups = b.getIndexAttr(
          countGroups(renumber.getNewIds(), renumber.getTable()));
    Type type = elementOf(op.getWeights());
    SmallVector<Value> outs{b.empty({tokens, slots}, b.getI32Type()),
                            b.empty({tokens, slots}, type),
                            b.empty({groups}, b.getI32Type())};
    for (size_t i = 0; i < sums.size(); ++i)
      outs.push_back(b.empty({tokens}, type));

    auto gate = GateOp::create(
        b, b.partLoc("gate"), ValueRange(outs).getTypes(), op.getScores(),
        op.getProject(), op.getBias(), op.getMask(), op.getMix(), outs,
        op.getSelectAttr(), op.getScoreAttr(), op.getOrderAttr(),
        op.getGroupsAttr(), op.getNormalizeOverAttr(), op.getDenominatorAttr(),
        op.getScaleAttr(),
        renumber ? b.getDenseI32ArrayAttr(renumber.getTable())
                 : DenseI32ArrayAttr(),
        ranges.empty() ? ArrayAttr() : b.getArrayAttr(ranges));

    for (auto [sum, result] :
         llvm::zip_equal(sums, gate.getResults().drop_front(3))) {
      replace(b, sum.getSums(), result);
      sum.erase();
    }
    Value oldIds = op.getIds(), oldWeights = op.getWeights();
    for (Operation *user : llvm::make_early_inc_range(op.getIds().getUsers()))
      if (auto count = dyn_cast<CountOp>(user))
        countExperts(count, gate.getResult(0), gate.getResult(2),
                     renumber ? renumber.getTable() : ArrayRef<int32_t>());
    if (renumber) {
      oldIds = renumber.getNewIds();
      oldWeights = renumber.getNewWeights();
    }
    Value ids = replace(b, oldIds, gate.getResult(0));
    replace(b, oldWeights, gate.getResult(1));
    countsOf[ids] = gate.getResult(2);
    if (renumber)
      renumber.erase();
    op.erase();
  }

  static OpFoldResult columnCount(RouteOp op, LayerBuilder &b) {
    if (op.getScores())
      return b.extent(op.getScores(), 1);
    if (op.getNumColumns() != ShapedType::kDynamic)
      return b.getIndexAttr(op.getNumColumns());
    Value count = b.index(0);
    for (Value matrix : op.getProject().drop_front())
      count =
          arith::AddIOp::create(b, count, b.indexValue(b.extent(matrix, 1)));
    return count;
  }

  /// `value`, as the type of `old`, in its place.
  static Value replace(LayerBuilder &b, Value old, Value value) {
    if (value.getType() != old.getType())
      value = tensor::CastOp::create(b, old.getType(), value);
    old.replaceAllUsesWith(value);
    return value;
  }

  DenseMap<Value, Value> countsOf; ///< of ids that a gate makes
};
} // namespace
