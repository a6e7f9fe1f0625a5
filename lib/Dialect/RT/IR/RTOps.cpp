//===- RTOps.cpp - Ops of the rt dialect ----------------------------------===//
#include "moe/Dialect/RT/IR/RT.h"

#include "mlir/IR/Matchers.h"
#include "moe/Dialect/RT/IR/Weights.h"

using namespace mlir;
using namespace moe::rt;

#include "moe/Dialect/RT/IR/RTEnums.cpp.inc"

#define GET_OP_CLASSES
#include "moe/Dialect/RT/IR/RTOps.cpp.inc"

LogicalResult WeightOp::verify() {
  if (getSource().empty()) // weight_c1
    return emitOpError("expected at least one source span");
  if (llvm::count_if(getRecipe(), llvm::IsaPred<PackAttr>) > 1) // weight_c4
    return emitOpError("expected at most one #rt.pack in the recipe");
  auto type =
      inferWeightType(getSource(), getRecipe(), [&] { return emitOpError(); });
  if (failed(type)) // weight_c2, weight_c3
    return failure();
  if (*type != getType()) // weight_c3
    return emitOpError("expected the recipe to give ")
           << getType() << ", but it gives " << *type;
  return success();
}

LogicalResult
WeightRefOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto weight =
      symbolTable.lookupNearestSymbolFrom<WeightOp>(*this, getWeightAttr());
  if (!weight)
    return emitOpError("expected ")
           << getWeightAttr() << " to be an rt.weight of this module";
  auto expected = cast<ShapedType>(weight.getType());
  auto actual = cast<ShapedType>(getResult().getType());
  // weight_ref_c1. Conversion to signless integers keeps the width.
  if (expected.getShape() != actual.getShape() ||
      expected.getElementTypeBitWidth() != actual.getElementTypeBitWidth()) {
    InFlightDiagnostic diagnostic = emitOpError("expected the type ")
                                    << expected << ", but got " << actual;
    diagnostic.attachNote(weight.getLoc()) << "the weight is here";
    return diagnostic;
  }
  return success();
}

/// rt.require %true, ...  ->  (nothing)
LogicalResult RequireOp::canonicalize(RequireOp op, PatternRewriter &rewriter) {
  if (!matchPattern(op.getCondition(), m_One()))
    return rewriter.notifyMatchFailure(op, "the condition is not known true");
  rewriter.eraseOp(op);
  return success();
}

//===----------------------------------------------------------------------===//
// rt.parallel
//===----------------------------------------------------------------------===//

void ParallelOp::build(OpBuilder &builder, OperationState &state, Value count,
                       function_ref<void(OpBuilder &, Location, Value)> body) {
  OpBuilder::InsertionGuard guard(builder);
  state.addOperands(count);
  Block *block = builder.createBlock(state.addRegion(), {},
                                     builder.getIndexType(), state.location);
  body(builder, state.location, block->getArgument(0));
}

/// rt.parallel %i below %n (attributes {...})? { ... }
ParseResult ParallelOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::Argument index;
  OpAsmParser::UnresolvedOperand count;
  index.type = parser.getBuilder().getIndexType();
  if (parser.parseArgument(index) || parser.parseKeyword("below") ||
      parser.parseOperand(count) ||
      parser.resolveOperand(count, index.type, result.operands) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  return parser.parseRegion(*result.addRegion(), index);
}

void ParallelOp::print(OpAsmPrinter &printer) {
  printer << ' ' << getIndex() << " below " << getCount();
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult ParallelOp::verify() {
  Block &block = getBody().front();
  if (block.getNumArguments() != 1 || !block.getArgument(0).getType().isIndex())
    return emitOpError("expected one index for the region to take");
  if ((*this)->getParentOfType<ParallelOp>())
    return emitOpError("does not nest");
  return success();
}

LogicalResult moe::rt::verifyCounted(Operation *op, FlatSymbolRefAttr layer,
                                     SymbolTableCollection &symbols) {
  auto target = symbols.lookupNearestSymbolFrom<LayerOp>(op, layer);
  if (!target)
    return op->emitOpError("expected ")
           << layer << " to be an rt.layer of this module";
  if (target.getCounted())
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expected the layer ")
                                  << layer << " to be counted";
  diagnostic.attachNote(target.getLoc()) << "the layer is here";
  return diagnostic;
}

LogicalResult CountOp::verify() {
  bool isOfExpert = getCounter() == Counter::ExpertSlots;
  if (isOfExpert == static_cast<bool>(getExpert())) // count_c2
    return success();
  return emitOpError("expected ")
         << (isOfExpert ? "an expert" : "no expert") << " for '"
         << stringifyCounter(getCounter()) << "'";
}

LogicalResult CountOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyCounted(*this, getLayerAttr(), symbols); // count_c1
}

LogicalResult TimerOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getLayerAttr() ||
      symbols.lookupNearestSymbolFrom<LayerOp>(*this, getLayerAttr()))
    return success();
  return emitOpError("expected ") // timer_c1
         << getLayerAttr() << " to be an rt.layer of this module";
}

LogicalResult RecordOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (symbols.lookupNearestSymbolFrom<TimerOp>(*this, getTimerAttr()))
    return success();
  return emitOpError("expected ") // record_c1
         << getTimerAttr() << " to be an rt.timer of this module";
}

llvm::StringMap<int64_t> moe::rt::getFirstCounters(ModuleOp module) {
  llvm::StringMap<int64_t> first;
  int64_t next = 0;
  for (auto layer : module.getOps<LayerOp>())
    if (layer.getCounted()) {
      first[layer.getSymName()] = next;
      next += static_cast<int64_t>(Counter::ExpertSlots) +
              static_cast<int64_t>(layer.getExperts());
    }
  return first;
}
