//===- IndexingRules.cpp - Extents of ops that index by data --------------===//
#include "DimWalk.h"

using namespace mlir;
using namespace moe::onnx;

static void inferGather(GatherOp op, DimWalk &walk) {
  DimExprs data = walk.dimsOf(op.getData());
  DimExprs indices = walk.dimsOf(op.getIndices());
  int64_t axis = normalizeAxis(op.getAxis(), data.size());
  DimExprs dims(ArrayRef(data).take_front(axis));
  llvm::append_range(dims, indices);
  llvm::append_range(dims, ArrayRef(data).drop_front(axis + 1));
  walk.setDims(op.getOutput(), dims);
  if (data.size() != 1)
    return;
  std::optional<DimExprs> elements = walk.elementsOf(op.getData());
  std::optional<SmallVector<int64_t>> picks = walk.constantsOf(op.getIndices());
  if (!elements || !picks)
    return;
  DimExprs picked;
  for (int64_t pick : *picks) {
    int64_t index = normalizeAxis(pick, elements->size());
    if (index < 0 || index >= static_cast<int64_t>(elements->size()))
      return;
    picked.push_back((*elements)[index]);
  }
  walk.setElements(op.getOutput(), picked);
}

static void inferGatherElements(GatherElementsOp op, DimWalk &walk) {
  walk.setDims(op.getOutput(), walk.dimsOf(op.getIndices()));
}

static void inferGatherND(GatherNDOp op, DimWalk &walk) {
  DimExprs data = walk.dimsOf(op.getData());
  DimExprs indices = walk.dimsOf(op.getIndices());
  if (indices.empty())
    return;
  std::optional<int64_t> length = indices.pop_back_val().getConstant();
  int64_t batches = op.getBatchDims();
  if (!length || *length < 0 ||
      batches + *length > static_cast<int64_t>(data.size()))
    return;
  llvm::append_range(indices, ArrayRef(data).drop_front(batches + *length));
  walk.setDims(op.getOutput(), indices);
}

/// Exporters write [1, n, 1] as a one-hot vector: its elements are told too.
static void inferOneHot(OneHotOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getIndices());
  int64_t rank = dims.size() + 1;
  int64_t axis = normalizeAxis(op.getAxis(), rank);
  bool isInteger = isa<IntegerType>(
      cast<RankedTensorType>(op.getDepth().getType()).getElementType());
  dims.insert(dims.begin() + axis,
              isInteger ? walk.scalarOf(op.getDepth()) : DimExpr());
  walk.setDims(op.getOutput(), dims);

  std::optional<SmallVector<int64_t>> indices =
      walk.constantsOf(op.getIndices());
  std::optional<DimExprs> values = walk.elementsOf(op.getValues());
  int64_t depth = walk.dimOf(op.getOutput(), axis).getConstant().value_or(0);
  if (!indices || !values || values->size() != 2 || axis + 1 != rank ||
      indices->size() * depth > SymbolicDims::maxElements)
    return;
  DimExprs elements;
  for (int64_t index : *indices)
    for (int64_t i = 0; i < depth; ++i)
      elements.push_back((*values)[normalizeAxis(index, depth) == i]);
  walk.setElements(op.getOutput(), elements);
}

static void inferCompress(CompressOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getInput());
  if (std::optional<int64_t> axis = op.getAxis())
    dims[normalizeAxis(*axis, dims.size())] = DimExpr();
  else
    dims.clear();
  walk.setDims(op.getOutput(), dims);
}

void moe::onnx::addIndexingRules(DimRules &rules, MLIRContext *context) {
  addDimRule<GatherOp, inferGather>(rules, context);
  addDimRule<GatherElementsOp, inferGatherElements>(rules, context);
  addDimRule<GatherNDOp, inferGatherND>(rules, context);
  addDimRule<OneHotOp, inferOneHot>(rules, context);
  addDimRule<CompressOp, inferCompress>(rules, context);
}
