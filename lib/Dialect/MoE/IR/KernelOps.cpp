//===- KernelOps.cpp - Verifiers and effects of level 2 -------------------===//
#include "Verify.h"

#include "moe/Dialect/ONNX/IR/Accumulator.h"

using namespace mlir;
using namespace moe;

/// Tensors are returned, memrefs written: all of one kind.
static LogicalResult verifyDestinations(Operation *op, ValueRange outs,
                                        unsigned count) {
  if (outs.size() < count)
    return op->emitOpError("expected at least ")
           << count << " outs, but got " << outs.size();
  bool onTensors = isa<RankedTensorType>(outs.front().getType());
  for (Type type : op->getOperandTypes())
    if (isa<RankedTensorType>(type) != onTensors)
      return op->emitOpError("expected all operands to be tensors or all to be "
                             "memrefs, but got ")
             << op->getOperandTypes();
  TypeRange expected = onTensors ? TypeRange(outs) : TypeRange();
  if (!llvm::equal(op->getResultTypes(), expected))
    return op->emitOpError("expected results of ")
           << expected << ", but got " << op->getResultTypes();
  return success();
}

static LogicalResult verifyOutCount(Operation *op, ValueRange outs,
                                    unsigned count) {
  if (outs.size() != count)
    return op->emitOpError("expected ")
           << count << " outs, but got " << outs.size();
  return verifyDestinations(op, outs, count);
}

/// Memrefs: inputs are read, outs written. Tensors: none.
static void collectEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    else
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  }
}

//===----------------------------------------------------------------------===//
// moe.gate
//===----------------------------------------------------------------------===//

int64_t GateOp::getNumColumns() {
  return countColumns(getScores(), getProject());
}

void GateOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  collectEffects(*this, effects);
}

LogicalResult GateOp::verify() {
  ArrayAttr sums = getSumsAttr();
  unsigned numSums = sums ? sums.size() : 0;
  if (failed(verifyOutCount(*this, getOuts(), 3 + numSums)))
    return failure();
  RouteParts parts{getScores(),         getProject(),    getBias(),
                   getMask(),           getMix(),        getSelect(),
                   getScore(),          getGroupsAttr(), getNormalizeOverAttr(),
                   getDenominatorAttr()};
  if (failed(verifyRoute(*this, parts, getIds(), getWeights())))
    return failure();
  for (Value sum : getSumOuts())
    if (failed(verifyShape(*this, sum, "each sum", {extentOf(getIds(), 0)})))
      return failure();
  if (failed(verifyShape(*this, getCounts(), "counts", {anyExtent})))
    return failure();
  int64_t columns = getNumColumns(), experts = extentOf(getCounts(), 0);
  auto table = getTable();
  if (!table) {
    if (columns != anyExtent && experts != anyExtent && columns != experts)
      return emitOpError("expected one count per column, ")
             << columns << ", but got " << experts;
    return success();
  }
  if (columns != anyExtent && static_cast<int64_t>(table->size()) != columns)
    return emitOpError("expected table to have an entry per column, ")
           << columns << ", but it has " << table->size();
  for (int32_t id : *table)
    if (id < -1 || (experts != anyExtent && id >= experts))
      return emitOpError("expected entries of table to be -1 or below the "
                         "number of counts, but got ")
             << id;
  return success();
}

//===----------------------------------------------------------------------===//
// moe.dispatch
//===----------------------------------------------------------------------===//

void DispatchOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  collectEffects(*this, effects);
}

LogicalResult DispatchOp::verify() {
  if (failed(verifyOutCount(*this, getOuts(), 3)))
    return failure();
  if (failed(verifyShape(*this, getIds(), "ids", {anyExtent, anyExtent})) ||
      failed(verifyShape(*this, getCounts(), "counts", {anyExtent})))
    return failure();
  int64_t experts = extentOf(getCounts(), 0);
  if (failed(verifyShape(*this, getOffsets(), "offsets",
                         {experts == anyExtent ? experts : experts + 1})) ||
      failed(verifyShape(*this, getSlots(), "slots", {anyExtent})))
    return failure();
  return verifyShape(*this, getRows(), "rows",
                     cast<ShapedType>(getIds().getType()).getShape());
}

//===----------------------------------------------------------------------===//
// moe.grouped_matmul
//===----------------------------------------------------------------------===//

LogicalResult
GroupedMatmulOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FlatSymbolRefAttr counter = getCounterAttr();
  return counter ? rt::verifyCounted(*this, counter, symbols) : success();
}

void GroupedMatmulOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  collectEffects(*this, effects);
}

LogicalResult GroupedMatmulOp::verify() {
  if (failed(verifyOutCount(*this, getOuts(), 1)))
    return failure();
  if (failed(verifyShape(*this, getRows(), "rows", {anyExtent, anyExtent})) ||
      failed(verifyShape(*this, getOffsets(), "offsets", {anyExtent})) ||
      failed(verifyShape(*this, getOut(), "out", {anyExtent, anyExtent})))
    return failure();
  if (getWeights().empty())
    return emitOpError("expected at least one operand of weights");
  int64_t groups = extentOf(getOffsets(), 0);
  int64_t experts = groups == anyExtent ? groups : groups - 1;
  int64_t inner = extentOf(getRows(), 1), columns = extentOf(getOut(), 1);
  for (auto [attr, name] : {std::pair(getColumnOffsets(), "column_offsets"),
                            std::pair(getColumnStrides(), "column_strides")})
    if (attr && attr->size() != getWeights().size())
      return emitOpError("expected ")
             << name << " to have one entry per operand of weights, "
             << getWeights().size() << ", but it has " << attr->size();
  for (auto [i, weights] : llvm::enumerate(getWeights())) {
    bool packed = isPacked(i);
    SmallVector<int64_t> shape{experts, inner, anyExtent};
    if (packed)
      shape = {experts, anyExtent, inner, anyExtent};
    if (int64_t pairs = getPairs(i); pairs != 1) {
      if (pairs < 1)
        return emitOpError("expected panels of pairs of a static extent, but "
                           "got ")
               << weights.getType();
      if (inner != anyExtent)
        shape[2] = llvm::divideCeilSigned(inner, pairs);
      shape.push_back(pairs);
    }
    if (failed(verifyShape(*this, weights, "weights", shape)))
      return failure();
    int64_t offset = getColumnOffset(i), stride = getColumnStride(i);
    if (offset < 0 || stride < 1)
      return emitOpError("expected column offsets >= 0 and strides >= 1, but "
                         "got ")
             << offset << " and " << stride;
    if (columns == anyExtent ||
        !cast<ShapedType>(weights.getType()).hasStaticShape())
      continue;
    int64_t width = extentOf(weights, 2);
    if (packed)
      width = extentOf(weights, 1) * extentOf(weights, 3);
    if (offset + (columns - 1) * stride >= width)
      return emitOpError("reads column ")
             << offset + (columns - 1) * stride << " of weights " << i
             << ", which have " << width;
  }
  for (Value vector : getColumns())
    if (failed(verifyShape(*this, vector, "columns", {experts, columns})))
      return failure();
  for (Value vector : getSlotValues())
    if (failed(verifyShape(*this, vector, "slot values", {anyExtent})))
      return failure();
  if (getSlots()) {
    if (failed(
            verifyShape(*this, getSlots(), "slots", {extentOf(getOut(), 0)})))
      return failure();
  } else if (getSlotsPerRow() || !getSlotValues().empty()) {
    return emitOpError("expected slots, which slots_per_row and slot values "
                       "refer to");
  }
  ScheduleAttrInterface schedule = getScheduleAttr();
  return schedule ? schedule.verifySchedule(*this) : success();
}

bool GroupedMatmulOp::isPacked(unsigned weight) {
  return cast<ShapedType>(getWeights()[weight].getType()).getRank() >= 4;
}

int64_t GroupedMatmulOp::getPairs(unsigned weight) {
  auto type = cast<ShapedType>(getWeights()[weight].getType());
  return type.getRank() == 5 ? type.getDimSize(4) : 1;
}

LogicalResult GroupedMatmulOp::verifyRegions() {
  SmallVector<Type> expected;
  for (Value weights : getWeights())
    expected.push_back(
        onnx::accumulatorType(getElementTypeOrSelf(weights.getType())));
  for (ValueRange values : {getColumns(), getSlotValues()})
    for (Value value : values)
      expected.push_back(getElementTypeOrSelf(value.getType()));
  Block &block = getEpilogue().front();
  if (!llvm::equal(block.getArgumentTypes(), expected))
    return emitOpError("expected the epilogue to take ")
           << expected << ", but it takes " << block.getArgumentTypes();
  Operation *yield = block.getTerminator();
  Type element = getElementTypeOrSelf(getOut().getType());
  if (yield->getNumOperands() != 1 || yield->getOperand(0).getType() != element)
    return yield->emitOpError("expected one ")
           << element << ", but got " << yield->getOperandTypes();
  return success();
}

//===----------------------------------------------------------------------===//
// moe.pack
//===----------------------------------------------------------------------===//

void PackOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  collectEffects(*this, effects);
}

LogicalResult PackOp::verify() {
  if (failed(verifyOutCount(*this, getOuts(), 1)) ||
      failed(verifyShape(*this, getMatrices(), "matrices",
                         {anyExtent, anyExtent, anyExtent})))
    return failure();
  int64_t inner = extentOf(getMatrices(), getTransposed() ? 2 : 1);
  int64_t columns = extentOf(getMatrices(), getTransposed() ? 1 : 2);
  if (failed(verifyShape(
          *this, getPanels(), "panels",
          {extentOf(getMatrices(), 0), anyExtent, inner, anyExtent})))
    return failure();
  Type from = getElementTypeOrSelf(getMatrices());
  Type to = getElementTypeOrSelf(getPanels());
  if (from != to) // pack_c1
    return emitOpError("expected panels of ") << from << ", but got " << to;
  int64_t panels = extentOf(getPanels(), 1), width = extentOf(getPanels(), 3);
  if (width == anyExtent)
    return emitOpError("expected panels of a static width");
  if (columns == anyExtent || panels == anyExtent)
    return success();
  if (width < 1 || panels != llvm::divideCeilSigned(columns, width)) // pack_c2
    return emitOpError("expected ")
           << columns << " columns to fill the panels, but got " << panels
           << " of " << width;
  return success();
}

//===----------------------------------------------------------------------===//
// moe.combine
//===----------------------------------------------------------------------===//

void CombineOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  collectEffects(*this, effects);
}

LogicalResult CombineOp::verify() {
  if (failed(verifyOutCount(*this, getOuts(), 1)))
    return failure();
  if (failed(verifyShape(*this, getOut(), "out", {anyExtent, anyExtent})))
    return failure();
  int64_t tokens = extentOf(getOut(), 0), hidden = extentOf(getOut(), 1);
  if (failed(verifyShape(*this, getValues(), "values", {anyExtent, hidden})) ||
      failed(verifyShape(*this, getRows(), "rows", {tokens, anyExtent})))
    return failure();
  if (getWeights() &&
      failed(verifyShape(*this, getWeights(), "weights",
                         cast<ShapedType>(getRows().getType()).getShape())))
    return failure();
  return verifyTerms(*this, getCoefficients(), getTerms(), tokens, hidden);
}
