//===- ComputeRules.cpp - Extents of ops that compute ---------------------===//
//
// Broadcasting, reductions, contractions, normalisations.
//
//===----------------------------------------------------------------------===//
#include "DimWalk.h"
#include "moe/Dialect/ONNX/IR/Einsum.h"

using namespace mlir;
using namespace moe::onnx;

/// The shape that shapes broadcast to, aligned at their last dims.
static DimExprs broadcast(ArrayRef<DimExprs> shapes, DimWalk &walk) {
  size_t rank = 0;
  for (const DimExprs &shape : shapes)
    rank = std::max(rank, shape.size());
  DimExprs dims(rank, walk.constant(1));
  for (const DimExprs &shape : shapes)
    for (auto [dim, next] :
         llvm::zip(llvm::reverse(dims), llvm::reverse(shape)))
      dim = walk.getContext().getBroadcast(dim, next);
  return dims;
}

void moe::onnx::inferElementwise(Operation *op, DimWalk &walk) {
  SmallVector<DimExprs> shapes;
  for (Value operand : op->getOperands())
    shapes.push_back(walk.dimsOf(operand));
  for (Value result : op->getResults())
    walk.setDims(result, broadcast(shapes, walk));
}

/// All results have the first operand's extents.
static void inferSame(Operation *op, DimWalk &walk) {
  for (Value result : op->getResults())
    walk.setDims(result, walk.dimsOf(op->getOperand(0)));
}

/// So has the first result; others are as wide as the channel, or not known.
static void inferFirstSame(Operation *op, DimWalk &walk) {
  walk.setDims(op->getResult(0), walk.dimsOf(op->getOperand(0)));
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// What an integer reduction of all of `elements` gives, or null.
static DimExpr reduceElements(Operation *op, ArrayRef<DimExpr> elements,
                              DimWalk &walk) {
  DimContext &context = walk.getContext();
  if (elements.empty())
    return DimExpr();
  DimExpr value = elements.front();
  for (DimExpr element : elements.drop_front()) {
    if (isa<ReduceProdOp>(op))
      value = value * element;
    else if (isa<ReduceSumOp>(op))
      value = value + element;
    else if (isa<ReduceMaxOp>(op))
      value = context.getMax(value, element);
    else if (isa<ReduceMinOp>(op))
      value = context.getMin(value, element);
    else
      return DimExpr();
  }
  return isa<ReduceProdOp, ReduceSumOp, ReduceMaxOp, ReduceMinOp>(op)
             ? value
             : DimExpr();
}

static void inferReduction(Operation *op, DimWalk &walk) {
  auto reduction = cast<ReduceOpInterface>(op);
  Value data = op->getOperand(0), result = op->getResult(0);
  DimExprs from = walk.dimsOf(data);
  int64_t rank = from.size();
  bool keepsDims = reduction.getKeepdims();
  std::optional<SmallVector<int64_t>> axes;
  if (Value operand = reduction.getAxes())
    axes = walk.constantsOf(operand);
  else
    axes.emplace();
  if (!axes)
    return;
  bool reducesNothing = axes->empty() && reduction.getNoopWithEmptyAxes();
  SmallVector<bool> isReduced(rank, axes->empty() && !reducesNothing);
  for (int64_t axis : *axes) {
    axis = normalizeAxis(axis, rank);
    if (axis < 0 || axis >= rank)
      return;
    isReduced[axis] = true;
  }
  DimExprs dims;
  for (auto [dim, reduced] : llvm::zip_equal(from, isReduced)) {
    if (!reduced)
      dims.push_back(dim);
    else if (keepsDims)
      dims.push_back(walk.constant(1));
  }
  walk.setDims(result, dims);
  if (rank == 1 && isReduced[0])
    if (std::optional<DimExprs> elements = walk.elementsOf(data))
      walk.setElements(result, {reduceElements(op, *elements, walk)});
}

template <typename OpTy> static void inferArg(OpTy op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getData());
  int64_t axis = normalizeAxis(op.getAxis(), dims.size());
  if (op.getKeepdims())
    dims[axis] = walk.constant(1);
  else
    dims.erase(dims.begin() + axis);
  walk.setDims(op.getReduced(), dims);
}

static void inferTopK(TopKOp op, DimWalk &walk) {
  DimExprs dims = walk.dimsOf(op.getX());
  dims[normalizeAxis(op.getAxis(), dims.size())] = walk.scalarOf(op.getK());
  walk.setDims(op.getValues(), dims);
  // One symbol for both results.
  walk.setDims(op.getIndices(), walk.dimsOf(op.getValues()));
}

//===----------------------------------------------------------------------===//
// Contractions
//===----------------------------------------------------------------------===//

/// Extents of a product as numpy.matmul has it.
static DimExprs multiplied(DimExprs lhs, DimExprs rhs, DimWalk &walk) {
  bool isRow = lhs.size() == 1, isColumn = rhs.size() == 1;
  if (lhs.empty() || rhs.empty())
    return {};
  DimExpr columns = rhs.back();
  rhs.pop_back();
  if (!isColumn)
    rhs.pop_back();
  lhs.pop_back();
  DimExpr rows;
  if (!isRow)
    rows = lhs.pop_back_val();
  DimExprs dims = broadcast({lhs, rhs}, walk);
  if (!isRow)
    dims.push_back(rows);
  if (!isColumn)
    dims.push_back(columns);
  return dims;
}

static void inferMatMul(MatMulOp op, DimWalk &walk) {
  walk.setDims(op.getY(), multiplied(walk.dimsOf(op.getA()),
                                     walk.dimsOf(op.getB()), walk));
}

static void inferFusedMatMul(MSFusedMatMulOp op, DimWalk &walk) {
  auto transposed = [](DimExprs dims, bool batch, bool last) {
    if (dims.size() < 2)
      return dims;
    // The first dim moves to the place before the last one.
    if (batch)
      std::rotate(dims.begin(), dims.begin() + 1, dims.end() - 1);
    if (last)
      std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
    return dims;
  };
  walk.setDims(op.getY(),
               multiplied(transposed(walk.dimsOf(op.getA()),
                                     op.getTransBatchA(), op.getTransA()),
                          transposed(walk.dimsOf(op.getB()),
                                     op.getTransBatchB(), op.getTransB()),
                          walk));
}

static void inferGemm(GemmOp op, DimWalk &walk) {
  DimExprs a = walk.dimsOf(op.getA()), b = walk.dimsOf(op.getB());
  if (a.size() != 2 || b.size() != 2)
    return;
  walk.setDims(op.getY(),
               {a[op.getTransA() ? 1 : 0], b[op.getTransB() ? 0 : 1]});
}

static void inferEinsum(EinsumOp op, DimWalk &walk) {
  SmallVector<int64_t> ranks;
  SmallVector<DimExprs> shapes;
  for (Value input : op.getInputs()) {
    shapes.push_back(walk.dimsOf(input));
    ranks.push_back(shapes.back().size());
  }
  FailureOr<EinsumEquation> equation =
      parseEinsum(op.getEquation(), ranks, [&] { return op.emitOpError(); });
  if (failed(equation))
    return;
  llvm::DenseMap<int64_t, DimExpr> extents;
  for (auto [labels, shape] : llvm::zip_equal(equation->operands, shapes))
    for (auto [label, dim] : llvm::zip_equal(labels, shape)) {
      DimExpr &known = extents[label];
      known = known ? walk.getContext().getBroadcast(known, dim) : dim;
    }
  DimExprs dims;
  for (int64_t label : equation->result)
    dims.push_back(extents.lookup(label));
  walk.setDims(op.getOutput(), dims);
}

//===----------------------------------------------------------------------===//
// Others
//===----------------------------------------------------------------------===//

/// NonZero: one row per dim, one column per element that is not 0.
static void inferNonZero(NonZeroOp op, DimWalk &walk) {
  int64_t rank = walk.dimsOf(op.getX()).size();
  walk.setDims(op.getY(), {walk.constant(rank), DimExpr()});
}

void moe::onnx::addComputeRules(DimRules &rules, MLIRContext *context) {
  addDimRules<CumProdOp, CumSumOp, DropoutOp, HardmaxOp,
              InstanceNormalizationOp, LogSoftmaxOp, LpNormalizationOp, LRNOp,
              SoftmaxOp>(rules, context, inferSame);
  addDimRules<BatchNormalizationOp>(rules, context, inferFirstSame);
  addDimRules<MSBiasGeluOp, MSFastGeluOp, MSGeluOp, MSQuickGeluOp, MSMoEOp,
              MSRotaryEmbeddingOp, MSSimplifiedLayerNormalizationOp,
              MSSkipLayerNormalizationOp, MSSkipSimplifiedLayerNormalizationOp>(
      rules, context, inferSame);
  addDimRules<ReduceL1Op, ReduceL2Op, ReduceLogSumExpOp, ReduceLogSumOp,
              ReduceMaxOp, ReduceMeanOp, ReduceMinOp, ReduceProdOp, ReduceSumOp,
              ReduceSumSquareOp>(rules, context, inferReduction);
  addDimRule<ArgMaxOp, inferArg<ArgMaxOp>>(rules, context);
  addDimRule<ArgMinOp, inferArg<ArgMinOp>>(rules, context);
  addDimRule<TopKOp, inferTopK>(rules, context);
  addDimRule<MatMulOp, inferMatMul>(rules, context);
  addDimRule<MSFusedMatMulOp, inferFusedMatMul>(rules, context);
  addDimRule<GemmOp, inferGemm>(rules, context);
  addDimRule<EinsumOp, inferEinsum>(rules, context);
  addDimRule<NonZeroOp, inferNonZero>(rules, context);
}
