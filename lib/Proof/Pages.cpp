//===- Pages.cpp - Address ranges with little memory behind them ----------===//
#include "Pages.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <sys/mman.h>
#include <unistd.h>

using namespace moe;

static llvm::Error fail(const llvm::Twine &what) {
  return llvm::createStringError("has no memory for weights: " + what + ": " +
                                 llvm::sys::StrError());
}

Pages &Pages::operator=(Pages &&other) noexcept {
  std::swap(place, other.place);
  std::swap(size, other.size);
  return *this;
}

Pages::~Pages() {
  if (place)
    munmap(place, size);
}

llvm::Expected<Pages> Pages::reserve(uint64_t bytes) {
  Pages pages;
  // Never 0: the address of nothing is not null either.
  pages.size = std::max(llvm::alignTo(bytes, pageSize), pageSize);
  void *place = mmap(nullptr, pages.size, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED)
    return fail(llvm::Twine(bytes) + " bytes");
  pages.place = static_cast<char *>(place);
  return pages;
}

llvm::Error Pages::fill(uint64_t begin, uint64_t end, uint64_t period,
                        llvm::function_ref<llvm::Error(char *)> write) {
  if (begin == end)
    return llvm::Error::success();
  period = std::min(period, end - begin);
  // The range itself cannot be the file's first view: code only reads it.
  int file = memfd_create("moe-prove", MFD_CLOEXEC);
  if (file < 0)
    return fail("memfd_create");
  llvm::scope_exit closeFile([&] { close(file); });
  uint64_t bytes = llvm::alignTo(period, pageSize);
  if (ftruncate(file, off_t(bytes)) != 0)
    return fail("ftruncate");
  void *view =
      mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (view == MAP_FAILED)
    return fail("mmap");
  llvm::Error error = write(static_cast<char *>(view));
  munmap(view, bytes);
  if (error)
    return error;
  for (uint64_t next = begin; next < end; next += bytes)
    if (mmap(place + next, std::min(bytes, llvm::alignTo(end, pageSize) - next),
             PROT_READ, MAP_PRIVATE | MAP_FIXED, file, 0) == MAP_FAILED)
      return fail("mmap");
  return llvm::Error::success();
}
