//===- Body.cpp - Expressions as ops --------------------------------------===//
#include "Body.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

namespace {
/// Writes an expression whose leaves are known values.
class ExprWriter {
public:
  ExprWriter(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  /// Leaves: rows [numRows, F], or whole tensors.
  void define(const Expr *expr, Value value, bool isRow) {
    values[expr] = value;
    if (isRow)
      rows.insert(expr);
  }

  /// Depth is bounded by ExprContext::maxDepth.
  Value write(const Expr *expr) {
    if (Value known = values.lookup(expr))
      return known;
    SmallVector<Value> operands;
    bool isRow = false;
    for (const Expr *operand : expr->operands) {
      operands.push_back(write(operand));
      isRow |= rows.contains(operand);
    }
    Value value = writeNode(expr, operands, isRow);
    define(expr, value, isRow);
    return value;
  }

  /// Writes parts of equal size as one Split, where `root` has nothing else.
  void joinSlices(const Expr *root);

  /// Of products that read a weight the other way round.
  llvm::DenseSet<const Expr *> transposed;

private:
  Value writeNode(const Expr *expr, ArrayRef<Value> operands, bool isRow);
  Value writeInt(int64_t value) {
    auto type = RankedTensorType::get({1}, builder.getI64Type());
    return onnx::ConstantOp::create(builder, loc, type,
                                    DenseIntElementsAttr::get(type, value));
  }

  OpBuilder &builder;
  Location loc;
  llvm::DenseMap<const Expr *, Value> values;
  llvm::DenseSet<const Expr *> rows;
  /// Cut expression -> size of its parts.
  llvm::DenseMap<const Expr *, int64_t> partSizes;
  llvm::DenseMap<const Expr *, onnx::SplitOp> splits;
};
} // namespace

static Value writeNumber(OpBuilder &builder, Location loc, const Expr *expr) {
  auto type = RankedTensorType::get({}, expr->type);
  Attribute value;
  if (auto floatType = dyn_cast<FloatType>(expr->type))
    value = builder.getFloatAttr(floatType, expr->number);
  else
    value =
        builder.getIntegerAttr(expr->type, static_cast<int64_t>(expr->number));
  return onnx::ConstantOp::create(builder, loc, type,
                                  DenseElementsAttr::get(type, value));
}

/// The shape that operands broadcast to; where they are dynamic, dynamic.
static SmallVector<int64_t> broadcastShapes(ValueRange operands) {
  SmallVector<int64_t> shape;
  for (Value operand : operands) {
    ArrayRef<int64_t> other =
        cast<RankedTensorType>(operand.getType()).getShape();
    if (shape.size() < other.size())
      shape.insert(shape.begin(), other.size() - shape.size(), 1);
    for (auto [size, otherSize] :
         llvm::zip(llvm::reverse(shape), llvm::reverse(other)))
      if (size == 1 || (ShapedType::isDynamic(size) && otherSize != 1))
        size = otherSize;
  }
  return shape;
}

Value ExprWriter::writeNode(const Expr *expr, ArrayRef<Value> operands,
                            bool isRow) {
  auto type = RankedTensorType::get(broadcastShapes(operands), expr->type);
  auto withFeatures = [&](ArrayRef<int64_t> features) {
    SmallVector<int64_t> shape(features);
    auto first = cast<RankedTensorType>(operands.front().getType());
    if (isRow)
      shape.insert(shape.begin(), first.getDimSize(0));
    return first.clone(shape);
  };
  switch (expr->kind) {
  case ExprKind::Number:
    return writeNumber(builder, loc, expr);
  case ExprKind::Mul:
    return onnx::MulOp::create(builder, loc, type, operands[0], operands[1]);
  case ExprKind::Add:
    return onnx::AddOp::create(builder, loc, type, operands[0], operands[1]);
  case ExprKind::MatMul: {
    Value matrix = operands[1];
    bool isStoredTransposed = transposed.contains(expr->operands[1]);
    if ((expr->ints.front() == 1) != isStoredTransposed) {
      auto matrixType = cast<RankedTensorType>(matrix.getType());
      matrix = onnx::TransposeOp::create(
          builder, loc,
          matrixType.clone(
              {matrixType.getDimSize(1), matrixType.getDimSize(0)}),
          matrix, builder.getDenseI64ArrayAttr({1, 0}));
    }
    return onnx::MatMulOp::create(builder, loc, withFeatures(expr->shape),
                                  operands[0], matrix);
  }
  case ExprKind::Slice: {
    int64_t start = expr->ints[0], step = expr->ints[1], count = expr->ints[2];
    int64_t axis = type.getRank() - 1;
    const Expr *whole = expr->operands.front();
    if (partSizes.lookup(whole)) {
      onnx::SplitOp &split = splits[whole];
      int64_t numParts = whole->shape.back() / count;
      if (!split)
        split = onnx::SplitOp::create(
            builder, loc,
            SmallVector<Type>(numParts, withFeatures(expr->shape)), operands[0],
            /*split=*/Value(), builder.getI64IntegerAttr(numParts),
            builder.getI64IntegerAttr(axis));
      return split.getResult(start / count);
    }
    return onnx::SliceOp::create(builder, loc, withFeatures(expr->shape),
                                 operands[0], writeInt(start),
                                 writeInt(start + (count - 1) * step + 1),
                                 writeInt(axis), writeInt(step));
  }
  default: {
    Operation *copy = builder.clone(*expr->proto);
    auto data = cast<RankedTensorType>(operands.front().getType());
    if (auto reduce = dyn_cast<onnx::ReduceOpInterface>(copy)) {
      // Of the last dim, which stays as 1.
      copy->setOperands({operands.front(), writeInt(data.getRank() - 1)});
      copy->setInherentAttr(builder.getStringAttr("keepdims"),
                            builder.getI64IntegerAttr(1));
      SmallVector<int64_t> shape(data.getShape());
      shape.back() = 1;
      type = data.clone(shape);
      copy->moveAfter(copy->getOperand(1).getDefiningOp());
    } else {
      copy->setOperands(operands);
    }
    if (auto softmax = dyn_cast<onnx::SoftmaxOp>(copy))
      softmax.setAxis(-1);
    if (auto softmax = dyn_cast<onnx::LogSoftmaxOp>(copy))
      softmax.setAxis(-1);
    copy->getResult(0).setType(type);
    return copy->getResult(0);
  }
  }
}

void ExprWriter::joinSlices(const Expr *root) {
  walk(root, [&](const Expr *expr) {
    if (expr->kind != ExprKind::Slice)
      return true;
    const Expr *whole = expr->operands.front();
    int64_t start = expr->ints[0], step = expr->ints[1], count = expr->ints[2];
    int64_t size = partSizes.try_emplace(whole, count).first->second;
    bool isPart = step == 1 && size == count && start % count == 0 &&
                  whole->shape.back() % count == 0;
    if (!isPart)
      partSizes[whole] = 0;
    return true;
  });
}

llvm::DenseSet<const Expr *> moe::raise::getTransposed(const Expr *body) {
  llvm::DenseSet<const Expr *> transposed;
  walk(body, [&](const Expr *expr) {
    const Expr *matrix =
        expr->kind == ExprKind::MatMul ? expr->operands[1] : nullptr;
    if (matrix && matrix->selector == Selector::Index &&
        expr->ints.front() == 1)
      transposed.insert(matrix);
    return true;
  });
  return transposed;
}

void moe::raise::emitBody(OpBuilder &builder, Location loc,
                          const LayerMatch &layer, ExpertsOp experts,
                          const llvm::DenseSet<const Expr *> &transposed) {
  Block &block = experts.getBody().emplaceBlock();
  builder.setInsertionPointToEnd(&block);
  ExprWriter writer(builder, loc);
  writer.transposed = transposed;
  writer.joinSlices(layer.body);
  for (auto [row, value] : llvm::zip(layer.rows, experts.getRows())) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.front() = ShapedType::kDynamic;
    writer.define(row.first, block.addArgument(type.clone(shape), loc),
                  /*isRow=*/true);
  }
  for (auto [expr, value] : llvm::zip(layer.stacked, experts.getStacked())) {
    auto type = cast<RankedTensorType>(value.getType());
    writer.define(
        expr, block.addArgument(type.clone(type.getShape().drop_front()), loc),
        /*isRow=*/false);
  }
  for (auto [expr, value] : llvm::zip(layer.shared, experts.getShared()))
    writer.define(expr, block.addArgument(value.getType(), loc),
                  /*isRow=*/false);
  YieldOp::create(builder, loc, writer.write(layer.body));
}

Value moe::raise::emitSlots(OpBuilder &builder, Location loc, const Expr *expr,
                            const IRMapping &mapping, int64_t numSlots) {
  SmallVector<const Expr *> stack{expr};
  SmallVector<const Expr *> leaves;
  while (!stack.empty()) {
    const Expr *next = stack.pop_back_val();
    stack.append(next->operands.begin(), next->operands.end());
    if (next->kind == ExprKind::Slot || next->kind == ExprKind::Row)
      leaves.push_back(next);
  }
  // Scalars of a slot are written as rows of k features.
  ExprWriter writer(builder, loc);
  for (const Expr *leaf : leaves)
    writer.define(leaf, mapping.lookup(leaf->value), /*isRow=*/true);
  Value value = writer.write(expr);
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getDimSize(1) == numSlots)
    return value;
  // One weight for all slots of a token.
  auto shapeType = RankedTensorType::get({2}, builder.getI64Type());
  Value shape = onnx::ConstantOp::create(
      builder, loc, shapeType,
      DenseIntElementsAttr::get(shapeType, ArrayRef<int64_t>{1, numSlots}));
  return onnx::ExpandOp::create(
      builder, loc, type.clone({type.getDimSize(0), numSlots}), value, shape);
}
