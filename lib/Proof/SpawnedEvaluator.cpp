//===- SpawnedEvaluator.cpp - Proofs in a process of their own ------------===//
//
// The compiler's side: writes candidates to files, spawns moe-prove and reads
// its lines of JSON. One process takes all candidates in turn; when it ends
// early, the one that it was at is not proven, and another process goes on with
// the next.
//
//===----------------------------------------------------------------------===//
#include "moe/Proof/Proof.h"

#include "moe/Target/ScratchFolder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace moe;

namespace {
class SpawnedEvaluator final : public RaiseEvaluator {
public:
  using RaiseEvaluator::RaiseEvaluator;

  SmallVector<RaiseVerdict> evaluate(ArrayRef<std::string> candidates,
                                     const ProofLimits &limits) const override;
};

/// Files of one call.
struct Workplace {
  ScratchFolder &folder;
  std::string program;
  const ProofLimits &limits;

  std::string getFile(size_t i) const {
    return folder.file("candidate-" + std::to_string(i) + ".mlir");
  }
};
} // namespace

static std::string findProgram() {
  static int anchor;
  SmallString<256> path(llvm::sys::path::parent_path(
      llvm::sys::fs::getMainExecutable(nullptr, &anchor)));
  llvm::sys::path::append(path, "moe-prove");
  return path.str().str();
}

/// Writes all of `text`, or returns why not.
static std::error_code writeFile(StringRef path, StringRef text) {
  std::error_code code;
  llvm::raw_fd_ostream out(path, code);
  if (code)
    return code;
  out << text;
  out.close();
  code = out.error();
  out.clear_error();
  return code;
}

/// Runs moe-prove on candidates from `first` on. Returns how many it came to,
/// at least one; all of those have a verdict.
static size_t runFrom(size_t first, const Workplace &place,
                      MutableArrayRef<RaiseVerdict> verdicts) {
  SmallVector<std::string> texts{
      place.program, "--seconds=" + std::to_string(place.limits.seconds),
      "--memory-mib=" + std::to_string(place.limits.memoryMiB),
      "--folder=" + place.folder.file(".")};
  for (size_t i = first; i < verdicts.size(); ++i)
    texts.push_back(place.getFile(i));
  SmallVector<StringRef> arguments(texts.begin(), texts.end());
  std::string output = place.folder.file("verdicts");
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(output),
                                          StringRef()};
  std::string message;
  bool notStarted = false;
  // Neither limit is given here: a memory limit would make LLVM fork, and a
  // time limit take the process's SIGALRM. The program limits itself.
  int rc = llvm::sys::ExecuteAndWait(
      place.program, arguments, /*Env=*/std::nullopt, redirects,
      /*SecondsToWait=*/0, /*MemoryLimit=*/0, &message, &notStarted);
  if (notStarted || rc == -1) {
    for (RaiseVerdict &verdict : verdicts.drop_front(first))
      verdict.reason = "'" + place.program + "' cannot be started: " + message;
    return verdicts.size() - first;
  }

  size_t next = first;
  std::string doing = "starting";
  bool isOver = false;
  if (auto lines = llvm::MemoryBuffer::getFile(output)) {
    SmallVector<StringRef> split;
    (*lines)->getBuffer().split(split, '\n', /*MaxSplit=*/-1,
                                /*KeepEmpty=*/false);
    for (StringRef line : split) {
      llvm::Expected<llvm::json::Value> value = llvm::json::parse(line);
      if (!value) {
        llvm::consumeError(value.takeError());
        continue;
      }
      llvm::json::Object *object = value->getAsObject();
      if (!object)
        continue;
      if (auto text = object->getString("doing"))
        doing = text->str();
      isOver |= object->getBoolean("time_is_over").value_or(false);
      auto proven = object->getBoolean("proven");
      auto reason = object->getString("reason");
      if (!proven || !reason || next == verdicts.size())
        continue;
      verdicts[next].proven = *proven;
      verdicts[next].reason = reason->str();
      ++next;
    }
  }
  if (next < verdicts.size()) {
    std::string how =
        isOver ? "took longer than " + std::to_string(place.limits.seconds) +
                     " seconds"
        : message.empty() ? "ended with exit code " + std::to_string(rc)
                          : "ended early (" + message + ")";
    verdicts[next].reason = "its proof " + how + " while " + doing;
    ++next;
  }
  return next - first;
}

SmallVector<RaiseVerdict>
SpawnedEvaluator::evaluate(ArrayRef<std::string> candidates,
                           const ProofLimits &limits) const {
  SmallVector<RaiseVerdict> verdicts(candidates.size());
  auto refuseAll = [&](const Twine &reason) {
    for (RaiseVerdict &verdict : verdicts)
      verdict.reason = reason.str();
    return verdicts;
  };
  SmallString<128> temporary;
  llvm::sys::path::system_temp_directory(/*ErasedOnReboot=*/true, temporary);
  auto folder = ScratchFolder::create(temporary + "/moe-prove");
  if (!folder)
    return refuseAll("no temporary folder for its proof: " +
                     llvm::toString(folder.takeError()));
  Workplace place{**folder, findProgram(), limits};
  for (auto [i, text] : llvm::enumerate(candidates))
    if (std::error_code code = writeFile(place.getFile(i), text))
      return refuseAll("no temporary file for its proof: " + code.message());
  for (size_t next = 0; next < candidates.size();)
    next += runFrom(next, place, verdicts);
  return verdicts;
}

void moe::registerRaiseEvaluator(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *, MoEDialect *dialect) {
    dialect->addInterfaces<SpawnedEvaluator>();
  });
}
