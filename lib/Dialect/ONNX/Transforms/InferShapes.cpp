//===- InferShapes.cpp - Static types from symbolic dims ------------------===//
//
// Writes back into types what SymbolicDims proves constant. A value keeps its
// type where a user outside of the dialect has fixed it.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/ONNX/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "moe/Dialect/ONNX/Analysis/SymbolicDims.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/RT/IR/RT.h"

namespace moe::onnx {
#define GEN_PASS_DEF_INFERSHAPESPASS
#include "moe/Dialect/ONNX/Transforms/Passes.h.inc"
} // namespace moe::onnx

using namespace mlir;
using namespace moe;
using namespace moe::onnx;

/// tensor<?x?xf32> -> tensor<?x4xf32>, as far as `dims` are constant.
static RankedTensorType refineType(RankedTensorType type,
                                   ArrayRef<DimExpr> dims) {
  SmallVector<int64_t> shape(type.getShape());
  for (auto [size, dim] : llvm::zip(shape, dims))
    if (ShapedType::isDynamic(size))
      size = dim.getConstant().value_or(size);
  return type.clone(shape);
}

/// Whether the users of `value` take any type that is more static.
static bool canRefine(Value value, RankedTensorType type,
                      bool isSignatureOpen) {
  auto hasNewOne = [&] {
    auto before = cast<RankedTensorType>(value.getType());
    return llvm::any_of(llvm::zip(before.getShape(), type.getShape()),
                        [](auto sizes) {
                          return std::get<0>(sizes) != std::get<1>(sizes) &&
                                 std::get<1>(sizes) == 1;
                        });
  };
  return llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (isa<func::ReturnOp>(user))
      return isSignatureOpen;
    // Without axes it removes the dims that are 1 in the type.
    if (auto squeeze = dyn_cast<SqueezeOp>(user))
      return squeeze.getAxes() || !hasNewOne();
    return isa<ONNXDialect>(user->getDialect());
  });
}

/// Result types as the terminator has them. A name goes where the dim is
/// static.
static void updateSignature(func::FuncOp function) {
  auto terminator =
      dyn_cast<func::ReturnOp>(function.getBody().back().getTerminator());
  if (!terminator)
    return;
  function.setType(FunctionType::get(function.getContext(),
                                     function.getArgumentTypes(),
                                     terminator.getOperandTypes()));
  for (auto [i, type] : llvm::enumerate(terminator.getOperandTypes())) {
    auto names =
        function.getResultAttrOfType<ArrayAttr>(i, rt::RTDialect::dimsAttrName);
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!names || !tensor)
      continue;
    SmallVector<Attribute> kept(names.getValue());
    for (auto [name, size] : llvm::zip(kept, tensor.getShape()))
      if (!ShapedType::isDynamic(size))
        name = StringAttr::get(function.getContext(), "");
    function.setResultAttr(i, rt::RTDialect::dimsAttrName,
                           ArrayAttr::get(function.getContext(), kept));
  }
}

namespace {
struct InferShapesPass final
    : moe::onnx::impl::InferShapesPassBase<InferShapesPass> {
  using Base::Base;

  void runOnOperation() override {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        inferShapes(function);
  }

  void inferShapes(func::FuncOp function) {
    SymbolicDims dims(function);
    bool isSignatureOpen =
        SymbolTable::symbolKnownUseEmpty(function, getOperation());
    auto refine = [&](Value value) {
      auto type = dyn_cast<RankedTensorType>(value.getType());
      if (!type || type.hasStaticShape())
        return;
      RankedTensorType refined = refineType(type, dims.getDims(value));
      if (refined != type && canRefine(value, refined, isSignatureOpen))
        value.setType(refined);
    };
    function.walk([&](Operation *op) {
      if (!isa<ONNXDialect>(op->getDialect()))
        return;
      for (Value result : op->getResults())
        refine(result);
      for (Region &region : op->getRegions())
        for (BlockArgument argument : region.getArguments())
          refine(argument);
    });
    if (isSignatureOpen)
      updateSignature(function);
  }
};
} // namespace
