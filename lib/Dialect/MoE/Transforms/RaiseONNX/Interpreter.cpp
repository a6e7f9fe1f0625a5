//===- Interpreter.cpp - What values are in terms of a router -------------===//
//
// Order of evaluation, and the leaves: rows of what feeds the router, elements
// per slot, constants.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Matchers.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;
using moe::onnx::DimExprs;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Everything that `value` is computed from, itself included.
static llvm::DenseSet<Value> backwardSlice(Value value) {
  llvm::DenseSet<Value> slice{value};
  SmallVector<Value> worklist{value};
  while (!worklist.empty())
    if (Operation *op = worklist.pop_back_val().getDefiningOp())
      for (Value operand : op->getOperands())
        if (slice.insert(operand).second)
          worklist.push_back(operand);
  return slice;
}

Interpreter::Interpreter(const onnx::SymbolicDims &symbolicDims,
                         onnx::DimContext &context, Selection selection)
    : symbolicDims(symbolicDims), context(context), selection(selection),
      identity(llvm::to_vector(llvm::seq<int64_t>(selection.numColumns))),
      algebra(exprs, context, selection.numColumns, selection.numSlots,
              selection.isDistinct),
      layout(context), upstream(backwardSlice(selection.data)) {
  for (DimExpr extent : extentsOf(selection.ids).drop_back())
    tokens.push_back(layout.createAtom(AtomKind::Token, extent));
  slot = layout.createAtom(AtomKind::Slot, constant(selection.numSlots));
  column = layout.createAtom(AtomKind::Column, constant(selection.numColumns));
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

const Term *Interpreter::lookup(Value value) const {
  auto it = memo.find(value);
  return it == memo.end() ? nullptr : it->second.get();
}

/// Operands whose terms decide on the results'; shapes, axes and the like are
/// read from the analysis of dims.
SmallVector<Value> Interpreter::getNeeded(Operation *op) const {
  if (isa<onnx::ReshapeOp, onnx::ExpandOp, onnx::TileOp, onnx::SqueezeOp,
          onnx::UnsqueezeOp, onnx::SliceOp, onnx::OneHotOp, onnx::TopKOp,
          onnx::CumSumOp, onnx::ReduceOpInterface>(op))
    return {op->getOperand(0)};
  if (isa<onnx::RangeOp, onnx::ConstantOfShapeOp, onnx::ShapeOp, onnx::SizeOp>(
          op) ||
      op->getNumRegions())
    return {};
  return SmallVector<Value>(op->getOperands());
}

const Term &Interpreter::get(Value root) {
  SmallVector<Value> stack{root};
  while (!stack.empty()) {
    Value value = stack.back();
    if (lookup(value)) {
      stack.pop_back();
      continue;
    }
    Term term = evaluateLeaf(value);
    Operation *op = value.getDefiningOp();
    if (!term && op && term.reason.empty()) {
      bool isReady = true;
      for (Value operand : getNeeded(op))
        if (!lookup(operand)) {
          stack.push_back(operand);
          isReady = false;
        }
      if (!isReady)
        continue;
      term = evaluate(value);
    }
    stack.pop_back();
    if (term && isRowMajor(term))
      rowsOf.try_emplace(term.expr, value);
    memo[value] = std::make_unique<Term>(std::move(term));
  }
  return *lookup(root);
}

Term Interpreter::evaluate(Value value) {
  Operation *op = value.getDefiningOp();
  bool dependsOnIds = false;
  const Term *unknown = nullptr;
  for (Value operand : getNeeded(op)) {
    const Term &term = *lookup(operand);
    dependsOnIds |= term.dependsOnIds;
    if (!term && !unknown)
      unknown = &term;
  }
  Term term;
  if (unknown)
    term.reason = unknown->reason;
  else
    term = evaluateOp(value);
  if (term && !isConsistent(term))
    term = Term::none("it puts different tokens or slots side by side");
  bool isFloat = isa<FloatType>(typeOf(value).getElementType());
  // A float per token and slot is a weight, however it was made; what must be
  // seen through is the selection of experts in it.
  bool isTransparent = term && term.expr->kind != ExprKind::Op &&
                       term.expr->kind != ExprKind::Mul;
  if (isFloat && !isTransparent)
    if (Term slotTerm = makeSlot(value))
      term = std::move(slotTerm);
  if (!term && isFloat && !dependsOnIds && startsWithTokens(value))
    term = makeRow(value);
  if (!term && isConstant(value))
    term = makeConstant(value);
  term.dependsOnIds = dependsOnIds;
  return term;
}

Term Interpreter::evaluateOp(Value value) {
  Operation *op = value.getDefiningOp();
  unsigned number = cast<OpResult>(value).getResultNumber();
  return llvm::TypeSwitch<Operation *, Term>(op)
      .Case<onnx::ReshapeOp, onnx::FlattenOp, onnx::SqueezeOp,
            onnx::UnsqueezeOp, onnx::TransposeOp, onnx::IdentityOp>(
          [&](auto) { return evaluateLayout(op, value); })
      .Case([&](onnx::ExpandOp expandOp) { return expand(expandOp); })
      .Case([&](onnx::TileOp tileOp) { return tile(tileOp); })
      .Case([&](onnx::ConcatOp concatOp) { return concat(concatOp); })
      .Case([&](onnx::SplitOp splitOp) { return split(splitOp, number); })
      .Case([&](onnx::SliceOp sliceOp) { return slice(sliceOp); })
      .Case([&](onnx::GatherOp gatherOp) { return gather(gatherOp); })
      .Case([&](onnx::GatherNDOp gatherOp) { return gatherND(gatherOp); })
      .Case([&](onnx::OneHotOp oneHotOp) { return oneHot(oneHotOp); })
      .Case([&](onnx::NonZeroOp nonZeroOp) { return nonZero(nonZeroOp); })
      .Case([&](onnx::ScatterElementsOp scatter) {
        return scatterElements(scatter);
      })
      .Case([&](onnx::ScatterNDOp scatter) { return scatterND(scatter); })
      .Case([&](onnx::TopKOp topK) { return sort(topK, number); })
      .Case([&](onnx::MatMulOp product) {
        return matMul(get(product.getA()), get(product.getB()));
      })
      .Case([&](onnx::GemmOp product) { return gemm(product); })
      .Case([&](onnx::EinsumOp product) { return einsum(product); })
      .Case([&](onnx::CumSumOp sum) { return cumSum(sum); })
      .Case([&](onnx::ReduceOpInterface) { return reduce(op); })
      .Case<onnx::SoftmaxOp, onnx::LogSoftmaxOp>(
          [&](auto) { return reduceFeatures(op); })
      .Case([&](onnx::ElementwiseOpInterface) { return elementwise(op); })
      .Default([](Operation *) {
        return Term::none("it is not understood as a part of a layer");
      });
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

Term Interpreter::evaluateLeaf(Value value) {
  if (value == selection.ids) {
    Dims dims;
    for (const Atom *token : tokens)
      dims.push_back({Axis{token, -1}});
    dims.emplace_back();
    if (selection.numSlots > 1)
      dims.back().push_back({slot, -1});
    Term term = Term::get(exprs.getColumn(identity), std::move(dims));
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
    if (!op || op->getNumRegions() ||
        isa<onnx::ShapeOp, onnx::SizeOp>(op) || !isPure(op) ||
        !isa<RankedTensorType>(value.getType())) {
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
  Dims dims;
  for (const Atom *token : tokens)
    dims.push_back({Axis{token, -1}});
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
  Dims dims;
  for (const Atom *token : tokens)
    dims.push_back({Axis{token, -1}});
  dims.emplace_back();
  if (selection.numSlots > 1)
    dims.back().push_back({slot, -1});
  return Term::get(exprs.get(std::move(expr)), std::move(dims));
}

std::optional<double> moe::raise::getSplat(Value value) {
  while (isa_and_present<onnx::ExpandOp, onnx::ReshapeOp, onnx::UnsqueezeOp,
                         onnx::SqueezeOp, onnx::IdentityOp>(
      value.getDefiningOp()))
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

Term Interpreter::makeRange(onnx::RangeOp op) {
  DimExpr extent = extentsOf(op.getOutput()).front();
  std::optional<int64_t> start = getInt(op.getStart());
  std::optional<int64_t> delta = getInt(op.getDelta());
  if (start != 0 || delta != 1 || !typeOf(op.getOutput()).getElementType().isInteger())
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
