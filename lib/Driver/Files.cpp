//===- Files.cpp - Writing whole files ------------------------------------===//
//
// A reader never sees half of an output: it is written beside its place, synced
// to catch a full disk, and renamed.
//
//===----------------------------------------------------------------------===//
#include "Array.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace moe;

void moe::writeWhole(const std::string &path,
                     const std::function<void(const std::string &)> &write) {
  // A pipe or a device cannot be replaced, only written.
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    write(path);
    return;
  }
  std::string temporary = path + ".tmp" + std::to_string(getpid());
  try {
    write(temporary);
    if (std::rename(temporary.c_str(), path.c_str()) != 0)
      throw DriverError("cannot write '" + path + "': " + std::strerror(errno));
  } catch (...) {
    std::remove(temporary.c_str());
    throw;
  }
}

namespace {

/// A file being written; every failure is an error that names `path`.
class OutputFile {
public:
  OutputFile(const std::string &temporary, const std::string &path)
      : file(std::fopen(temporary.c_str(), "wb")), path(path) {
    if (!file)
      fail();
  }
  ~OutputFile() {
    if (file)
      std::fclose(file);
  }
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  void write(const char *data, size_t size) {
    if (size > 0 && std::fwrite(data, 1, size, file) != size)
      fail();
  }

  void close() {
    // Some file systems report a full disk only here.
    if (std::fflush(file) != 0 || fsync(fileno(file)) != 0)
      if (errno != EINVAL && errno != ENOTSUP)
        fail();
    std::FILE *closing = file;
    file = nullptr;
    if (std::fclose(closing) != 0)
      fail();
  }

private:
  [[noreturn]] void fail() {
    throw DriverError("cannot write '" + path + "': " + std::strerror(errno));
  }

  std::FILE *file;
  std::string path;
};

} // namespace

void moe::writeNpyFile(const std::string &path, const Array &array) {
  writeWhole(path, [&](const std::string &temporary) {
    OutputFile file(temporary, path);
    std::string header = makeNpyHeader(array);
    file.write(header.data(), header.size());
    file.write(array.bytes.data(), array.bytes.size());
    file.close();
  });
}

void moe::writeTextFile(const std::string &path, const std::string &text) {
  writeWhole(path, [&](const std::string &temporary) {
    OutputFile file(temporary, path);
    file.write(text.data(), text.size());
    file.close();
  });
}
