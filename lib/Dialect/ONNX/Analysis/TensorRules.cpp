//===- TensorRules.cpp - Extents of ops on tensors that are not onnx ------===//
//
// Kernels that stand among onnx ops: they write to a tensor.empty, whose
// extents are dims of other tensors and products of those.
//
//===----------------------------------------------------------------------===//
#include "DimWalk.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;
using namespace moe::onnx;

/// The expression of an `index` value, or null.
static DimExpr exprOf(Value value, DimWalk &walk) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return walk.constant(*constant);
  if (auto dim = value.getDefiningOp<tensor::DimOp>()) {
    std::optional<int64_t> position = dim.getConstantIndex();
    auto type = dyn_cast<RankedTensorType>(dim.getSource().getType());
    if (!type || !position || *position < 0 || *position >= type.getRank())
      return {};
    return walk.dimOf(dim.getSource(), *position);
  }
  if (auto product = value.getDefiningOp<arith::MulIOp>()) {
    DimExpr lhs = exprOf(product.getLhs(), walk);
    DimExpr rhs = exprOf(product.getRhs(), walk);
    return lhs && rhs ? lhs * rhs : DimExpr();
  }
  return {};
}

static void inferEmpty(tensor::EmptyOp op, DimWalk &walk) {
  DimExprs dims;
  for (OpFoldResult extent : op.getMixedSizes()) {
    auto value = dyn_cast<Value>(extent);
    dims.push_back(value ? exprOf(value, walk) : DimExpr());
  }
  walk.setDims(op.getResult(), dims);
}

static void inferCast(tensor::CastOp op, DimWalk &walk) {
  if (isa<RankedTensorType>(op.getSource().getType()))
    walk.setDims(op.getResult(), walk.dimsOf(op.getSource()));
}

void moe::onnx::inferDestinationStyle(Operation *op, DimWalk &walk) {
  auto kernel = cast<DestinationStyleOpInterface>(op);
  for (OpResult result : op->getResults())
    walk.setDims(result, walk.dimsOf(kernel.getTiedOpOperand(result)->get()));
}

void moe::onnx::addTensorRules(DimRules &rules, MLIRContext *context) {
  addDimRule<tensor::EmptyOp, inferEmpty>(rules, context);
  addDimRule<tensor::CastOp, inferCast>(rules, context);
}
