//===- Counts.cpp - moe.count to counters of the run ----------------------===//
//
// Experts are counted by histogram, once per layer: a gate's own where that
// tells the experts apart.
//
//===----------------------------------------------------------------------===//
#include "Layers.h"

using namespace mlir;
using namespace moe;

/// The ids of experts with weights, in order.
static SmallVector<int32_t> expertIds(KindsAttr kinds) {
  SmallVector<int32_t> ids;
  for (int64_t id = 0, e = kinds.getNumIds(); id < e; ++id)
    if (kinds.lookup(id).first == ExpertKind::FFN)
      ids.push_back(static_cast<int32_t>(id));
  return ids;
}

FlatSymbolRefAttr moe::getCounter(ExpertsOp op) {
  FlatSymbolRefAttr name = op.getLayerAttr();
  if (!name)
    return nullptr;
  auto layer = SymbolTable::lookupNearestSymbolFrom<rt::LayerOp>(op, name);
  return layer.getCounted() ? name : nullptr;
}

bool moe::keepsCounts(ArrayRef<int32_t> table, KindsAttr kinds) {
  if (static_cast<int64_t>(table.size()) < kinds.getNumIds())
    return false;
  return llvm::all_of(expertIds(kinds), [&](int32_t id) {
    return table[id] >= 0 && llvm::count(table, table[id]) == 1;
  });
}

/// for e in experts: rt.count expert_slots of e by histogram[place of e]
void moe::countExperts(CountOp op, Value ids, Value histogram,
                       ArrayRef<int32_t> table) {
  LayerBuilder b(op);
  rt::CountOp::create(b, op.getLayer(), rt::Counter::Tokens,
                      /*expert=*/Value(), b.indexValue(b.extent(ids, 0)));
  SmallVector<int32_t> places = expertIds(op.getExperts());
  if (!table.empty())
    for (int32_t &place : places)
      place = table[place];
  bool isInOrder = true;
  for (auto [e, place] : llvm::enumerate(places))
    isInOrder &= static_cast<int64_t>(e) == place;
  Value placeOf;
  if (!isInOrder)
    placeOf = arith::ConstantOp::create(
        b, DenseElementsAttr::get(
               RankedTensorType::get({static_cast<int64_t>(places.size())},
                                     b.getI32Type()),
               ArrayRef(places)));
  scf::ForOp::create(
      b, b.index(0), b.index(places.size()), b.index(1), ValueRange(),
      [&](OpBuilder &nested, Location loc, Value e, ValueRange) {
        LayerBuilder inner(loc, nested);
        Value place = placeOf ? inner.toIndex(inner.extract(placeOf, e)) : e;
        rt::CountOp::create(inner, op.getLayer(), rt::Counter::ExpertSlots, e,
                            inner.toIndex(inner.extract(histogram, place)));
        scf::YieldOp::create(inner);
      });
  op.erase();
}

void moe::lowerCount(CountOp op) {
  LayerBuilder b(op);
  Value ids = op.getIds();
  countExperts(op, ids, countSlots(b, ids, op.getExperts().getNumIds()),
               /*table=*/{});
}
