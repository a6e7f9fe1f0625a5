//===- Npz.cpp - .npz files -----------------------------------------------===//
//
// An .npz is a zip of .npy members. minizip reads and writes the zip.
//
//===----------------------------------------------------------------------===//
#include "Array.h"

#include <minizip/unzip.h>
#include <minizip/zip.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <unistd.h>

using namespace moe;

/// Members beyond this are taken for an attack.
static constexpr size_t maxMembers = 1 << 16;

static bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() &&
         text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Reads the member that `zip` stands at.
static std::pair<std::string, Array> readMember(unzFile zip,
                                                const std::string &path) {
  char name[1024];
  unz_file_info64 info;
  if (unzGetCurrentFileInfo64(zip, &info, name, sizeof(name), nullptr, 0,
                              nullptr, 0) != UNZ_OK ||
      info.size_filename >= sizeof(name))
    throw DriverError("'" + path + "': the zip directory is damaged");
  std::string where = "'" + path + "', member '" + name + "'";
  if (unzOpenCurrentFile(zip) != UNZ_OK)
    throw DriverError(where + ": cannot be opened; the zip is damaged or uses "
                              "an unknown compression");
  Array array = readNpy(
      [&](char *to, size_t size) -> size_t {
        int count = unzReadCurrentFile(
            zip, to, (unsigned)std::min<size_t>(size, INT_MAX));
        if (count < 0)
          throw DriverError(where + ": the zip is damaged");
        return (size_t)count;
      },
      where);
  if (unzCloseCurrentFile(zip) == UNZ_CRCERROR)
    throw DriverError(where + ": its checksum is wrong; the zip is damaged");
  std::string key = name;
  if (endsWith(key, ".npy"))
    key.resize(key.size() - 4);
  return {key, std::move(array)};
}

NamedArrays moe::readNpzFile(const std::string &path) {
  if (access(path.c_str(), R_OK) != 0)
    throw DriverError("cannot read '" + path + "': " + std::strerror(errno));
  std::unique_ptr<void, int (*)(unzFile)> zip(unzOpen64(path.c_str()),
                                              unzClose);
  if (!zip)
    throw DriverError("'" + path + "' is not an .npz file (no zip)");
  NamedArrays arrays;
  int status = unzGoToFirstFile(zip.get());
  for (; status == UNZ_OK; status = unzGoToNextFile(zip.get())) {
    if (arrays.size() == maxMembers)
      throw DriverError("'" + path + "' has too many members");
    arrays.push_back(readMember(zip.get(), path));
  }
  if (status != UNZ_END_OF_LIST_OF_FILE)
    throw DriverError("'" + path + "': the zip directory is damaged");
  return arrays;
}

static void writeMember(zipFile zip, const std::string &name,
                        const Array &array, const std::string &path) {
  zip_fileinfo info{};
  bool large = array.bytes.size() >= 0xf0000000u;
  bool good = zipOpenNewFileInZip64(zip, (name + ".npy").c_str(), &info,
                                    nullptr, 0, nullptr, 0, nullptr,
                                    /*method=*/0, 0, large) == ZIP_OK;
  std::string header = makeNpyHeader(array);
  good = good && zipWriteInFileInZip(zip, header.data(),
                                     (unsigned)header.size()) == ZIP_OK;
  for (size_t at = 0; good && at < array.bytes.size();) {
    size_t piece = std::min<size_t>(array.bytes.size() - at, 1 << 30);
    good = zipWriteInFileInZip(zip, array.bytes.data() + at, (unsigned)piece) ==
           ZIP_OK;
    at += piece;
  }
  if (!good || zipCloseFileInZip(zip) != ZIP_OK)
    throw DriverError("cannot write '" + path + "': " + std::strerror(errno));
}

void moe::writeNpzFile(const std::string &path, const NamedArrays &arrays) {
  writeWhole(path, [&](const std::string &temporary) {
    zipFile zip = zipOpen64(temporary.c_str(), APPEND_STATUS_CREATE);
    if (!zip)
      throw DriverError("cannot write '" + path + "': " + std::strerror(errno));
    try {
      for (const auto &[name, array] : arrays)
        writeMember(zip, name, array, path);
    } catch (...) {
      zipClose(zip, nullptr);
      throw;
    }
    if (zipClose(zip, nullptr) != ZIP_OK)
      throw DriverError("cannot write '" + path + "': " + std::strerror(errno));
  });
}
