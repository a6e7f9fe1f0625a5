//===- SymbolicDims.cpp - Which extents are equal -------------------------===//
#include "moe/Dialect/ONNX/Analysis/SymbolicDims.h"

#include "DimWalk.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// What rules see and set
//===----------------------------------------------------------------------===//

DimExpr moe::onnx::productOf(DimContext &context, ArrayRef<DimExpr> dims) {
  DimExpr product = context.getConstant(1);
  for (DimExpr dim : dims)
    product = product * dim;
  return product;
}

DimExpr moe::onnx::pickKnown(DimExpr lhs, DimExpr rhs) {
  if (!lhs || !rhs)
    return lhs ? lhs : rhs;
  auto rank = [](DimExpr expr) {
    return expr.getConstant() ? 0 : expr.isFromArguments() ? 1 : 2;
  };
  return rank(rhs) < rank(lhs) ? rhs : lhs;
}

void DimWalk::setDims(Value value, DimExprs dims) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return;
  if (static_cast<int64_t>(dims.size()) != type.getRank())
    dims.assign(type.getRank(), DimExpr());
  for (auto [dim, size] : llvm::zip_equal(dims, type.getShape())) {
    if (!ShapedType::isDynamic(size))
      dim = constant(size);
    else if (!dim || dim.getConstant().value_or(0) < 0)
      dim = getContext().createUnknown(/*isNonNegative=*/true);
  }
  result.dims[value] = std::move(dims);
}

DimExprs DimWalk::dimsOf(Value value) {
  auto it = result.dims.find(value);
  if (it == result.dims.end()) {
    setDims(value, {});
    it = result.dims.find(value);
  }
  return it->second;
}

/// Whether `value` is one of `type`, an integer type.
static bool holds(IntegerType type, int64_t value) {
  if (type.isUnsigned() || type.getWidth() == 1)
    return value >= 0 && llvm::isUIntN(type.getWidth(), value);
  return llvm::isIntN(type.getWidth(), value);
}

/// The number of elements of a tensor that is followed, or nothing.
static std::optional<int64_t> countElements(Value value, DimWalk &walk) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type)
    return std::nullopt;
  Type element = type.getElementType();
  if (!isa<IntegerType>(element) && !element.isF32() && !element.isF64())
    return std::nullopt;
  std::optional<int64_t> count =
      productOf(walk.getContext(), walk.dimsOf(value)).getConstant();
  if (!count || *count > SymbolicDims::maxElements)
    return std::nullopt;
  return count;
}

void DimWalk::setElements(Value value, DimExprs elements) {
  std::optional<int64_t> count = countElements(value, *this);
  if (!count || *count != static_cast<int64_t>(elements.size()))
    return;
  auto type = dyn_cast<IntegerType>(
      cast<RankedTensorType>(value.getType()).getElementType());
  for (DimExpr &element : elements) {
    // Arithmetic wraps around at the type's width: expressions, which do not,
    // agree with 64 bits only. Floats stand for what they were cast from.
    std::optional<int64_t> constant = element.getConstant();
    if (type && (constant ? !holds(type, *constant) : type.getWidth() != 64))
      element = DimExpr();
    if (!element)
      element = getContext().createUnknown(/*isNonNegative=*/false);
  }
  result.elements[value] = std::move(elements);
}

std::optional<DimExprs> DimWalk::elementsOf(Value value) {
  if (!value)
    return std::nullopt;
  auto it = result.elements.find(value);
  if (it == result.elements.end()) {
    std::optional<int64_t> count = countElements(value, *this);
    if (!count ||
        !cast<RankedTensorType>(value.getType()).getElementType().isInteger())
      return std::nullopt;
    setElements(value, DimExprs(*count));
    it = result.elements.find(value);
  }
  return it->second;
}

std::optional<SmallVector<int64_t>> DimWalk::constantsOf(Value value) {
  std::optional<DimExprs> elements = elementsOf(value);
  if (!elements)
    return std::nullopt;
  SmallVector<int64_t> constants;
  for (DimExpr element : *elements) {
    std::optional<int64_t> constant = element.getConstant();
    if (!constant)
      return std::nullopt;
    constants.push_back(*constant);
  }
  return constants;
}

DimExpr DimWalk::scalarOf(Value value) {
  std::optional<DimExprs> elements = elementsOf(value);
  return elements && elements->size() == 1 ? elements->front() : DimExpr();
}

//===----------------------------------------------------------------------===//
// The walk
//===----------------------------------------------------------------------===//

void DimWalk::visitOp(Operation *op) {
  // A loop's body is visited until its arguments fit: forget the last time.
  for (Value value : op->getResults()) {
    result.dims.erase(value);
    result.elements.erase(value);
  }
  if (DimRule rule = rules.lookup(op->getName()))
    rule(op, *this);
  else if (isa<ElementwiseOpInterface>(op))
    inferElementwise(op, *this);
  else if (isa<DestinationStyleOpInterface>(op))
    inferDestinationStyle(op, *this);
  for (Value value : op->getResults())
    if (!result.dims.contains(value))
      setDims(value, {});
}

void DimWalk::visitBlock(Block &block) {
  for (Operation &op : block)
    visitOp(&op);
}

void DimWalk::visitFunction() {
  for (BlockArgument argument : result.function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    if (!type)
      continue;
    unsigned number = argument.getArgNumber();
    auto names = result.function.getArgAttrOfType<ArrayAttr>(
        number, rt::RTDialect::dimsAttrName);
    DimExprs dims;
    for (int64_t i = 0; i < type.getRank(); ++i) {
      StringRef name;
      if (names && i < static_cast<int64_t>(names.size()))
        if (auto attr = dyn_cast<StringAttr>(names[i]))
          name = attr.getValue();
      dims.push_back(type.isDynamicDim(i)
                         ? getContext().getArgumentDim(number, i, name)
                         : DimExpr());
    }
    setDims(argument, std::move(dims));
  }
  for (Block &block : result.function.getFunctionBody())
    visitBlock(block);
}

//===----------------------------------------------------------------------===//
// The result
//===----------------------------------------------------------------------===//

SymbolicDims::SymbolicDims(FunctionOpInterface function) : function(function) {
  if (function.isExternal())
    return;
  DimRules rules;
  MLIRContext *mlirContext = function.getContext();
  addElementRules(rules, mlirContext);
  addIndexingRules(rules, mlirContext);
  addShapeRules(rules, mlirContext);
  addComputeRules(rules, mlirContext);
  addWindowRules(rules, mlirContext);
  addRegionRules(rules, mlirContext);
  addTensorRules(rules, mlirContext);
  DimWalk(*this, rules).visitFunction();
}

SymbolicDims::~SymbolicDims() = default;

ArrayRef<DimExpr> SymbolicDims::getDims(Value value) const {
  auto it = dims.find(value);
  return it == dims.end() ? ArrayRef<DimExpr>() : ArrayRef(it->second);
}

DimExpr SymbolicDims::getDim(Value value, int64_t dim) const {
  ArrayRef<DimExpr> known = getDims(value);
  return known.empty() ? DimExpr() : known[dim];
}

bool SymbolicDims::areEqual(Value lhs, int64_t lhsDim, Value rhs,
                            int64_t rhsDim) const {
  DimExpr known = getDim(lhs, lhsDim);
  return known && known == getDim(rhs, rhsDim);
}

const DimExprs *SymbolicDims::getElements(Value value) const {
  auto it = elements.find(value);
  return it == elements.end() ? nullptr : &it->second;
}

void SymbolicDims::print(raw_ostream &os) const {
  FunctionOpInterface root = function;
  root.walk([&](Operation *op) {
    for (Value value : op->getResults()) {
      auto it = dims.find(value);
      if (it == dims.end())
        continue;
      os << op->getName() << ": [";
      llvm::interleaveComma(it->second, os);
      os << ']';
      if (const DimExprs *known = getElements(value)) {
        os << " = {";
        llvm::interleaveComma(*known, os);
        os << '}';
      }
      os << '\n';
    }
  });
}
