//===- Npy.cpp - Arrays and NumPy's .npy format ---------------------------===//
//
// A .npy file is a magic string, a version, the length of a header, the header
// (a Python dict literal with descr, fortran_order and shape) and the data.
// The reader takes versions 1 to 3, little-endian types that a model can have,
// and both orders; it grows the data as bytes arrive, so that a header cannot
// ask for memory that the file does not fill.
//
//===----------------------------------------------------------------------===//
#include "Array.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

using namespace moe;

/// Longest header that is read: NumPy's own limit is smaller.
static constexpr size_t maxHeaderSize = 1 << 16;
static constexpr size_t maxRank = 64;
/// Data is read in pieces of this size.
static constexpr size_t pieceSize = 16 << 20;

//===----------------------------------------------------------------------===//
// Header
//===----------------------------------------------------------------------===//

namespace {

struct NpyHeader {
  std::string descr;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

/// Reads the dict literal that NumPy writes. Anything else is an error; there
/// is no general Python parser here.
class HeaderParser {
public:
  HeaderParser(const std::string &text, const std::string &where)
      : text(text), where(where) {}

  NpyHeader parse() {
    NpyHeader header;
    bool hasDescr = false, hasOrder = false, hasShape = false;
    expect('{');
    while (!accept('}')) {
      std::string key = parseString();
      expect(':');
      if (key == "descr") {
        header.descr = parseString();
        hasDescr = true;
      } else if (key == "fortran_order") {
        header.fortranOrder = parseBool();
        hasOrder = true;
      } else if (key == "shape") {
        header.shape = parseShape();
        hasShape = true;
      } else {
        fail("it has the unknown key '" + key.substr(0, 40) + "'");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    if (!hasDescr || !hasOrder || !hasShape)
      fail("descr, fortran_order or shape is missing");
    return header;
  }

private:
  [[noreturn]] void fail(const std::string &what) {
    throw DriverError(where + ": bad .npy header: " + what);
  }

  void skipSpace() {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\n'))
      ++at;
  }

  bool accept(char wanted) {
    skipSpace();
    if (at >= text.size() || text[at] != wanted)
      return false;
    ++at;
    return true;
  }

  void expect(char wanted) {
    if (!accept(wanted))
      fail(std::string("expected '") + wanted + "' at byte " +
           std::to_string(at));
  }

  std::string parseString() {
    skipSpace();
    char quote = at < text.size() ? text[at] : '\0';
    if (quote == '[')
      fail("structured types are not supported");
    if (quote != '\'' && quote != '"')
      fail("expected a string at byte " + std::to_string(at));
    size_t end = text.find(quote, at + 1);
    if (end == std::string::npos)
      fail("a string does not end");
    std::string result = text.substr(at + 1, end - at - 1);
    at = end + 1;
    return result;
  }

  bool parseBool() {
    skipSpace();
    for (bool value : {true, false}) {
      std::string word = value ? "True" : "False";
      if (text.compare(at, word.size(), word) == 0) {
        at += word.size();
        return value;
      }
    }
    fail("fortran_order is neither True nor False");
  }

  std::vector<int64_t> parseShape() {
    std::vector<int64_t> shape;
    expect('(');
    while (!accept(')')) {
      if (shape.size() == maxRank)
        fail("more than " + std::to_string(maxRank) + " dims");
      shape.push_back(parseExtent());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return shape;
  }

  int64_t parseExtent() {
    skipSpace();
    int64_t value = 0;
    size_t start = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
      if (__builtin_mul_overflow(value, 10, &value) ||
          __builtin_add_overflow(value, text[at] - '0', &value))
        fail("an extent is too large");
    if (at == start)
      fail("the shape is no tuple of non-negative integers");
    return value;
  }

  const std::string &text;
  const std::string &where;
  size_t at = 0;
};

} // namespace

static moe_dtype parseDescr(const std::string &descr,
                            const std::string &where) {
  if (std::optional<moe_dtype> dtype = parseNumpyName(descr))
    return *dtype;
  throw DriverError(where + ": arrays of type '" + descr.substr(0, 40) +
                    "' are not supported; use a little-endian bool, integer, "
                    "float16, float32, float64 or bfloat16");
}

std::string moe::makeNpyHeader(const Array &array) {
  std::string dict = std::string("{'descr': '") + getNumpyName(array.dtype) +
                     "', 'fortran_order': False, 'shape': (";
  for (size_t d = 0; d < array.shape.size(); ++d)
    dict += (d > 0 ? ", " : "") + std::to_string(array.shape[d]);
  dict += array.shape.size() == 1 ? ",), }" : "), }";
  // Magic, version and length are 10 bytes; data starts at a multiple of 64.
  dict.append(63 - (10 + dict.size()) % 64, ' ');
  dict += '\n';
  std::string header("\x93NUMPY\x01\x00", 8);
  header += (char)(dict.size() & 0xff);
  header += (char)(dict.size() >> 8);
  return header + dict;
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static void readExactly(const ByteSource &source, char *to, size_t size,
                        const std::string &where) {
  while (size > 0) {
    size_t count = source(to, size);
    if (count == 0)
      throw DriverError(where + ": the file is truncated");
    to += count;
    size -= count;
  }
}

static std::string readHeaderText(const ByteSource &source,
                                  const std::string &where) {
  char start[8];
  readExactly(source, start, sizeof(start), where);
  if (std::memcmp(start, "\x93NUMPY", 6) != 0)
    throw DriverError(where + ": not a .npy array (its first bytes are not "
                              "NumPy's)");
  if (start[6] < 1 || start[6] > 3)
    throw DriverError(where + ": unknown .npy version " +
                      std::to_string((unsigned char)start[6]));
  unsigned char length[4] = {0, 0, 0, 0};
  readExactly(source, reinterpret_cast<char *>(length), start[6] == 1 ? 2 : 4,
              where);
  size_t size = length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 |
                (size_t)length[3] << 24;
  if (size > maxHeaderSize)
    throw DriverError(where + ": bad .npy header: it claims " +
                      std::to_string(size) + " bytes");
  std::string text(size, '\0');
  readExactly(source, text.data(), size, where);
  return text;
}

/// Size of the data, or an error if no address space holds it.
static uint64_t getDataSize(moe_dtype dtype, const std::vector<int64_t> &shape,
                            const std::string &where) {
  uint64_t size = getElementSize(dtype);
  for (int64_t extent : shape)
    if (extent == 0)
      return 0;
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(size, (uint64_t)extent, &size) ||
        size > (uint64_t)PTRDIFF_MAX)
      throw DriverError(where +
                        ": bad .npy header: " + getTypeName(dtype, shape) +
                        " is larger than the address space");
  return size;
}

/// Column-major to row-major.
static void reorder(Array &array) {
  uint64_t element = getElementSize(array.dtype);
  std::vector<char> rows(array.bytes.size());
  std::vector<int64_t> position(array.shape.size(), 0);
  int64_t count = array.numElements();
  for (int64_t i = 0; i < count; ++i) {
    // `i` walks column-major, where the first dim varies fastest.
    int64_t row = 0;
    for (size_t d = 0; d < position.size(); ++d)
      row = row * array.shape[d] + position[d];
    std::memcpy(rows.data() + row * (int64_t)element,
                array.bytes.data() + i * (int64_t)element, element);
    for (size_t d = 0; d < position.size(); ++d) {
      if (++position[d] < array.shape[d])
        break;
      position[d] = 0;
    }
  }
  array.bytes = std::move(rows);
}

Array moe::readNpy(const ByteSource &source, const std::string &where) {
  std::string text = readHeaderText(source, where);
  NpyHeader header = HeaderParser(text, where).parse();
  Array array;
  array.dtype = parseDescr(header.descr, where);
  array.shape = std::move(header.shape);
  uint64_t size = getDataSize(array.dtype, array.shape, where);
  while (array.bytes.size() < size) {
    size_t start = array.bytes.size();
    size_t piece = std::min<uint64_t>(size - start, pieceSize);
    array.bytes.resize(start + piece);
    readExactly(source, array.bytes.data() + start, piece, where);
  }
  if (header.fortranOrder && array.shape.size() > 1 && size > 0)
    reorder(array);
  return array;
}

Array moe::readNpyFile(const std::string &path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(
      std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file)
    throw DriverError("cannot read '" + path + "': " + std::strerror(errno));
  return readNpy(
      [&](char *to, size_t size) {
        size_t count = std::fread(to, 1, size, file.get());
        if (count == 0 && std::ferror(file.get()))
          throw DriverError("cannot read '" + path +
                            "': " + std::strerror(errno));
        return count;
      },
      "'" + path + "'");
}
