//===- Gate.cpp - The kernel of moe.gate ----------------------------------===//
//
// The steps of the reference loops, with rows in vectors: what is computed per
// column takes a vector at a time, and of the columns, the next best one is
// found in the registers that hold them all. Threads share tokens.
//
//===----------------------------------------------------------------------===//
#include "../MoEToLoops/Gate.h"
#include "Kernels.h"

#include <limits>

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// Work, in additions, that makes a thread worth waking.
static constexpr int64_t workPerThread = 1 << 15;
/// The same that a score of a column is.
static constexpr int64_t workOfScore = 24;
/// Vectors of columns that selection keeps in registers, or close to them.
static constexpr int64_t maxKeyVectors = 32;
/// Rounds times vectors up to which selection is one straight piece of code.
static constexpr int64_t maxUnrolledKeys = 32;
/// What rows on the stack may have.
static constexpr int64_t maxColumns = 4096;
/// Scores of a block of tokens: they stay in the first cache.
static constexpr int64_t blockElements = 2048;

namespace {
/// A row's vectors have as many lanes as it fills, eight at least. Its memory
/// ends a vector later: whole vectors are read and written.
class VectorRowMath final : public RowMath {
public:
  VectorRowMath(KernelBuilder &b, Type scoreType, int64_t lanes)
      : RowMath(b, scoreType), b(b), maxLanes(lanes) {}

  int64_t getPadding() const override { return maxLanes; }
  int64_t getAlignment() const override { return 64; }

  int64_t getTokensPerBlock(int64_t columns) const override {
    return std::clamp<int64_t>(blockElements / (columns + maxLanes), 1, 16);
  }

  Value load(const Row &row, const RowChunk &chunk) override {
    return b.loadVector(row.memory, placeOf(row, chunk.at), chunk.lanes);
  }
  Value load(Value memref, ValueRange outer, const RowChunk &chunk) override {
    SmallVector<Value> at(outer);
    at.push_back(chunk.at);
    return b.widen(chunk.mask
                       ? b.loadVector(memref, at, chunk.lanes, chunk.mask)
                       : b.loadVector(memref, at, chunk.lanes));
  }
  void select(const Row &row, const BestList &list, Tie tie) override;

protected:
  void forEachChunk(const Row &row,
                    function_ref<void(const RowChunk &)> body) override {
    foldChunks(row, {}, [&](const RowChunk &chunk, Value) {
      body(chunk);
      return Value();
    });
  }

  Value reduce(const Row &row, Reduction kind, ChunkFn value) override {
    return vector::ExtractOp::create(b, reduceToAll(row, kind, value),
                                     ArrayRef<int64_t>{0});
  }
  Value reduceToAll(const Row &row, Reduction kind, ChunkFn value) override {
    Value identity = b.splat(getIdentity(kind), lanesOf(row));
    Value state =
        foldChunks(row, identity, [&](const RowChunk &chunk, Value before) {
          Value after = combine(kind, before, value(chunk));
          return chunk.mask ? b.select(chunk.mask, after, before) : after;
        });
    return b.combineLanes(
        state, [&](Value lhs, Value rhs) { return combine(kind, lhs, rhs); });
  }

  void store(Value value, const Row &row, const RowChunk &chunk) override {
    b.storeVector(value, row.memory, placeOf(row, chunk.at));
  }

private:
  int64_t lanesOf(const Row &row) const {
    int64_t filled = llvm::PowerOf2Ceil(row.known);
    return std::clamp<int64_t>(filled, 8, maxLanes);
  }

  /// `state` may be null: then nothing is carried.
  Value foldChunks(const Row &row, Value state,
                   function_ref<Value(const RowChunk &, Value)> body) {
    int64_t lanes = lanesOf(row);
    KernelBuilder::State init, result;
    if (state)
      init.push_back(state);
    result = b.forEachVector(
        row.size, lanes, /*unroll=*/1, init,
        [&](const KernelBuilder::Columns &columns, ValueRange now) {
          RowChunk chunk{columns.at, columns.mask, lanes};
          Value next = body(chunk, now.empty() ? Value() : now.front());
          return next ? KernelBuilder::State{next} : KernelBuilder::State();
        });
    return state ? result.front() : Value();
  }

  Value constants(ArrayRef<int32_t> values) {
    auto type =
        VectorType::get({static_cast<int64_t>(values.size())}, b.getI32Type());
    return arith::ConstantOp::create(b, DenseElementsAttr::get(type, values));
  }
  Value splatInt(int32_t value, int64_t lanes) {
    return constants(SmallVector<int32_t>(lanes, value));
  }
  Value emitKey(Value scores);
  SmallVector<Value> emitKeys(const Row &row);
  Value greatestKey(ValueRange keys);
  Value findPlace(ArrayRef<Value> isThere, Tie tie);

  KernelBuilder &b;
  int64_t maxLanes;
};
} // namespace

static constexpr int32_t least = std::numeric_limits<int32_t>::min();
static constexpr int32_t greatestInt = std::numeric_limits<int32_t>::max();

/// Integers in the order of floats: equal for equal floats, and for all NaN,
/// which are the greatest. None is the least integer.
///   bits >= 0 ? bits : bits ^ 0x7fffffff
Value VectorRowMath::emitKey(Value scores) {
  auto type = cast<VectorType>(scores.getType());
  int64_t lanes = type.getDimSize(0);
  // -0 -> 0
  Value zero = b.splat(b.number(type.getElementType(), 0), lanes);
  Value sum = arith::AddFOp::create(b, scores, zero);
  Value bits = arith::BitcastOp::create(b, type.clone(b.getI32Type()), sum);
  Value sign = arith::ShRSIOp::create(b, bits, splatInt(31, lanes));
  Value turned = arith::AndIOp::create(b, sign, splatInt(greatestInt, lanes));
  Value key = arith::XOrIOp::create(b, bits, turned);
  Value isNaN = b.compare(arith::CmpFPredicate::UNO, scores, scores);
  return b.select(isNaN, splatInt(greatestInt, lanes), key);
}

SmallVector<Value> VectorRowMath::emitKeys(const Row &row) {
  int64_t lanes = lanesOf(row);
  SmallVector<Value> keys;
  for (int64_t first = 0; first < row.known; first += lanes) {
    Value key = emitKey(load(row, {b.index(first), Value(), lanes}));
    if (row.known - first < lanes) {
      SmallVector<bool> exists(lanes, false);
      std::fill_n(exists.begin(), row.known - first, true);
      auto type = VectorType::get({lanes}, b.getI1Type());
      Value mask = arith::ConstantOp::create(
          b, DenseElementsAttr::get(type, ArrayRef<bool>(exists)));
      key = b.select(mask, key, splatInt(least, lanes));
    }
    keys.push_back(key);
  }
  return keys;
}

/// In each lane.
Value VectorRowMath::greatestKey(ValueRange keys) {
  auto combine = [&](Value lhs, Value rhs) -> Value {
    return arith::MaxSIOp::create(b, lhs, rhs);
  };
  SmallVector<Value> level(keys);
  for (; level.size() > 1; level.truncate((level.size() + 1) / 2))
    for (size_t i = 0, half = (level.size() + 1) / 2; half + i < level.size();
         ++i)
      level[i] = combine(level[i], level[half + i]);
  return b.combineLanes(level.front(), combine);
}

/// The first or last lane that is set, of all vectors: by words of 64 bits.
Value VectorRowMath::findPlace(ArrayRef<Value> isThere, Tie tie) {
  int64_t lanes = cast<VectorType>(isThere.front().getType()).getDimSize(0);
  size_t perWord = 64 / lanes;
  Type i64 = b.getI64Type();
  auto number = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  };
  SmallVector<Value> words;
  for (auto [v, bits] : llvm::enumerate(isThere)) {
    Value word = vector::BitCastOp::create(
        b, VectorType::get({1}, b.getIntegerType(lanes)), bits);
    word = vector::ExtractOp::create(b, word, ArrayRef<int64_t>{0});
    word = arith::ExtUIOp::create(b, i64, word);
    if (v % perWord == 0) {
      words.push_back(word);
      continue;
    }
    word = arith::ShLIOp::create(b, word, number(v % perWord * lanes));
    words.back() = arith::OrIOp::create(b, words.back(), word);
  }
  bool isFirst = tie == Tie::LowestIndex;
  Value place;
  // The word that decides comes last.
  for (size_t i = 0; i < words.size(); ++i) {
    size_t at = isFirst ? words.size() - 1 - i : i;
    Value inWord;
    if (isFirst) {
      Value zeros = math::CountTrailingZerosOp::create(b, words[at]);
      inWord = b.add(zeros, number(64 * at));
    } else {
      Value zeros = math::CountLeadingZerosOp::create(b, words[at]);
      inWord = b.sub(number(64 * at + 63), zeros);
    }
    Value isHere = b.compare(arith::CmpIPredicate::ne, words[at], number(0));
    place = place ? b.select(isHere, inWord, place) : inWord;
  }
  return arith::TruncIOp::create(b, b.getI32Type(), place);
}

/// keys = the row's, in registers
/// for i < k: top = the greatest key; at = the first (or last) place of it
///            list[i] = row[at]; keys[at] = the least
void VectorRowMath::select(const Row &row, const BestList &list, Tie tie) {
  int64_t lanes = lanesOf(row);
  if (llvm::divideCeil(row.known, lanes) > maxKeyVectors)
    return RowMath::select(row, list, tie);
  KernelBuilder::State keys = emitKeys(row);
  SmallVector<Value> places;
  for (size_t v = 0; v < keys.size(); ++v)
    places.push_back(constants(
        llvm::to_vector(llvm::seq<int32_t>(v * lanes, (v + 1) * lanes))));
  auto findNext = [&](Value i, ValueRange now) {
    Value top = greatestKey(now);
    SmallVector<Value> isTop;
    for (Value key : now)
      isTop.push_back(b.compare(arith::CmpIPredicate::eq, key, top));
    Value at = findPlace(isTop, tie);
    b.store(at, list.indices, i);
    Value element = b.load(row.memory, placeOf(row, b.toIndex(at)));
    b.store(element, list.values, i);
    Value gone = b.splat(at, lanes);
    KernelBuilder::State next;
    for (auto [key, place] : llvm::zip_equal(now, places)) {
      Value isGone = b.compare(arith::CmpIPredicate::eq, place, gone);
      next.push_back(b.select(isGone, splatInt(least, lanes), key));
    }
    return next;
  };
  if (list.size * static_cast<int64_t>(keys.size()) > maxUnrolledKeys) {
    b.foldAll(b.index(0), b.index(list.size), keys, findNext);
    return;
  }
  for (int64_t i = 0; i < list.size; ++i)
    keys = findNext(b.index(i), keys);
}

StringRef cpu::whyNoVectorGate(GateOp op) {
  if (KernelBuilder::elementOf(op.getWeights()).isF64())
    return "its scores are f64";
  int64_t columns = op.getNumColumns();
  if (columns == ShapedType::kDynamic)
    return "only a run knows its number of columns";
  if (columns > maxColumns)
    return "it has too many columns";
  return "";
}

/// How much work a token is.
static int64_t estimateWork(GateOp op) {
  int64_t columns = op.getNumColumns(), k = op.getNumSlots();
  int64_t ofColumn = op.getScore() == Score::None ? 2 : workOfScore;
  if (!op.getProject().empty()) {
    int64_t inner = KernelBuilder::staticExtent(op.getProject().front(), 1);
    ofColumn += inner == ShapedType::kDynamic ? workOfScore : 2 * inner;
  }
  return columns * (ofColumn + k);
}

void cpu::buildGate(GateOp op, SymbolTable &symbols, int64_t lanes) {
  KernelBuilder b(op.getLoc(), op);
  VectorRowMath rows(b, b.elementOf(op.getWeights()), lanes);
  emitGate(op, b, symbols, rows,
           [&](Value tokens, function_ref<void(Value, Value)> emit) {
             Value work = b.mul(tokens, b.index(estimateWork(op)));
             b.parallel(tokens, work, workPerThread, emit);
           });
}
