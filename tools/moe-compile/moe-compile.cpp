//===- moe-compile.cpp - From a model file to an artefact -----------------===//
//
// Command line only: the work is in lib/Compiler. Exit code 0: written; 1: an
// explained failure; 2: wrong usage.
//
//===----------------------------------------------------------------------===//
#include "moe/Compiler/Compiler.h"
#include "moe/Target/ScratchFolder.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"

#include <csignal>

using namespace moe;
namespace cl = llvm::cl;

static cl::OptionCategory category("moe-compile options");

static cl::opt<std::string> input(cl::Positional, cl::desc("IN"),
                                  cl::value_desc("model"), cl::Required,
                                  cl::cat(category));
static cl::opt<std::string>
    output("o", cl::value_desc("file"), cl::cat(category),
           cl::desc("Output; default: the input's name without extension, "
                    "with .o or .so; text goes to standard output"));
static cl::opt<std::string>
    targetCPU("target-cpu", cl::init("native"), cl::cat(category),
              cl::value_desc("name"),
              cl::desc("CPU to generate code for: native, or an LLVM name such "
                       "as x86-64-v3"));
static cl::list<std::string>
    dims("dim", cl::cat(category), cl::value_desc("NAME=N"),
         cl::desc("Fixes a named dim of the inputs; repeatable"));
static cl::opt<WeightsMode> weights(
    "weights", cl::cat(category), cl::desc("Where the weights lie:"),
    cl::values(clEnumValN(WeightsMode::Embed, "embed",
                          "inside the artefact (default up to 64 MiB)"),
               clEnumValN(WeightsMode::Beside, "beside",
                          "in OUT.safetensors (default above 64 MiB)"),
               clEnumValN(WeightsMode::Deferred, "deferred",
                          "in the model's own files, read at load time")));
static cl::opt<WeightStorage>
    convertWeights("convert-weights", cl::cat(category),
                   cl::init(WeightStorage::Unchanged),
                   cl::desc("Rounds the f32 matrices of experts and matmuls; "
                            "sums stay f32:"),
                   WeightStorageValues());
static cl::opt<bool> bf16Dot(
    "bf16-dot", cl::cat(category),
    cl::desc("Rounds the activations of products with bf16 weights to bf16, "
             "for the CPU's dot product (AVX512_BF16); sums stay f32"));
static cl::opt<std::string> saveStages(
    "save-stages", cl::cat(category), cl::value_desc("folder"),
    cl::desc("Writes the IR of each stage to a file in this folder"));
static cl::opt<unsigned> optLevel("O", cl::Prefix, cl::init(3),
                                  cl::cat(category),
                                  cl::desc("LLVM optimisation level, 0 to 3"));
static cl::opt<bool>
    sanitize("sanitize-address", cl::init(sanitizedBuild), cl::cat(category),
             cl::desc("Instruments the generated code with AddressSanitizer"));
static cl::opt<bool> instrumentLoad(
    "instrument-load", cl::cat(category),
    cl::desc("Lets runs count the load of each MoE layer: --report of what is "
             "compiled, and moe_get_layer_load"));
static cl::opt<bool> instrumentProfile(
    "instrument-profile", cl::cat(category),
    cl::desc("Lets runs take the time of each step: --profile of what is "
             "compiled, and moe_get_step_time"));
static cl::opt<bool> requireRaise(
    "require-raise", cl::cat(category),
    cl::desc("Makes an MoE layer that is not raised and proven an error: a "
             "frozen one, too, but not experts of attention"));

static cl::opt<Stage> emitStage("emit", cl::init(Stage::Exe), cl::cat(category),
                                cl::desc("What to write (default exe):"),
                                StageValues());

/// Reports wrong usage; the caller returns it.
static int usageError(const llvm::Twine &what) {
  llvm::errs() << "error: " << what << "; see moe-compile --help\n";
  return 2;
}

int main(int argc, char **argv) {
  IgnoredSignals ignored;
  llvm::InitLLVM init(argc, argv);
  ignored.restore();
  // A limit on the size of files is an error of write(), as a full disk is.
  std::signal(SIGXFSZ, SIG_IGN);
  cl::HideUnrelatedOptions(category);
  if (!cl::ParseCommandLineOptions(
          argc, argv, "Compiles a Mixture-of-Experts model\n", &llvm::errs()))
    return 2;

  CompilerOptions options;
  options.input = input;
  options.output = output;
  options.emit = emitStage;
  options.targetCPU = targetCPU;
  if (weights.getNumOccurrences())
    options.weights = weights;
  options.convertWeights = convertWeights;
  options.bf16Dot = bf16Dot;
  options.optLevel = optLevel;
  if (optLevel > 3)
    return usageError("-O takes 0 to 3");
  options.sanitizeAddress = sanitize;
  options.instrumentLoad = instrumentLoad;
  options.instrumentProfile = instrumentProfile;
  options.requireRaise = requireRaise;
  if (requireRaise && emitStage < Stage::MoE)
    return usageError("--require-raise needs --emit=moe or a later stage");
  options.layerLines = &llvm::errs();
  options.saveStages = saveStages;
  options.runtimeDir = findRuntimeDir(argv[0]);
  for (llvm::StringRef dim : dims) {
    auto [name, extent] = dim.split('=');
    int64_t value;
    if (name.empty() || extent.getAsInteger(10, value) || value < 0)
      return usageError("--dim expects NAME=N with N >= 0, but got '" + dim +
                        "'");
    if (!options.dims.try_emplace(name, value).second)
      return usageError("--dim gives '" + name + "' twice");
  }
  if (options.output.empty() && !isTextStage(options.emit)) {
    llvm::SmallString<256> path(llvm::sys::path::filename(options.input));
    llvm::sys::path::replace_extension(path, options.emit == Stage::Obj   ? "o"
                                             : options.emit == Stage::Lib ? "so"
                                                                          : "");
    options.output = path.str().str();
  }

  std::unique_ptr<mlir::MLIRContext> context = createCompilerContext();
  DiagnosticPrinter printer(*context);
  return failed(compile(*context, options)) ? 1 : 0;
}
