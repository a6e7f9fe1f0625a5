//===- RegionWriter.cpp - Rows of tokens in a region ----------------------===//
#include "RegionWriter.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

Value moe::raise::makeInts(OpBuilder &builder, Location loc,
                           ArrayRef<int64_t> ints) {
  auto type = RankedTensorType::get({static_cast<int64_t>(ints.size())},
                                    builder.getI64Type());
  return onnx::ConstantOp::create(builder, loc, type,
                                  DenseIntElementsAttr::get(type, ints));
}

Value moe::raise::reshape(OpBuilder &builder, Location loc, Value value,
                          RankedTensorType type, ArrayRef<int64_t> shape) {
  if (value.getType() == type)
    return value;
  return onnx::ReshapeOp::create(builder, loc, type, value,
                                 makeInts(builder, loc, shape),
                                 builder.getI64IntegerAttr(0));
}

RankedTensorType moe::raise::collapseType(Type type, int64_t numTokenDims) {
  auto tensor = cast<RankedTensorType>(type);
  if (numTokenDims == 1)
    return tensor;
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  llvm::append_range(shape, tensor.getShape().drop_front(numTokenDims));
  return tensor.clone(shape);
}

Value RegionWriter::collapse(Value value) {
  RankedTensorType type = collapseType(value.getType(), numTokenDims);
  SmallVector<int64_t> shape(type.getShape());
  shape.front() = -1;
  return reshape(builder, loc, value, type, shape);
}

Value RegionWriter::spread(Value value, Type type) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(numTokenDims, 1);
  shape.back() = -1;
  llvm::append_range(shape, tensor.getShape().drop_front(numTokenDims));
  if (value.getType() == tensor)
    return value;
  SmallVector<int64_t> sizes(shape);
  sizes[numTokenDims - 1] = ShapedType::kDynamic;
  value = reshape(builder, loc, value, tensor.clone(sizes), shape);
  return onnx::IdentityOp::create(builder, loc, tensor, value);
}

void RegionWriter::begin(Block &block) {
  builder.setInsertionPointToEnd(&block);
  for (Value row : slice.getRows())
    flat[row] =
        block.addArgument(collapseType(row.getType(), numTokenDims), loc);
  rowsOfAll = block.getArgument(0);
  for (Value row : slice.getRows())
    mapping.map(row, spread(flat[row], row.getType()));
  for (Value weight : slice.getWeights())
    mapping.map(weight, block.addArgument(weight.getType(), loc));
}
