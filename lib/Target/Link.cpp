//===- Link.cpp - Objects to executables and libraries --------------------===//
//
// Through the system's C compiler driver, which knows where libc is. Nothing
// but libc and libm is asked of the system.
//
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace moe;

/// A C compiler driver, or an empty string. Instrumented code needs the
/// sanitizer library of the LLVM that instrumented it.
static std::string findDriver(bool sanitize) {
  static constexpr StringRef any[] = {"cc", "gcc", "clang", "clang-22"};
  static constexpr StringRef ours[] = {"clang-22"};
  for (StringRef name : sanitize ? ArrayRef(ours) : ArrayRef(any))
    if (auto path = llvm::sys::findProgramByName(name))
      return *path;
  return {};
}

LogicalResult moe::link(Location loc, StringRef object,
                        const ArtefactOptions &options, StringRef path) {
  // The runtime archive of a sanitized build is instrumented itself.
  bool sanitize = options.sanitizeAddress || sanitizedBuild;
  std::string driver = findDriver(sanitize);
  if (driver.empty() && sanitize)
    return emitError(loc, "linking with AddressSanitizer needs clang-22: "
                          "install it so that 'clang-22' is found (Debian: "
                          "clang-22 and libclang-rt-22-dev), or use "
                          "--emit=obj");
  if (driver.empty())
    return emitError(loc, "linking needs a C compiler driver: install one so "
                          "that 'cc' is found (Debian: gcc and libc6-dev), or "
                          "use --emit=obj");
  bool isLibrary = options.emit == Stage::Lib;
  std::string runtime = options.runtimeDir + "/libmoe_rt.a";
  std::string main = options.runtimeDir + "/moe_exe_main.o";
  for (StringRef file : {StringRef(runtime), StringRef(main)})
    if (!llvm::sys::fs::exists(file))
      return emitError(loc, "the compiler's runtime is incomplete: '")
             << file << "' is missing; install or build it again";

  SmallVector<StringRef> arguments{driver, "-o", path, object};
  if (isLibrary)
    llvm::append_values(arguments, "-shared", "-Wl,--whole-archive", runtime,
                        "-Wl,--no-whole-archive");
  else
    llvm::append_values(arguments, "-pie", main, runtime);
  // Its library holds UBSan's too. A shared library links neither: the program
  // that opens it brings them.
  if (sanitize)
    arguments.push_back("-fsanitize=address");
  llvm::append_values(arguments, "-Wl,--gc-sections", "-Wl,-z,noexecstack",
                      "-Wl,--build-id=none", "-lm", "-lpthread");

  // Beside the result, in a folder that leaves with all that it holds.
  std::string log = (path + ".log").str();
  std::optional<StringRef> redirects[] = {StringRef(), log, log};
  std::string message;
  int rc = llvm::sys::ExecuteAndWait(driver, arguments, std::nullopt, redirects,
                                     /*SecondsToWait=*/0, /*MemoryLimit=*/0,
                                     &message);
  auto printed = llvm::MemoryBuffer::getFile(log);
  if (rc == 0)
    return success();
  InFlightDiagnostic diagnostic = emitError(loc, "linking with '")
                                  << driver << "' failed";
  if (!message.empty())
    diagnostic << ": " << message;
  if (printed)
    diagnostic.attachNote(loc) << (*printed)->getBuffer().rtrim();
  return diagnostic;
}
