//===- Leaves.cpp - Values that are not looked behind -------------------===//
//
// Rows of what feeds the router, elements per slot, constants, and integers
// that shapes give.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;
using moe::onnx::DimExprs;

Dims Interpreter::makeTokenDims() const {
  Dims dims;
  for (const Atom *token : tokens)
    dims.push_back({Axis{token, -1}});
  return dims;
}

Dims Interpreter::makeSlotDims() const {
  Dims dims = makeTokenDims();
  dims.emplace_back();
  if (selection.numSlots > 1)
    dims.back().push_back({slot, -1});
  return dims;
}

Term Interpreter::evaluateLeaf(Value value) {
  if (value == selection.ids) {
    Term term = Term::get(exprs.getColumn(identity), makeSlotDims());
    term.dependsOnIds = true;
    return term;
  }
  if (!isa<RankedTensorType>(value.getType()))
    return Term::none("it is not a ranked tensor");
  if (Term scalar = makeScalar(value))
    return scalar;
  Operation *op = value.getDefiningOp();
  if (auto range = dyn_cast_if_present<onnx::RangeOp>(op))
    return makeRange(range);
  if (isConstant(value) &&
      (op->getNumOperands() == 0 || isa<onnx::ConstantOfShapeOp>(op)))
    return makeConstant(value);
  bool isFloat = isa<FloatType>(typeOf(value).getElementType());
  if (isFloat && upstream.contains(value) && startsWithTokens(value))
    return makeRow(value);
  if (!op || isa<onnx::ShapeOp, onnx::SizeOp>(op)) {
    if (isFloat && startsWithTokens(value))
      return makeRow(value);
    return Term::none("it comes from outside of the layer");
  }
  if (op->getNumRegions())
    return Term::none("it is computed under control flow");
  return Term();
}

bool Interpreter::isConstant(Value root) {
  SmallVector<Value> stack{root};
  while (!stack.empty()) {
    Value value = stack.back();
    Operation *op = value.getDefiningOp();
    if (constants.contains(value)) {
      stack.pop_back();
      continue;
    }
    if (!op || op->getNumRegions() || isa<onnx::ShapeOp, onnx::SizeOp>(op) ||
        !isPure(op) || !isa<RankedTensorType>(value.getType())) {
      constants[value] = false;
      continue;
    }
    bool isReady = true, areConstant = true;
    for (Value operand : op->getOperands()) {
      auto it = constants.find(operand);
      if (it == constants.end()) {
        stack.push_back(operand);
        isReady = false;
      } else {
        areConstant &= it->second;
      }
    }
    if (isReady)
      constants[value] = areConstant;
  }
  return constants[root];
}

bool Interpreter::startsWithTokens(Value value) const {
  ArrayRef<DimExpr> extents = extentsOf(value);
  if (extents.size() <= tokens.size())
    return false;
  for (auto [token, extent] : llvm::zip(tokens, extents))
    if (token->extent != extent)
      return false;
  return llvm::all_of(
      typeOf(value).getShape().drop_front(tokens.size()),
      [](int64_t size) { return !ShapedType::isDynamic(size); });
}

Term Interpreter::makeRow(Value value) {
  Expr expr(ExprKind::Row);
  expr.type = typeOf(value).getElementType();
  expr.value = value;
  Dims dims = makeTokenDims();
  ArrayRef<int64_t> features =
      typeOf(value).getShape().drop_front(tokens.size());
  for (int64_t size : features)
    if (size != 1)
      expr.shape.push_back(size);
  int64_t next = expr.shape.size();
  for (int64_t size : features) {
    dims.emplace_back();
    if (size != 1)
      dims.back().push_back(Axis{nullptr, --next});
  }
  return Term::get(exprs.get(std::move(expr)), std::move(dims));
}

Term Interpreter::makeSlot(Value value) {
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  if (!startsWithTokens(value) || shape.size() != tokens.size() + 1 ||
      shape.back() != selection.numSlots)
    return Term();
  Expr expr(ExprKind::Slot);
  expr.type = typeOf(value).getElementType();
  expr.value = value;
  return Term::get(exprs.get(std::move(expr)), makeSlotDims());
}

std::optional<double> moe::raise::getSplat(Value value) {
  while (
      isa_and_present<onnx::ExpandOp, onnx::ReshapeOp, onnx::UnsqueezeOp,
                      onnx::SqueezeOp, onnx::IdentityOp>(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  DenseElementsAttr elements;
  if (auto fill = value.getDefiningOp<onnx::ConstantOfShapeOp>()) {
    std::optional<ElementsAttr> attr = fill.getValue();
    if (!attr)
      return 0.0;
    elements = dyn_cast<DenseElementsAttr>(*attr);
  } else if (auto constant = value.getDefiningOp<onnx::ConstantOp>()) {
    elements = dyn_cast<DenseElementsAttr>(constant.getValue());
  }
  if (!elements || !elements.isSplat())
    return std::nullopt;
  Type type = elements.getElementType();
  if (isa<FloatType>(type))
    return elements.getSplatValue<APFloat>().convertToDouble();
  APInt integer = elements.getSplatValue<APInt>();
  return type.isInteger(1) || type.isUnsignedInteger()
             ? static_cast<double>(integer.getZExtValue())
             : static_cast<double>(integer.getSExtValue());
}

Term Interpreter::makeScalar(Value value) {
  Type element = typeOf(value).getElementType();
  // A weight of equal elements is a weight.
  bool isWeight = value.getDefiningOp<onnx::ConstantOp>() &&
                  isa<FloatType>(element) && typeOf(value).getNumElements() > 1;
  std::optional<double> splat = isWeight ? std::nullopt : getSplat(value);
  if (splat) {
    Dims dims;
    for (DimExpr extent : extentsOf(value))
      dims.push_back(layout.getAny(extent));
    return Term::get(exprs.getNumber(element, *splat), std::move(dims));
  }
  const DimExprs *elements = symbolicDims.getElements(value);
  if (!elements || elements->size() != 1 || !element.isInteger() ||
      element.isInteger(1))
    return Term();
  std::optional<int64_t> known = elements->front().getConstant();
  // Symbols that stand for data say nothing.
  if (!known && !elements->front().isFromArguments() &&
      !isa_and_present<onnx::ShapeOp>(value.getDefiningOp()))
    return Term();
  Dims dims(typeOf(value).getRank());
  return Term::get(known ? exprs.getNumber(element, *known)
                         : exprs.getExtent(elements->front()),
                   std::move(dims));
}

Term Interpreter::makeConstant(Value value) {
  auto type = typeOf(value);
  if (!type.hasStaticShape())
    return Term::none("its shape is not known");
  // The numbers of the columns.
  if (std::optional<SmallVector<int64_t>> ints = getInts(value))
    if (type.getElementType().isInteger() &&
        static_cast<int64_t>(ints->size()) == selection.numColumns &&
        *ints == identity) {
      Dims dims;
      for (int64_t size : type.getShape()) {
        dims.emplace_back();
        if (size != 1)
          dims.back().push_back(Axis{column, -1});
      }
      return Term::get(columnIds(), std::move(dims));
    }
  Expr expr(ExprKind::Weight);
  expr.type = type.getElementType();
  expr.rows.push_back(WeightRow{value, -1});
  Dims dims;
  for (int64_t size : type.getShape())
    if (size != 1)
      expr.shape.push_back(size);
  int64_t next = expr.shape.size();
  for (int64_t size : type.getShape()) {
    dims.emplace_back();
    if (size != 1)
      dims.back().push_back(Axis{nullptr, --next});
  }
  return Term::get(exprs.get(std::move(expr)), std::move(dims));
}

Term Interpreter::getStack(Value value) {
  const Term &term = get(value);
  bool isWhole = term && term.expr->kind == ExprKind::Weight &&
                 term.expr->selector == Selector::None &&
                 term.expr->rows.front().row < 0 && term.expr->shape.size() > 1;
  if (!isWhole)
    return term;
  Dim axes = flatten(term.dims);
  int64_t leading = term.expr->shape.size() - 1;
  bool isTransposed = !axes.empty() && axes.front().isFeature() &&
                      axes.front().feature != leading;
  // A matrix is read either way round.
  bool isMatrix = term.dims.size() == 2 && leading == 1;
  bool isRead = !isMatrix || !llvm::all_of(value.getUsers(), [](Operation *op) {
    return isa<onnx::MatMulOp, onnx::GemmOp>(op);
  });
  if (!isTransposed || !isRead || !isConstant(value))
    return term;
  Term stack = makeConstant(value);
  return stack ? stack : term;
}

Term Interpreter::makeRange(onnx::RangeOp op) {
  DimExpr extent = extentsOf(op.getOutput()).front();
  std::optional<int64_t> start = getInt(op.getStart());
  std::optional<int64_t> delta = getInt(op.getDelta());
  if (start != 0 || delta != 1 ||
      !typeOf(op.getOutput()).getElementType().isInteger())
    return Term::none("it is not a range from 0 in steps of 1");
  if (tokens.size() == 1 && extent == tokens.front()->extent)
    return Term::get(exprs.getAffine(constant(1), constant(0)),
                     {{Axis{tokens.front(), -1}}});
  if (extent == column->extent)
    return Term::get(columnIds(), {{Axis{column, -1}}});
  if (extent == slot->extent)
    return Term::get(exprs.getAffine(constant(0), constant(1)),
                     {{Axis{slot, -1}}});
  return Term::none("its extent is none of the layer's");
}
