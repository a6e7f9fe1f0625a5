//===- ElementRules.cpp - Integers that become extents --------------------===//
//
// Ops that make small integer tensors or compute on them. Elementwise ops keep
// their broadcasting rule and tell elements on top of it.
//
//===----------------------------------------------------------------------===//
#include "DimWalk.h"

using namespace mlir;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// Making
//===----------------------------------------------------------------------===//

/// Floats are followed to the limits of `onnx.Range`, where they are small
/// whole numbers.
static void setWholeFloats(Value output, DenseFPElementsAttr value,
                           DimWalk &walk) {
  if (value.getNumElements() > SymbolicDims::maxElements)
    return;
  DimExprs elements;
  for (APFloat element : value.getValues<APFloat>()) {
    APSInt whole(/*BitWidth=*/24, /*isUnsigned=*/false);
    bool isExact = false;
    if (element.convertToInteger(whole, APFloat::rmTowardZero, &isExact) !=
        APFloat::opOK)
      return;
    elements.push_back(walk.constant(whole.getExtValue()));
  }
  walk.setElements(output, elements);
}

static void inferConstant(ConstantOp op, DimWalk &walk) {
  Value output = op.getOutput();
  walk.setDims(output, {});
  if (auto floats = dyn_cast<DenseFPElementsAttr>(op.getValue()))
    return setWholeFloats(output, floats, walk);
  auto value = dyn_cast<DenseIntElementsAttr>(op.getValue());
  if (!value || value.getNumElements() > SymbolicDims::maxElements)
    return;
  bool isUnsigned = value.getElementType().isUnsignedInteger() ||
                    value.getElementType().isInteger(1);
  DimExprs elements;
  for (APInt element : value.getValues<APInt>()) {
    std::optional<int64_t> known =
        isUnsigned ? element.getActiveBits() < 64
                         ? std::optional<int64_t>(element.getZExtValue())
                         : std::nullopt
                   : element.trySExtValue();
    elements.push_back(known ? walk.constant(*known) : DimExpr());
  }
  walk.setElements(output, elements);
}

static void inferShape(ShapeOp op, DimWalk &walk) {
  walk.setDims(op.getShape(), {});
  DimExprs dims = walk.dimsOf(op.getData());
  auto [begin, end] = op.getDimRange();
  if (begin >= end)
    return;
  walk.setElements(op.getShape(),
                   DimExprs(ArrayRef(dims).slice(begin, end - begin)));
}

static void inferSize(SizeOp op, DimWalk &walk) {
  walk.setElements(op.getSize(),
                   {productOf(walk.getContext(), walk.dimsOf(op.getData()))});
}

static void inferConstantOfShape(ConstantOfShapeOp op, DimWalk &walk) {
  walk.setDims(op.getOutput(),
               walk.elementsOf(op.getInput()).value_or(DimExprs()));
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  if (!type.getElementType().isInteger())
    return;
  int64_t fill = 0;
  if (std::optional<ElementsAttr> value = op.getValue()) {
    auto ints = dyn_cast<DenseIntElementsAttr>(*value);
    if (!ints || ints.getNumElements() != 1 ||
        ints.getElementType().isUnsignedInteger())
      return;
    APInt element = *ints.value_begin<APInt>();
    fill = type.getElementType().isInteger(1) ? element.getZExtValue()
                                              : element.getSExtValue();
  }
  std::optional<int64_t> count =
      productOf(walk.getContext(), walk.dimsOf(op.getOutput())).getConstant();
  if (count && *count <= SymbolicDims::maxElements)
    walk.setElements(op.getOutput(), DimExprs(*count, walk.constant(fill)));
}

/// The number of elements. A limit that was cast to a float may be rounded: the
/// lowering requires that there are as many elements as this rule says.
static void inferRange(RangeOp op, DimWalk &walk) {
  DimExpr start = walk.scalarOf(op.getStart());
  DimExpr limit = walk.scalarOf(op.getLimit());
  DimExpr delta = walk.scalarOf(op.getDelta());
  if (!start || !limit || !delta || !delta.isConstant(1))
    return;
  DimContext &context = walk.getContext();
  DimExpr count = context.getMax(limit - start, context.getConstant(0));
  walk.setDims(op.getOutput(), {count});
  std::optional<int64_t> known = count.getConstant();
  if (!known || *known > SymbolicDims::maxElements)
    return;
  DimExprs elements;
  for (int64_t i = 0; i < *known; ++i)
    elements.push_back(start + i);
  walk.setElements(op.getOutput(), elements);
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

/// 1 where lhs < rhs in every run, 0 where in none, else null.
static DimExpr isLess(DimExpr lhs, DimExpr rhs) {
  if ((rhs - lhs - 1).isNonNegative())
    return lhs.getContext().getConstant(1);
  if ((lhs - rhs).isNonNegative())
    return lhs.getContext().getConstant(0);
  return DimExpr();
}

static DimExpr isEqual(DimExpr lhs, DimExpr rhs) {
  if (lhs == rhs)
    return lhs.getContext().getConstant(1);
  DimExpr one = lhs.getContext().getConstant(1);
  if (isLess(lhs, rhs) == one || isLess(rhs, lhs) == one)
    return lhs.getContext().getConstant(0);
  return DimExpr();
}

static DimExpr negate(DimExpr flag) {
  std::optional<int64_t> constant = flag.getConstant();
  return constant ? flag.getContext().getConstant(!*constant) : DimExpr();
}

/// Truncates towards 0 as `onnx.Div` does.
static DimExpr divide(DimExpr lhs, DimExpr rhs) {
  if (rhs.isConstant(0))
    return DimExpr();
  if (DimExpr quotient = lhs.divideExactly(rhs))
    return quotient;
  std::optional<int64_t> divisor = rhs.getConstant();
  if (!divisor)
    return DimExpr();
  if (std::optional<int64_t> constant = lhs.getConstant())
    return *divisor == -1 ? DimExpr()
                          : lhs.getContext().getConstant(*constant / *divisor);
  return lhs.getContext().getFloorDiv(lhs, *divisor);
}

static DimExpr remainder(DimExpr lhs, DimExpr rhs) {
  std::optional<int64_t> divisor = rhs.getConstant();
  if (!divisor || *divisor <= 0 || !lhs.isNonNegative())
    return DimExpr();
  if (DimExpr quotient = lhs.getContext().getFloorDiv(lhs, *divisor))
    return lhs - quotient * *divisor;
  return DimExpr();
}

static DimExpr absolute(DimExpr value) {
  if (value.isNonNegative())
    return value;
  DimExpr negative = value * -1;
  return negative.isNonNegative() ? negative : DimExpr();
}

/// What an op computes of elements; null where that is not known.
static DimExpr evaluate(Operation *op, ArrayRef<DimExpr> args) {
  auto fold = [&](DimExpr (DimContext::*function)(DimExpr, DimExpr)) {
    DimExpr value = args.front();
    for (DimExpr arg : args.drop_front())
      value = (value.getContext().*function)(value, arg);
    return value;
  };
  auto both = [&](bool decides) -> DimExpr {
    bool isKnown = true;
    for (DimExpr arg : args) {
      if (arg.isConstant(decides))
        return arg;
      isKnown &= arg.getConstant().has_value();
    }
    return isKnown ? args.front() : DimExpr();
  };
  return llvm::TypeSwitch<Operation *, DimExpr>(op)
      .Case([&](AddOp) { return args[0] + args[1]; })
      .Case([&](SubOp) { return args[0] - args[1]; })
      .Case([&](MulOp) { return args[0] * args[1]; })
      .Case([&](DivOp) { return divide(args[0], args[1]); })
      .Case([&](ModOp) { return remainder(args[0], args[1]); })
      .Case([&](NegOp) { return args[0] * -1; })
      .Case([&](AbsOp) { return absolute(args[0]); })
      .Case([&](CastOp) { return args[0]; })
      .Case([&](MinOp) { return fold(&DimContext::getMin); })
      .Case([&](MaxOp) { return fold(&DimContext::getMax); })
      .Case([&](LessOp) { return isLess(args[0], args[1]); })
      .Case([&](GreaterOp) { return isLess(args[1], args[0]); })
      .Case([&](LessOrEqualOp) { return negate(isLess(args[1], args[0])); })
      .Case([&](GreaterOrEqualOp) { return negate(isLess(args[0], args[1])); })
      .Case([&](EqualOp) { return isEqual(args[0], args[1]); })
      .Case([&](AndOp) { return both(/*decides=*/false); })
      .Case([&](OrOp) { return both(/*decides=*/true); })
      .Case([&](NotOp) { return negate(args[0]); })
      .Case([&](WhereOp) {
        if (args[1] == args[2])
          return args[1];
        std::optional<int64_t> condition = args[0].getConstant();
        return condition ? args[*condition ? 1 : 2] : DimExpr();
      })
      .Default([](Operation *) { return DimExpr(); });
}

/// Elements of an elementwise op on integers.
static void inferArithmetic(Operation *op, DimWalk &walk) {
  inferElementwise(op, walk);
  Value output = op->getResult(0);
  auto isInteger = [](Type type) {
    Type element = cast<RankedTensorType>(type).getElementType();
    return isa<IntegerType>(element) &&
           !(element.isUnsignedInteger(64) || element.isUnsignedInteger(32));
  };
  Type outputElement =
      cast<RankedTensorType>(output.getType()).getElementType();
  bool isToFloat =
      isa<CastOp>(op) && (outputElement.isF32() || outputElement.isF64());
  if (!llvm::all_of(op->getOperandTypes(), isInteger) ||
      !(isToFloat || isInteger(output.getType())))
    return;
  // To bool is a comparison with 0.
  if (isa<CastOp>(op) && outputElement.isInteger(1))
    return;
  std::optional<int64_t> count =
      productOf(walk.getContext(), walk.dimsOf(output)).getConstant();
  if (!count || *count > SymbolicDims::maxElements)
    return;
  // An operand with as many elements as the result has them in its order.
  SmallVector<DimExprs> operands;
  for (Value operand : op->getOperands()) {
    std::optional<DimExprs> elements = walk.elementsOf(operand);
    if (!elements || (elements->size() != 1 &&
                      static_cast<int64_t>(elements->size()) != *count))
      return;
    operands.push_back(std::move(*elements));
  }
  DimExprs elements;
  for (int64_t i = 0; i < *count; ++i) {
    SmallVector<DimExpr> args;
    for (const DimExprs &operand : operands)
      args.push_back(operand[operand.size() == 1 ? 0 : i]);
    elements.push_back(evaluate(op, args));
  }
  walk.setElements(output, elements);
}

void moe::onnx::addElementRules(DimRules &rules, MLIRContext *context) {
  addDimRule<ConstantOp, inferConstant>(rules, context);
  addDimRule<ShapeOp, inferShape>(rules, context);
  addDimRule<SizeOp, inferSize>(rules, context);
  addDimRule<ConstantOfShapeOp, inferConstantOfShape>(rules, context);
  addDimRule<RangeOp, inferRange>(rules, context);
  addDimRules<AbsOp, AddOp, AndOp, CastOp, DivOp, EqualOp, GreaterOp,
              GreaterOrEqualOp, LessOp, LessOrEqualOp, MaxOp, MinOp, ModOp,
              MulOp, NegOp, NotOp, OrOp, SubOp, WhereOp>(rules, context,
                                                         inferArithmetic);
}
