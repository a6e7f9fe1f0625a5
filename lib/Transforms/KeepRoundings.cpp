//===- KeepRoundings.cpp - No folding of float conversions ----------------===//
#include "moe/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

namespace moe {
#define GEN_PASS_DEF_KEEPROUNDINGSPASS
#include "moe/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;

namespace {
struct KeepRoundingsPass final
    : moe::impl::KeepRoundingsPassBase<KeepRoundingsPass> {
  using Base::Base;

  /// arith.extf %x fastmath<contract> -> arith.extf %x, and so arith.truncf
  void runOnOperation() override {
    getOperation()->walk([](Operation *op) {
      if (auto extend = dyn_cast<arith::ExtFOp>(op))
        extend.setFastmath(arith::FastMathFlags::none);
      else if (auto truncate = dyn_cast<arith::TruncFOp>(op))
        truncate.setFastmath(arith::FastMathFlags::none);
    });
  }
};
} // namespace
