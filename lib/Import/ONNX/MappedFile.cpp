//===- MappedFile.cpp - A file's bytes without a copy ---------------------===//
//
// A file that another process truncates while it is mapped ends the compiler
// with SIGBUS, as with every reader that maps: the tools never edit in place.
//
//===----------------------------------------------------------------------===//
#include "MappedFile.h"

#include "ImportError.h"
#include "llvm/Support/xxhash.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moe::importer {

namespace {

/// Closes a descriptor at the end of a scope.
struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0)
      ::close(fd);
  }
};

} // namespace

MappedFile::MappedFile(llvm::StringRef path, bool followLink) {
  // O_NONBLOCK: opening a pipe must not wait for its writer.
  int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followLink ? 0 : O_NOFOLLOW);
  Descriptor file{::open(path.str().c_str(), flags)};
  if (file.fd < 0)
    throw ImportError("cannot open '" + path + "': " + std::strerror(errno));
  struct stat status;
  if (::fstat(file.fd, &status) != 0)
    throw ImportError("cannot read '" + path + "': " + std::strerror(errno));
  if (!S_ISREG(status.st_mode))
    throw ImportError("'" + path + "' is not a regular file");
  size = static_cast<size_t>(status.st_size);
  if (size == 0)
    return;
  data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data == MAP_FAILED) {
    data = nullptr;
    throw ImportError("cannot map '" + path + "': " + std::strerror(errno));
  }
}

MappedFile::~MappedFile() {
  if (data)
    ::munmap(data, size);
}

uint64_t MappedFile::hash(uint64_t offset, uint64_t length) const {
  // Whole pages around the range; advice on them is harmless if it fails.
  uint64_t page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  uint64_t begin = offset / page * page;
  char *first = static_cast<char *>(data) + begin;
  size_t extent = static_cast<size_t>(offset + length - begin);
  ::madvise(first, extent, MADV_SEQUENTIAL);
  uint64_t result = llvm::xxh3_64bits(bytes().slice(offset, length));
  ::madvise(first, extent, MADV_DONTNEED);
  return result;
}

} // namespace moe::importer
