//===- RTToLLVM.cpp - Weight references, preconditions, counts ------------===//
//
// Runs on memrefs, ahead of the conversion of functions and memrefs: it gives
// llvm ops joined to the rest by casts that reconcile-unrealized-casts removes.
//
//===----------------------------------------------------------------------===//
#include "moe/Conversion/Passes.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace moe {
#define GEN_PASS_DEF_CONVERTRTTOLLVMPASS
#include "moe/Conversion/Passes.h.inc"
} // namespace moe

using namespace mlir;
using namespace moe;

namespace {
/// Declares runtime functions and message strings, each once per module.
class RuntimeSymbols {
public:
  explicit RuntimeSymbols(ModuleOp moduleOp)
      : module(moduleOp), symbols(moduleOp) {}

  LLVM::LLVMFuncOp function(StringRef name, Type result,
                            ArrayRef<Type> arguments) {
    if (auto existing = symbols.lookup<LLVM::LLVMFuncOp>(name))
      return existing;
    OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
    auto function = LLVM::LLVMFuncOp::create(
        builder, module.getLoc(), name,
        LLVM::LLVMFunctionType::get(result, arguments));
    symbols.insert(function);
    return function;
  }

  /// Address of a NUL-terminated constant string.
  Value string(OpBuilder &builder, Location loc, StringRef text) {
    LLVM::GlobalOp &global = strings[text];
    if (!global) {
      OpBuilder atEnd = OpBuilder::atBlockEnd(module.getBody());
      std::string bytes = text.str();
      bytes.push_back('\0');
      auto type = LLVM::LLVMArrayType::get(atEnd.getI8Type(), bytes.size());
      global = LLVM::GlobalOp::create(
          atEnd, module.getLoc(), type, /*isConstant=*/true,
          LLVM::Linkage::Private, "rt_message", atEnd.getStringAttr(bytes));
      symbols.insert(global);
    }
    return LLVM::AddressOfOp::create(builder, loc, global);
  }

private:
  ModuleOp module;
  SymbolTable symbols;
  llvm::StringMap<LLVM::GlobalOp> strings;
};

struct ConvertRTToLLVMPass final
    : moe::impl::ConvertRTToLLVMPassBase<ConvertRTToLLVMPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::StringMap<int64_t> slots;
    for (auto [slot, weight] : llvm::enumerate(module.getOps<rt::WeightOp>()))
      slots[weight.getSymName()] = slot;

    llvm::StringMap<int64_t> firstCounters = rt::getFirstCounters(module);

    if (failed(createEntry(module)))
      return signalPassFailure();
    RuntimeSymbols symbols(module);
    LLVMTypeConverter converter(&getContext());
    SmallVector<Operation *> ops;
    module.walk([&](Operation *op) {
      if (isa<rt::WeightRefOp, rt::RequireOp, rt::CountOp>(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops) {
      rewriter.setInsertionPoint(op);
      if (auto require = dyn_cast<rt::RequireOp>(op))
        lowerRequire(require, symbols, rewriter);
      else if (auto count = dyn_cast<rt::CountOp>(op))
        lowerCount(count, firstCounters, symbols, rewriter);
      else if (failed(lowerWeightRef(cast<rt::WeightRefOp>(op), slots, symbols,
                                     converter, rewriter)))
        return signalPassFailure();
    }
  }

private:
  /// func.func @main(%x: memref<..> {rt.name = "x"})
  ///   -> rt.entry @main inputs [#rt.value<"x", ...>], and @main without
  ///      rt attributes
  LogicalResult createEntry(ModuleOp module) {
    FunctionOpInterface entry = rt::getEntryFunction(module);
    if (!entry)
      return failure();
    SmallVector<rt::ValueAttr> inputs = rt::getInputs(entry);
    SmallVector<rt::ValueAttr> outputs = rt::getOutputs(entry);
    OpBuilder builder(entry);
    rt::EntryOp::create(
        builder, entry.getLoc(),
        FlatSymbolRefAttr::get(builder.getContext(), entry.getName()),
        builder.getArrayAttr(
            SmallVector<Attribute>(inputs.begin(), inputs.end())),
        builder.getArrayAttr(
            SmallVector<Attribute>(outputs.begin(), outputs.end())));
    // The runtime calls it with a pointer per memref descriptor.
    entry->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                   builder.getUnitAttr());
    for (StringRef name :
         {rt::RTDialect::nameAttrName, rt::RTDialect::dimsAttrName,
          rt::RTDialect::typeAttrName}) {
      auto attr = builder.getStringAttr(name);
      for (unsigned i = 0, e = entry.getNumArguments(); i < e; ++i)
        entry.removeArgAttr(i, attr);
      for (unsigned i = 0, e = entry.getNumResults(); i < e; ++i)
        entry.removeResultAttr(i, attr);
    }
    return success();
  }

  /// rt.require %c, "message" at "where"
  ///   -> llvm.call @moe_rt_require(%c, @message, @where)
  void lowerRequire(rt::RequireOp op, RuntimeSymbols &symbols,
                    IRRewriter &rewriter) {
    Location loc = op.getLoc();
    auto pointer = LLVM::LLVMPointerType::get(op.getContext());
    auto callee = symbols.function("moe_rt_require",
                                   LLVM::LLVMVoidType::get(op.getContext()),
                                   {rewriter.getI1Type(), pointer, pointer});
    // C's _Bool is passed zero-extended.
    callee.setArgAttr(0, LLVM::LLVMDialect::getZExtAttrName(),
                      rewriter.getUnitAttr());
    Value message = symbols.string(rewriter, loc, op.getMessage());
    Value where = symbols.string(rewriter, loc, op.getWhere());
    LLVM::CallOp::create(rewriter, loc, callee,
                         ValueRange{op.getCondition(), message, where});
    rewriter.eraseOp(op);
  }

  /// rt.count @layer tokens by %n
  ///   -> llvm.call @moe_rt_count(counter, %n) : (i64, i64) -> ()
  void lowerCount(rt::CountOp op, const llvm::StringMap<int64_t> &firstCounters,
                  RuntimeSymbols &symbols, IRRewriter &rewriter) {
    Location loc = op.getLoc();
    Type i64 = rewriter.getI64Type();
    auto callee = symbols.function(
        "moe_rt_count", LLVM::LLVMVoidType::get(op.getContext()), {i64, i64});
    Value counter = LLVM::ConstantOp::create(
        rewriter, loc,
        rewriter.getI64IntegerAttr(firstCounters.lookup(op.getLayer()) +
                                   static_cast<int64_t>(op.getCounter())));
    if (op.getExpert()) {
      Value expert =
          arith::IndexCastOp::create(rewriter, loc, i64, op.getExpert());
      counter = arith::AddIOp::create(rewriter, loc, counter, expert);
    }
    Value amount =
        arith::IndexCastOp::create(rewriter, loc, i64, op.getAmount());
    LLVM::CallOp::create(rewriter, loc, callee, ValueRange{counter, amount});
    rewriter.eraseOp(op);
  }

  /// %w = rt.weight_ref @w : memref<4xf32>
  ///   -> %p = llvm.call @moe_rt_weight(slot) : (i64) -> !llvm.ptr
  ///      %w = a memref descriptor of %p
  LogicalResult lowerWeightRef(rt::WeightRefOp op,
                               const llvm::StringMap<int64_t> &slots,
                               RuntimeSymbols &symbols,
                               const LLVMTypeConverter &converter,
                               IRRewriter &rewriter) {
    Location loc = op.getLoc();
    auto type = dyn_cast<MemRefType>(op.getResult().getType());
    if (!type)
      return op.emitOpError("expected a memref result: bufferise first");
    auto callee = symbols.function("moe_rt_weight",
                                   LLVM::LLVMPointerType::get(op.getContext()),
                                   {rewriter.getI64Type()});
    Value slot = LLVM::ConstantOp::create(
        rewriter, loc,
        rewriter.getI64IntegerAttr(slots.lookup(op.getWeight())));
    Value pointer =
        LLVM::CallOp::create(rewriter, loc, callee, slot).getResult();
    Value descriptor = MemRefDescriptor::fromStaticShape(
        rewriter, loc, converter, type, pointer);
    rewriter.replaceOpWithNewOp<UnrealizedConversionCastOp>(op, type,
                                                            descriptor);
    return success();
  }
};
} // namespace
