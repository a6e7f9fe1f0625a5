//===- Array.h - Arrays in files --------------------------------*- C++ -*-===//
//
// A tensor that owns its bytes, and the .npy and .npz files it comes from and
// goes to. Files are untrusted: whatever they hold gives an array or a
// DriverError, and no more memory is taken than the file has bytes for.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DRIVER_ARRAY_H
#define MOE_LIB_DRIVER_ARRAY_H

#include "moe/Runtime/MoERuntime.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace moe {

/// Something the user can act on: a file, a flag, a difference. The message is
/// complete.
struct DriverError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A row-major tensor.
struct Array {
  moe_dtype dtype{};
  std::vector<int64_t> shape;
  std::vector<char> bytes;

  int64_t numElements() const;
};

/// Arrays by name, in file order.
using NamedArrays = std::vector<std::pair<std::string, Array>>;

/// Bytes of one element; 0 for a type that no model has.
uint64_t getElementSize(moe_dtype dtype);

/// "float32", as in the description of a model.
std::string getTypeName(moe_dtype dtype);

/// NumPy's "<f4"; empty for a type that no model has. bfloat16 is raw two-byte
/// elements, as ml_dtypes stores it.
std::string getNumpyName(moe_dtype dtype);

/// The inverse, in any spelling of a little-endian type.
std::optional<moe_dtype> parseNumpyName(std::string descr);

/// "float32[2,7,32]".
std::string getTypeName(moe_dtype dtype, const std::vector<int64_t> &shape);

/// Element `index` of `array` as a number.
double getElement(const Array &array, int64_t index);

/// Fills at most `size` bytes and returns how many; 0 at the end.
using ByteSource = std::function<size_t(char *to, size_t size)>;

/// Reads one array in NumPy's format; `where` names the source in errors.
Array readNpy(const ByteSource &source, const std::string &where);
Array readNpyFile(const std::string &path);

/// The bytes before an array's data in a .npy file.
std::string makeNpyHeader(const Array &array);

/// Writes `array` whole or not at all.
void writeNpyFile(const std::string &path, const Array &array);

/// Every member of an .npz, its name without ".npy".
NamedArrays readNpzFile(const std::string &path);

/// Writes `arrays`, uncompressed, whole or not at all.
void writeNpzFile(const std::string &path, const NamedArrays &arrays);

/// Calls `write` with a temporary path beside `path`, then renames; removes it
/// on failure.
void writeWhole(const std::string &path,
                const std::function<void(const std::string &)> &write);

/// Writes `text` whole or not at all.
void writeTextFile(const std::string &path, const std::string &text);

} // namespace moe

#endif // MOE_LIB_DRIVER_ARRAY_H
