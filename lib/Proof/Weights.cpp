//===- Weights.cpp - Random weights without a model -----------------------===//
#include "Weights.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "moe/Target/Recipe.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir;
using namespace moe;

static constexpr uint64_t cacheLine = 64;

/// A prime number, so that rows and matrices, whose sizes are not, start
/// anywhere in a pool.
static constexpr uint64_t poolSize = 1048583;

//===----------------------------------------------------------------------===//
// Content
//===----------------------------------------------------------------------===//

RandomWeights::Pool &RandomWeights::getPool(RankedTensorType type) {
  int64_t fan = 1;
  for (int64_t dim :
       type.getShape().take_back(std::min<size_t>(2, type.getRank())))
    fan = std::max(fan, dim);
  unsigned logFan = llvm::Log2_64_Ceil(fan);
  for (Pool &pool : pools)
    if (pool.elementType == type.getElementType() && pool.logFan == logFan)
      return pool;
  return pools.emplace_back(
      Pool{type.getElementType(), logFan, Array(type.getElementType(), {0})});
}

void RandomWeights::Pool::make(uint64_t seed) {
  numbers = Array(elementType, {int64_t(std::min(poolSize, next))});
  Random random(seed);
  double scale = std::exp2(-0.5 * logFan);
  for (int64_t i = 0; i < numbers.size(); ++i)
    numbers.set(i, isa<FloatType>(elementType) ? random.normal() * scale
                   : elementType.isInteger(1)  ? double(random.below(2))
                                               : double(random.bits() >> 12));
}

void RandomWeights::Window::write(uint64_t matrix, uint64_t numRows,
                                  uint64_t numColumns, char *out) const {
  uint64_t count = pool->numbers.size();
  uint64_t start = first + matrix * rowPeriod * columnPeriod;
  for (uint64_t row = 0; row < numRows; ++row) {
    uint64_t rowStart = start + row % rowPeriod * columnPeriod;
    for (uint64_t column = 0; column < numColumns;) {
      uint64_t inPeriod = column % columnPeriod;
      uint64_t from = (rowStart + inPeriod) % count;
      uint64_t length = std::min(
          {numColumns - column, columnPeriod - inPeriod, count - from});
      std::memcpy(out, pool->numbers.data() + from * elementBytes,
                  length * elementBytes);
      out += length * elementBytes;
      column += length;
    }
  }
}

static bool isPrime(uint64_t n) {
  for (uint64_t d = 2; d * d <= n; ++d)
    if (n % d == 0)
      return false;
  return n > 1;
}

/// Panels of so many columns, which #rt.pack makes, repeat if the columns do.
static constexpr uint64_t panelWidth = 16;

/// After how many of `count` rows of `length` elements they repeat, where no
/// more than `limit` rows should differ: whole pages, whatever an element's
/// size, and whole panels, and a prime number of those, so that halves and
/// other parts of a matrix are not the same.
static uint64_t choosePeriod(uint64_t count, uint64_t length, uint64_t limit) {
  uint64_t unit =
      std::lcm(Pages::pageSize / std::gcd(length, Pages::pageSize), panelWidth);
  uint64_t prime = std::max<uint64_t>(limit / unit, 2);
  while (!isPrime(prime))
    --prime;
  return std::min(count, prime * unit);
}

void RandomWeights::Window::choosePeriods(uint64_t share) {
  uint64_t bytes = getMatrixBytes();
  // What is no sequence of matrices, or not of whole pages, cannot be shown in
  // parts.
  if (bytes <= share || bytes % Pages::pageSize || (end - begin) % bytes) {
    rows = rowPeriod = 1;
    columns = columnPeriod = (end - begin) / elementBytes;
    return;
  }
  rowPeriod = choosePeriod(rows, columns, share / (columns * elementBytes));
  columnPeriod = choosePeriod(columns, rows, share / (rows * elementBytes));
}

//===----------------------------------------------------------------------===//
// The file
//===----------------------------------------------------------------------===//

void RandomWeights::addWindow(uint64_t begin, uint64_t end,
                              RankedTensorType type) {
  Window window{};
  window.begin = begin;
  window.end = end;
  ArrayRef<int64_t> shape = type.getShape();
  window.rows = shape.size() < 2 ? 1 : shape[shape.size() - 2];
  window.columns = shape.empty() ? 1 : shape.back();
  window.elementBytes = (type.getElementTypeBitWidth() + 7) / 8;
  window.pool = &getPool(type);
  windows.push_back(window);
}

llvm::Error RandomWeights::take(uint64_t &taken, uint64_t bytes,
                                unsigned share) {
  taken += bytes;
  if (taken <= memory * share)
    return llvm::Error::success();
  return llvm::createStringError(
      "takes more than the " + Twine(memory * share >> 20) +
      " MiB for weights, which cannot be made of fewer random numbers");
}

llvm::Error RandomWeights::fill(const Window &window) {
  uint64_t bytes = window.getMatrixBytes();
  uint64_t period = window.rowPeriod * window.columns * window.elementBytes;
  for (uint64_t i = 0, end = window.getNumMatrices(); i < end; ++i) {
    if (llvm::Error error = take(fileBytes, period, 1))
      return error;
    uint64_t begin = window.begin + i * bytes;
    if (llvm::Error error =
            file.fill(begin, begin + bytes, period, [&](char *out) {
              window.write(i, window.rowPeriod, window.columns, out);
              return llvm::Error::success();
            }))
      return error;
  }
  return llvm::Error::success();
}

llvm::Error RandomWeights::map(ModuleOp module) {
  SmallVector<rt::SpanAttr> spans;
  for (auto weight : module.getOps<rt::WeightOp>()) {
    llvm::append_range(spans, weight.getSource().getAsRange<rt::SpanAttr>());
    size += *rt::getStorageSize(cast<RankedTensorType>(weight.getType()));
  }
  // Stacks before the matrices in them.
  llvm::sort(spans, [](rt::SpanAttr a, rt::SpanAttr b) {
    return std::tuple(a.getOffset(), b.getLength()) <
           std::tuple(b.getOffset(), a.getLength());
  });
  for (rt::SpanAttr span : spans) {
    uint64_t end = span.getOffset() + span.getLength();
    if (!windows.empty() && span.getOffset() < windows.back().end)
      windows.back().end = std::max(windows.back().end, end);
    else if (span.getLength())
      addWindow(span.getOffset(), end, span.getType());
  }

  uint64_t numMatrices = 0;
  for (const Window &window : windows)
    numMatrices += window.getNumMatrices();
  for (Window &window : windows) {
    window.choosePeriods(memory / numMatrices);
    window.first = window.pool->next;
    window.pool->next +=
        window.getNumMatrices() * window.rowPeriod * window.columnPeriod;
  }
  for (auto [seed, pool] : llvm::enumerate(pools))
    pool.make(seed);

  llvm::Expected<Pages> reserved =
      Pages::reserve(windows.empty() ? 0 : windows.back().end);
  if (!reserved)
    return reserved.takeError();
  file = std::move(*reserved);
  for (const Window &window : windows)
    if (llvm::Error error = fill(window))
      return error;
  return llvm::Error::success();
}

//===----------------------------------------------------------------------===//
// Recipes
//===----------------------------------------------------------------------===//

/// How a recipe places the matrices that its spans hold: whether what repeats
/// by rows repeats in the result, or what repeats by columns.
enum class MatrixOrder { Other, Kept, Transposed };

/// Whether panels are what has been there, in another order: no padding, and
/// none in periods.
static bool fillsPanels(rt::PackAttr pack, int64_t rows, int64_t columns) {
  return panelWidth % pack.getWidth() == 0 && columns % pack.getWidth() == 0 &&
         rows % pack.getPairs() == 0;
}

static MatrixOrder getMatrixOrder(rt::WeightOp weight) {
  RankedTensorType span = cast<rt::SpanAttr>(weight.getSource()[0]).getType();
  int64_t rank = span.getRank();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (rank < 2)
    return MatrixOrder::Other;
  rt::PackAttr pack;
  for (Attribute step : weight.getRecipe()) {
    if (isa<rt::StackAttr>(step)) {
      axes.insert(axes.begin(), -1);
    } else if (auto transpose = dyn_cast<rt::TransposeAttr>(step)) {
      if (pack)
        return MatrixOrder::Other;
      applyPermutationToVector(axes, transpose.getPermutation());
    } else if (auto panels = dyn_cast<rt::PackAttr>(step)) {
      pack = panels;
    } else if (!isa<rt::CastAttr>(step)) {
      return MatrixOrder::Other;
    }
  }
  auto order = MatrixOrder::Kept;
  if (axes.back() == rank - 2) {
    std::swap(axes.back(), axes[axes.size() - 2]);
    order = MatrixOrder::Transposed;
  }
  // From here on in the order of spans, and of matrices in them.
  if (!llvm::is_sorted(axes) || axes.back() != rank - 1 ||
      axes[axes.size() - 2] != rank - 2)
    return MatrixOrder::Other;
  if (!pack)
    return order;
  // Panels go by columns, as a transposed matrix does.
  bool isKept = order == MatrixOrder::Kept;
  int64_t rows = span.getDimSize(isKept ? rank - 2 : rank - 1);
  int64_t columns = span.getDimSize(isKept ? rank - 1 : rank - 2);
  if (!fillsPanels(pack, rows, columns))
    return MatrixOrder::Other;
  return isKept ? MatrixOrder::Transposed : MatrixOrder::Kept;
}

/// Executes a recipe of `weight` on one matrix of other extents than its own.
static LogicalResult executeOnMatrix(rt::WeightOp weight, int64_t rows,
                                     int64_t columns, const void *matrix,
                                     MutableArrayRef<char> out) {
  auto span = cast<rt::SpanAttr>(weight.getSource()[0]);
  SmallVector<int64_t> shape(span.getType().getRank(), 1);
  shape[shape.size() - 2] = rows;
  shape[shape.size() - 1] = columns;
  RankedTensorType type = span.getType().clone(shape);
  Attribute source =
      rt::SpanAttr::get(weight.getContext(), span.getFile(), /*offset=*/0,
                        *rt::getStorageSize(type), /*hash=*/0, type);
  OpBuilder builder(weight.getContext());
  auto one = cast<rt::WeightOp>(builder.clone(*weight));
  one.setSourceAttr(builder.getArrayAttr(source));
  LogicalResult result = executeRecipe(one, matrix, out);
  one.erase();
  return result;
}

const RandomWeights::Window &RandomWeights::find(rt::SpanAttr span) const {
  return *std::prev(llvm::upper_bound(
      windows, span.getOffset(),
      [](uint64_t offset, const Window &w) { return offset < w.begin; }));
}

llvm::Expected<bool> RandomWeights::finishByMatrix(rt::WeightOp weight,
                                                   Pages &pages) {
  MatrixOrder order = getMatrixOrder(weight);
  if (order == MatrixOrder::Other)
    return false;
  auto type = cast<RankedTensorType>(weight.getType());
  uint64_t elementBytes = (type.getElementTypeBitWidth() + 7) / 8;
  auto spans = llvm::to_vector(weight.getSource().getAsRange<rt::SpanAttr>());
  uint64_t matrixBytes = elementBytes;
  for (int64_t dim : spans.front().getType().getShape().take_back(2))
    matrixBytes *= dim;
  for (rt::SpanAttr span : spans) {
    const Window &window = find(span);
    ArrayRef<int64_t> shape = span.getType().getShape().take_back(2);
    if (matrixBytes % Pages::pageSize || uint64_t(shape[0]) != window.rows ||
        uint64_t(shape[1]) != window.columns ||
        (span.getOffset() - window.begin) % window.getMatrixBytes())
      return false;
  }

  bool isKept = order == MatrixOrder::Kept;
  uint64_t begin = 0;
  for (rt::SpanAttr span : spans) {
    const Window &window = find(span);
    uint64_t bytes = window.getMatrixBytes();
    uint64_t matrix = (span.getOffset() - window.begin) / bytes;
    uint64_t rows = isKept ? window.rowPeriod : window.rows;
    uint64_t columns = isKept ? window.columns : window.columnPeriod;
    uint64_t period = rows * columns * elementBytes;
    std::vector<char> corner(rows * columns * window.elementBytes);
    for (uint64_t i = 0; i < span.getLength() / bytes; ++i) {
      if (llvm::Error error = take(finishedBytes, period, 2))
        return std::move(error);
      window.write(matrix + i, rows, columns, corner.data());
      if (llvm::Error error = pages.fill(
              begin, begin + matrixBytes, period,
              [&](char *out) -> llvm::Error {
                if (succeeded(executeOnMatrix(weight, rows, columns,
                                              corner.data(), {out, period})))
                  return llvm::Error::success();
                return llvm::createStringError(
                    "has a weight whose recipe fails");
              }))
        return std::move(error);
      begin += matrixBytes;
    }
  }
  return true;
}

llvm::Error RandomWeights::finishWhole(rt::WeightOp weight, Pages &pages) {
  uint64_t bytes =
      *rt::getStorageSize(cast<RankedTensorType>(weight.getType()));
  if (llvm::Error error = take(finishedBytes, bytes, 2))
    return error;
  SmallVector<const void *> spans;
  for (auto span : weight.getSource().getAsRange<rt::SpanAttr>())
    spans.push_back(file.data() + span.getOffset());
  return pages.fill(0, bytes, bytes, [&](char *out) -> llvm::Error {
    if (succeeded(executeRecipe(weight, spans, {out, bytes})))
      return llvm::Error::success();
    return llvm::createStringError("has a weight whose recipe fails");
  });
}

llvm::Expected<const void *> RandomWeights::get(rt::WeightOp weight) {
  auto first = cast<rt::SpanAttr>(weight.getSource()[0]);
  if (weight.getRecipe().empty() && first.getOffset() % cacheLine == 0)
    return file.data() + first.getOffset();
  auto [place, isNew] =
      finished.try_emplace({weight.getSourceAttr(), weight.getRecipeAttr()});
  if (!isNew)
    return place->second.data();
  llvm::Expected<Pages> pages = Pages::reserve(
      *rt::getStorageSize(cast<RankedTensorType>(weight.getType())));
  if (!pages)
    return pages.takeError();
  llvm::Expected<bool> isDone = finishByMatrix(weight, *pages);
  if (!isDone)
    return isDone.takeError();
  if (!*isDone)
    if (llvm::Error error = finishWhole(weight, *pages))
      return std::move(error);
  place->second = std::move(*pages);
  return place->second.data();
}
