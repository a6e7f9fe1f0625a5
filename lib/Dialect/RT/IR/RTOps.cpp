//===- RTOps.cpp - Ops of the rt dialect ----------------------------------===//
#include "moe/Dialect/RT/IR/RT.h"

#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe::rt;

#define GET_OP_CLASSES
#include "moe/Dialect/RT/IR/RTOps.cpp.inc"

LogicalResult WeightOp::verify() {
  if (getSource().empty()) // weight_c1
    return emitOpError("expected at least one source span");
  SmallVector<RankedTensorType> types;
  for (auto span : getSource().getAsRange<SpanAttr>())
    types.push_back(span.getType());
  for (auto step : getRecipe().getAsRange<RecipeStepAttrInterface>()) {
    auto after = step.inferTypes(types, [&] { return emitOpError(); });
    if (failed(after)) // weight_c2
      return failure();
    types = std::move(*after);
  }
  if (types.size() != 1) // weight_c3
    return emitOpError("expected the recipe to end in one tensor, but it ends "
                       "in ")
           << types.size();
  if (types.front() != getType()) // weight_c3
    return emitOpError("expected the recipe to give ")
           << getType() << ", but it gives " << types.front();
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
