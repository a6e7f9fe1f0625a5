//===- MappedFile.h - A file's bytes without a copy -------------*- C++ -*-===//
//
// A read-only mapping. Tensor bytes are only ever seen through it, so that they
// count as file pages, which the kernel may drop, and not as our memory.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_IMPORT_ONNX_MAPPEDFILE_H
#define MOE_LIB_IMPORT_ONNX_MAPPEDFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace moe::importer {

class MappedFile {
public:
  /// Maps the regular file at `path`. `followLink` says whether the last
  /// component may be a link. Throws ImportError.
  explicit MappedFile(llvm::StringRef path, bool followLink = true);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  llvm::ArrayRef<uint8_t> bytes() const {
    return {static_cast<const uint8_t *>(data), size};
  }

  /// XXH3-64 of a range within the file; its pages are given back afterwards.
  uint64_t hash(uint64_t offset, uint64_t length) const;

private:
  void *data = nullptr;
  size_t size = 0;
};

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_MAPPEDFILE_H
