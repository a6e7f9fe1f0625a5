//===- ExpertUse.cpp - Whether ids are used as ids of experts -------------===//
//
// What tells a layer of experts from any other top-k, without understanding how
// it is written: the ids, or masks and places made of them, pick matrices of a
// stack, list the rows that matrices multiply, or weigh what several matrices
// made. A top-k that samples a token, or keeps groups for the next top-k, does
// none of these.
//
//===----------------------------------------------------------------------===//
#include "Reach.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

namespace {
/// What a value made of ids is.
enum class Use {
  Ids,    ///< ids, masks, weights: something per token, slot and column
  Places, ///< a list of tokens by expert
  Rows,   ///< rows of such a list
  Scaled, ///< rows times weights
};

/// Follows ids forward.
class Follower {
public:
  explicit Follower(Interpreter &interpreter) : interpreter(interpreter) {}

  ExpertUse run();

private:
  void visit(Value value, Use use, OpOperand &operand);
  void visitGather(Use use, OpOperand &operand);
  void visitProduct(Use use, OpOperand &operand);
  void weigh(Operation *op, Value other);
  void goOn(Operation *op, Use use);

  Interpreter &interpreter;
  SmallVector<std::pair<Value, Use>> worklist;
  llvm::DenseSet<std::pair<Value, int>> seen;
  /// Products of weights and what a matrix made.
  llvm::SmallPtrSet<Operation *, 4> weighed;
  ExpertUse result;
};
} // namespace

/// Null where it is no tensor.
static RankedTensorType getTensorType(Value value) {
  return dyn_cast<RankedTensorType>(value.getType());
}

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value.getType()));
}

static bool isProduct(Operation *op) {
  return isa<onnx::MatMulOp, onnx::GemmOp, onnx::EinsumOp>(op);
}

/// The rank of the nearest constant that `value` is a product with: 0 if it is
/// none, or more ops away than an expert has.
static int64_t getMatrixRank(Interpreter &interpreter, Value value) {
  llvm::SmallSetVector<Value, 32> behind;
  behind.insert(value);
  for (size_t i = 0; i < behind.size() && i < 64; ++i) {
    Operation *op = behind[i].getDefiningOp();
    if (!op || op->getNumRegions())
      continue;
    if (isProduct(op))
      for (Value operand : op->getOperands())
        if (interpreter.isConstant(operand) && getTensorType(operand) &&
            getTensorType(operand).getRank() >= 2)
          return getTensorType(operand).getRank();
    for (Value operand : op->getOperands())
      if (isFloat(operand) && !interpreter.isConstant(operand))
        behind.insert(operand);
  }
  return 0;
}

/// Another product of weights and rows: of a stack one is enough.
void Follower::weigh(Operation *op, Value other) {
  int64_t rank = getMatrixRank(interpreter, other);
  if (rank)
    weighed.insert(op);
  result.picksExperts |= rank >= 3 || weighed.size() >= 2;
}

void Follower::goOn(Operation *op, Use use) {
  for (Value value : op->getResults())
    if (getTensorType(value) &&
        seen.insert({value, static_cast<int>(use)}).second)
      worklist.emplace_back(value, use);
}

void Follower::visitGather(Use use, OpOperand &operand) {
  Operation *op = operand.getOwner();
  Value data = op->getOperand(0);
  if (operand.getOperandNumber() == 0 || use > Use::Places)
    return goOn(op, use);
  if (!isFloat(data) || isa<onnx::GatherElementsOp>(op))
    return goOn(op, use);
  // Rows of a table, such as embeddings, are no experts.
  if (interpreter.isConstant(data)) {
    result.picksExperts |= getTensorType(data).getRank() >= 3;
    if (getTensorType(data).getRank() == 1)
      goOn(op, use);
    return;
  }
  if (use == Use::Places)
    goOn(op, Use::Rows);
}

void Follower::visitProduct(Use use, OpOperand &operand) {
  Operation *op = operand.getOwner();
  for (Value other : op->getOperands()) {
    if (other == operand.get() || !getTensorType(other))
      continue;
    bool isConstant = interpreter.isConstant(other);
    if (use == Use::Ids && !isConstant)
      weigh(op, other);
    int64_t least = use == Use::Rows ? 2 : 3;
    result.picksExperts |= isConstant && use > Use::Places &&
                           getTensorType(other).getRank() >= least;
  }
}

void Follower::visit(Value value, Use use, OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (isa<onnx::ShapeOp, onnx::SizeOp>(op) || op->getNumRegions() ||
      op->getBlock() != value.getParentBlock())
    return;
  if (isa<onnx::TopKOp, onnx::ArgMaxOp>(op)) {
    // By the ids, or by scores that they have masked.
    if (isFloat(op->getOperand(0)))
      result.feedsSelection |= use == Use::Ids || use == Use::Scaled;
    else
      goOn(op, Use::Places);
    return;
  }
  if (isa<onnx::NonZeroOp>(op))
    return goOn(op, Use::Places);
  if (isa<onnx::GatherOp, onnx::GatherNDOp, onnx::GatherElementsOp>(op))
    return visitGather(use, operand);
  if (isProduct(op))
    return visitProduct(use, operand);
  // Bounds of a list of rows.
  bool isBound = isa<onnx::SliceOp, onnx::SplitOp, onnx::CompressOp>(op) &&
                 operand.getOperandNumber() > 0 && isFloat(op->getOperand(0));
  if (isBound && use < Use::Rows)
    return goOn(op, Use::Rows);
  if (isa<onnx::MulOp, onnx::WhereOp>(op) && use == Use::Ids)
    for (Value other : op->getOperands()) {
      // A number per token, beside features.
      auto isNarrow = [](Value side) {
        return getTensorType(side).getRank() == 0 ||
               getTensorType(side).getShape().back() == 1;
      };
      if (other == value || !isFloat(other) || interpreter.isConstant(other) ||
          !isNarrow(value) || isNarrow(other))
        continue;
      weigh(op, other);
      return goOn(op, Use::Scaled);
    }
  goOn(op, use);
}

ExpertUse Follower::run() {
  Operation *op = interpreter.getSelection().ids.getDefiningOp();
  goOn(op, Use::Ids);
  while (!worklist.empty()) {
    auto [value, use] = worklist.pop_back_val();
    for (OpOperand &operand : value.getUses())
      visit(value, use, operand);
  }
  return result;
}

ExpertUse moe::raise::findExpertUse(Interpreter &interpreter) {
  return Follower(interpreter).run();
}
