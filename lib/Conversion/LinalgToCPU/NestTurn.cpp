//===- NestTurn.cpp - Copies that turn the innermost dim ------------------===//
#include "NestBuilder.h"

using namespace mlir;
using namespace moe;
using namespace moe::cpu;

/// Tiles of `lanes` x `lanes` elements are read and written by whole vectors;
/// what is left at both ends goes element by element.
void NestBuilder::emitTurn(Places places) {
  unsigned vectors = nest.getVectorLoop(), turned = *nest.getTurnedLoop();
  Value from = places[0], to = places[1];
  Value fromStride = nest.emitStride(b, nest.getOperands()[0], vectors);
  Value toStride = nest.emitStride(b, nest.getOperands()[1], turned);
  auto copy = [&](Value i, Value j) {
    Value value =
        b.load(body.getFlat(0), b.add(b.add(from, b.mul(j, fromStride)), i));
    b.store(value, body.getFlat(1), b.add(b.add(to, b.mul(i, toStride)), j));
  };
  auto wholeEnd = [&](unsigned loop) {
    Value rest = b.rem(b.sub(ends[loop], begins[loop]), b.index(lanes));
    return b.sub(ends[loop], rest);
  };
  Value iEnd = wholeEnd(turned), jEnd = wholeEnd(vectors);
  b.forEach(
      begins[turned], iEnd,
      [&](Value i) {
        b.forEach(
            begins[vectors], jEnd,
            [&](Value j) {
              emitTile(b.add(b.add(from, b.mul(j, fromStride)), i),
                       b.add(b.add(to, b.mul(i, toStride)), j), fromStride,
                       toStride);
            },
            lanes);
        b.forEach(i, b.add(i, b.index(lanes)), [&](Value inTile) {
          b.forEach(jEnd, ends[vectors], [&](Value j) { copy(inTile, j); });
        });
      },
      lanes);
  b.forEach(iEnd, ends[turned], [&](Value i) {
    b.forEach(begins[vectors], ends[vectors], [&](Value j) { copy(i, j); });
  });
}

/// Rows -> columns: each round interleaves the first half of the vectors with
/// the second, which moves one bit of a row's number into that of the column.
void NestBuilder::emitTile(Value from, Value to, Value fromStride,
                           Value toStride) {
  SmallVector<Value> rows;
  for (int64_t i = 0; i < lanes; ++i)
    rows.push_back(b.loadVector(
        body.getFlat(0), b.add(from, b.mul(b.index(i), fromStride)), lanes));
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < lanes / 2; ++i) {
    llvm::append_values(low, i, lanes + i);
    llvm::append_values(high, lanes / 2 + i, lanes + lanes / 2 + i);
  }
  for (int64_t round = 1; round < lanes; round *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i < lanes / 2; ++i)
      for (ArrayRef<int64_t> mask : {ArrayRef(low), ArrayRef(high)})
        next.push_back(
            vector::ShuffleOp::create(b, rows[i], rows[lanes / 2 + i], mask));
    rows = std::move(next);
  }
  for (int64_t i = 0; i < lanes; ++i)
    b.storeVector(rows[i], body.getFlat(1),
                  b.add(to, b.mul(b.index(i), toStride)));
}
