//===- ObjectCode.cpp - LLVM IR to an object file -------------------------===//
#include "Internal.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"

using namespace mlir;
using namespace moe;

/// Text may hold kernels for another CPU: code generation would abort.
static LogicalResult verifyDotProducts(ModuleOp module,
                                       const llvm::TargetMachine &machine) {
  if (machine.getTargetTriple().isX86() &&
      machine.getMCSubtargetInfo()->checkFeatures("+avx512bf16"))
    return success();
  WalkResult result = module.walk([&](LLVM::CallIntrinsicOp op) {
    if (!op.getIntrin().starts_with("llvm.x86.avx512bf16."))
      return WalkResult::advance();
    op.emitOpError("is an instruction of AVX512_BF16, which the target CPU '")
        << machine.getTargetCPU()
        << "' lacks: begin at an earlier stage, or give a --target-cpu that "
           "has "
           "it";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

std::unique_ptr<llvm::Module> moe::translate(ModuleOp module,
                                             llvm::LLVMContext &context,
                                             llvm::TargetMachine &machine) {
  if (failed(verifyDotProducts(module, machine)))
    return nullptr;
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  module.getContext()->appendDialectRegistry(registry);
  OwningOpRef<ModuleOp> code = module.clone();
  for (Operation &op : llvm::make_early_inc_range(*code->getBody()))
    if (isa<rt::RTDialect>(op.getDialect()))
      op.erase();
  std::unique_ptr<llvm::Module> result =
      translateModuleToLLVMIR(*code, context, "moe-model");
  if (!result)
    return nullptr;
  result->setTargetTriple(machine.getTargetTriple());
  result->setDataLayout(machine.createDataLayout());
  return result;
}

LogicalResult moe::emitObject(Location loc, llvm::Module &module,
                              llvm::TargetMachine &machine,
                              const ArtefactOptions &options, StringRef path) {
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    function.addFnAttr("target-features", machine.getTargetFeatureString());
    if (options.sanitizeAddress)
      function.addFnAttr(llvm::Attribute::SanitizeAddress);
  }

  llvm::PipelineTuningOptions tuning;
  // Kernels are loops; straight-line code is bookkeeping. Every copy of a load
  // or store that unrolling and vectorising make would get its own checks, and
  // code generation take 30 times as long: sanitized code stays small instead.
  tuning.LoopVectorization = !options.sanitizeAddress;
  tuning.LoopUnrolling = !options.sanitizeAddress;
  tuning.SLPVectorization = false;
  llvm::PassBuilder passBuilder(&machine, tuning);
  llvm::LoopAnalysisManager loopAnalyses;
  llvm::FunctionAnalysisManager functionAnalyses;
  llvm::CGSCCAnalysisManager cgsccAnalyses;
  llvm::ModuleAnalysisManager moduleAnalyses;
  passBuilder.registerModuleAnalyses(moduleAnalyses);
  passBuilder.registerCGSCCAnalyses(cgsccAnalyses);
  passBuilder.registerFunctionAnalyses(functionAnalyses);
  passBuilder.registerLoopAnalyses(loopAnalyses);
  passBuilder.crossRegisterProxies(loopAnalyses, functionAnalyses,
                                   cgsccAnalyses, moduleAnalyses);
  static const llvm::OptimizationLevel levels[] = {
      llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
      llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
  llvm::OptimizationLevel level = levels[std::min(options.optLevel, 3u)];
  llvm::ModulePassManager passes =
      level == llvm::OptimizationLevel::O0
          ? passBuilder.buildO0DefaultPipeline(level)
          : passBuilder.buildPerModuleDefaultPipeline(level);
  if (options.sanitizeAddress)
    passes.addPass(llvm::AddressSanitizerPass(llvm::AddressSanitizerOptions()));
  passes.run(module, moduleAnalyses);

  std::error_code code;
  llvm::raw_fd_ostream out(path, code, llvm::sys::fs::OF_None);
  if (code)
    return emitError(loc, "cannot write '") << path << "': " << code.message();
  llvm::legacy::PassManager codegen;
  if (machine.addPassesToEmitFile(codegen, out, nullptr,
                                  llvm::CodeGenFileType::ObjectFile))
    return emitError(loc, "the target cannot write object files");
  codegen.run(module);
  out.close();
  if (out.has_error()) {
    std::string what = out.error().message();
    out.clear_error();
    return emitError(loc, "cannot write '") << path << "': " << what;
  }
  return success();
}
