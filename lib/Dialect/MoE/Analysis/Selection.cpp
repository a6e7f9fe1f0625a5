//===- Selection.cpp - What follows from a selection of experts -----------===//
#include "moe/Dialect/MoE/Analysis/Selection.h"

#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace moe;

/// Ops that a search for a selection looks at.
static constexpr size_t maxVisited = 512;

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

Operation *moe::findSelection(Value start) {
  SmallVector<Value> queue{start};
  llvm::SmallDenseSet<Operation *> visited;
  for (size_t next = 0; next < queue.size(); ++next) {
    Operation *op = queue[next].getDefiningOp();
    if (!op || !visited.insert(op).second || visited.size() > maxVisited)
      continue;
    if (auto topK = dyn_cast<onnx::TopKOp>(op)) {
      if (queue[next] == topK.getIndices() && isFloat(topK.getX()))
        return op;
    } else if (auto argMax = dyn_cast<onnx::ArgMaxOp>(op)) {
      if (isFloat(argMax->getOperand(0)))
        return op;
    } else if (isa<onnx::ShapeOp, onnx::SizeOp>(op)) {
      continue;
    }
    for (Value operand : op->getOperands())
      if (!isFloat(operand))
        queue.push_back(operand);
  }
  return nullptr;
}

/// Ops that depend on floats of some others, these not among them.
static llvm::SetVector<Operation *> findUsers(ArrayRef<Operation *> roots) {
  llvm::SetVector<Operation *> users;
  auto add = [&](Operation *op) {
    for (Value result : op->getResults())
      if (isFloat(result))
        users.insert(result.user_begin(), result.user_end());
  };
  llvm::for_each(roots, add);
  // Grows as it goes.
  for (size_t i = 0; i < users.size(); ++i)
    add(users[i]);
  return users;
}

bool moe::isOfAttentionExperts(Operation *op) {
  Operation *selection = nullptr;
  for (Value operand : op->getOperands())
    if (!selection)
      selection = findSelection(operand);
  if (!selection)
    return false;
  // Attention: a softmax of what experts made, times a matrix that is no
  // constant either.
  llvm::SetVector<Operation *> users = findUsers(op);
  SmallVector<Operation *> softmaxes, products;
  for (Operation *user : users)
    if (isa<onnx::SoftmaxOp>(user))
      softmaxes.push_back(user);
  for (Operation *user : findUsers(softmaxes))
    if (isa<onnx::MatMulOp>(user) && users.contains(user))
      products.push_back(user);
  return llvm::any_of(findUsers(products), [&](Operation *user) {
    return llvm::any_of(user->getOperands(), [&](Value operand) {
      return !isFloat(operand) && findSelection(operand) == selection;
    });
  });
}
