//===- IndexingOps.cpp - Ops of Indexing.td -------------------------------===//
//
// Verifiers check ranks and attribute ranges; the indices themselves are data.
//
//===----------------------------------------------------------------------===//
#include "VerifyUtils.h"

using namespace mlir;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// Gathers
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::verify() {
  int64_t rank = rankOf(getData());
  if (failed(verifyAxis(*this, getAxis(), rank)))
    return failure();
  return verifyRank(*this, getOutput(), "output",
                    rank - 1 + rankOf(getIndices()));
}

LogicalResult GatherElementsOp::verify() {
  int64_t rank = rankOf(getData());
  if (failed(verifyAxis(*this, getAxis(), rank)) ||
      failed(verifyRank(*this, getIndices(), "indices", rank)))
    return failure();
  return verifyRank(*this, getOutput(), "output", rank);
}

/// The last dim of `indices` holds tuples of `length` indices, at least 0 and
/// at most one per dim of `data` behind `batchDims`.
static LogicalResult verifyTuples(Operation *op, Value data, Value indices,
                                  int64_t batchDims, int64_t length) {
  int64_t most = rankOf(data) - batchDims;
  if (length < 0 || length > most)
    return op->emitOpError("expected index tuples of at most ")
           << most << " elements, but the ranks mean " << length;
  int64_t extent = dimOf(indices, rankOf(indices) - 1);
  if (!ShapedType::isDynamic(extent) && extent != length)
    return op->emitOpError("expected index tuples of ")
           << length << " elements, but got " << indices.getType();
  return success();
}

LogicalResult GatherNDOp::verify() {
  int64_t rank = rankOf(getData()), indexRank = rankOf(getIndices());
  if (indexRank == 0)
    return emitOpError("expected indices of rank 1 at least, but got ")
           << getIndices().getType();
  int64_t batchDims = getBatchDims();
  if (failed(verifyInRange(*this, batchDims, "batch_dims", 0,
                           std::min(rank, indexRank - 1))))
    return failure();
  int64_t length = rank + indexRank - 1 - batchDims - rankOf(getOutput());
  return verifyTuples(*this, getData(), getIndices(), batchDims, length);
}

//===----------------------------------------------------------------------===//
// Scatters
//===----------------------------------------------------------------------===//

LogicalResult ScatterElementsOp::verify() {
  int64_t rank = rankOf(getData());
  if (failed(verifyAxis(*this, getAxis(), rank)) ||
      failed(verifyRank(*this, getIndices(), "indices", rank)) ||
      failed(verifyRank(*this, getUpdates(), "updates", rank)))
    return failure();
  return verifyRank(*this, getOutput(), "output", rank);
}

LogicalResult ScatterNDOp::verify() {
  int64_t rank = rankOf(getData()), indexRank = rankOf(getIndices());
  if (indexRank == 0)
    return emitOpError("expected indices of rank 1 at least, but got ")
           << getIndices().getType();
  int64_t length = rank + indexRank - 1 - rankOf(getUpdates());
  if (failed(verifyTuples(*this, getData(), getIndices(), 0, length)))
    return failure();
  return verifyRank(*this, getOutput(), "output", rank);
}

LogicalResult TensorScatterOp::verify() {
  int64_t rank = rankOf(getPastCache());
  if (failed(verifyAxis(*this, getAxis(), rank)) ||
      failed(verifyRank(*this, getUpdate(), "update", rank)) ||
      failed(verifyRank(*this, getPresentCache(), "present_cache", rank)))
    return failure();
  if ((getAxis() + rank) % rank == 0)
    return emitOpError("expected an axis other than the batch dim 0");
  if (getWriteIndices())
    return verifyVector(*this, getWriteIndices(), "write_indices",
                        dimOf(getPastCache(), 0));
  return success();
}

//===----------------------------------------------------------------------===//
// Selections
//===----------------------------------------------------------------------===//

LogicalResult NonZeroOp::verify() {
  if (failed(verifyRank(*this, getY(), "Y", 2)))
    return failure();
  int64_t rows = dimOf(getY(), 0);
  if (!ShapedType::isDynamic(rows) && rows != rankOf(getX()))
    return emitOpError("expected Y of ")
           << rankOf(getX()) << " rows, but got " << getY().getType();
  return success();
}

LogicalResult OneHotOp::verify() {
  int64_t rank = rankOf(getIndices()) + 1;
  if (failed(verifyAxis(*this, getAxis(), rank)) ||
      failed(verifyOneElement(*this, getDepth(), "depth")) ||
      failed(verifyVector(*this, getValues(), "values", 2)))
    return failure();
  return verifyRank(*this, getOutput(), "output", rank);
}

LogicalResult CompressOp::verify() {
  int64_t rank = rankOf(getInput());
  if (getAxis() && failed(verifyAxis(*this, *getAxis(), rank)))
    return failure();
  if (failed(verifyVector(*this, getCondition(), "condition")))
    return failure();
  return verifyRank(*this, getOutput(), "output", getAxis() ? rank : 1);
}
