//===- Layers.cpp - Shared by the lowerings of layers ---------------------===//
#include "Layers.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace moe;

Location LayerBuilder::partLoc(StringRef part) {
  StringRef layer = rt::getNodeName(getLoc());
  std::string name = layer.empty() ? part.str() : (layer + "/" + part).str();
  return NameLoc::get(getStringAttr(name), getLoc());
}

Value LayerBuilder::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}

Value LayerBuilder::i32(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}

Value LayerBuilder::toIndex(Value value) {
  return createOrFold<arith::IndexCastOp>(getIndexType(), value);
}

Value LayerBuilder::toI32(Value value) {
  return createOrFold<arith::IndexCastOp>(getI32Type(), value);
}

OpFoldResult LayerBuilder::extent(Value tensor, int64_t dim) {
  int64_t known = staticExtent(tensor, dim);
  if (known != ShapedType::kDynamic)
    return getIndexAttr(known);
  return tensor::DimOp::create(*this, tensor, dim).getResult();
}

Value LayerBuilder::indexValue(OpFoldResult extent) {
  return getValueOrCreateConstantIndexOp(*this, getLoc(), extent);
}

Value LayerBuilder::empty(ArrayRef<OpFoldResult> extents, Type element) {
  return tensor::EmptyOp::create(*this, extents, element);
}

Value LayerBuilder::extract(Value tensor, ValueRange at) {
  return tensor::ExtractOp::create(*this, tensor, at);
}

Value LayerBuilder::generate(
    ArrayRef<OpFoldResult> extents, Type element,
    function_ref<Value(LayerBuilder &, ValueRange)> body) {
  Value init = empty(extents, element);
  int64_t rank = extents.size();
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             *this, init.getType(), ValueRange(), init,
             ArrayRef<AffineMap>{getMultiDimIdentityMap(rank)}, iterators,
             [&](OpBuilder &nested, Location loc, ValueRange) {
               LayerBuilder inner(loc, nested);
               SmallVector<Value> at;
               for (int64_t i = 0; i < rank; ++i)
                 at.push_back(linalg::IndexOp::create(inner, i));
               linalg::YieldOp::create(inner, body(inner, at));
             })
      .getResult(0);
}

void LayerBuilder::require(Value condition, const Twine &message) {
  rt::RequireOp::create(*this, condition, getStringAttr(message),
                        getStringAttr(rt::getNodeName(getLoc())));
}

Groups::Groups(KindsAttr kinds)
    : experts(kinds.getCount(ExpertKind::FFN)),
      copies(kinds.getCount(ExpertKind::Copy)),
      constants(kinds.getCount(ExpertKind::Constant)) {
  for (int64_t id = 0; id < kinds.getNumIds(); ++id) {
    auto [kind, position] = kinds.lookup(id);
    switch (kind) {
    case ExpertKind::FFN:
      table.push_back(position);
      break;
    case ExpertKind::Zero:
      table.push_back(-1);
      break;
    case ExpertKind::Copy:
      table.push_back(experts + position);
      break;
    case ExpertKind::Constant:
      table.push_back(experts + copies + position);
      break;
    }
  }
}

bool Groups::isIdentity() const {
  for (auto [id, group] : llvm::enumerate(table))
    if (static_cast<int64_t>(id) != group)
      return false;
  return true;
}
