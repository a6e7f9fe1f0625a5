//===- LayerOps.cpp - Verifiers and folders of level 1 --------------------===//
#include "Verify.h"

using namespace mlir;
using namespace moe;

//===----------------------------------------------------------------------===//
// moe.route
//===----------------------------------------------------------------------===//

int64_t RouteOp::getNumColumns() {
  return countColumns(getScores(), getProject());
}

LogicalResult RouteOp::verify() {
  RouteParts parts{getScores(),         getProject(),    getBias(),
                   getMask(),           getMix(),        getSelect(),
                   getScore(),          getGroupsAttr(), getNormalizeOverAttr(),
                   getDenominatorAttr()};
  return verifyRoute(*this, parts, getIds(), getWeights());
}

LogicalResult RouteOp::inferReturnTypes(MLIRContext *context,
                                        std::optional<Location> location,
                                        Adaptor adaptor,
                                        SmallVectorImpl<Type> &types) {
  Value first = adaptor.getScores();
  if (!first && !adaptor.getProject().empty())
    first = adaptor.getProject().front();
  if (!first || !adaptor.getSelect())
    return emitOptionalError(location, "'moe.route' op expected scores and a "
                                       "selection");
  auto scores = cast<RankedTensorType>(first.getType());
  int64_t shape[] = {scores.getDimSize(0), adaptor.getSelect().getNumSlots()};
  types.push_back(RankedTensorType::get(shape, IntegerType::get(context, 32)));
  types.push_back(RankedTensorType::get(shape, scores.getElementType()));
  return success();
}

bool RouteOp::isCompatibleReturnTypes(TypeRange lhs, TypeRange rhs) {
  // Static knowledge may differ; the verifier compares what both tell.
  return lhs.size() == rhs.size();
}

//===----------------------------------------------------------------------===//
// moe.slot_sum and moe.renumber
//===----------------------------------------------------------------------===//

LogicalResult SlotSumOp::verify() {
  auto ids = cast<ShapedType>(getIds().getType());
  if (failed(verifyShape(*this, getWeights(), "weights", ids.getShape())))
    return failure();
  return verifyShape(*this, getSums(), "sums", {ids.getDimSize(0)});
}

LogicalResult RenumberOp::verify() {
  auto ids = cast<ShapedType>(getIds().getType());
  if (failed(verifyShape(*this, getWeights(), "weights", ids.getShape())))
    return failure();
  for (int32_t id : getTable())
    if (id < -1)
      return emitOpError(
                 "expected entries of table to be at least -1, but got ")
             << id;
  return success();
}

/// A table that changes no id -> the operands.
LogicalResult RenumberOp::fold(FoldAdaptor adaptor,
                               SmallVectorImpl<OpFoldResult> &results) {
  for (auto [id, newId] : llvm::enumerate(getTable()))
    if (static_cast<int64_t>(id) != newId)
      return failure();
  results.push_back(getIds());
  results.push_back(getWeights());
  return success();
}

//===----------------------------------------------------------------------===//
// moe.experts
//===----------------------------------------------------------------------===//

Block::BlockArgListType ExpertsOp::getRowArguments() {
  return getBody().front().getArguments().take_front(getRows().size());
}

Block::BlockArgListType ExpertsOp::getStackedArguments() {
  return getBody().front().getArguments().slice(getRows().size(),
                                                getStacked().size());
}

Block::BlockArgListType ExpertsOp::getSharedArguments() {
  return getBody().front().getArguments().take_back(getShared().size());
}

LogicalResult ExpertsOp::verify() {
  int64_t tokens = extentOf(getIds(), 0), slots = extentOf(getIds(), 1);
  int64_t hidden = extentOf(getResult(), 1);
  if (slots == anyExtent)
    return emitOpError("expected a static number of slots, but got ")
           << getIds().getType();
  for (auto [value, name] : {std::pair(getWeights(), "weights"),
                             std::pair(getInputWeights(), "input_weights")})
    if (value && failed(verifyShape(*this, value, name, {tokens, slots})))
      return failure();
  if (getRows().empty())
    return emitOpError("expected at least one operand of rows");
  for (Value rows : getRows()) {
    auto type = cast<RankedTensorType>(rows.getType());
    if (type.getRank() < 1)
      return emitOpError("expected rows of rank 1 at least, but got ") << type;
    SmallVector<int64_t> shape(type.getShape());
    shape.front() = tokens;
    if (failed(verifyShape(*this, rows, "each operand of rows", shape)))
      return failure();
  }
  int64_t numExperts = getNumExperts();
  for (Value stacked : getStacked())
    if (cast<RankedTensorType>(stacked.getType()).getRank() < 1 ||
        extentOf(stacked, 0) != numExperts)
      return emitOpError("expected one slice per expert, ")
             << numExperts << ", of each stacked operand, but got "
             << stacked.getType();
  int64_t numConstants = getExperts().getCount(ExpertKind::Constant);
  if (static_cast<bool>(getConstants()) != (numConstants > 0))
    return emitOpError(getConstants() ? "has constants, but no constant experts"
                                      : "expected constants for its constant "
                                        "experts");
  if (getConstants() && failed(verifyShape(*this, getConstants(), "constants",
                                           {numConstants, hidden})))
    return failure();
  if (getExperts().getCount(ExpertKind::Copy) &&
      failed(verifyShape(*this, getRows().front(),
                         "the rows that copy experts add", {tokens, hidden})))
    return failure();
  if (extentOf(getResult(), 0) != anyExtent &&
      failed(verifyShape(*this, getResult(), "the result", {tokens, hidden})))
    return failure();
  return verifyTerms(*this, getCoefficients(), getTerms(), tokens, hidden);
}

/// What each block argument is, given the operands: rows have a dynamic leading
/// dim, slices none.
static LogicalResult verifyArguments(ExpertsOp op) {
  Block &block = op.getBody().front();
  SmallVector<Type> expected;
  for (Value rows : op.getRows()) {
    auto type = cast<RankedTensorType>(rows.getType());
    SmallVector<int64_t> shape(type.getShape());
    shape.front() = ShapedType::kDynamic;
    expected.push_back(RankedTensorType::get(shape, type.getElementType()));
  }
  for (Value stacked : op.getStacked()) {
    auto type = cast<RankedTensorType>(stacked.getType());
    expected.push_back(RankedTensorType::get(type.getShape().drop_front(),
                                             type.getElementType()));
  }
  llvm::append_range(expected, op.getShared().getTypes());
  if (llvm::equal(block.getArgumentTypes(), expected))
    return success();
  return op.emitOpError("expected the body to take ")
         << expected << ", but it takes " << block.getArgumentTypes();
}

/// The body is row-wise: rows stay rows, and each op keeps them apart.
static LogicalResult verifyRowWise(ExpertsOp op) {
  DenseSet<Value> rows;
  for (Value argument : op.getRowArguments())
    rows.insert(argument);
  for (Operation &inner : op.getBody().front().without_terminator()) {
    SmallVector<bool> operandIsRow;
    for (Value operand : inner.getOperands())
      operandIsRow.push_back(rows.contains(operand));
    if (!isRowWise(&inner, operandIsRow)) {
      InFlightDiagnostic diagnostic =
          op.emitOpError("expected a row-wise body, but '")
          << inner.getName() << "' may mix rows";
      diagnostic.attachNote(inner.getLoc()) << "the op";
      return diagnostic;
    }
    if (llvm::is_contained(operandIsRow, true))
      rows.insert_range(inner.getResults());
  }
  Operation *yield = op.getBody().front().getTerminator();
  auto result = cast<RankedTensorType>(op.getResult().getType());
  auto expected = RankedTensorType::get(
      {ShapedType::kDynamic, result.getDimSize(1)}, result.getElementType());
  if (yield->getNumOperands() != 1 ||
      yield->getOperand(0).getType() != expected)
    return yield->emitOpError("expected one value of ")
           << expected << ", but got " << yield->getOperandTypes();
  if (!rows.contains(yield->getOperand(0)))
    return yield->emitOpError(
        "expected rows, but the value does not depend on the rows");
  return success();
}

LogicalResult ExpertsOp::verifyRegions() {
  if (failed(verifyArguments(*this)))
    return failure();
  return verifyRowWise(*this);
}

LogicalResult ExpertsOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FlatSymbolRefAttr layer = getLayerAttr();
  if (!layer || symbols.lookupNearestSymbolFrom<rt::LayerOp>(*this, layer))
    return success();
  return emitOpError("expected ") // experts_c7
         << layer << " to be an rt.layer of this module";
}

//===----------------------------------------------------------------------===//
// moe.count
//===----------------------------------------------------------------------===//

LogicalResult CountOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (failed(rt::verifyCounted(*this, getLayerAttr(), symbols)))
    return failure(); // count_c1
  auto layer =
      symbols.lookupNearestSymbolFrom<rt::LayerOp>(*this, getLayerAttr());
  auto experts = static_cast<int64_t>(layer.getExperts());
  auto slots = static_cast<int64_t>(layer.getSlots());
  if (getExperts().getCount(ExpertKind::FFN) == experts &&
      extentOf(getIds(), 1) == slots)
    return success();
  InFlightDiagnostic diagnostic = // count_c2
      emitOpError("expected ids of ")
      << experts << " experts and " << slots << " slots, but got "
      << getExperts() << " and " << getIds().getType();
  diagnostic.attachNote(layer.getLoc()) << "the layer is here";
  return diagnostic;
}

//===----------------------------------------------------------------------===//
// moe.candidate
//===----------------------------------------------------------------------===//

LogicalResult CandidateOp::verify() {
  int64_t rows = static_cast<int64_t>(getRows());
  if (rows > static_cast<int64_t>(getInputs().size()))
    return emitOpError("expected at least ")
           << rows << " operands, the rows, but got " << getInputs().size();
  int64_t tokens = anyExtent;
  for (Value input : getInputs().take_front(rows)) {
    auto type = cast<RankedTensorType>(input.getType());
    if (type.getRank() < 1)
      return emitOpError("expected rows of rank 1 at least, but got ") << type;
    int64_t extent = type.getDimSize(0);
    if (extent == anyExtent)
      continue;
    if (tokens != anyExtent && tokens != extent)
      return emitOpError("expected rows of one number of tokens, but got ")
             << tokens << " and " << extent;
    tokens = extent;
  }
  return success();
}

LogicalResult CandidateOp::verifyRegions() {
  for (auto [region, name] : {std::pair(&getOriginal(), "original"),
                              std::pair(&getRaised(), "raised")}) {
    if (!llvm::equal(region->getArgumentTypes(), getInputs().getTypes()))
      return emitOpError("expected region '")
             << name << "' to take " << getInputs().getTypes()
             << ", but it takes " << region->getArgumentTypes();
    if (region->front().empty() || !isa<YieldOp>(region->front().back()))
      return emitOpError("expected region '")
             << name << "' to end in moe.yield";
    TypeRange yielded = region->front().getTerminator()->getOperandTypes();
    if (yielded.size() < getNumResults() ||
        !llvm::equal(yielded.take_front(getNumResults()), getResultTypes()))
      return emitOpError("expected region '")
             << name << "' to yield " << getResultTypes()
             << " first, but it yields " << yielded;
  }
  TypeRange original = getOriginalBlock().getTerminator()->getOperandTypes();
  TypeRange raised = getRaisedBlock().getTerminator()->getOperandTypes();
  if (original.size() != raised.size())
    return emitOpError("expected both regions to yield as much evidence, but "
                       "they yield ")
           << original << " and " << raised;
  for (auto [lhs, rhs] : llvm::zip_equal(original, raised))
    if (!isa<RankedTensorType>(lhs) || !isa<RankedTensorType>(rhs) ||
        failed(verifyCompatibleShape(lhs, rhs)))
      return emitOpError("expected evidence of one shape, but got ")
             << lhs << " and " << rhs;
  return success();
}
