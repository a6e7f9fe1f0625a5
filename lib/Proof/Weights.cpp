//===- Weights.cpp - Random weights without a model -----------------------===//
#include "Weights.h"

#include "Array.h"
#include "moe/Target/Recipe.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstdlib>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace moe;

static constexpr uint64_t pageSize = 4096, cacheLine = 64;

/// Pages of random numbers of one kind: a prime number, so that rows and
/// matrices, whose sizes are not, start anywhere in them.
static constexpr uint64_t sourcePages = 1031;

static llvm::Error fail(const Twine &what) {
  return llvm::createStringError("has no memory for weights: " + what + ": " +
                                 llvm::sys::StrError());
}

RandomWeights::~RandomWeights() {
  for (const auto &[content, file] : sources)
    close(file);
  if (windows)
    munmap(windows, windowBytes);
}

llvm::Expected<int> RandomWeights::getSource(const SpanContent &content) {
  for (const auto &[known, file] : sources)
    if (known == content)
      return file;
  Type type = content.elementType;
  uint64_t bytes = std::min(sourcePages * pageSize, windowBytes);
  int64_t count = bytes / ((type.getIntOrFloatBitWidth() + 7) / 8);
  Array array(type, {count});
  Random random(sources.size());
  double scale = std::exp2(-0.5 * content.logFan);
  for (int64_t i = 0; i < count; ++i)
    array.set(i, isa<FloatType>(type) ? random.normal() * scale
                 : type.isInteger(1)  ? double(random.below(2))
                                      : double(random.bits() >> 12));
  int file = memfd_create("moe-prove", MFD_CLOEXEC);
  if (file < 0)
    return fail("memfd_create");
  sources.push_back({content, file});
  for (uint64_t done = 0; done < bytes;) {
    ssize_t written = write(file, array.data() + done, bytes - done);
    if (written < 0)
      return fail("write");
    done += written;
  }
  return file;
}

llvm::Error RandomWeights::mapPages(uint64_t begin, uint64_t end, int file) {
  while (begin < end) {
    uint64_t inFile = (begin / pageSize % sourcePages) * pageSize;
    uint64_t length = std::min(end - begin, sourcePages * pageSize - inFile);
    if (mmap(windows + begin, length, PROT_READ, MAP_PRIVATE | MAP_FIXED, file,
             off_t(inFile)) == MAP_FAILED)
      return fail("mmap");
    begin += length;
  }
  return llvm::Error::success();
}

llvm::Error RandomWeights::map(ModuleOp module) {
  SmallVector<rt::SpanAttr> spans;
  for (auto weight : module.getOps<rt::WeightOp>()) {
    llvm::append_range(spans, weight.getSource().getAsRange<rt::SpanAttr>());
    size += *rt::getStorageSize(cast<RankedTensorType>(weight.getType()));
  }
  llvm::sort(spans, [](rt::SpanAttr a, rt::SpanAttr b) {
    return a.getOffset() < b.getOffset();
  });
  for (rt::SpanAttr span : spans)
    windowBytes = std::max(windowBytes, span.getOffset() + span.getLength());
  windowBytes = llvm::alignTo(windowBytes, pageSize);
  if (windowBytes) {
    void *place = mmap(nullptr, windowBytes, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (place == MAP_FAILED)
      return fail(Twine(windowBytes) + " bytes");
    windows = static_cast<char *>(place);
  }

  uint64_t mapped = 0;
  for (rt::SpanAttr span : spans) {
    uint64_t end = llvm::alignTo(span.getOffset() + span.getLength(), pageSize);
    if (end <= mapped)
      continue;
    uint64_t begin =
        std::max(mapped, llvm::alignDown(span.getOffset(), pageSize));
    llvm::Expected<int> file = getSource(SpanContent::get(span.getType()));
    if (!file)
      return file.takeError();
    if (llvm::Error error = mapPages(begin, end, *file))
      return error;
    mapped = end;
  }
  return llvm::Error::success();
}

llvm::Expected<const void *> RandomWeights::get(rt::WeightOp weight) {
  SmallVector<const void *> spans;
  for (auto span : weight.getSource().getAsRange<rt::SpanAttr>())
    spans.push_back(windows + span.getOffset());
  if (weight.getRecipe().empty() && uintptr_t(spans.front()) % cacheLine == 0)
    return spans.front();
  auto [place, isNew] = finished.try_emplace(
      {weight.getSourceAttr(), weight.getRecipeAttr()}, nullptr, std::free);
  if (!isNew)
    return place->second.get();
  uint64_t bytes =
      *rt::getStorageSize(cast<RankedTensorType>(weight.getType()));
  // Never 0: the address of an empty weight is not null either.
  place->second.reset(static_cast<char *>(std::aligned_alloc(
      cacheLine, llvm::alignTo(std::max(bytes, cacheLine), cacheLine))));
  if (!place->second)
    return fail(Twine(bytes) + " bytes");
  MutableArrayRef<char> out(place->second.get(), bytes);
  if (failed(executeRecipe(weight, spans, out)))
    return llvm::createStringError("has a weight whose recipe fails");
  return out.data();
}
