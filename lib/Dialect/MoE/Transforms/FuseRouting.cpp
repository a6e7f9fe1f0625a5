//===- FuseRouting.cpp - The router's projection moves into the route -----===//
//
// The scores [T, N] are then never stored: one nest over tokens goes from the
// projection to the histogram.
//
//===----------------------------------------------------------------------===//
#include "moe/Dialect/MoE/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "llvm/ADT/SetVector.h"

namespace moe {
#define GEN_PASS_DEF_FUSEROUTINGPASS
#include "moe/Dialect/MoE/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {
/// Scores as a product of rows and matrices side by side, plus a vector.
struct Projection {
  Value rows;
  SmallVector<Value> matrices;
  Value vector;
};

int64_t rankOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

/// Why the scores cannot move, or what they are the product of.
class ProjectionFinder {
public:
  explicit ProjectionFinder(RouteOp op) : route(op), builder(op) {}

  FailureOr<Projection> find();
  StringRef getReason() const { return reason; }

private:
  LogicalResult refuse(StringRef why) {
    reason = why;
    return failure();
  }
  LogicalResult add(Value scores, Projection &projection);
  LogicalResult addConcat(onnx::ConcatOp concat, Projection &projection);
  LogicalResult addGemm(onnx::GemmOp gemm, Projection &projection);

  RouteOp route;
  OpBuilder builder;
  StringRef reason;
};
} // namespace

/// onnx.MatMul, onnx.Gemm, or onnx.Concat of them along the columns.
LogicalResult ProjectionFinder::add(Value scores, Projection &projection) {
  if (!scores.hasOneUse())
    return refuse("its scores have another use");
  // Exporters widen scores even where they are f32 already.
  if (auto cast = scores.getDefiningOp<onnx::CastOp>())
    if (cast->getOperand(0).getType() == scores.getType())
      return add(cast->getOperand(0), projection);
  if (auto concat = scores.getDefiningOp<onnx::ConcatOp>())
    return addConcat(concat, projection);
  if (auto gemm = scores.getDefiningOp<onnx::GemmOp>())
    return addGemm(gemm, projection);
  auto matmul = scores.getDefiningOp<onnx::MatMulOp>();
  if (!matmul || rankOf(matmul.getA()) != 2 || rankOf(matmul.getB()) != 2)
    return refuse("its scores are no product of rows and a matrix");
  if (projection.rows && projection.rows != matmul.getA())
    return refuse("its scores are products of different rows");
  projection.rows = matmul.getA();
  projection.matrices.push_back(matmul.getB());
  return success();
}

LogicalResult ProjectionFinder::addConcat(onnx::ConcatOp concat,
                                          Projection &projection) {
  int64_t axis = static_cast<int64_t>(concat.getAxis());
  if (axis != 1 && axis != -1)
    return refuse("its scores are joined along the tokens");
  for (Value part : concat.getInputs())
    if (isa_and_present<onnx::ConcatOp, onnx::GemmOp>(part.getDefiningOp()))
      return refuse("its scores are joined of more than plain products");
  for (Value part : concat.getInputs())
    if (failed(add(part, projection)))
      return failure();
  return success();
}

LogicalResult ProjectionFinder::addGemm(onnx::GemmOp gemm,
                                        Projection &projection) {
  if (gemm.getAlpha().convertToFloat() != 1.0f ||
      gemm.getBeta().convertToFloat() != 1.0f || gemm.getTransA())
    return refuse("its scores are a scaled or transposed product");
  projection.rows = gemm.getA();
  projection.vector = gemm.getC();
  auto scores = gemm.getY().getType();
  if (projection.vector) {
    auto type = cast<RankedTensorType>(projection.vector.getType());
    if (type.getRank() != 1 || type.getDimSize(0) != scores.getDimSize(1))
      return refuse("its projection's bias is no vector of one per column");
    if (route.getMask())
      return refuse("its projection has a bias, and it has a mask");
  }
  Value matrix = gemm.getB();
  if (gemm.getTransB()) {
    auto type = cast<RankedTensorType>(matrix.getType());
    matrix = onnx::TransposeOp::create(
        builder, gemm.getLoc(),
        RankedTensorType::get({type.getDimSize(1), type.getDimSize(0)},
                              type.getElementType()),
        matrix, builder.getDenseI64ArrayAttr({1, 0}));
  }
  projection.matrices.push_back(matrix);
  return success();
}

FailureOr<Projection> ProjectionFinder::find() {
  Projection projection;
  if (failed(add(route.getScores(), projection)))
    return failure();
  return projection;
}

/// moe.route scores(onnx.MatMul %x, %w)
///   -> moe.route project(%x, %w)
static void fuse(RouteOp route, const Projection &projection) {
  OpBuilder builder(route);
  SmallVector<Value> projected{projection.rows};
  llvm::append_range(projected, projection.matrices);
  Value mask = projection.vector ? projection.vector : route.getMask();
  auto fused = RouteOp::create(
      builder, route.getLoc(), route.getResultTypes(), /*scores=*/Value(),
      projected, route.getBias(), mask, route.getMix(), route.getSelectAttr(),
      route.getScoreAttr(), route.getOrderAttr(), route.getGroupsAttr(),
      route.getNormalizeOverAttr(), route.getDenominatorAttr(),
      route.getScaleAttr());
  route.replaceAllUsesWith(fused.getResults());
  SmallVector<Value> dead{route.getScores()};
  route.erase();
  // What made the scores is dead: nothing else used it.
  while (!dead.empty()) {
    Operation *op = dead.pop_back_val().getDefiningOp();
    if (!op || !isOpTriviallyDead(op))
      continue;
    SetVector<Value> operands(op->operand_begin(), op->operand_end());
    op->erase();
    llvm::append_range(dead, operands);
  }
}

namespace {
struct FuseRoutingPass final : moe::impl::FuseRoutingPassBase<FuseRoutingPass> {
  using Base::Base;

  void runOnOperation() override {
    SmallVector<RouteOp> routes;
    getOperation().walk([&](RouteOp op) {
      if (op.getScores())
        routes.push_back(op);
    });
    auto options = remark::RemarkOpts::name("Routing").category(getArgument());
    for (RouteOp route : routes) {
      ProjectionFinder finder(route);
      FailureOr<Projection> projection = finder.find();
      if (succeeded(projection))
        fuse(route, *projection);
      else
        remark::analysis(route.getLoc(), options)
            << ("routing is not fused: " + finder.getReason().str());
    }
  }
};
} // namespace
