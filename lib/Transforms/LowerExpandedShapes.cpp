//===- LowerExpandedShapes.cpp - Expanded dynamic dims to casts -----------===//
#include "moe/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace moe {
#define GEN_PASS_DEF_LOWEREXPANDEDSHAPESPASS
#include "moe/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;

/// Whether one dim becomes several that are not static.
static bool splitsIntoDynamicDims(memref::ExpandShapeOp op) {
  MemRefType type = op.getResultType();
  return llvm::any_of(op.getReassociationIndices(),
                      [&](const ReassociationIndices &group) {
                        return llvm::count_if(group, [&](int64_t dim) {
                                 return type.isDynamicDim(dim);
                               }) > 1;
                      });
}

/// memref.expand_shape %x [[0, 1], [2]] output_shape [%a, %b, 4]
///   -> memref.reinterpret_cast %x to offset: [0], sizes: [%a, %b, 4],
///        strides: [4 * %b, 4, 1]
static void lower(memref::ExpandShapeOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  SmallVector<OpFoldResult> sizes = op.getMixedOutputShape(), strides;
  Value stride = arith::ConstantIndexOp::create(b, 1);
  for (OpFoldResult size : llvm::reverse(sizes)) {
    strides.push_back(getAsOpFoldResult(stride));
    stride = b.createOrFold<arith::MulIOp>(
        stride, getValueOrCreateConstantIndexOp(b, b.getLoc(), size));
  }
  std::reverse(strides.begin(), strides.end());
  // The type with the strides that are known, as the identity it is.
  SmallVector<int64_t> known;
  for (OpFoldResult each : strides)
    known.push_back(getConstantIntValue(each).value_or(ShapedType::kDynamic));
  MemRefType type = op.getResultType();
  auto strided = MemRefType::get(
      type.getShape(), type.getElementType(),
      StridedLayoutAttr::get(b.getContext(), /*offset=*/0, known),
      type.getMemorySpace());
  Value view = memref::ReinterpretCastOp::create(
      b, strided, op.getSrc(), b.getIndexAttr(0), sizes, strides);
  op.replaceAllUsesWith(memref::CastOp::create(b, type, view).getResult());
  op.erase();
}

namespace {
struct LowerExpandedShapesPass final
    : moe::impl::LowerExpandedShapesPassBase<LowerExpandedShapesPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<memref::ExpandShapeOp> ops;
    getOperation().walk([&](memref::ExpandShapeOp op) {
      if (op.getSrcType().getLayout().isIdentity() && splitsIntoDynamicDims(op))
        ops.push_back(op);
    });
    for (memref::ExpandShapeOp op : ops)
      lower(op);
  }
};
} // namespace
