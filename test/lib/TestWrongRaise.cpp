//===- TestWrongRaise.cpp - Makes raised layers wrong ---------------------===//
//
// Changes the raised region of every candidate in one way that a bug of the
// raise could. The proof must undo each.
//
//===----------------------------------------------------------------------===//
#include "WrongRaise.h"

#include "mlir/Pass/Pass.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace moe;
using namespace moe::test;

Value moe::test::makeConstant(Layer &layer, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())},
                                    layer.builder.getI64Type());
  return onnx::ConstantOp::create(layer.builder, layer.loc, type,
                                  DenseElementsAttr::get(type, values));
}

Value moe::test::pick(Layer &layer, Value value, ArrayRef<int64_t> indices,
                      uint64_t axis) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = int64_t(indices.size());
  return onnx::GatherOp::create(layer.builder, layer.loc, type.clone(shape),
                                value, makeConstant(layer, indices), axis);
}

namespace {
struct TestWrongRaisePass final
    : PassWrapper<TestWrongRaisePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestWrongRaisePass)

  TestWrongRaisePass() = default;
  TestWrongRaisePass(const TestWrongRaisePass &other) : PassWrapper(other) {}

  StringRef getArgument() const override { return "test-moe-wrong-raise"; }
  StringRef getDescription() const override {
    return "Make raised layers wrong in one way";
  }
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<MoEDialect, onnx::ONNXDialect>();
  }

  void runOnOperation() override;

  Option<std::string> kind{*this, "kind", llvm::cl::desc("The mistake")};
};
} // namespace

void TestWrongRaisePass::runOnOperation() {
  auto all =
      llvm::concat<const Mistake>(getRouteMistakes(), getExpertMistakes());
  auto mistake = llvm::find_if(
      all, [&](const Mistake &other) { return other.name == kind; });
  if (mistake == all.end()) {
    getOperation().emitError("unknown kind '") << kind << "'";
    return signalPassFailure();
  }
  WalkResult walked = getOperation().walk([&](CandidateOp candidate) {
    RouteOp route;
    ExpertsOp experts;
    candidate.getRaised().walk([&](RouteOp op) { route = op; });
    candidate.getRaised().walk([&](ExpertsOp op) { experts = op; });
    if (route && experts) {
      OpBuilder builder(experts);
      Layer layer{candidate, route, experts, builder, candidate.getLoc()};
      if ((*mistake).apply(layer))
        return WalkResult::advance();
    }
    candidate.emitError("'") << kind << "' does not apply";
    return WalkResult::interrupt();
  });
  if (walked.wasInterrupted())
    signalPassFailure();
}

namespace moe::test {
void registerTestWrongRaisePass() { PassRegistration<TestWrongRaisePass>(); }
} // namespace moe::test
