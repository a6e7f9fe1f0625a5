//===- Verify.cpp - Checks that verifiers of moe ops share ----------------===//
#include "Verify.h"

using namespace mlir;
using namespace moe;

static void printExtents(Diagnostic &out, ArrayRef<int64_t> extents) {
  out << "[";
  llvm::interleaveComma(extents, out, [&](int64_t extent) {
    if (extent == anyExtent)
      out << "?";
    else
      out << extent;
  });
  out << "]";
}

LogicalResult moe::verifyShape(Operation *op, Value value, const Twine &name,
                               ArrayRef<int64_t> extents) {
  ArrayRef<int64_t> shape = cast<ShapedType>(value.getType()).getShape();
  bool fits = shape.size() == extents.size();
  for (size_t i = 0; fits && i < shape.size(); ++i)
    fits = shape[i] == anyExtent || extents[i] == anyExtent ||
           shape[i] == extents[i];
  if (fits)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expected ")
                                  << name << " to have the shape ";
  printExtents(*diagnostic.getUnderlyingDiagnostic(), extents);
  diagnostic << ", but it is " << value.getType();
  return diagnostic;
}

int64_t moe::countColumns(Value scores, ValueRange project) {
  if (scores)
    return extentOf(scores, 1);
  int64_t count = 0;
  for (Value weights : project.drop_front()) {
    if (extentOf(weights, 1) == anyExtent)
      return anyExtent;
    count += extentOf(weights, 1);
  }
  return count;
}

/// The source of scores, and the operands aligned with it.
static LogicalResult verifyScores(Operation *op, const RouteParts &route) {
  if (static_cast<bool>(route.scores) == !route.project.empty())
    return op->emitOpError("expected exactly one of scores and project");
  if (!route.scores) {
    if (route.project.size() < 2)
      return op->emitOpError("expected project to take rows and at least one "
                             "matrix, but it takes one operand");
    for (Value weights : route.project.drop_front())
      if (failed(verifyShape(op, weights, "each matrix of project",
                             {extentOf(route.project.front(), 1), anyExtent})))
        return failure();
  }
  int64_t columns = countColumns(route.scores, route.project);
  Value first = route.scores ? route.scores : route.project.front();
  if (route.bias && failed(verifyShape(op, route.bias, "bias", {columns})))
    return failure();
  if (route.mask && failed(verifyShape(op, route.mask, "mask", {columns})))
    return failure();
  if (route.mix &&
      failed(verifyShape(op, route.mix, "mix", {extentOf(first, 0), columns})))
    return failure();
  Type element = getElementTypeOrSelf(first.getType());
  SmallVector<Value> others(route.project);
  others.append({route.bias, route.mask, route.mix});
  for (Value other : others)
    if (other && getElementTypeOrSelf(other.getType()) != element)
      return op->emitOpError("expected all of its floats to be ")
             << element << " as the scores are, but got " << other.getType();
  return success();
}

LogicalResult moe::verifyRoute(Operation *op, const RouteParts &route,
                               Value ids, Value weights) {
  if (failed(verifyScores(op, route)))
    return failure();
  int64_t columns = countColumns(route.scores, route.project);
  bool known = columns != anyExtent;
  int64_t slots = route.select.getNumSlots();
  if (known && slots > columns)
    return op->emitOpError("selects ")
           << slots << " of " << columns << " columns";
  if (route.normalizeOver && known && route.normalizeOver.getEnd() > columns)
    return op->emitOpError("expected normalize_over to lie in [0, ")
           << columns << "), but got " << route.normalizeOver;
  if (route.denominator && !route.normalizeOver)
    return op->emitOpError("has a denominator, but nothing to normalize_over");
  if (route.groups) {
    int64_t count = route.groups.getCount();
    if (known && columns % count)
      return op->emitOpError("expected ")
             << columns << " columns to be " << count << " equal groups";
    if (known && route.groups.getScore() == GroupScore::SumTop2 &&
        columns / count < 2)
      return op->emitOpError("expected groups of at least 2 columns to sum the "
                             "two greatest");
  }
  if (isa<SparseMixerAttr>(route.select) &&
      (route.score != Score::None || route.mix || route.bias || route.groups))
    return op->emitOpError(
        "expected #moe.sparse_mixer without score, mix, bias and groups: it "
        "has its own softmax");
  Value first = route.scores ? route.scores : route.project.front();
  int64_t tokens = extentOf(first, 0);
  if (failed(verifyShape(op, ids, "ids", {tokens, slots})) ||
      failed(verifyShape(op, weights, "weights", {tokens, slots})))
    return failure();
  if (getElementTypeOrSelf(weights.getType()) !=
      getElementTypeOrSelf(first.getType()))
    return op->emitOpError("expected weights of the scores' element type, but "
                           "got ")
           << weights.getType();
  return success();
}

LogicalResult moe::verifyTerms(Operation *op, ValueRange coefficients,
                               ValueRange terms, int64_t tokens,
                               int64_t hidden) {
  if (coefficients.size() != terms.size())
    return op->emitOpError("expected one coefficient vector per term, but got ")
           << coefficients.size() << " for " << terms.size();
  for (auto [coefficient, term] : llvm::zip_equal(coefficients, terms)) {
    if (failed(verifyShape(op, coefficient, "each coefficient", {tokens})))
      return failure();
    if (cast<ShapedType>(term.getType()).getRank() == 1) {
      if (failed(verifyShape(op, term, "each constant term", {hidden})))
        return failure();
    } else if (failed(verifyShape(op, term, "each term", {tokens, hidden}))) {
      return failure();
    }
  }
  return success();
}
