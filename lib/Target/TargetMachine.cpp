//===- TargetMachine.cpp - The CPU that code is generated for -------------===//
#include "Internal.h"

#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"

using namespace mlir;
using namespace moe;

/// Features of x86 CPUs that code goes without, though LLVM's names of CPUs
/// imply them. Virtual machines hide many of them, and a model that required
/// them would refuse to run there for instructions that it does not have. They
/// are switched off, and not only left out of what a run must check, so that
/// instruction selection cannot use them either.
///
/// A feature is here if its instructions do not compute what a model computes,
/// or if instruction selection uses them for intrinsics only, of which we write
/// none; and AMD's that AVX and FMA replace. What implies one of them goes too.
static constexpr llvm::StringLiteral unusedFeatures[] = {
    // State of the system and of threads, and who may read it.
    "enqcmd", "fsgsbase", "fxsr", "hreset", "invpcid", "kl", "pconfig", "pku",
    "sgx", "shstk", "uintr", "usermsr", "widekl", "xsave", "xsavec", "xsaveopt",
    "xsaves",
    // Waiting, transactions, tracing, clocks.
    "lwp", "mwaitx", "ptwrite", "rdpid", "rdpru", "rtm", "serialize",
    "tsxldtrk", "waitpkg",
    // Lines of caches, and stores past them.
    "cldemote", "clflushopt", "clwb", "clzero", "movdir64b", "movdiri",
    "prefetchi", "wbnoinvd",
    // Random numbers, checksums, ciphers.
    "aes", "crc32", "pclmul", "rdrnd", "rdseed", "sha", "sha512", "sm3", "sm4",
    "vaes", "vpclmulqdq",
    // Tiles, whose registers a program must ask the system for.
    "amx-tile",
    // AMD's; SSE4A is implied by FMA4 and that by XOP.
    "sse4a"};

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
  if (triple.isX86())
    for (StringRef feature : unusedFeatures)
      features.AddFeature(feature, /*Enable=*/false);
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget(
      target->createMCSubtargetInfo(triple, "", ""));
  if (!subtarget->isCPUStringValid(name)) {
    emitError(loc, "unknown target CPU '")
        << name << "'; 'native' or a name that LLVM knows, such as "
        << "'x86-64-v3', is expected";
    return nullptr;
  }
  subtarget.reset(target->createMCSubtargetInfo(triple, name, ""));
  // LLVM would end the process.
  if (triple.getArch() == llvm::Triple::x86_64 &&
      !subtarget->checkFeatures("+64bit")) {
    emitError(loc, "the target CPU '")
        << name << "' runs no 64-bit code; a newer one is expected, such as "
        << "'x86-64-v3'";
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
