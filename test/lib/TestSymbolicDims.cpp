//===- TestSymbolicDims.cpp - Shows what SymbolicDims finds ---------------===//
//
// One remark per result of an onnx op: its extents, and its elements where they
// are followed.
//
//===----------------------------------------------------------------------===//
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "moe/Dialect/ONNX/Analysis/SymbolicDims.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"

using namespace mlir;
using namespace moe::onnx;

namespace {
struct TestSymbolicDimsPass final
    : PassWrapper<TestSymbolicDimsPass, OperationPass<func::FuncOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(TestSymbolicDimsPass)

  StringRef getArgument() const override { return "test-symbolic-dims"; }
  StringRef getDescription() const override {
    return "Print symbolic dims as remarks";
  }

  void runOnOperation() override {
    SymbolicDims dims(getOperation());
    getOperation().walk([&](Operation *op) {
      if (!isa<ONNXDialect>(op->getDialect()) || isa<ConstantOp>(op))
        return;
      for (Value result : op->getResults())
        op->emitRemark() << describe(dims, result);
    });
  }

  static std::string describe(const SymbolicDims &dims, Value value) {
    std::string text;
    llvm::raw_string_ostream os(text);
    os << '[';
    llvm::interleaveComma(dims.getDims(value), os);
    os << ']';
    if (const DimExprs *elements = dims.getElements(value)) {
      os << " = {";
      llvm::interleaveComma(*elements, os);
      os << '}';
    }
    return text;
  }
};
} // namespace

namespace moe::test {
void registerTestSymbolicDimsPass() {
  PassRegistration<TestSymbolicDimsPass>();
}
} // namespace moe::test
