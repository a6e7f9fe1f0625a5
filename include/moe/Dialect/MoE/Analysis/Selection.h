//===- Selection.h - What follows from a selection of experts ---*- C++ -*-===//
//
// For graphs that are not raised: from def-use alone, without an understanding
// of the layer.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_MOE_ANALYSIS_SELECTION_H
#define MOE_DIALECT_MOE_ANALYSIS_SELECTION_H

#include "mlir/IR/Operation.h"

namespace moe {

/// The onnx.TopK or onnx.ArgMax of floats that integers or bools follow from,
/// or null.
mlir::Operation *findSelection(mlir::Value value);

/// Whether `op`, which uses a selection, belongs to experts of attention: they
/// make queries, and after an attention over tokens the same selection says
/// which experts read its result. No sum of selected experts per token is such
/// a thing, so no layer can be raised there.
bool isOfAttentionExperts(mlir::Operation *op);

} // namespace moe

#endif // MOE_DIALECT_MOE_ANALYSIS_SELECTION_H
