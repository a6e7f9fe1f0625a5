//===- Side.cpp - One side of a candidate, compiled -----------------------===//
//
// An object file like a model's, loaded by LLVM's JIT linker, so that a proof
// needs neither a C compiler nor a dynamic one's folder. The runtime is the one
// that this program is linked with.
//
//===----------------------------------------------------------------------===//
#include "Side.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "moe/Dialect/ONNX/Transforms/Passes.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "moe/Pipelines/Pipelines.h"
#include "moe/Runtime/MoEModelABI.h"
#include "moe/Target/Artefact.h"
#include "moe/Transforms/Passes.h"
#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace moe;

Side::Side() = default;

Side::~Side() {
  if (context)
    moe_destroy(context);
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

/// Puts `region` in the place of its candidate, and lets the function return
/// all that it yields:
///
///   %y = moe.candidate(%x, %w) ...     ->    %r = onnx.MatMul %x, %w
///   return %y                                return %r, %evidence
static void inlineRegion(func::FuncOp function, Region &region) {
  auto candidate = region.getParentOfType<CandidateOp>();
  Operation *terminator = function.front().getTerminator();
  Operation *yield = region.front().getTerminator();
  IRRewriter rewriter(candidate);
  rewriter.inlineBlockBefore(&region.front(), candidate, candidate.getInputs());
  rewriter.setInsertionPoint(terminator);
  auto results = func::ReturnOp::create(rewriter, terminator->getLoc(),
                                        yield->getOperands());
  rewriter.eraseOp(terminator);
  rewriter.eraseOp(yield);
  rewriter.eraseOp(candidate);
  function.setType(FunctionType::get(function.getContext(),
                                     function.getArgumentTypes(),
                                     results.getOperandTypes()));
}

/// Makes weights arguments, after the others: code and bytes meet at a run.
///
///   func.func @main(%x) {              ->    func.func @main(%x, %w) {
///     %w = rt.weight_ref @w0
static void passWeights(func::FuncOp function, ArrayRef<rt::WeightOp> weights) {
  llvm::DenseMap<StringAttr, Value> arguments;
  for (rt::WeightOp weight : weights) {
    unsigned i = function.getNumArguments();
    (void)function.insertArgument(i, weight.getType(), DictionaryAttr(),
                                  weight.getLoc());
    arguments[weight.getSymNameAttr()] = function.getArgument(i);
  }
  IRRewriter rewriter(function.getContext());
  function.walk([&](rt::WeightRefOp ref) {
    rewriter.replaceOp(ref, arguments[ref.getWeightAttr().getAttr()]);
  });
  for (rt::WeightOp weight : weights)
    rewriter.eraseOp(weight);
}

/// Makes a model at stage `llvm` of `module`, which has no candidate any more;
/// its weights become arguments, and `data` their bytes.
static llvm::Error
lower(ModuleOp module, RandomWeights &weights,
      SmallVectorImpl<std::pair<RankedTensorType, const void *>> &data) {
  // Raising stacks weights by ops, and another pass makes recipes of them: that
  // is proven too.
  PassManager fold(module.getContext(), ModuleOp::getOperationName());
  // A layer on [batch, sequence, ...] rows has them as [1, T, ...] here.
  fold.addPass(onnx::createInferShapesPass());
  fold.addPass(createFoldWeightRecipesPass());
  if (failed(fold.run(module)))
    return llvm::createStringError("does not compile");
  SmallVector<rt::WeightOp> used(module.getOps<rt::WeightOp>());
  for (rt::WeightOp weight : used) {
    llvm::Expected<const void *> bytes = weights.get(weight);
    if (!bytes)
      return bytes.takeError();
    data.push_back({cast<RankedTensorType>(weight.getType()), *bytes});
  }
  passWeights(*module.getOps<func::FuncOp>().begin(), used);

  PassManager pm(module.getContext(), ModuleOp::getOperationName());
  buildPipeline(pm, Stage::MoEOpt, Stage::LLVM);
  if (failed(pm.run(module)))
    return llvm::createStringError("does not compile");
  return llvm::Error::success();
}

llvm::Error Side::load(StringRef object, uint64_t memoryLimit) {
  auto builder = llvm::orc::LLJITBuilder();
  builder.setPlatformSetUp(llvm::orc::setUpInactivePlatform);
  llvm::Expected<std::unique_ptr<llvm::orc::LLJIT>> created = builder.create();
  if (!created)
    return created.takeError();
  jit = std::move(*created);
  llvm::orc::SymbolMap symbols;
  for (const moe_rt_symbol *symbol = moe_rt_symbols(); symbol->name; ++symbol)
    symbols[jit->mangleAndIntern(symbol->name)] = {
        llvm::orc::ExecutorAddr::fromPtr(symbol->address),
        llvm::JITSymbolFlags::Exported};
  if (llvm::Error error = jit->getMainJITDylib().define(
          llvm::orc::absoluteSymbols(std::move(symbols))))
    return error;
  auto buffer = llvm::MemoryBuffer::getFile(object);
  if (!buffer)
    return llvm::errorCodeToError(buffer.getError());
  if (llvm::Error error = jit->addObjectFile(std::move(*buffer)))
    return error;
  llvm::Expected<llvm::orc::ExecutorAddr> model =
      jit->lookup("moe_model_descriptor");
  if (!model)
    return model.takeError();

  moe_options options{};
  options.struct_size = sizeof(options);
  options.num_threads = 1;
  options.memory_limit = memoryLimit;
  if (moe_rt_create(model->toPtr<const moe_model_desc *>(), nullptr, &options,
                    &context) != MOE_OK)
    return llvm::createStringError(moe_last_error(nullptr));
  return llvm::Error::success();
}

llvm::Expected<std::unique_ptr<Side>>
Side::compile(ModuleOp module, Region &region, RandomWeights &weights,
              StringRef folder, StringRef name, unsigned optLevel,
              uint64_t memoryLimit) {
  std::string first;
  ScopedDiagnosticHandler handler(
      module.getContext(), [&](Diagnostic &diagnostic) {
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error &&
            first.empty())
          first = diagnostic.str();
        return success();
      });
  auto fail = [&](const Twine &what) {
    return llvm::createStringError("the " + name + " side " + what +
                                   (first.empty() ? "" : ": ") + first);
  };

  std::unique_ptr<Side> side(new Side());
  OwningOpRef<ModuleOp> clone = module.clone();
  auto function = *clone->getOps<func::FuncOp>().begin();
  CandidateOp candidate;
  clone->walk([&](CandidateOp op) { candidate = op; });
  inlineRegion(function, candidate->getRegion(region.getRegionNumber()));
  for (Type type : function.getResultTypes())
    side->outputTypes.push_back(getElementTypeOrSelf(type));
  if (llvm::Error error = lower(*clone, weights, side->weights))
    return fail(llvm::toString(std::move(error)));

  SmallString<128> object(folder);
  llvm::sys::path::append(object, name + ".o");
  ArtefactOptions options;
  options.emit = Stage::Obj;
  options.output = object.str().str();
  options.modelName = "candidate";
  options.optLevel = optLevel;
  // The functions of the sanitizer's runtime would not be found.
  options.sanitizeAddress = false;
  if (failed(emitArtefact(*clone, options)))
    return fail("does not compile");
  if (llvm::Error error = side->load(object, memoryLimit))
    return fail("does not load: " + llvm::toString(std::move(error)));
  return side;
}

//===----------------------------------------------------------------------===//
// Runs
//===----------------------------------------------------------------------===//

static moe_dtype getDType(Type type) {
  auto bits = static_cast<uint8_t>(type.getIntOrFloatBitWidth());
  if (type.isInteger(1))
    return {MOE_BOOL, 8, 1};
  if (type.isBF16())
    return {MOE_BFLOAT, bits, 1};
  if (isa<FloatType>(type))
    return {MOE_FLOAT, bits, 1};
  return {static_cast<uint8_t>(type.isUnsignedInteger() ? MOE_UINT : MOE_INT),
          bits, 1};
}

static moe_tensor makeTensor(void *data, Type elementType,
                             ArrayRef<int64_t> shape) {
  moe_tensor tensor{};
  tensor.data = data;
  tensor.device.type = 1;
  tensor.ndim = int32_t(shape.size());
  tensor.dtype = getDType(elementType);
  // Inputs are only read.
  tensor.shape = const_cast<int64_t *>(shape.data());
  return tensor;
}

Side::Outcome Side::run(MutableArrayRef<Array> rows) {
  std::vector<moe_tensor> inputs, outputs(outputTypes.size());
  for (Array &row : rows)
    inputs.push_back(
        makeTensor(row.data(), row.getElementType(), row.getShape()));
  for (auto [type, data] : weights)
    inputs.push_back(makeTensor(const_cast<void *>(data), type.getElementType(),
                                type.getShape()));
  Outcome outcome;
  outcome.status = moe_run(context, inputs.data(), int32_t(inputs.size()),
                           outputs.data(), int32_t(outputs.size()));
  if (outcome.status != MOE_OK) {
    outcome.message = moe_last_error(context);
    return outcome;
  }
  for (auto [tensor, type] : llvm::zip_equal(outputs, outputTypes))
    outcome.outputs.emplace_back(
        type, ArrayRef<int64_t>(tensor.shape, tensor.ndim), tensor.data);
  return outcome;
}
