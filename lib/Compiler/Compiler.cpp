//===- Compiler.cpp - A model file in, any stage or artefact out ----------===//
#include "moe/Compiler/Compiler.h"

#include "LayerReport.h"

#include "mlir/Dialect/Arith/Transforms/BufferDeallocationOpInterfaceImpl.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/FuncBufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/ControlFlow/Transforms/BufferDeallocationOpInterfaceImpl.h"
#include "mlir/Dialect/ControlFlow/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/AllInterfaces.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/AllocationOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/Transforms/BufferDeallocationOpInterfaceImpl.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/X86Vector/X86VectorDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "moe/Import/ONNX/ImportONNX.h"
#include "moe/Pipelines/Pipelines.h"
#include "moe/Proof/Proof.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;
using namespace moe;

std::unique_ptr<MLIRContext> moe::createCompilerContext() {
  DialectRegistry registry;
  registry
      .insert<MoEDialect, onnx::ONNXDialect, rt::RTDialect, arith::ArithDialect,
              bufferization::BufferizationDialect, func::FuncDialect,
              linalg::LinalgDialect, LLVM::LLVMDialect, math::MathDialect,
              memref::MemRefDialect, scf::SCFDialect, tensor::TensorDialect,
              vector::VectorDialect, x86vector::X86VectorDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
  registerRaiseEvaluator(registry);
  rt::registerBufferizableOpInterfaceExternalModels(registry);
  arith::registerBufferDeallocationOpInterfaceExternalModels(registry);
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  bufferization::func_ext::registerBufferizableOpInterfaceExternalModels(
      registry);
  cf::registerBufferDeallocationOpInterfaceExternalModels(registry);
  cf::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerAllDialectInterfaceImplementations(registry);
  memref::registerAllocationOpInterfaceExternalModels(registry);
  scf::registerBufferDeallocationOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerInferTypeOpInterfaceExternalModels(registry);
  tensor::registerSubsetOpInterfaceExternalModels(registry);
  auto context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

std::string moe::findRuntimeDir(const char *argv0) {
  static int anchor;
  std::string program = llvm::sys::fs::getMainExecutable(argv0, &anchor);
  SmallString<256> path(llvm::sys::path::parent_path(program));
  llvm::sys::path::append(path, "..", "lib");
  llvm::sys::path::remove_dots(path, /*remove_dot_dot=*/true);
  return path.str().str();
}

/// The folder that spans of weights are relative to.
static std::string getModelFolder(const CompilerOptions &options) {
  return llvm::sys::path::parent_path(options.input).str();
}

/// The first stage whose contract a module read from text keeps.
static std::optional<Stage> findStage(ModuleOp module) {
  ScopedDiagnosticHandler silence(module.getContext(),
                                  [](Diagnostic &) { return success(); });
  for (const StageInfo &info : getStages())
    if (isTextStage(info.stage) && succeeded(verifyStage(module, info.stage)))
      return info.stage;
  return std::nullopt;
}

/// Reads the input and says at which stage it is (none: just imported).
static OwningOpRef<ModuleOp> readInput(MLIRContext &context,
                                       const CompilerOptions &options,
                                       std::optional<Stage> &stage) {
  StringRef extension = llvm::sys::path::extension(options.input);
  if (extension == ".onnx" || extension == ".onnxtxt") {
    ImportONNXOptions import;
    import.dims = options.dims;
    import.hashWeights = options.weights != WeightsMode::Deferred;
    return importONNX(options.input, context, import);
  }
  Location loc = NameLoc::get(StringAttr::get(&context, options.input));
  if (extension != ".mlir") {
    emitError(loc, "expected a model file ending in .onnx, .onnxtxt or .mlir");
    return nullptr;
  }
  if (!options.dims.empty()) {
    emitError(loc, "--dim fixes dims of .onnx models; the types of .mlir text "
                   "are as written");
    return nullptr;
  }
  OwningOpRef<ModuleOp> module =
      parseSourceFile<ModuleOp>(options.input, ParserConfig(&context));
  if (!module)
    return nullptr;
  stage = findStage(*module);
  if (!stage) {
    // The contract that it should keep is unknown: the widest one tells most.
    (void)verifyStage(*module, Stage::Tensor);
    return nullptr;
  }
  // Text may have any types at its interface; passes rely on ours.
  if (*stage < Stage::LLVM && !rt::getEntryFunction(*module))
    return nullptr;
  return module;
}

/// Writes a module as text, whole or not at all; "-" is standard output.
static LogicalResult writeModule(ModuleOp module, StringRef path) {
  auto fail = [&](std::error_code code) {
    return module.emitError("cannot write '")
           << path << "': " << code.message();
  };
  if (path == "-" || path.empty()) {
    llvm::raw_fd_ostream &out = llvm::outs();
    module.print(out);
    out << "\n";
    out.flush();
    std::error_code code = out.error();
    out.clear_error();
    if (code)
      return module.emitError("cannot write to standard output: ")
             << code.message();
    return success();
  }
  // A device or a pipe is written to, never replaced by a file.
  if (llvm::sys::fs::exists(path) && !llvm::sys::fs::is_regular_file(path)) {
    std::error_code code;
    llvm::raw_fd_ostream out(path, code);
    if (code)
      return fail(code);
    module.print(out);
    out << "\n";
    out.close();
    code = out.error();
    out.clear_error();
    return code ? fail(code) : success();
  }
  llvm::Expected<llvm::sys::fs::TempFile> file =
      llvm::sys::fs::TempFile::create(path + ".tmp-%%%%%%");
  if (!file)
    return fail(llvm::errorToErrorCode(file.takeError()));
  std::error_code code;
  {
    llvm::raw_fd_ostream out(file->FD, /*shouldClose=*/false);
    module.print(out);
    out << "\n";
    out.flush();
    code = out.error();
    out.clear_error();
  }
  if (code) {
    llvm::consumeError(file->discard());
    return fail(code);
  }
  if (llvm::Error error = file->keep(path))
    return fail(llvm::errorToErrorCode(std::move(error)));
  return success();
}

/// Writes the text of a stage to the folder that asks for it.
static LogicalResult saveStage(ModuleOp module, const StageInfo &info,
                               StringRef folder) {
  if (std::error_code code = llvm::sys::fs::create_directories(
          folder, /*IgnoreExisting=*/true, llvm::sys::fs::all_all))
    return module->emitError("cannot make the folder '")
           << folder << "': " << code.message();
  SmallString<256> path(folder);
  llvm::sys::path::append(path,
                          std::to_string(static_cast<int>(info.stage) + 1) +
                              "-" + info.name + ".mlir");
  return writeModule(module, path);
}

/// Layers that could not be raised are an error where that was asked for.
static LogicalResult checkLayers(ModuleOp module, const LayerReport &layers) {
  SmallVector<std::string> missed = layers.getMissed();
  if (missed.empty())
    return success();
  InFlightDiagnostic diagnostic = module.emitError("--require-raise: ")
                                  << missed.size() << " MoE layer"
                                  << (missed.size() == 1 ? "" : "s")
                                  << " would run as the graph was written: ";
  llvm::interleaveComma(missed, diagnostic);
  return diagnostic;
}

/// The pipelines that lead from `stage` to the one asked for, one pass manager
/// per stage, so that each stage's text can be saved.
static LogicalResult runStages(ModuleOp module, std::optional<Stage> stage,
                               const CompilerOptions &options) {
  LayerReport layers(*module.getContext());
  PipelineOptions pipeline;
  pipeline.instrumentLoad = options.instrumentLoad;
  pipeline.convertWeights = options.convertWeights;
  pipeline.instrumentProfile = options.instrumentProfile;
  FailureOr<VectorISA> isa = findVectorISA(module.getLoc(), options.targetCPU);
  if (failed(isa))
    return failure();
  pipeline.isa = *isa;
  pipeline.bf16Dot = options.bf16Dot;
  if (options.bf16Dot && getVectorISAInfo(*isa).bf16Step == 1)
    return module.emitError("--bf16-dot needs AVX512_BF16, which the target "
                            "CPU '")
           << options.targetCPU
           << "' lacks: leave it out for activations in f32, or give a "
              "--target-cpu such as cooperlake, sapphirerapids or znver4";
  // Deferred weights are not read at compile time.
  if (options.weights != WeightsMode::Deferred) {
    pipeline.modelFolder = getModelFolder(options);
    if (pipeline.modelFolder.empty())
      pipeline.modelFolder = ".";
  }
  for (const StageInfo &info : getStages()) {
    if (!isTextStage(info.stage) || info.stage > options.emit ||
        (stage && info.stage <= *stage))
      continue;
    PassManager pm(module.getContext(), ModuleOp::getOperationName());
    buildPipeline(pm, stage, info.stage, pipeline);
    if (failed(pm.run(module)))
      return failure();
    stage = info.stage;
    if (!options.saveStages.empty() &&
        failed(saveStage(module, info, options.saveStages)))
      return failure();
    if (info.stage == Stage::MoE)
      layers.findAttention(module);
    if (info.stage != std::min(options.emit, Stage::MoEOpt))
      continue;
    if (options.layerLines)
      layers.print(*options.layerLines);
    if (options.requireRaise && failed(checkLayers(module, layers)))
      return failure();
  }
  return success();
}

LogicalResult moe::compile(MLIRContext &context,
                           const CompilerOptions &options) {
  if (llvm::sys::fs::equivalent(options.input, options.output))
    return emitError(
        NameLoc::get(StringAttr::get(&context, options.input)),
        "the output would replace the model: give another file with -o");
  std::optional<Stage> stage;
  OwningOpRef<ModuleOp> module = readInput(context, options, stage);
  if (!module)
    return failure();
  if (stage && isTextStage(options.emit) && *stage > options.emit)
    return module->emitError("is at stage '")
           << getStageInfo(*stage).name << "', past the stage '"
           << getStageInfo(options.emit).name << "' that was asked for";

  if (failed(runStages(*module, stage, options)))
    return failure();
  if (isTextStage(options.emit))
    return writeModule(*module, options.output);

  ArtefactOptions artefact;
  artefact.emit = options.emit;
  artefact.output = options.output;
  artefact.modelDir = getModelFolder(options);
  artefact.modelName = llvm::sys::path::stem(options.input).str();
  artefact.targetCPU = options.targetCPU;
  artefact.weights = options.weights;
  artefact.optLevel = options.optLevel;
  artefact.sanitizeAddress = options.sanitizeAddress;
  artefact.runtimeDir = options.runtimeDir;
  return emitArtefact(*module, artefact);
}
