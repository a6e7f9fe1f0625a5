//===- WireFilter.h - A model's bytes without its tensors -------*- C++ -*-===//
//
// Protobuf copies every tensor into memory and refuses messages over 2 GiB. The
// filter reads the wire format itself and leaves big tensor payloads behind as
// ranges of the file.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_IMPORT_ONNX_WIREFILTER_H
#define MOE_LIB_IMPORT_ONNX_WIREFILTER_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace moe::importer {

/// Copies the serialised ModelProto in `bytes`. A tensor whose `raw_data`,
/// `float_data` or `double_data` has more than `inlineBytes` bytes loses it and
/// becomes an external tensor at `location` (the name of this very file).
/// Documentation strings and training graphs are dropped. Throws ImportError.
std::string stripTensorData(llvm::ArrayRef<uint8_t> bytes,
                            llvm::StringRef location, uint64_t inlineBytes);

} // namespace moe::importer

#endif // MOE_LIB_IMPORT_ONNX_WIREFILTER_H
