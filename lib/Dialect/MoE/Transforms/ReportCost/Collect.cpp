//===- Collect.cpp - The cost of a function -------------------------------===//
//
// Products are counted as polynomials over the named dims of the model's
// inputs, divided by the number of tokens that its layers have.
//
//===----------------------------------------------------------------------===//
#include "Cost.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/ONNX/Analysis/Flops.h"
#include "moe/Dialect/ONNX/Analysis/SymbolicDims.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace moe;
using onnx::DimExpr;
using onnx::Extent;

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Bytes of one element; bool takes one.
static int64_t byteWidth(Type element) {
  return llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
}

/// The product of the static extents of a tensor behind its leading dim.
static int64_t countBehindFirst(RankedTensorType type) {
  int64_t count = 1;
  for (int64_t extent : type.getShape().drop_front())
    count *= ShapedType::isDynamic(extent) ? 1 : extent;
  return count;
}

static bool isParameter(Operation *op) {
  if (isa<rt::WeightRefOp>(op))
    return true;
  auto constant = dyn_cast<onnx::ConstantOp>(op);
  if (!constant)
    return false;
  auto type = typeOf(constant.getResult());
  return isa<FloatType>(type.getElementType()) && type.getNumElements() > 1;
}

/// Whether a value is a weight, perhaps as another view, selection or type.
static bool isMadeOfWeights(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isParameter(op))
      return true;
    if (!isa<onnx::CastOp, onnx::IdentityOp, onnx::ReshapeOp, onnx::SqueezeOp,
             onnx::UnsqueezeOp, onnx::TransposeOp, onnx::FlattenOp,
             onnx::ExpandOp, onnx::GatherOp, onnx::SliceOp, onnx::SplitOp,
             onnx::ConcatOp, onnx::DequantizeLinearOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

namespace {
class Collector {
public:
  explicit Collector(FunctionOpInterface fn) : function(fn), dims(fn) {}

  ModelCost collect();

private:
  void findTokens();
  void addLayer(ExpertsOp op);
  void addProducts(Operation *op, ArrayRef<Extent> extents);
  void addProject(RouteOp op);
  void addWeights();

  /// The product of extents, or null.
  DimExpr multiply(ArrayRef<Extent> extents);
  /// The number of elements of a tensor per token; 0 where that is no number.
  int64_t countPerToken(Value value);

  FunctionOpInterface function;
  onnx::SymbolicDims dims;
  DimExpr tokens;
  ModelCost cost;
  /// References to weights, and constants, that experts have.
  llvm::SetVector<Operation *> ofExperts;
};
} // namespace

/// T: the rows of a layer, or without one what the inputs' named dims say.
void Collector::findTokens() {
  function.walk([&](ExpertsOp op) {
    tokens = dims.getDim(op.getRows().front(), 0);
    return WalkResult::interrupt();
  });
  if (!tokens && function.getNumArguments()) {
    tokens = dims.getContext().getConstant(1);
    Value first = function.getArgument(0);
    for (int64_t dim = 0; dim < typeOf(first).getRank(); ++dim)
      if (typeOf(first).isDynamicDim(dim))
        tokens = tokens * dims.getDim(first, dim);
  }
  llvm::raw_string_ostream(cost.tokens) << tokens;
}

DimExpr Collector::multiply(ArrayRef<Extent> extents) {
  DimExpr product = dims.getContext().getConstant(1);
  for (Extent extent : extents) {
    DimExpr dim = dims.getDim(extent.value, extent.dim);
    if (!dim)
      return DimExpr();
    product = product * dim;
  }
  return product;
}

int64_t Collector::countPerToken(Value value) {
  SmallVector<Extent> extents;
  for (int64_t dim = 0; dim < typeOf(value).getRank(); ++dim)
    extents.push_back({value, dim});
  DimExpr elements = multiply(extents);
  DimExpr perToken = elements ? elements.divideExactly(tokens) : DimExpr();
  return perToken ? perToken.getConstant().value_or(0) : 0;
}

/// The sum's length of the product that a router's scores come from; 0 where it
/// is not found.
static int64_t findRouterWidth(RouteOp route) {
  if (!route.getProject().empty())
    return typeOf(route.getProject().front()).getDimSize(1);
  Value value = route.getScores();
  while (Operation *op = value ? value.getDefiningOp() : nullptr) {
    if (auto extents = onnx::getProductExtents(op)) {
      Extent summed = extents->back();
      return typeOf(summed.value).getDimSize(summed.dim);
    }
    bool isRowWiseOp =
        isa<onnx::ElementwiseOpInterface, onnx::IdentityOp, onnx::ReshapeOp,
            onnx::ConcatOp, onnx::SoftmaxOp>(op);
    value = isRowWiseOp ? op->getOperand(0) : Value();
  }
  return 0;
}

static RouteOp findRoute(Value ids) {
  while (auto renumber = ids.getDefiningOp<RenumberOp>())
    ids = renumber.getIds();
  return ids.getDefiningOp<RouteOp>();
}

void Collector::addLayer(ExpertsOp op) {
  LayerCost layer;
  StringRef name = rt::getNodeName(op.getLoc());
  layer.name = name.empty() ? "moe" : name.str();
  layer.experts = op.getNumExperts();
  layer.nullExperts = op.getExperts().getNumIds() - layer.experts;
  layer.slots = op.getNumSlots();
  if (FlatSymbolRefAttr symbol = op.getLayerAttr()) {
    // What elimination has left of the null experts.
    auto known = SymbolTable::lookupNearestSymbolFrom<rt::LayerOp>(op, symbol);
    layer.name = known.getSymName().str();
    layer.nullExperts =
        static_cast<int64_t>(known.getExperts() + known.getNullExperts()) -
        layer.experts;
  }
  for (Value stacked : op.getStacked()) {
    RankedTensorType type = typeOf(stacked);
    int64_t elements = countBehindFirst(type);
    layer.parametersOfExpert += elements;
    layer.bytesOfExpert += elements * byteWidth(type.getElementType());
    SetVector<Operation *> slice;
    BackwardSliceOptions options;
    options.inclusive = true;
    options.omitBlockArguments = true;
    (void)getBackwardSlice(stacked, &slice, options);
    for (Operation *inner : slice)
      if (isParameter(inner))
        ofExperts.insert(inner);
  }
  Block &body = op.getBody().front();
  layer.flopsOfExpert = onnx::countFlopsPerRow(body);
  for (Operation &inner : body)
    if (onnx::getProductExtents(&inner))
      for (Value rows : {inner.getOperand(0), Value(inner.getResult(0))})
        layer.trafficOfExpert += countBehindFirst(typeOf(rows)) *
                                 byteWidth(typeOf(rows).getElementType());
  if (RouteOp route = findRoute(op.getIds()))
    layer.nullColumnFlops = 2 * findRouterWidth(route) * layer.nullExperts;
  cost.layers.push_back(std::move(layer));
}

/// A product outside of experts: of weights, per token; of other values, per
/// token and context; or neither.
void Collector::addProducts(Operation *op, ArrayRef<Extent> extents) {
  DimExpr products = multiply(extents);
  DimExpr perToken = products ? products.divideExactly(tokens) : DimExpr();
  bool hasWeight = llvm::any_of(op->getOperands(), isMadeOfWeights);
  // With dims that are all fixed a context's length is a number like others.
  bool isFixed = tokens.getConstant().has_value();
  if (perToken && perToken.getConstant() && (hasWeight || !isFixed)) {
    cost.otherFlops += 2 * *perToken.getConstant();
    for (Value rows : op->getOperands())
      if (!isMadeOfWeights(rows))
        cost.otherTraffic +=
            countPerToken(rows) * byteWidth(typeOf(rows).getElementType());
    // The scores of a route that has the projection are not stored.
    Value result = op->getResult(0);
    if (!isa<RouteOp>(op))
      cost.otherTraffic +=
          countPerToken(result) * byteWidth(typeOf(result).getElementType());
    return;
  }
  if (perToken) {
    for (onnx::DimTerm term : perToken.getTerms())
      cost.scores.push_back(
          {2 * term.coefficient, static_cast<unsigned>(term.symbols.size())});
    return;
  }
  UncountedOp &rest = cost.uncounted.emplace_back();
  rest.node = rt::getNodeName(op->getLoc()).str();
  if (rest.node.empty())
    rest.node = op->getName().getStringRef().str();
  if (products)
    llvm::raw_string_ostream(rest.flops) << products * 2;
}

void Collector::addProject(RouteOp op) {
  Value rows = op.getProject().empty() ? Value() : op.getProject().front();
  if (!rows)
    return;
  for (Value matrix : op.getProject().drop_front())
    addProducts(op, {{rows, 0}, {rows, 1}, {matrix, 1}});
}

/// Parameters and bytes of weights and constants outside of experts.
void Collector::addWeights() {
  llvm::SmallDenseSet<StringRef> seen;
  function.walk([&](Operation *op) {
    if (!isParameter(op) || ofExperts.contains(op))
      return;
    auto ref = dyn_cast<rt::WeightRefOp>(op);
    if (ref && !seen.insert(ref.getWeight()).second)
      return;
    RankedTensorType type = typeOf(op->getResult(0));
    int64_t width = byteWidth(type.getElementType());
    cost.otherParameters += type.getNumElements();
    bool isGathered = !op->use_empty();
    for (OpOperand &use : op->getUses())
      isGathered &=
          isa<onnx::GatherOp>(use.getOwner()) && use.getOperandNumber() == 0;
    if (!isGathered) {
      cost.otherBytes += type.getNumElements() * width;
      return;
    }
    for (Operation *gather : op->getUsers())
      cost.gatheredBytes += countPerToken(gather->getResult(0)) * width;
  });
}

ModelCost Collector::collect() {
  findTokens();
  if (!tokens)
    return cost;
  function.walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (auto experts = dyn_cast<ExpertsOp>(op)) {
      addLayer(experts);
      return WalkResult::skip();
    }
    if (auto route = dyn_cast<RouteOp>(op))
      addProject(route);
    else if (auto extents = onnx::getProductExtents(op))
      addProducts(op, *extents);
    return WalkResult::advance();
  });
  addWeights();
  return cost;
}

ModelCost moe::collectCost(FunctionOpInterface function) {
  return Collector(function).collect();
}
