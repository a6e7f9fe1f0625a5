//===- Weights.cpp - The data of an artefact ------------------------------===//
//
// Lays out finished weights and writes them, one at a time, through the
// runtime's recipe routine: the bytes are those that a deferred load makes.
// Source files are mapped, so that memory holds one weight at most.
//
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include "moe/Runtime/MoEModelABI.h"
#include "moe/Target/Recipe.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace moe;

static constexpr uint64_t pageSize = 4096, cacheLine = 64;

DType moe::getDType(Type type) {
  int32_t bits = type.getIntOrFloatBitWidth();
  if (type.isInteger(1))
    return {MOE_BOOL, 8};
  if (type.isBF16())
    return {MOE_BFLOAT, bits};
  if (isa<FloatType>(type))
    return {MOE_FLOAT, bits};
  return {type.isUnsignedInteger() ? MOE_UINT : MOE_INT, bits};
}

std::string moe::getDTypeName(Type type) {
  DType dtype = getDType(type);
  switch (dtype.code) {
  case MOE_BOOL:
    return "bool";
  case MOE_BFLOAT:
    return "bfloat16";
  case MOE_FLOAT:
    return "float" + std::to_string(dtype.bits);
  case MOE_UINT:
    return "uint" + std::to_string(dtype.bits);
  default:
    return "int" + std::to_string(dtype.bits);
  }
}

/// safetensors' name of an element type.
static std::string getSafetensorsName(Type type) {
  DType dtype = getDType(type);
  switch (dtype.code) {
  case MOE_BOOL:
    return "BOOL";
  case MOE_BFLOAT:
    return "BF16";
  case MOE_FLOAT:
    return "F" + std::to_string(dtype.bits);
  case MOE_UINT:
    return "U" + std::to_string(dtype.bits);
  default:
    return "I" + std::to_string(dtype.bits);
  }
}

/// The JSON header of a safetensors file, padded so that the data that follows
/// starts at a page. The format allows no holes: padding between weights is an
/// array of its own. Offsets of `image` count from the start of the data.
static std::string makeSafetensorsHeader(const WeightsImage &image,
                                         uint64_t dataSize) {
  llvm::json::Object header;
  uint64_t end = 0;
  auto addPadding = [&](uint64_t next) {
    if (next > end)
      header["__padding." + std::to_string(end)] = llvm::json::Object{
          {"dtype", "U8"},
          {"shape", llvm::json::Array{int64_t(next - end)}},
          {"data_offsets", llvm::json::Array{int64_t(end), int64_t(next)}}};
  };
  for (const PlacedWeight &weight : image.weights) {
    addPadding(weight.offset);
    end = weight.offset + weight.size;
    rt::WeightOp op = weight.op;
    auto type = cast<RankedTensorType>(op.getType());
    header[op.getSymName()] = llvm::json::Object{
        {"dtype", getSafetensorsName(type.getElementType())},
        {"shape", llvm::json::Array(type.getShape())},
        {"data_offsets",
         llvm::json::Array{int64_t(weight.offset), int64_t(end)}}};
  }
  addPadding(dataSize);
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(header));
  text.append(llvm::alignTo(text.size() + 8, pageSize) - text.size() - 8, ' ');
  return text;
}

/// Refuses files that a link leads out of the model's folder. A file that is
/// read when the model is loaded need not exist yet.
static LogicalResult checkPlaces(rt::WeightOp op, StringRef modelDir) {
  for (auto span : op.getSource().getAsRange<rt::SpanAttr>()) {
    SmallString<256> path(modelDir);
    llvm::sys::path::append(path, span.getFile());
    if (!llvm::sys::fs::exists(path))
      continue;
    if (llvm::Error error =
            rt::locateSpanFile(modelDir, span.getFile()).takeError())
      return op.emitOpError("cannot read '")
             << span.getFile() << "': it " << llvm::toString(std::move(error));
  }
  return success();
}

FailureOr<WeightsImage> moe::layOutWeights(ModuleOp module,
                                           const ArtefactOptions &options) {
  WeightsImage image;
  uint64_t offset = 0;
  for (auto op : module.getOps<rt::WeightOp>()) {
    std::optional<uint64_t> size =
        rt::getStorageSize(cast<RankedTensorType>(op.getType()));
    if (!size || *size > (uint64_t(1) << 62) - offset)
      return op.emitOpError("is too large"), failure();
    if (options.weights == WeightsMode::Deferred &&
        failed(checkPlaces(op, options.modelDir)))
      return failure();
    offset = llvm::alignTo(offset, *size >= pageSize ? pageSize : cacheLine);
    image.weights.push_back({op, *size, offset, 0});
    offset += *size;
  }
  image.mode = options.weights.value_or(
      offset <= embedLimitBytes ? WeightsMode::Embed : WeightsMode::Beside);
  image.size = llvm::alignTo(offset, cacheLine);
  if (image.mode == WeightsMode::Beside) {
    uint64_t dataStart = makeSafetensorsHeader(image, image.size).size() + 8;
    for (PlacedWeight &weight : image.weights)
      weight.offset += dataStart;
    image.size += dataStart;
  }
  return image;
}

namespace {
/// Maps the files of spans, each once, and gives their bytes.
class SpanReader {
public:
  explicit SpanReader(StringRef modelDir) : modelDir(modelDir) {}

  /// The bytes of a span, or null after an error at `op`.
  const char *read(rt::WeightOp op, rt::SpanAttr span) {
    std::unique_ptr<llvm::MemoryBuffer> &buffer = files[span.getFile()];
    if (!buffer) {
      auto fail = [&](const Twine &what) {
        op.emitOpError("cannot read '") << span.getFile() << "': " << what;
        return nullptr;
      };
      llvm::Expected<std::string> path =
          rt::locateSpanFile(modelDir, span.getFile());
      if (!path)
        return fail("it " + llvm::toString(path.takeError()));
      // Opening a pipe would wait for its writer.
      if (!llvm::sys::fs::is_regular_file(*path))
        return fail("it is not a regular file");
      auto opened = llvm::MemoryBuffer::getFile(
          *path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
      if (!opened)
        return fail(opened.getError().message());
      buffer = std::move(*opened);
    }
    if (span.getOffset() > buffer->getBufferSize() ||
        span.getLength() > buffer->getBufferSize() - span.getOffset()) {
      op.emitOpError("expected '")
          << span.getFile() << "' to hold " << span.getLength()
          << " bytes at offset " << span.getOffset() << ", but it has "
          << buffer->getBufferSize() << " bytes";
      return nullptr;
    }
    const char *data = buffer->getBufferStart() + span.getOffset();
    if (span.getHash() &&
        moe_rt_hash(data, span.getLength()) != span.getHash()) {
      op.emitOpError("the bytes in '")
          << span.getFile() << "' at offset " << span.getOffset()
          << " are not those that the module was made from (hash differs)";
      return nullptr;
    }
    return data;
  }

private:
  std::string modelDir;
  llvm::StringMap<std::unique_ptr<llvm::MemoryBuffer>> files;
};
} // namespace

LogicalResult moe::writeWeights(WeightsImage &image, StringRef modelDir,
                                StringRef path) {
  if (image.weights.empty())
    return success();
  ModuleOp module = image.weights.front().op->getParentOfType<ModuleOp>();
  auto fail = [&](const Twine &what) {
    return module.emitError("cannot write weights to '")
           << path << "': " << what;
  };
  std::error_code code;
  llvm::raw_fd_ostream out(path, code, llvm::sys::fs::OF_None);
  if (code)
    return fail(code.message());
  if (image.mode == WeightsMode::Beside) {
    WeightsImage relative = image;
    uint64_t dataStart =
        llvm::alignDown(image.weights.front().offset, pageSize);
    for (PlacedWeight &weight : relative.weights)
      weight.offset -= dataStart;
    std::string header =
        makeSafetensorsHeader(relative, image.size - dataStart);
    uint64_t headerSize = header.size();
    for (int i = 0; i < 8; ++i)
      out << static_cast<char>(headerSize >> (8 * i));
    out << header;
  }
  SpanReader reader(modelDir);
  std::vector<char> finished;
  for (PlacedWeight &weight : image.weights) {
    rt::WeightOp op = weight.op;
    SmallVector<const void *> bytes;
    for (auto span : op.getSource().getAsRange<rt::SpanAttr>()) {
      bytes.push_back(reader.read(op, span));
      if (!bytes.back())
        return failure();
    }
    const char *data = static_cast<const char *>(bytes.front());
    if (!op.getRecipe().empty()) {
      finished.resize(weight.size);
      if (failed(executeRecipe(op, bytes, finished)))
        return failure();
      data = finished.data();
    }
    weight.hash = moe_rt_hash(data, weight.size);
    out.write_zeros(weight.offset - out.tell());
    out.write(data, weight.size);
  }
  out.write_zeros(image.size - out.tell());
  out.close();
  if (out.has_error()) {
    std::string what = out.error().message();
    out.clear_error();
    return fail(what);
  }
  return success();
}
