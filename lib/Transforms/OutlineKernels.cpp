//===- OutlineKernels.cpp - One function per computation ------------------===//
//
// Runs on buffers. What is outlined: every linalg op and kernel of
// an MoE layer, and every outermost scf.for or scf.while that only loads,
// stores and computes.
//
//===----------------------------------------------------------------------===//
#include "moe/Transforms/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "llvm/ADT/StringExtras.h"

namespace moe {
#define GEN_PASS_DEF_OUTLINEKERNELSPASS
#include "moe/Transforms/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

/// Whether a loop is a computation on memory that exists, and nothing else.
static bool isPlainLoop(Operation *op) {
  if (!isa<scf::ForOp, scf::WhileOp, scf::ParallelOp>(op) ||
      llvm::any_of(op->getResultTypes(), llvm::IsaPred<BaseMemRefType>))
    return false;
  return !op->walk([](Operation *inner) {
              return isa<rt::RequireOp, memref::AllocOp, memref::DeallocOp,
                         func::CallOp>(inner)
                         ? WalkResult::interrupt()
                         : WalkResult::advance();
            }).wasInterrupted();
}

/// Everything that `op` takes from outside, in order of first use.
static llvm::SetVector<Value> collectCaptures(Operation *op) {
  llvm::SetVector<Value> captures(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), captures);
  return captures;
}

/// The name of a kernel: that of the ONNX node that asks for it, in letters,
/// digits and underscores, else the op's. Names are no part of the comparison
/// that merges equal kernels.
static std::string makeName(Operation *op) {
  StringRef node = rt::getNodeName(op->getLoc());
  std::string name;
  for (char c : node.empty() ? op->getName().getStringRef() : node)
    name += llvm::isAlnum(c) ? c : '_';
  return "kernel_" + StringRef(name).trim('_').str();
}

namespace {
struct OutlineKernelsPass final
    : moe::impl::OutlineKernelsPassBase<OutlineKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    FunctionOpInterface entry = rt::getEntryFunction(getOperation());
    if (!entry)
      return signalPassFailure();
    SmallVector<Operation *> computations;
    entry.walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (!isa<linalg::LinalgOp, GateOp, DispatchOp, GroupedMatmulOp, PackOp,
               CombineOp>(op) &&
          !isPlainLoop(op))
        return WalkResult::advance();
      computations.push_back(op);
      return WalkResult::skip();
    });
    SymbolTable symbols(getOperation());
    for (Operation *op : computations)
      outline(op, symbols);
  }

private:
  /// linalg.generic ins(%a) outs(%b) {...}
  ///   -> func.call @kernel_node(%a, %b), and
  ///      func.func private @kernel_node(%a, %b) { linalg.generic }
  void outline(Operation *op, SymbolTable &symbols) {
    Location loc = op->getLoc();
    SmallVector<Value> arguments;
    SmallVector<Operation *> constants;
    for (Value value : collectCaptures(op)) {
      Operation *definition = value.getDefiningOp();
      if (definition && matchPattern(definition, m_Constant()))
        constants.push_back(definition);
      else
        arguments.push_back(value);
    }
    auto type = FunctionType::get(
        &getContext(), ValueRange(arguments).getTypes(), op->getResultTypes());
    auto kernel = func::FuncOp::create(loc, makeName(op), type);
    kernel.setPrivate();
    symbols.insert(kernel);

    OpBuilder builder = OpBuilder::atBlockBegin(kernel.addEntryBlock());
    IRMapping mapping;
    mapping.map(arguments, kernel.getArguments());
    for (Operation *constant : constants)
      builder.clone(*constant, mapping);
    Operation *clone = builder.clone(*op, mapping);
    func::ReturnOp::create(builder, loc, clone->getResults());

    builder.setInsertionPoint(op);
    auto call = func::CallOp::create(builder, loc, kernel, arguments);
    op->replaceAllUsesWith(call.getResults());
    op->erase();
  }
};
} // namespace
