//===- ScratchFolder.h - A folder that leaves with its maker ----*- C++ -*-===//
#ifndef MOE_TARGET_SCRATCHFOLDER_H
#define MOE_TARGET_SCRATCHFOLDER_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/Error.h"

#include <memory>

namespace moe {

/// A new folder for files on their way to their places. It is removed with all
/// that it holds at the end of the object's life, and also when a signal ends
/// the process (SIGHUP, SIGINT, SIGTERM). What a child process still writes
/// into it then has no name any more.
class ScratchFolder {
public:
  /// `prefix` is the path up to the part that makes it unique. Objects end in
  /// the reverse order of their making.
  static llvm::Expected<std::unique_ptr<ScratchFolder>>
  create(const llvm::Twine &prefix);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder &) = delete;
  ScratchFolder &operator=(const ScratchFolder &) = delete;

  /// The path of a file in it.
  std::string file(llvm::StringRef name) const;

private:
  explicit ScratchFolder(llvm::StringRef path);

  llvm::SmallString<256> path;
};

/// The ending signals that the caller of the program ignores, as nohup does.
/// LLVM's handlers would catch them: made ahead of InitLLVM, `restore` behind
/// it lets them be ignored again.
class IgnoredSignals {
public:
  IgnoredSignals();
  void restore() const;

private:
  llvm::SmallVector<int, 3> signals;
};

} // namespace moe

#endif // MOE_TARGET_SCRATCHFOLDER_H
