//===- Epilogue.cpp - A scalar epilogue on vectors ------------------------===//
#include "Kernels.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// arith.mulf %a, %b : f32  ->  arith.mulf %va, %vb : vector<16xf32>
Value cpu::applyEpilogue(KernelBuilder &b, Block &epilogue,
                         ValueRange arguments, int64_t lanes) {
  IRMapping mapping;
  mapping.map(epilogue.getArguments(), arguments);
  auto lookup = [&](Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    // From outside, or a constant of the epilogue.
    Attribute constant;
    Value scalar = value;
    if (matchPattern(value, m_Constant(&constant)))
      scalar = arith::ConstantOp::create(b, cast<TypedAttr>(constant));
    Value splat = b.splat(scalar, lanes);
    mapping.map(value, splat);
    return splat;
  };
  for (Operation &op : epilogue.without_terminator()) {
    if (matchPattern(&op, m_Constant()))
      continue;
    OperationState state(b.getLoc(), op.getName());
    for (Value operand : op.getOperands())
      state.addOperands(lookup(operand));
    for (Type type : op.getResultTypes())
      state.addTypes(VectorType::get({lanes}, type));
    state.addAttributes(op.getAttrs());
    state.propertiesAttr = op.getPropertiesAsAttribute();
    mapping.map(op.getResults(), b.create(state)->getResults());
  }
  return lookup(epilogue.getTerminator()->getOperand(0));
}
