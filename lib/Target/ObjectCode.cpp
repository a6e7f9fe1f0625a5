//===- ObjectCode.cpp - LLVM IR to an object file -------------------------===//
#include "Internal.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/Transforms/Instrumentation/AddressSanitizer.h"

using namespace mlir;
using namespace moe;

std::unique_ptr<llvm::TargetMachine>
moe::createTargetMachine(Location loc, StringRef cpu, unsigned optLevel) {
  static const bool initialized = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::InitializeNativeTargetAsmParser();
    return true;
  }();
  (void)initialized;
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string message;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target) {
    emitError(loc, "no code generator for ") << triple.str() << ": " << message;
    return nullptr;
  }
  std::string name = cpu.str();
  llvm::SubtargetFeatures features;
  if (cpu == "native") {
    name = llvm::sys::getHostCPUName().str();
    for (const auto &feature : llvm::sys::getHostCPUFeatures())
      features.AddFeature(feature.getKey(), feature.getValue());
  }
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget(
      target->createMCSubtargetInfo(triple, "", ""));
  if (!subtarget->isCPUStringValid(name)) {
    emitError(loc, "unknown target CPU '")
        << name << "'; 'native' or a name that LLVM knows, such as "
        << "'x86-64-v3', is expected";
    return nullptr;
  }
  llvm::TargetOptions options;
  static constexpr llvm::CodeGenOptLevel levels[] = {
      llvm::CodeGenOptLevel::None, llvm::CodeGenOptLevel::Less,
      llvm::CodeGenOptLevel::Default, llvm::CodeGenOptLevel::Aggressive};
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, name, features.getString(), options, llvm::Reloc::PIC_,
      /*CM=*/std::nullopt, levels[std::min(optLevel, 3u)]));
}

FailureOr<VectorISA> moe::findVectorISA(Location loc, StringRef cpu) {
  std::unique_ptr<llvm::TargetMachine> machine =
      createTargetMachine(loc, cpu, /*optLevel=*/0);
  if (!machine)
    return failure();
  VectorISA best = VectorISA::None;
  if (!machine->getTargetTriple().isX86())
    return best;
  for (const VectorISAInfo &info : getVectorISAs())
    if (llvm::all_of(info.features, [&](StringRef feature) {
          return machine->getMCSubtargetInfo()->checkFeatures(
              ("+" + feature).str());
        }))
      best = info.isa;
  return best;
}

std::string moe::getRequiredFeatures(const llvm::TargetMachine &machine) {
  // What the CPU's name implies counts as much as what was asked for.
  llvm::SubtargetFeatures required;
  for (const llvm::SubtargetFeatureKV &feature :
       machine.getMCSubtargetInfo()->getEnabledProcessorFeatures())
    required.AddFeature(feature.Key, true);
  return required.getString();
}

std::unique_ptr<llvm::Module> moe::translate(ModuleOp module,
                                             llvm::LLVMContext &context,
                                             llvm::TargetMachine &machine) {
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
