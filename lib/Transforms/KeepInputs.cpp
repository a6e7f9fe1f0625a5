//===- KeepInputs.cpp - A model does not write its inputs -----------------===//
#include "moe/Transforms/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

namespace moe {
#define GEN_PASS_DEF_KEEPINPUTSPASS
#include "moe/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;

namespace {
struct KeepInputsPass final : moe::impl::KeepInputsPassBase<KeepInputsPass> {
  using Base::Base;

  /// func.func @main(%x: tensor<4xf32>)
  ///   -> func.func @main(%x: tensor<4xf32> {bufferization.writable = false})
  void runOnOperation() override {
    auto no = BoolAttr::get(&getContext(), false);
    for (auto function : getOperation().getOps<FunctionOpInterface>()) {
      if (!function.isPublic() || function.isExternal())
        continue;
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        if (isa<TensorType>(function.getArgument(i).getType()))
          function.setArgAttr(
              i, bufferization::BufferizationDialect::kWritableAttrName, no);
    }
  }
};
} // namespace
