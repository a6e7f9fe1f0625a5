//===- moe-prove.cpp - Runs both sides of candidates ----------------------===//
//
// Not for the command line: compilers spawn it, because what it runs may crash,
// hang or take all memory. Its standard output is lines of JSON: what it does
// ({"doing": ...}) and one verdict per file ({"proven": ..., "reason": ...}).
//
//===----------------------------------------------------------------------===//
#include "moe/Compiler/Compiler.h"
#include "moe/Proof/Proof.h"

#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/JSON.h"

#include <csignal>
#include <sys/resource.h>
#include <unistd.h>

using namespace moe;
namespace cl = llvm::cl;

static cl::list<std::string> inputs(cl::Positional, cl::OneOrMore,
                                    cl::desc("FILE..."));
static cl::opt<std::string> folder("folder", cl::init("."),
                                   cl::desc("Folder for object files"));
static cl::opt<unsigned> seconds("seconds", cl::init(60),
                                 cl::desc("Time for each file"));
static cl::opt<unsigned> memory("memory-mib", cl::init(4096),
                                cl::desc("Memory of this process"));

static void endOverdue(int) {
  static constexpr char line[] = "{\"time_is_over\":true}\n";
  (void)!write(STDOUT_FILENO, line, sizeof(line) - 1);
  _exit(1);
}

static ProofLimits getLimits() { return {seconds, memory}; }

static void setLimit(int resource, rlim_t value) {
  rlimit limit{value, value};
  (void)setrlimit(resource, &limit);
}

/// From here on nothing that this process does harms others.
static void limitProcess() {
  setLimit(RLIMIT_CORE, 0);
  // What is allocated, not addresses: weights have many of those, and few
  // pages, which the proof counts itself. AddressSanitizer allocates far more
  // than it uses.
  if (!sanitizedBuild)
    setLimit(RLIMIT_DATA,
             (rlim_t(memory) << 20) - getWeightMemory(getLimits()));
  rlimit cpu{rlim_t(seconds) * inputs.size(),
             rlim_t(seconds) * inputs.size() + 5};
  (void)setrlimit(RLIMIT_CPU, &cpu);
  std::signal(SIGALRM, endOverdue);
  std::signal(SIGXCPU, endOverdue);
}

static void print(llvm::json::Object line) {
  llvm::outs() << llvm::json::Value(std::move(line)) << '\n';
  llvm::outs().flush();
}

static RaiseVerdict proveFile(const std::string &path) {
  auto tell = [](llvm::StringRef what) {
    print(llvm::json::Object{{"doing", llvm::json::fixUTF8(what)}});
  };
  std::unique_ptr<mlir::MLIRContext> context = createCompilerContext();
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string message;
  {
    mlir::ScopedDiagnosticHandler handler(context.get(),
                                          [&](mlir::Diagnostic &diagnostic) {
                                            if (message.empty())
                                              message = diagnostic.str();
                                            return mlir::success();
                                          });
    tell("reading it");
    module = mlir::parseSourceFile<mlir::ModuleOp>(
        path, mlir::ParserConfig(context.get()));
  }
  if (!module)
    return {false, "its text cannot be read back: " + message};
  return proveCandidate(*module, folder, getLimits(), tell);
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Proves raised layers\n");
  limitProcess();
  for (const std::string &path : inputs) {
    alarm(seconds);
    RaiseVerdict verdict = proveFile(path);
    alarm(0);
    print(llvm::json::Object{{"proven", verdict.proven},
                             {"reason", llvm::json::fixUTF8(verdict.reason)}});
  }
  return 0;
}
