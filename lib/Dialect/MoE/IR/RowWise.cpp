//===- RowWise.cpp - Which onnx ops keep rows apart -----------------------===//
//
// A row is the leading dim. The answer is conservative: what is not listed may
// mix rows.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/IR/MoE.h"

#include "mlir/IR/Matchers.h"
#include "moe/Dialect/ONNX/IR/Constants.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;

namespace {
int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

int64_t extentOf(Value value, int64_t dim) {
  return cast<RankedTensorType>(value.getType()).getDimSize(dim);
}

/// Whether an axis of `value` is not the row axis.
bool isInsideRow(Value value, int64_t axis) {
  return axis > 0 || (axis < 0 && axis + rankOf(value) > 0);
}

/// Whether all constant `axes` of `value` are inside of a row.
bool areInsideRow(Value value, Value axes) {
  if (!axes)
    return false;
  auto ints = onnx::getConstantInts(axes);
  return ints && llvm::all_of(*ints, [&](int64_t axis) {
           return isInsideRow(value, axis);
         });
}

/// Rows broadcast to rows of the result; others stretch over them.
bool isElementwiseOverRows(Operation *op, ArrayRef<bool> operandIsRow) {
  int64_t rank = rankOf(op->getResult(0));
  for (auto [operand, isRow] : llvm::zip_equal(op->getOperands(), operandIsRow))
    if (isRow ? rankOf(operand) != rank
              : rankOf(operand) == rank && extentOf(operand, 0) != 1)
      return false;
  return true;
}

bool isRowWiseMatMul(onnx::MatMulOp op, ArrayRef<bool> operandIsRow) {
  int64_t lhsRank = rankOf(op.getA()), rhsRank = rankOf(op.getB());
  // Batched by rows on both sides.
  if (operandIsRow[0] && operandIsRow[1])
    return lhsRank == rhsRank && lhsRank >= 3;
  if (operandIsRow[0])
    return lhsRank >= 2 && (rhsRank <= 2 || rhsRank < lhsRank);
  // Rows on the right are a batch, and the left one stretches over it.
  return rhsRank >= 3 && lhsRank < rhsRank;
}

/// Reshape by a constant shape that keeps what a row has.
bool isRowWiseReshape(onnx::ReshapeOp op) {
  auto shape = onnx::getConstantInts(op.getShape());
  auto from = op.getData().getType();
  auto to = op.getReshaped().getType();
  if (!shape || shape->empty() || from.getRank() < 1)
    return false;
  auto elementsOfRow = [](RankedTensorType type) -> std::optional<int64_t> {
    int64_t count = 1;
    for (int64_t extent : type.getShape().drop_front()) {
      if (extent == ShapedType::kDynamic)
        return std::nullopt;
      count *= extent;
    }
    return count;
  };
  auto before = elementsOfRow(from), after = elementsOfRow(to);
  return before && after && *before == *after && *before > 0;
}
} // namespace

bool moe::isRowWise(Operation *op, ArrayRef<bool> operandIsRow) {
  if (!llvm::is_contained(operandIsRow, true))
    return isMemoryEffectFree(op);
  if (isa<onnx::ElementwiseOpInterface>(op))
    return isElementwiseOverRows(op, operandIsRow);
  // Below, only the first operand may be rows unless said otherwise.
  bool onlyFirst = operandIsRow.front() &&
                   !llvm::is_contained(operandIsRow.drop_front(), true);
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](onnx::IdentityOp) { return true; })
      .Case([&](onnx::MatMulOp matmul) {
        return isRowWiseMatMul(matmul, operandIsRow);
      })
      .Case([&](onnx::GemmOp gemm) {
        if (!operandIsRow[0] || operandIsRow[1] || gemm.getTransA())
          return false;
        Value c = gemm.getC();
        return !c || operandIsRow[2] || rankOf(c) < 2 || extentOf(c, 0) == 1;
      })
      .Case([&](onnx::ConcatOp concat) {
        return llvm::all_of(operandIsRow, [](bool isRow) { return isRow; }) &&
               isInsideRow(op->getOperand(0),
                           static_cast<int64_t>(concat.getAxis()));
      })
      .Case([&](onnx::SplitOp split) {
        return onlyFirst && isInsideRow(op->getOperand(0),
                                        static_cast<int64_t>(split.getAxis()));
      })
      .Case([&](onnx::SliceOp slice) {
        return onlyFirst && areInsideRow(slice.getData(), slice.getAxes());
      })
      .Case<onnx::SoftmaxOp, onnx::LogSoftmaxOp>([&](auto softmax) {
        return isInsideRow(op->getOperand(0),
                           static_cast<int64_t>(softmax.getAxis()));
      })
      .Case([&](onnx::TransposeOp transpose) {
        auto perm = transpose.getPerm();
        return perm && !perm->empty() && perm->front() == 0;
      })
      .Case([&](onnx::UnsqueezeOp unsqueeze) {
        auto axes = onnx::getConstantInts(unsqueeze.getAxes());
        int64_t rank = rankOf(op->getResult(0));
        return axes && llvm::all_of(*axes, [&](int64_t axis) {
                 return axis > 0 || (axis < 0 && axis + rank > 0);
               });
      })
      .Case([&](onnx::SqueezeOp squeeze) {
        return areInsideRow(squeeze.getData(), squeeze.getAxes());
      })
      .Case([&](onnx::ReshapeOp reshape) {
        return onlyFirst && isRowWiseReshape(reshape);
      })
      .Case([&](onnx::GatherOp gather) {
        return onlyFirst && isInsideRow(op->getOperand(0),
                                        static_cast<int64_t>(gather.getAxis()));
      })
      .Default([&](Operation *other) {
        if (auto reduce = dyn_cast<onnx::ReduceOpInterface>(other))
          return onlyFirst &&
                 areInsideRow(other->getOperand(0), reduce.getAxes());
        return false;
      });
}
