//===- MicrosoftMoE.cpp - Layers that are one node ------------------------===//
//
// com.microsoft::MoE. The original side is the op itself, whose reference
// lowering knows neither moe.route nor moe.experts, beside its routing in plain
// ops as evidence.
//
//===----------------------------------------------------------------------===//
#include "MicrosoftMoE.h"

#include "LayerName.h"
#include "Tensors.h"
#include "mlir/IR/IRMapping.h"
#include "moe/Dialect/ONNX/IR/MicrosoftMoE.h"

using namespace mlir;
using namespace moe;
using namespace moe::raise;

//===----------------------------------------------------------------------===//
// The regions
//===----------------------------------------------------------------------===//

namespace {
/// What a region sees of the op's operands; null where it has none.
struct Operands {
  Value rows, logits;
  onnx::MoEWeights weights;

  Operands(onnx::MSMoEOp op, ValueRange arguments) {
    size_t next = 0;
    auto take = [&](Value operand) {
      return operand ? arguments[next++] : Value();
    };
    rows = take(op.getInput());
    logits = take(op.getRouterProbs());
    weights.fc1 = take(op.getFc1ExpertsWeights());
    weights.bias1 = take(op.getFc1ExpertsBias());
    weights.fc2 = take(op.getFc2ExpertsWeights());
    weights.bias2 = take(op.getFc2ExpertsBias());
    weights.fc3 = take(op.getFc3ExpertsWeights());
    weights.bias3 = take(op.getFc3ExpertsBias());
  }
};
} // namespace

static Block &addBlock(Region &region, CandidateOp candidate) {
  Block &block = region.emplaceBlock();
  for (Value input : candidate.getInputs())
    block.addArgument(input.getType(), candidate.getLoc());
  return block;
}

/// onnx.ms.MoE on rows [T, H]; Softmax, TopK, ... of the logits as evidence.
static void emitOriginal(onnx::MSMoEOp op, CandidateOp candidate,
                         OpBuilder &builder) {
  Block &block = addBlock(candidate.getOriginal(), candidate);
  builder.setInsertionPointToStart(&block);
  Operands operands(op, block.getArguments());
  auto copy = cast<onnx::MSMoEOp>(builder.clone(*op));
  copy->setOperands(block.getArguments());
  copy.getOutput().setType(typeOf(operands.rows));
  onnx::MoERouting routing =
      onnx::expandRouting(copy, operands.logits, builder);
  YieldOp::create(builder, candidate.getLoc(),
                  ValueRange{copy.getOutput(), routing.ids, routing.weights});
}

static RouteOp emitRoute(onnx::MSMoEOp op, Value logits, OpBuilder &builder,
                         Location loc) {
  MLIRContext *context = builder.getContext();
  auto k = static_cast<int64_t>(op.getK());
  Attribute select = TopKAttr::get(context, k, Tie::HighestIndex);
  Score score = Score::Softmax;
  if (op.getUseSparseMixer()) {
    select = SparseMixerAttr::get(
        context, builder.getF32FloatAttr(onnx::sparseMixerThreshold));
    score = Score::None;
  }
  ColumnsAttr normalizeOver;
  if (op.getNormalizeRoutingWeights())
    normalizeOver = ColumnsAttr::get(context, 0, op.getNumExperts());
  Value scores = onnx::widenLogits(logits, builder, loc);
  SmallVector<int64_t> shape{typeOf(scores).getDimSize(0), k};
  return RouteOp::create(
      builder, loc, RankedTensorType::get(shape, builder.getI32Type()),
      typeOf(scores).clone(shape), scores, /*project=*/ValueRange(),
      /*bias=*/Value(), /*mask=*/Value(), /*mix=*/Value(),
      cast<SelectAttrInterface>(select), ScoreAttr::get(context, score),
      ScoreOrderAttr::get(context, ScoreOrder::Before), GroupsAttr(),
      normalizeOver, DenominatorAttr(), FloatAttr());
}

/// Matrices of all experts, [E, out, in] -> [E, in, out].
static Value transposeStack(OpBuilder &builder, Location loc, Value stack) {
  auto type = typeOf(stack);
  auto result =
      type.clone({type.getDimSize(0), type.getDimSize(2), type.getDimSize(1)});
  return onnx::TransposeOp::create(builder, loc, result, stack,
                                   builder.getDenseI64ArrayAttr({0, 2, 1}));
}

/// moe.route and moe.experts on rows [T, H].
static void emitRaised(onnx::MSMoEOp op, CandidateOp candidate,
                       OpBuilder &builder) {
  Location loc = candidate.getLoc();
  Block &block = addBlock(candidate.getRaised(), candidate);
  builder.setInsertionPointToStart(&block);
  Operands operands(op, block.getArguments());
  RouteOp route = emitRoute(op, operands.logits, builder, loc);

  // Which weight each stacked operand is.
  SmallVector<Value onnx::MoEWeights::*> members;
  SmallVector<Value> stacked;
  for (auto member : {&onnx::MoEWeights::fc1, &onnx::MoEWeights::bias1,
                      &onnx::MoEWeights::fc3, &onnx::MoEWeights::bias3,
                      &onnx::MoEWeights::fc2, &onnx::MoEWeights::bias2}) {
    Value stack = operands.weights.*member;
    if (!stack)
      continue;
    bool isMatrix = typeOf(stack).getRank() == 3;
    members.push_back(member);
    stacked.push_back(isMatrix ? transposeStack(builder, loc, stack) : stack);
  }
  auto experts = ExpertsOp::create(
      builder, loc, typeOf(operands.rows), route.getIds(), route.getWeights(),
      operands.rows, stacked, /*shared=*/ValueRange(), /*constants=*/Value(),
      /*input_weights=*/Value(), /*coefficients=*/ValueRange(),
      /*terms=*/ValueRange(),
      KindsAttr::get(builder.getContext(),
                     ExpertRun{ExpertKind::FFN, op.getNumExperts()}),
      /*layer=*/FlatSymbolRefAttr());
  YieldOp::create(
      builder, loc,
      ValueRange{experts.getResult(), route.getIds(), route.getWeights()});

  Block &body = experts.getBody().emplaceBlock();
  auto rowType =
      typeOf(operands.rows)
          .clone({ShapedType::kDynamic, typeOf(operands.rows).getDimSize(1)});
  Value rows = body.addArgument(rowType, loc);
  onnx::MoEWeights weights;
  for (auto [member, stack] : llvm::zip_equal(members, stacked))
    weights.*member = body.addArgument(
        typeOf(stack).clone(typeOf(stack).getShape().drop_front()), loc);
  builder.setInsertionPointToStart(&body);
  Value y = onnx::expandExpert(op, rows, weights, onnx::MatrixForm::InOut,
                               builder, loc);
  YieldOp::create(builder, loc, y);
}

//===----------------------------------------------------------------------===//
// The candidate
//===----------------------------------------------------------------------===//

/// Whether each token has a row of logits in every run.
static bool areRowsPaired(onnx::MSMoEOp op, const onnx::SymbolicDims &dims) {
  ArrayRef<onnx::DimExpr> tokens = dims.getDims(op.getInput()).drop_back();
  onnx::DimExpr rows = dims.getDim(op.getRouterProbs(), 0);
  if (tokens.empty() || !rows || llvm::is_contained(tokens, onnx::DimExpr()))
    return false;
  onnx::DimExpr product = tokens.front();
  for (onnx::DimExpr extent : tokens.drop_front())
    product = product * extent;
  return product == rows;
}

/// The logits as [T, E] with the T of `rows`, so that a run ends where they
/// have another number of rows.
static Value pairLogits(onnx::MSMoEOp op, Value rows, OpBuilder &builder,
                        Location loc) {
  auto one = RankedTensorType::get({1}, builder.getI64Type());
  Value numExperts = onnx::ConstantOp::create(
      builder, loc, one, DenseIntElementsAttr::get(one, op.getNumExperts()));
  Value tokens = onnx::ShapeOp::create(builder, loc, one, rows,
                                       builder.getI64IntegerAttr(0),
                                       builder.getI64IntegerAttr(1));
  Value shape = onnx::ConcatOp::create(
      builder, loc, RankedTensorType::get({2}, builder.getI64Type()),
      ValueRange{tokens, numExperts}, builder.getI64IntegerAttr(0));
  auto type = typeOf(op.getRouterProbs())
                  .clone({typeOf(rows).getDimSize(0), op.getNumExperts()});
  return onnx::ReshapeOp::create(builder, loc, type, op.getRouterProbs(), shape,
                                 /*allowzero=*/builder.getI64IntegerAttr(1));
}

CandidateOp moe::raise::raiseMicrosoftMoE(onnx::MSMoEOp op,
                                          const onnx::SymbolicDims &dims) {
  OpBuilder builder(op);
  Location loc = getLayerLocation(op.getLoc(), op.getLoc());
  SmallVector<Value> operands(op->getOperands());
  operands.front() = onnx::flattenTokens(op.getInput(), builder, loc);
  if (!areRowsPaired(op, dims))
    operands[1] = pairLogits(op, operands.front(), builder, loc);
  auto candidate =
      CandidateOp::create(builder, loc, TypeRange{operands.front().getType()},
                          operands, builder.getI64IntegerAttr(/*rows=*/2));
  Value result =
      onnx::spreadTokens(candidate.getResult(0), op.getInput(), builder, loc);
  emitOriginal(op, candidate, builder);
  emitRaised(op, candidate, builder);
  op.getOutput().replaceAllUsesWith(result);
  return candidate;
}
