//===- ControlFlowOps.cpp - Ops of ControlFlow.td -------------------------===//
#include "moe/Dialect/ONNX/IR/ONNX.h"

#include "mlir/IR/Matchers.h"
#include "moe/Dialect/ONNX/IR/Axes.h"

using namespace mlir;
using namespace moe::onnx;

static RankedTensorType tensorType(Type type) {
  return cast<RankedTensorType>(type);
}

/// Verifies that a value of type `from` may be one of type `to`: same rank and
/// element type, no static dim that differs. `what` names the place.
static LogicalResult verifyFlow(Operation *op, Type from, Type to,
                                const Twine &what) {
  RankedTensorType source = tensorType(from), target = tensorType(to);
  if (source.getRank() != target.getRank())
    return op->emitOpError("expected ")
           << what << " of rank " << target.getRank() << ", but got " << source
           << ": ranks that depend on data are not supported";
  if (source.getElementType() != target.getElementType() ||
      failed(verifyCompatibleShape(source, target)))
    return op->emitOpError("expected ")
           << what << " of type " << target << ", but got " << source;
  return success();
}

/// Verifies that `type` has one element.
static LogicalResult verifyScalar(Operation *op, Type type, StringRef name) {
  RankedTensorType tensor = tensorType(type);
  if (tensor.getRank() == 0 ||
      (tensor.getRank() == 1 &&
       (tensor.isDynamicDim(0) || tensor.getDimSize(0) == 1)))
    return success();
  return op->emitOpError("expected ")
         << name << " of one element, but got " << tensor;
}

static YieldOp yieldOf(Region &region) {
  return cast<YieldOp>(region.front().getTerminator());
}

/// Verifies `count` against what `region`'s terminator yields.
static LogicalResult verifyYield(Operation *op, Region &region, size_t count,
                                 StringRef name) {
  auto yield = dyn_cast<YieldOp>(region.front().getTerminator());
  if (!yield || yield.getNumOperands() != count)
    return op->emitOpError("expected ")
           << name << " to yield " << count << " values, but got "
           << (yield ? yield.getNumOperands() : 0);
  return success();
}

/// Verifies that `slice` is `result` without dim `axis`.
static LogicalResult verifySlice(Operation *op, Type slice, Type whole,
                                 int64_t axis, const Twine &what) {
  RankedTensorType type = tensorType(whole);
  if (type.getRank() == 0 || axis < 0 || axis >= type.getRank())
    return op->emitOpError("expected ")
           << what << " with an axis " << axis << ", but got " << type;
  SmallVector<int64_t> shape(type.getShape());
  shape.erase(shape.begin() + axis);
  return verifyFlow(op, slice,
                    RankedTensorType::get(shape, type.getElementType()),
                    "a slice of " + what);
}

//===----------------------------------------------------------------------===//
// If
//===----------------------------------------------------------------------===//

LogicalResult IfOp::verify() {
  if (failed(verifyScalar(*this, getCond().getType(), "cond")))
    return failure();
  std::pair<Region *, StringRef> branches[] = {
      {&getThenBranch(), "then_branch"}, {&getElseBranch(), "else_branch"}};
  for (auto [region, name] : branches) {
    if (failed(verifyYield(*this, *region, getNumResults(), name)))
      return failure();
    for (auto [value, type] :
         llvm::zip_equal(yieldOf(*region).getOperands(), getResultTypes()))
      if (failed(verifyFlow(*this, value.getType(), type,
                            name + Twine(" to yield a value"))))
        return failure();
  }
  return success();
}

/// onnx.If %true then {A; onnx.Yield %a} else {B}
///   -> A, with %a for the result
LogicalResult IfOp::canonicalize(IfOp op, PatternRewriter &rewriter) {
  DenseElementsAttr cond;
  if (!matchPattern(op.getCond(), m_Constant(&cond)) || cond.empty())
    return rewriter.notifyMatchFailure(op, "condition is not constant");
  Region &region =
      *cond.value_begin<bool>() ? op.getThenBranch() : op.getElseBranch();
  YieldOp yield = yieldOf(region);
  for (auto [value, type] :
       llvm::zip_equal(yield.getOperands(), op.getResultTypes()))
    if (value.getType() != type)
      return rewriter.notifyMatchFailure(op, "branch is of another type");
  SmallVector<Value> values(yield.getOperands());
  rewriter.eraseOp(yield);
  rewriter.inlineBlockBefore(&region.front(), op);
  rewriter.replaceOp(op, values);
  return success();
}

//===----------------------------------------------------------------------===//
// Loop
//===----------------------------------------------------------------------===//

LogicalResult LoopOp::verify() {
  if (getM() && failed(verifyScalar(*this, getM().getType(), "M")))
    return failure();
  if (getCond() && failed(verifyScalar(*this, getCond().getType(), "cond")))
    return failure();
  Block &body = getBody().front();
  size_t carried = getVInitial().size();
  if (body.getNumArguments() != carried + 2)
    return emitOpError("expected a body of ")
           << carried + 2 << " arguments, but got " << body.getNumArguments();
  if (!getElementTypeOrSelf(body.getArgument(0)).isInteger(64) ||
      failed(verifyScalar(*this, body.getArgument(0).getType(),
                          "the iteration number")))
    return emitOpError("expected an iteration number of type tensor<i64>, but "
                       "got ")
           << body.getArgument(0).getType();
  if (!getElementTypeOrSelf(body.getArgument(1)).isInteger(1) ||
      failed(
          verifyScalar(*this, body.getArgument(1).getType(), "the condition")))
    return emitOpError("expected a condition of type tensor<i1>, but got ")
           << body.getArgument(1).getType();
  if (getNumResults() < carried)
    return emitOpError("expected at least ")
           << carried << " results, but got " << getNumResults();
  if (failed(verifyYield(*this, getBody(), getNumResults() + 1, "body")))
    return failure();
  YieldOp yield = yieldOf(getBody());
  if (!getElementTypeOrSelf(yield.getOperand(0)).isInteger(1) ||
      failed(verifyScalar(*this, yield.getOperand(0).getType(),
                          "the next condition")))
    return emitOpError("expected a next condition of type tensor<i1>, but "
                       "got ")
           << yield.getOperand(0).getType();
  for (size_t i = 0; i < carried; ++i) {
    Type argument = body.getArgument(i + 2).getType();
    std::string what = ("carried value " + Twine(i)).str();
    if (failed(verifyFlow(*this, getVInitial()[i].getType(), argument,
                          "initial value of " + Twine(what))) ||
        failed(verifyFlow(*this, yield.getOperand(i + 1).getType(), argument,
                          "next value of " + Twine(what))) ||
        failed(verifyFlow(*this, argument, getResultTypes()[i],
                          "result for " + Twine(what))))
      return failure();
  }
  for (size_t i = carried; i < getNumResults(); ++i)
    if (failed(verifySlice(*this, yield.getOperand(i + 1).getType(),
                           getResultTypes()[i], 0,
                           "scan output " + Twine(i - carried))))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Scan
//===----------------------------------------------------------------------===//

/// Verifies that an optional list has `count` entries.
static LogicalResult verifyCount(Operation *op,
                                 std::optional<ArrayRef<int64_t>> list,
                                 int64_t count, StringRef name) {
  if (!list || static_cast<int64_t>(list->size()) == count)
    return success();
  return op->emitOpError("expected ")
         << count << " entries in " << name << ", but got " << list->size();
}

/// Entry `i` of a list of axes; absent means 0.
static int64_t axisAt(std::optional<ArrayRef<int64_t>> axes, int64_t i,
                      Type type) {
  int64_t axis = axes ? (*axes)[i] : 0;
  return normalizeAxis(axis, tensorType(type).getRank());
}

LogicalResult ScanOp::verify() {
  int64_t scanned = getNumScanInputs(), states = getNumStates();
  if (scanned < 1 || states < 0)
    return emitOpError("expected num_scan_inputs in [1, ")
           << getNumOperands() << "], but got " << scanned;
  int64_t scanOutputs = static_cast<int64_t>(getNumResults()) - states;
  Block &body = getBody().front();
  if (scanOutputs < 0)
    return emitOpError("expected at least ")
           << states << " results, but got " << getNumResults();
  if (body.getNumArguments() != getNumOperands())
    return emitOpError("expected a body of ")
           << getNumOperands() << " arguments, but got "
           << body.getNumArguments();
  if (failed(verifyYield(*this, getBody(), getNumResults(), "body")) ||
      failed(
          verifyCount(*this, getScanInputAxes(), scanned, "scan_input_axes")) ||
      failed(verifyCount(*this, getScanInputDirections(), scanned,
                         "scan_input_directions")) ||
      failed(verifyCount(*this, getScanOutputAxes(), scanOutputs,
                         "scan_output_axes")) ||
      failed(verifyCount(*this, getScanOutputDirections(), scanOutputs,
                         "scan_output_directions")))
    return failure();
  YieldOp yield = yieldOf(getBody());
  for (int64_t i = 0; i < states; ++i) {
    Type argument = body.getArgument(i).getType();
    std::string what = ("state " + Twine(i)).str();
    if (failed(verifyFlow(*this, getOperand(i).getType(), argument,
                          "initial value of " + Twine(what))) ||
        failed(verifyFlow(*this, yield.getOperand(i).getType(), argument,
                          "next value of " + Twine(what))) ||
        failed(verifyFlow(*this, argument, getResultTypes()[i],
                          "result for " + Twine(what))))
      return failure();
  }
  for (int64_t i = 0; i < scanned; ++i) {
    Type whole = getOperand(states + i).getType();
    if (failed(verifySlice(*this, body.getArgument(states + i).getType(), whole,
                           axisAt(getScanInputAxes(), i, whole),
                           "scan input " + Twine(i))))
      return failure();
  }
  for (int64_t i = 0; i < scanOutputs; ++i) {
    Type whole = getResultTypes()[states + i];
    if (failed(verifySlice(*this, yield.getOperand(states + i).getType(), whole,
                           axisAt(getScanOutputAxes(), i, whole),
                           "scan output " + Twine(i))))
      return failure();
  }
  return success();
}
