//===- LowerStridedCopies.cpp - Strided memref.copy to loops --------------===//
#include "moe/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace moe {
#define GEN_PASS_DEF_LOWERSTRIDEDCOPIESPASS
#include "moe/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;

namespace {
struct LowerStridedCopiesPass final
    : moe::impl::LowerStridedCopiesPassBase<LowerStridedCopiesPass> {
  using Base::Base;

  /// memref.copy %a, %b : memref<.., strided> to memref<..>
  ///   -> linalg.generic {parallel...} ins(%a) outs(%b) { yield %in }
  void runOnOperation() override {
    SmallVector<memref::CopyOp> copies;
    getOperation().walk([&](memref::CopyOp copy) {
      auto isContiguous = [](Value value) {
        auto type = cast<MemRefType>(value.getType());
        return type.getLayout().isIdentity();
      };
      if (!isContiguous(copy.getSource()) || !isContiguous(copy.getTarget()))
        copies.push_back(copy);
    });
    IRRewriter rewriter(&getContext());
    for (memref::CopyOp copy : copies) {
      rewriter.setInsertionPoint(copy);
      linalg::makeMemRefCopyOp(rewriter, copy.getLoc(), copy.getSource(),
                               copy.getTarget());
      rewriter.eraseOp(copy);
    }
  }
};
} // namespace
