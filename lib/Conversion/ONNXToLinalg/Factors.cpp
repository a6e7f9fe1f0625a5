//===- Factors.cpp - Products of extents ----------------------------------===//
#include "Factors.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <numeric>

using namespace mlir;
using namespace moe::onnx;

void moe::onnx::multiply(Factors &factors, OpFoldResult extent) {
  if (std::optional<int64_t> constant = getConstantIntValue(extent)) {
    factors.constant *= *constant;
    return;
  }
  SmallVector<Value> worklist{cast<Value>(extent)};
  while (!worklist.empty()) {
    Value value = worklist.pop_back_val();
    if (std::optional<int64_t> constant = getConstantIntValue(value))
      factors.constant *= *constant;
    else if (auto product = value.getDefiningOp<arith::MulIOp>())
      llvm::append_range(worklist, product->getOperands());
    else if (auto convert = value.getDefiningOp<arith::IndexCastOp>())
      worklist.push_back(convert.getIn());
    else
      factors.values.push_back(value);
  }
}

void moe::onnx::cancel(Factors &lhs, Factors &rhs) {
  llvm::erase_if(lhs.values, [&](Value value) {
    auto it = llvm::find(rhs.values, value);
    if (it == rhs.values.end())
      return false;
    rhs.values.erase(it);
    return true;
  });
  if (lhs.constant == 0 && rhs.constant == 0) {
    lhs.constant = rhs.constant = 1;
    return;
  }
  int64_t shared = std::gcd(lhs.constant, rhs.constant);
  lhs.constant /= shared;
  rhs.constant /= shared;
}

OpFoldResult moe::onnx::toExtent(ImplicitLocOpBuilder &b,
                                 const Factors &factors) {
  OpFoldResult product = b.getIndexAttr(factors.constant);
  for (Value value : factors.values)
    product = mulExtents(b, product, toExtent(b, value));
  return product;
}
