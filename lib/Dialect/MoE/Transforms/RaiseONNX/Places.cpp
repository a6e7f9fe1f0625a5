//===- Places.cpp - Where tokens and slots stand ------------------------===//
//
// Row-major places in axes of tokens and slots, and what dims give twice.
//
//===----------------------------------------------------------------------===//
#include "Interpreter.h"

#include "mlir/IR/BuiltinTypes.h"
#include "moe/Dialect/ONNX/IR/Constants.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;
using moe::onnx::DimExpr;

const Atom *Interpreter::getColumns(ArrayRef<int64_t> positions,
                                    int64_t extent) {
  for (const Atom *axis : columnAxes)
    if (llvm::equal(axis->positions, positions) &&
        axis->extent.isConstant(extent))
      return axis;
  auto *axis =
      const_cast<Atom *>(layout.createAtom(AtomKind::Column, constant(extent)));
  axis->positions.assign(positions.begin(), positions.end());
  axis->columns.resize(positions.size());
  for (auto [i, position] : llvm::enumerate(positions))
    if (position >= 0)
      axis->columns.set(i);
  return columnAxes.emplace_back(axis);
}

const Atom *Interpreter::findColumns(DimExpr extent) const {
  for (const Atom *axis : llvm::reverse(columnAxes))
    if (axis->extent == extent)
      return axis;
  return nullptr;
}

const Expr *Interpreter::getPlace(ArrayRef<Axis> axes) {
  DimExpr stride = constant(1), token = constant(0), ofSlot = constant(0);
  size_t numTokens = tokens.size();
  for (const Axis &axis : llvm::reverse(axes)) {
    if (!axis.atom)
      return nullptr;
    if (axis.atom == slot) {
      ofSlot = stride;
    } else {
      // All tokens side by side, the last one innermost.
      if (numTokens == 0 || axis.atom != tokens[numTokens - 1])
        return nullptr;
      if (numTokens-- == tokens.size())
        token = stride;
    }
    stride = stride * axis.atom->extent;
  }
  if (numTokens != 0 && numTokens != tokens.size())
    return nullptr;
  return exprs.getAffine(token, ofSlot);
}

bool Interpreter::coversAllPairs(ArrayRef<Axis> axes) const {
  if (sorted && axes.size() == 1 && axes.front().atom == sorted)
    return true;
  size_t wanted = tokens.size() + (selection.numSlots > 1);
  return axes.size() == wanted && llvm::all_of(axes, [&](const Axis &axis) {
           return axis.atom == slot || llvm::is_contained(tokens, axis.atom);
         });
}

bool Interpreter::isConsistent(const Term &term) const {
  llvm::SmallDenseSet<const Atom *> seen;
  llvm::SmallDenseSet<int64_t> features;
  unsigned numPairs = 0, numCoordinates = 0;
  for (const Axis &axis : flatten(term.dims)) {
    if (axis.isFeature()) {
      if (!features.insert(axis.feature).second)
        return false;
      continue;
    }
    if (axis.isAny())
      continue;
    if (!seen.insert(axis.atom).second)
      return false;
    AtomKind kind = axis.atom->kind;
    numPairs += kind == AtomKind::Pairs || kind == AtomKind::Sorted;
    numCoordinates += kind == AtomKind::Token || kind == AtomKind::Slot;
  }
  if (numPairs > 1 || (numPairs && numCoordinates))
    return false;
  return features.size() == term.expr->shape.size();
}

bool Interpreter::isRowMajor(const Term &term) const {
  if (term.dims.size() != tokens.size() + term.expr->shape.size())
    return false;
  for (auto [token, dim] : llvm::zip(tokens, term.dims))
    if (!isAxis(dim, token))
      return false;
  int64_t next = term.expr->shape.size();
  return llvm::all_of(ArrayRef(term.dims).drop_front(tokens.size()),
                      [&](const Dim &dim) { return isFeature(dim, --next); });
}

std::optional<int64_t> Interpreter::getInt(Value value) const {
  std::optional<SmallVector<int64_t>> ints = getInts(value);
  return ints && ints->size() == 1 ? std::optional(ints->front())
                                   : std::nullopt;
}

std::optional<SmallVector<int64_t>> Interpreter::getInts(Value value) const {
  if (const onnx::DimExprs *elements = symbolicDims.getElements(value)) {
    SmallVector<int64_t> ints;
    for (DimExpr element : *elements) {
      std::optional<int64_t> known = element.getConstant();
      if (!known)
        return std::nullopt;
      ints.push_back(*known);
    }
    return ints;
  }
  return onnx::getConstantInts(value);
}
