//===- ScratchFolder.cpp - A folder that leaves with its maker ------------===//
//
// LLVM removes files when a signal comes, but no folders. A handler may only
// make system calls, so it reads folders by them: neither opendir() nor
// malloc() may run there.
//
//===----------------------------------------------------------------------===//
#include "moe/Target/ScratchFolder.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FileSystem.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <iterator>
#include <mutex>
#include <sys/syscall.h>
#include <unistd.h>

using namespace moe;

static constexpr int endingSignals[] = {SIGHUP, SIGINT, SIGTERM};

/// Paths of the live folders, outer ones first. What finds no place is only
/// removed in the ordinary way.
static std::atomic<const char *> livePaths[8];
/// What the signals did before the first folder was made.
static struct sigaction previous[std::size(endingSignals)];

namespace {
/// The fixed part of what SYS_getdents64 writes per entry.
struct DirectoryEntry {
  uint64_t inode;
  int64_t next;
  uint16_t length;
  unsigned char type;
  char name[1];
};

/// Keeps the signals from the calling thread.
class BlockedSignals {
public:
  BlockedSignals() {
    sigset_t blocked;
    sigemptyset(&blocked);
    for (int signal : endingSignals)
      sigaddset(&blocked, signal);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }

private:
  sigset_t before;
};
} // namespace

/// Removes the files of a folder and the folder, by system calls alone. Folders
/// in it have gone before.
static void removeFolder(const char *path) {
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0)
    return;
  alignas(DirectoryEntry) char buffer[4096];
  long size;
  while ((size = syscall(SYS_getdents64, folder, buffer, sizeof(buffer))) > 0)
    for (long at = 0; at < size;) {
      auto *entry = reinterpret_cast<DirectoryEntry *>(buffer + at);
      unlinkat(folder, buffer + at + offsetof(DirectoryEntry, name), 0);
      at += entry->length;
    }
  close(folder);
  rmdir(path);
}

/// Removes the live folders and lets the signal do what it did before.
static void handleSignal(int signal) {
  int error = errno;
  for (std::atomic<const char *> &path : llvm::reverse(livePaths))
    if (const char *live = path.exchange(nullptr))
      removeFolder(live);
  for (auto [i, ending] : llvm::enumerate(endingSignals))
    sigaction(ending, &previous[i], nullptr);
  errno = error;
  raise(signal);
}

/// Once: a handler that others put on top of ours comes to ours in the end.
static void installHandlers() {
  struct sigaction action = {};
  action.sa_handler = handleSignal;
  sigfillset(&action.sa_mask);
  for (auto [i, signal] : llvm::enumerate(endingSignals)) {
    sigaction(signal, nullptr, &previous[i]);
    if (previous[i].sa_handler != SIG_IGN)
      sigaction(signal, &action, nullptr);
  }
}

llvm::Expected<std::unique_ptr<ScratchFolder>>
ScratchFolder::create(const llvm::Twine &prefix) {
  BlockedSignals blocked;
  static std::once_flag installed;
  std::call_once(installed, installHandlers);
  llvm::SmallString<256> path;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory(prefix, path))
    return llvm::errorCodeToError(code);
  return std::unique_ptr<ScratchFolder>(new ScratchFolder(path));
}

ScratchFolder::ScratchFolder(llvm::StringRef folder) : path(folder) {
  for (std::atomic<const char *> &live : livePaths) {
    const char *none = nullptr;
    if (live.compare_exchange_strong(none, path.c_str()))
      return;
  }
}

ScratchFolder::~ScratchFolder() {
  BlockedSignals blocked;
  (void)llvm::sys::fs::remove_directories(path);
  for (std::atomic<const char *> &live : livePaths) {
    const char *own = path.c_str();
    live.compare_exchange_strong(own, nullptr);
  }
}

std::string ScratchFolder::file(llvm::StringRef name) const {
  return (path + "/" + name).str();
}

IgnoredSignals::IgnoredSignals() {
  for (int signal : endingSignals) {
    struct sigaction action;
    if (sigaction(signal, nullptr, &action) == 0 &&
        action.sa_handler == SIG_IGN)
      signals.push_back(signal);
  }
}

void IgnoredSignals::restore() const {
  struct sigaction ignore = {};
  ignore.sa_handler = SIG_IGN;
  for (int signal : signals)
    sigaction(signal, &ignore, nullptr);
}
