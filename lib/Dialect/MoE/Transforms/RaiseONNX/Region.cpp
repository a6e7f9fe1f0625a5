//===- Region.cpp - Copying parts of a graph into a region ----------------===//
#include "Region.h"

#include "mlir/IR/BuiltinTypes.h"
#include "moe/Dialect/RT/IR/RT.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;
using moe::onnx::DimExprs;

Slice::Slice(const onnx::SymbolicDims &dims, ArrayRef<DimExpr> tokens,
             ArrayRef<Value> rows)
    : dims(dims), tokens(tokens), rows(rows) {
  SmallVector<Value> worklist(rows);
  while (!worklist.empty())
    if (Operation *op = worklist.pop_back_val().getDefiningOp())
      for (Value operand : op->getOperands())
        if (upstream.insert(operand).second)
          worklist.push_back(operand);
}

std::optional<std::pair<int64_t, int64_t>>
Slice::splitExtent(DimExpr extent) const {
  int64_t offset = 0;
  for (const onnx::DimTerm &term : extent.getTerms())
    if (term.symbols.empty())
      offset = term.coefficient;
  DimExpr rest = extent - offset;
  if (rest.isConstant(0))
    return std::make_pair(int64_t(0), offset);
  // A product of some of the leading extents.
  for (unsigned subset = 1; subset < 1u << tokens.size(); ++subset) {
    DimExpr product = extent.getContext().getConstant(1);
    for (auto [i, token] : llvm::enumerate(tokens))
      if (subset >> i & 1)
        product = product * token;
    DimExpr factor = rest.divideExactly(product);
    if (!factor || !factor.getConstant())
      continue;
    bool hasLast = subset >> (tokens.size() - 1) & 1;
    if (hasLast)
      return std::make_pair(*factor.getConstant(), offset);
    return std::make_pair(int64_t(0), offset + *factor.getConstant());
  }
  return std::nullopt;
}

bool Slice::isRow(Value value) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() <= static_cast<int64_t>(tokens.size()) ||
      !isa<FloatType>(type.getElementType()) || getSplat(value))
    return false;
  for (auto [i, token] : llvm::enumerate(tokens))
    if (dims.getDim(value, i) != token)
      return false;
  return true;
}

bool Slice::isShape(Value value) const {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  const DimExprs *elements = dims.getElements(value);
  if (!elements || !type || type.getRank() > 1 || !type.hasStaticShape() ||
      !type.getElementType().isInteger(64))
    return false;
  return llvm::all_of(*elements, [&](DimExpr element) {
    return splitExtent(element).has_value();
  });
}

Value Slice::copyShape(OpBuilder &builder, Value rowsOfAll, Value value) const {
  auto type = cast<RankedTensorType>(value.getType());
  const DimExprs &elements = *dims.getElements(value);
  auto one = RankedTensorType::get({1}, type.getElementType());
  Location loc = value.getLoc();
  auto makeConstant = [&](RankedTensorType of, ArrayRef<int64_t> ints) {
    return onnx::ConstantOp::create(builder, loc, of,
                                    DenseIntElementsAttr::get(of, ints));
  };
  auto split = llvm::map_to_vector(
      elements, [&](DimExpr element) { return *splitExtent(element); });
  if (llvm::all_of(split, [](auto parts) { return parts.first == 0; }))
    return makeConstant(type, llvm::map_to_vector(split, [](auto parts) {
                          return parts.second;
                        }));
  Value extent = onnx::ShapeOp::create(builder, loc, one, rowsOfAll,
                                       builder.getI64IntegerAttr(0),
                                       builder.getI64IntegerAttr(1));
  SmallVector<Value> parts;
  for (auto [factor, offset] : split) {
    if (factor == 0) {
      parts.push_back(makeConstant(one, offset));
      continue;
    }
    Value part = extent;
    if (factor != 1)
      part = onnx::MulOp::create(builder, loc, one, part,
                                 makeConstant(one, factor));
    if (offset != 0)
      part = onnx::AddOp::create(builder, loc, one, part,
                                 makeConstant(one, offset));
    parts.push_back(part);
  }
  Value all = parts.front();
  if (parts.size() > 1)
    all = onnx::ConcatOp::create(builder, loc, type, parts,
                                 builder.getI64IntegerAttr(0));
  if (type.getRank() == 0)
    all = onnx::SqueezeOp::create(builder, loc, type, all,
                                  makeConstant(one, {0}));
  return all;
}

bool Slice::add(Value root, Refusal &refusal) {
  llvm::DenseSet<Value> seen;
  SmallVector<std::pair<Value, Operation *>> worklist{
      {root, root.getDefiningOp()}};
  while (!worklist.empty()) {
    auto [value, user] = worklist.pop_back_val();
    if (!seen.insert(value).second || llvm::is_contained(rows, value))
      continue;
    Operation *op = value.getDefiningOp();
    if (isa_and_present<rt::WeightRefOp>(op)) {
      weights.insert(value);
      continue;
    }
    if (isShape(value) || isa_and_present<onnx::ConstantOp>(op))
      continue;
    // Before the layer: an operand of its own, if there is one row per token.
    bool isOutside = !op || upstream.contains(value) || op->getNumRegions();
    if (isOutside) {
      // Zeros of the layer's shape are made again.
      bool isConstantPart = op && op->getNumOperands() && isPure(op) &&
                            !op->getNumRegions() && !isRow(value);
      if (isRow(value)) {
        rows.push_back(value);
        continue;
      }
      if (!isConstantPart) {
        refusal = {user, "it reads a value from outside of the layer that has "
                         "not one row per token"};
        return false;
      }
    }
    for (Value operand : op->getOperands())
      worklist.emplace_back(operand, op);
  }
  return true;
}

Value Slice::copy(OpBuilder &builder, IRMapping &mapping, Value rowsOfAll,
                  Value root) const {
  SmallVector<Value> stack{root};
  while (!stack.empty()) {
    Value value = stack.back();
    if (mapping.contains(value)) {
      stack.pop_back();
      continue;
    }
    if (isShape(value)) {
      mapping.map(value, copyShape(builder, rowsOfAll, value));
      continue;
    }
    Operation *op = value.getDefiningOp();
    bool isReady = true;
    for (Value operand : op->getOperands())
      if (!mapping.contains(operand)) {
        stack.push_back(operand);
        isReady = false;
      }
    if (isReady)
      builder.clone(*op, mapping);
  }
  return mapping.lookup(root);
}
