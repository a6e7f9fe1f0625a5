//===- RTToLLVM.cpp - What generated code asks of the runtime -------------===//
//
// Runs on memrefs, ahead of the conversion of functions and memrefs: it gives
// llvm ops joined to the rest by casts that reconcile-unrealized-casts removes.
//
//===----------------------------------------------------------------------===//
#include "moe/Conversion/Passes.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/FunctionCallUtils.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"

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

  /// Adds a function ahead of another one, under a name of its own.
  void insert(func::FuncOp function, Operation *before) {
    symbols.insert(function, Block::iterator(before));
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
    llvm::StringMap<int64_t> timers;
    for (auto [number, timer] : llvm::enumerate(module.getOps<rt::TimerOp>()))
      timers[timer.getSymName()] = number;

    if (failed(createEntry(module)))
      return signalPassFailure();
    RuntimeSymbols symbols(module);
    LLVMTypeConverter converter(&getContext());
    SmallVector<Operation *> ops;
    module.walk([&](Operation *op) {
      if (isa<rt::WeightRefOp, rt::RequireOp, rt::CountOp, rt::NumThreadsOp,
              rt::ParallelOp, rt::ClockOp, rt::RecordOp>(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (Operation *op : ops) {
      rewriter.setInsertionPoint(op);
      if (auto require = dyn_cast<rt::RequireOp>(op))
        lowerRequire(require, symbols, rewriter);
      else if (auto count = dyn_cast<rt::CountOp>(op))
        lowerCount(count, firstCounters, symbols, rewriter);
      else if (auto clock = dyn_cast<rt::ClockOp>(op))
        lowerClock(clock, symbols, rewriter);
      else if (auto record = dyn_cast<rt::RecordOp>(op))
        lowerRecord(record, timers, symbols, rewriter);
      else if (auto threads = dyn_cast<rt::NumThreadsOp>(op))
        lowerNumThreads(threads, symbols, rewriter);
      else if (auto parallel = dyn_cast<rt::ParallelOp>(op))
        lowerParallel(parallel, symbols, converter, rewriter);
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

  /// %t = rt.clock
  ///   -> %t = llvm.call @moe_rt_clock() : () -> i64
  void lowerClock(rt::ClockOp op, RuntimeSymbols &symbols,
                  IRRewriter &rewriter) {
    auto callee = symbols.function("moe_rt_clock", rewriter.getI64Type(), {});
    rewriter.replaceOpWithNewOp<LLVM::CallOp>(op, callee, ValueRange());
  }

  /// rt.record @step since %t flops %n
  ///   -> llvm.call @moe_rt_record(timer, %t, %n, -1)
  void lowerRecord(rt::RecordOp op, const llvm::StringMap<int64_t> &timers,
                   RuntimeSymbols &symbols, IRRewriter &rewriter) {
    Location loc = op.getLoc();
    Type i64 = rewriter.getI64Type();
    auto callee = symbols.function("moe_rt_record",
                                   LLVM::LLVMVoidType::get(op.getContext()),
                                   {i64, i64, i64, i64});
    auto constant = [&](int64_t value) -> Value {
      return LLVM::ConstantOp::create(rewriter, loc,
                                      rewriter.getI64IntegerAttr(value));
    };
    auto known = [&](Value amount) -> Value {
      return amount ? arith::IndexCastOp::create(rewriter, loc, i64, amount)
                    : constant(-1);
    };
    LLVM::CallOp::create(rewriter, loc, callee,
                         ValueRange{constant(timers.lookup(op.getTimer())),
                                    op.getStart(), known(op.getFlops()),
                                    known(op.getBytes())});
    rewriter.eraseOp(op);
  }

  /// %n = rt.num_threads
  ///   -> %n = llvm.call @moe_rt_num_threads() : () -> i64
  void lowerNumThreads(rt::NumThreadsOp op, RuntimeSymbols &symbols,
                       IRRewriter &rewriter) {
    Type i64 = rewriter.getI64Type();
    auto callee = symbols.function("moe_rt_num_threads", i64, {});
    Value count =
        LLVM::CallOp::create(rewriter, op.getLoc(), callee, ValueRange())
            .getResult();
    rewriter.replaceOpWithNewOp<arith::IndexCastOp>(op, rewriter.getIndexType(),
                                                    count);
  }

  /// rt.parallel %i below %n { ... %x ... }
  ///   -> llvm.func @parallel(%data: !llvm.ptr, %i: i64) { %x = load; ... }
  ///      store of %x to %data; llvm.call @moe_rt_parallel(@parallel, %data,
  ///      %n)
  void lowerParallel(rt::ParallelOp op, RuntimeSymbols &symbols,
                     const LLVMTypeConverter &converter, IRRewriter &rewriter) {
    Location loc = op.getLoc();
    Type i64 = rewriter.getI64Type();
    auto pointer = LLVM::LLVMPointerType::get(op.getContext());
    llvm::SetVector<Value> captures;
    getUsedValuesDefinedAbove(op.getBody(), captures);
    // Constants are made anew inside.
    SmallVector<Operation *> constants;
    SmallVector<Value> values;
    for (Value value : captures) {
      Operation *definition = value.getDefiningOp();
      if (definition && matchPattern(definition, m_Constant()))
        constants.push_back(definition);
      else
        values.push_back(value);
    }
    SmallVector<Type> fields;
    for (Value value : values)
      fields.push_back(converter.convertType(value.getType()));
    auto record = LLVM::LLVMStructType::getLiteral(op.getContext(), fields);

    auto parent = op->getParentOfType<FunctionOpInterface>();
    auto body =
        func::FuncOp::create(loc, (parent.getName() + "_parallel").str(),
                             rewriter.getFunctionType({pointer, i64}, {}));
    body.setPrivate();
    symbols.insert(body, parent);
    {
      OpBuilder::InsertionGuard guard(rewriter);
      Block *block = body.addEntryBlock();
      rewriter.setInsertionPointToStart(block);
      IRMapping inside;
      for (Operation *constant : constants)
        rewriter.clone(*constant, inside);
      for (auto [i, value] : llvm::enumerate(values)) {
        Value address =
            fieldAddress(rewriter, loc, record, block->getArgument(0), i);
        Value loaded = LLVM::LoadOp::create(rewriter, loc, fields[i], address);
        inside.map(value, castTo(rewriter, loc, loaded, value.getType()));
      }
      Value index = arith::IndexCastOp::create(
          rewriter, loc, rewriter.getIndexType(), block->getArgument(1));
      inside.map(op.getIndex(), index);
      for (Operation &inner : op.getBody().front())
        rewriter.clone(inner, inside);
      func::ReturnOp::create(rewriter, loc);
    }

    // Once per call of the function, wherever the op stands in it.
    Value data;
    {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(&parent.getFunctionBody().front());
      Value one = LLVM::ConstantOp::create(rewriter, loc,
                                           rewriter.getI64IntegerAttr(1));
      data = LLVM::AllocaOp::create(rewriter, loc, pointer, record, one);
    }
    for (auto [i, value] : llvm::enumerate(values))
      LLVM::StoreOp::create(rewriter, loc,
                            castTo(rewriter, loc, value, fields[i]),
                            fieldAddress(rewriter, loc, record, data, i));
    Value address =
        castTo(rewriter, loc,
               func::ConstantOp::create(rewriter, loc, body.getFunctionType(),
                                        FlatSymbolRefAttr::get(body)),
               pointer);
    auto callee = symbols.function("moe_rt_parallel",
                                   LLVM::LLVMVoidType::get(op.getContext()),
                                   {pointer, pointer, i64});
    Value count = arith::IndexCastOp::create(rewriter, loc, i64, op.getCount());
    LLVM::CallOp::create(rewriter, loc, callee,
                         ValueRange{address, data, count});
    rewriter.eraseOp(op);
  }

  static Value castTo(OpBuilder &builder, Location loc, Value value,
                      Type type) {
    if (value.getType() == type)
      return value;
    return UnrealizedConversionCastOp::create(builder, loc, type, value)
        .getResult(0);
  }

  static Value fieldAddress(OpBuilder &builder, Location loc, Type record,
                            Value base, int64_t field) {
    return LLVM::GEPOp::create(
        builder, loc, LLVM::LLVMPointerType::get(builder.getContext()), record,
        base, ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(field)});
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
