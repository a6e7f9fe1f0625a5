//===- LoweringContext.cpp - Equal extents as equal values ----------------===//
#include "LoweringContext.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace moe::onnx;

LoweringContext::LoweringContext(ModuleOp module) {
  for (auto op : module.getOps<func::FuncOp>()) {
    if (op.isExternal())
      continue;
    Function &function = functions.emplace_back();
    function.op = op;
    function.dims = std::make_unique<SymbolicDims>(op);
    for (BlockArgument argument : op.getArguments())
      function.arguments.emplace_back(function.dims->getDims(argument));
  }
}

//===----------------------------------------------------------------------===//
// What is known of a value
//===----------------------------------------------------------------------===//

ArrayRef<DimExpr> LoweringContext::dimsOf(Value value) const {
  auto it = lowered.find(value);
  if (it != lowered.end())
    return it->second;
  auto argument = dyn_cast<BlockArgument>(value);
  for (const Function &function : functions) {
    ArrayRef<DimExpr> dims = function.dims->getDims(value);
    if (!dims.empty())
      return dims;
    // The conversion of the signature made a new argument.
    if (argument && argument.getOwner()->getParentOp() == function.op &&
        argument.getOwner()->isEntryBlock())
      return function.arguments[argument.getArgNumber()];
  }
  return {};
}

static bool isFromConstantsOrArguments(DimExpr expr) {
  return expr && expr.isFromArguments();
}

void LoweringContext::recordLowered(Value value, Value original) {
  if (value == original)
    return;
  ArrayRef<DimExpr> dims = dimsOf(original);
  if (dims.empty())
    return;
  ArrayRef<DimExpr> known = dimsOf(value);
  if (known.empty()) {
    lowered[value] = DimExprs(dims);
    return;
  }
  // The value stands for another onnx value already. What this one tells holds
  // behind its op only, so not for all of an outer block.
  if (value.getParentBlock() != original.getParentBlock() ||
      known.size() != dims.size())
    return;
  DimExprs merged(known);
  for (auto [dim, next] : llvm::zip_equal(merged, dims))
    if (!isFromConstantsOrArguments(dim) && isFromConstantsOrArguments(next))
      dim = next;
  lowered[value] = std::move(merged);
}

void LoweringContext::recordExtents(Value tensor,
                                    ArrayRef<OpFoldResult> known) {
  for (auto [dim, extent] : llvm::enumerate(known))
    if (auto value = dyn_cast<Value>(extent))
      extents[{tensor, static_cast<int64_t>(dim)}] = value;
}

void LoweringContext::copyExtents(Value tensor, Value copy) {
  if (tensor == copy)
    return;
  int64_t rank = cast<RankedTensorType>(tensor.getType()).getRank();
  for (int64_t dim = 0; dim < rank; ++dim)
    if (Value extent = extents.lookup({tensor, dim}))
      extents[{copy, dim}] = extent;
}

//===----------------------------------------------------------------------===//
// Extents as values
//===----------------------------------------------------------------------===//

/// Whether `value`, an op's result, is defined ahead of where `builder` stands.
static bool dominates(Value value, OpBuilder &builder) {
  Block *block = builder.getInsertionBlock();
  Operation *use = builder.getInsertionPoint() == block->end()
                       ? nullptr
                       : &*builder.getInsertionPoint();
  while (block != value.getParentBlock()) {
    use = block->getParentOp();
    if (!use)
      return false;
    block = use->getBlock();
    if (!block)
      return false;
  }
  return !use || value.getDefiningOp()->isBeforeInBlock(use);
}

OpFoldResult LoweringContext::extentOf(OpBuilder &builder, Value tensor,
                                       int64_t dim) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(dim))
    return builder.getIndexAttr(type.getDimSize(dim));
  ArrayRef<DimExpr> dims = dimsOf(tensor);
  DimExpr expr = dims.empty() ? DimExpr() : dims[dim];
  // A constant that the type does not have is no constant here: what is built
  // of the extents must agree with the type.
  if (isFromConstantsOrArguments(expr) && !expr.getConstant())
    return atEntry(builder, functionOf(expr), expr);
  if (expr)
    for (Value value : dataExtents.lookup(expr))
      if (dominates(value, builder))
        return value;
  Value &extent = extents[{tensor, dim}];
  if (!extent) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointAfterValue(tensor);
    extent = builder.createOrFold<tensor::DimOp>(tensor.getLoc(), tensor, dim);
  }
  if (expr && extent.getDefiningOp())
    dataExtents[expr].push_back(extent);
  return extent;
}

OpFoldResult LoweringContext::knownExtent(OpBuilder &builder, Value original,
                                          int64_t dim) {
  ArrayRef<DimExpr> dims = dimsOf(original);
  if (dims.empty() || !isFromConstantsOrArguments(dims[dim]))
    return {};
  if (std::optional<int64_t> constant = dims[dim].getConstant())
    return builder.getIndexAttr(*constant);
  return atEntry(builder, functionOf(dims[dim]), dims[dim]);
}

LoweringContext::Function &LoweringContext::functionOf(DimExpr expr) {
  auto it = llvm::find_if(functions, [&](const Function &function) {
    return &function.dims->getContext() == &expr.getContext();
  });
  return *it;
}

//===----------------------------------------------------------------------===//
// Expressions in the entry block
//===----------------------------------------------------------------------===//

/// Appends an op to those that compute extents at the start of the function.
template <typename OpTy, typename... Args>
Value LoweringContext::append(OpBuilder &builder, Function &function,
                              Args &&...args) {
  OpBuilder::InsertionGuard guard(builder);
  if (function.lastAtEntry)
    builder.setInsertionPointAfter(function.lastAtEntry);
  else
    builder.setInsertionPointToStart(&function.op.getFunctionBody().front());
  OpTy op =
      OpTy::create(builder, function.op.getLoc(), std::forward<Args>(args)...);
  function.lastAtEntry = op;
  return op->getResult(0);
}

Value LoweringContext::atEntry(OpBuilder &builder, Function &function,
                               DimExpr expr) {
  if (Value known = function.exprs.lookup(expr))
    return known;
  Value sum;
  for (const DimTerm &term : expr.getTerms()) {
    Value value = buildTerm(builder, function, term);
    sum = sum ? append<arith::AddIOp>(builder, function, sum, value) : value;
  }
  if (!sum)
    sum = append<arith::ConstantIndexOp>(builder, function, 0);
  return function.exprs[expr] = sum;
}

Value LoweringContext::buildTerm(OpBuilder &builder, Function &function,
                                 const DimTerm &term) {
  Value product;
  for (unsigned id : term.symbols) {
    Value symbol = buildSymbol(builder, function,
                               function.dims->getContext().getSymbol(id));
    product = product
                  ? append<arith::MulIOp>(builder, function, product, symbol)
                  : symbol;
  }
  if (product && term.coefficient == 1)
    return product;
  Value coefficient =
      append<arith::ConstantIndexOp>(builder, function, term.coefficient);
  return product
             ? append<arith::MulIOp>(builder, function, product, coefficient)
             : coefficient;
}

Value LoweringContext::buildSymbol(OpBuilder &builder, Function &function,
                                   const DimSymbol &symbol) {
  if (Value known = function.symbols.lookup(symbol.id))
    return known;
  Value lhs, rhs, result;
  if (symbol.lhs) {
    lhs = atEntry(builder, function, symbol.lhs);
    rhs = atEntry(builder, function, symbol.rhs);
  }
  switch (symbol.kind) {
  case DimSymbolKind::Argument:
    result = append<tensor::DimOp>(builder, function,
                                   function.op.getArgument(symbol.argument),
                                   static_cast<int64_t>(symbol.dim));
    break;
  case DimSymbolKind::FloorDiv:
    result = append<arith::DivUIOp>(builder, function, lhs, rhs);
    break;
  case DimSymbolKind::Min:
    result = append<arith::MinSIOp>(builder, function, lhs, rhs);
    break;
  case DimSymbolKind::Max:
    result = append<arith::MaxSIOp>(builder, function, lhs, rhs);
    break;
  case DimSymbolKind::Broadcast: {
    Value one = append<arith::ConstantIndexOp>(builder, function, 1);
    Value isOne = append<arith::CmpIOp>(builder, function,
                                        arith::CmpIPredicate::eq, lhs, one);
    result = append<arith::SelectOp>(builder, function, isOne, rhs, lhs);
    break;
  }
  case DimSymbolKind::Unknown: // is not from arguments
    break;
  }
  return function.symbols[symbol.id] = result;
}
