//===- ShapeOps.cpp - Ops of Shape.td -------------------------------------===//
//
// Verifiers check what the lowering relies on: ranks, attribute ranges, lengths
// of shape operands. Extents are checked at run time, where they are known.
//
//===----------------------------------------------------------------------===//
#include "VerifyUtils.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "moe/Dialect/ONNX/IR/Constants.h"

using namespace mlir;
using namespace moe::onnx;

//===----------------------------------------------------------------------===//
// Making tensors
//===----------------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor adaptor) { return getValueAttr(); }

LogicalResult ConstantOfShapeOp::verify() {
  if (failed(verifyVector(*this, getInput(), "input", rankOf(getOutput()))))
    return failure();
  if (!getValue())
    return success();
  if (getValue()->getNumElements() != 1)
    return emitOpError("expected value of one element, but got ")
           << getValue()->getNumElements();
  auto type = cast<RankedTensorType>(getOutput().getType());
  if (getValue()->getElementType() != type.getElementType())
    return emitOpError("expected value of type ")
           << type.getElementType() << ", but got "
           << getValue()->getElementType();
  return success();
}

LogicalResult RangeOp::verify() {
  Type type = getElementTypeOrSelf(getOutput());
  static constexpr StringLiteral names[] = {"start", "limit", "delta"};
  for (auto [value, name] : llvm::zip_equal(getOperands(), names)) {
    if (failed(verifyOneElement(*this, value, name)))
      return failure();
    if (getElementTypeOrSelf(value) != type)
      return emitOpError("expected ") << name << " of element type " << type
                                      << ", but got " << value.getType();
  }
  if (getStashType() != 1 && getStashType() != 11)
    return emitOpError("expected stash_type 1 (f32) or 11 (f64), but got ")
           << getStashType();
  return verifyRank(*this, getOutput(), "output", 1);
}

LogicalResult EyeLikeOp::verify() {
  if (failed(verifyRank(*this, getInput(), "input", 2)))
    return failure();
  return verifyRank(*this, getOutput(), "output", 2);
}

//===----------------------------------------------------------------------===//
// Asking for shapes
//===----------------------------------------------------------------------===//

std::pair<int64_t, int64_t> ShapeOp::getDimRange() {
  int64_t rank = rankOf(getData());
  auto clamp = [rank](int64_t dim) {
    return std::clamp<int64_t>(dim < 0 ? dim + rank : dim, 0, rank);
  };
  int64_t start = clamp(getStart());
  return {start, std::max(start, getEnd() ? clamp(*getEnd()) : rank)};
}

LogicalResult ShapeOp::verify() {
  auto [start, end] = getDimRange();
  return verifyVector(*this, getShape(), "shape", end - start);
}

LogicalResult SizeOp::verify() {
  return verifyRank(*this, getSize(), "size", 0);
}

//===----------------------------------------------------------------------===//
// Same elements in the same order
//===----------------------------------------------------------------------===//

OpFoldResult IdentityOp::fold(FoldAdaptor adaptor) {
  if (getInput().getType() == getOutput().getType())
    return getInput();
  return {};
}

LogicalResult IdentityOp::verify() {
  if (failed(
          verifyCompatibleShape(getInput().getType(), getOutput().getType())))
    return emitOpError("expected an output of the input's shape, but got ")
           << getOutput().getType();
  return success();
}

LogicalResult ReshapeOp::verify() {
  return verifyVector(*this, getShape(), "shape", rankOf(getReshaped()));
}

LogicalResult FlattenOp::verify() {
  int64_t rank = rankOf(getInput());
  if (failed(verifyInRange(*this, getAxis(), "axis", -rank, rank)))
    return failure();
  return verifyRank(*this, getOutput(), "output", 2);
}

LogicalResult SqueezeOp::verify() {
  if (rankOf(getSqueezed()) > rankOf(getData()))
    return emitOpError("expected squeezed of rank ")
           << rankOf(getData()) << " at most, but got "
           << getSqueezed().getType();
  return verifyRankAtMost(*this, getAxes(), "axes", 1);
}

LogicalResult UnsqueezeOp::verify() {
  if (rankOf(getExpanded()) < rankOf(getData()))
    return emitOpError("expected expanded of rank ")
           << rankOf(getData()) << " at least, but got "
           << getExpanded().getType();
  return verifyRankAtMost(*this, getAxes(), "axes", 1);
}

//===----------------------------------------------------------------------===//
// Moving elements
//===----------------------------------------------------------------------===//

SmallVector<int64_t> TransposeOp::getPermutation() {
  if (std::optional<ArrayRef<int64_t>> perm = getPerm())
    return llvm::to_vector(*perm);
  return llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(rankOf(getData()))));
}

LogicalResult TransposeOp::verify() {
  SmallVector<int64_t> perm = getPermutation();
  int64_t rank = rankOf(getData());
  if (!isPermutationVector(perm) || static_cast<int64_t>(perm.size()) != rank)
    return emitOpError("expected perm to be a permutation of the dims of ")
           << getData().getType() << ", but got [" << perm << "]";
  return verifyRank(*this, getTransposed(), "transposed", rank);
}

LogicalResult ConcatOp::verify() {
  if (getInputs().empty())
    return emitOpError("expected one input at least");
  int64_t rank = rankOf(getConcatResult());
  if (failed(verifyAxis(*this, getAxis(), rank)))
    return failure();
  Type type = getElementTypeOrSelf(getConcatResult());
  for (Value input : getInputs()) {
    if (failed(verifyRank(*this, input, "inputs", rank)))
      return failure();
    if (getElementTypeOrSelf(input) != type)
      return emitOpError("expected inputs of element type ")
             << type << ", but got " << input.getType();
  }
  return success();
}

LogicalResult SplitOp::verify() {
  int64_t rank = rankOf(getInput());
  if (failed(verifyAxis(*this, getAxis(), rank)))
    return failure();
  int64_t numResults = getOutputs().size();
  if (getSplit() &&
      failed(verifyVector(*this, getSplit(), "split", numResults)))
    return failure();
  if (getNumOutputs() && static_cast<int64_t>(*getNumOutputs()) != numResults)
    return emitOpError("expected as many results as num_outputs, ")
           << *getNumOutputs() << ", but got " << numResults;
  Type type = getElementTypeOrSelf(getInput());
  for (Value output : getOutputs()) {
    if (failed(verifyRank(*this, output, "outputs", rank)))
      return failure();
    if (getElementTypeOrSelf(output) != type)
      return emitOpError("expected outputs of element type ")
             << type << ", but got " << output.getType();
  }
  return success();
}

LogicalResult SliceOp::verify() {
  if (failed(verifyRank(*this, getOutput(), "output", rankOf(getData()))) ||
      failed(verifyVector(*this, getStarts(), "starts")))
    return failure();
  int64_t count = dimOf(getStarts(), 0);
  if (failed(verifyVector(*this, getEnds(), "ends", count)) ||
      (getAxes() && failed(verifyVector(*this, getAxes(), "axes", count))) ||
      (getSteps() && failed(verifyVector(*this, getSteps(), "steps", count))))
    return failure();
  if (count > rankOf(getData()))
    return emitOpError("expected starts of at most one element per dim of ")
           << getData().getType() << ", but got " << count;
  return success();
}

LogicalResult ExpandOp::verify() {
  if (failed(verifyVector(*this, getShape(), "shape")))
    return failure();
  int64_t length = dimOf(getShape(), 0), rank = rankOf(getInput());
  int64_t resultRank = rankOf(getOutput());
  if (ShapedType::isDynamic(length) ? resultRank >= rank
                                    : resultRank == std::max(rank, length))
    return success();
  return emitOpError("expected output of the rank that broadcasting gives, but "
                     "got ")
         << getOutput().getType();
}

LogicalResult TileOp::verify() {
  int64_t rank = rankOf(getInput());
  if (failed(verifyVector(*this, getRepeats(), "repeats", rank)))
    return failure();
  return verifyRank(*this, getOutput(), "output", rank);
}

LogicalResult PadOp::verify() {
  int64_t rank = rankOf(getData());
  if (failed(verifyRank(*this, getOutput(), "output", rank)))
    return failure();
  int64_t count = rank;
  if (getAxes()) {
    if (failed(verifyVector(*this, getAxes(), "axes")))
      return failure();
    int64_t extent = dimOf(getAxes(), 0);
    count = ShapedType::isDynamic(extent) ? -1 : extent;
  }
  if (failed(verifyVector(*this, getPads(), "pads", 2 * count)))
    return failure();
  if (!getConstantValue())
    return success();
  if (getElementTypeOrSelf(getConstantValue()) !=
      getElementTypeOrSelf(getData()))
    return emitOpError("expected constant_value of the data's element type, "
                       "but got ")
           << getConstantValue().getType();
  return verifyOneElement(*this, getConstantValue(), "constant_value");
}

/// Both block ops: [N, C, H, W] and a positive block size.
template <typename OpTy> static LogicalResult verifyBlocks(OpTy op) {
  if (failed(verifyRank(op, op.getInput(), "input", 4)) ||
      failed(verifyRank(op, op.getOutput(), "output", 4)))
    return failure();
  return verifyInRange(op, op.getBlocksize(), "blocksize", 1, 1 << 15);
}

LogicalResult DepthToSpaceOp::verify() { return verifyBlocks(*this); }

LogicalResult SpaceToDepthOp::verify() { return verifyBlocks(*this); }

LogicalResult TriluOp::verify() {
  int64_t rank = rankOf(getInput());
  if (rank < 2)
    return emitOpError("expected input of rank 2 at least, but got ")
           << getInput().getType();
  if (getK() && failed(verifyOneElement(*this, getK(), "k")))
    return failure();
  return verifyRank(*this, getOutput(), "output", rank);
}

LogicalResult ReverseSequenceOp::verify() {
  int64_t rank = rankOf(getInput());
  if (rank < 2)
    return emitOpError("expected input of rank 2 at least, but got ")
           << getInput().getType();
  if (failed(verifyInRange(*this, getBatchAxis(), "batch_axis", 0, 1)) ||
      failed(verifyInRange(*this, getTimeAxis(), "time_axis", 0, 1)))
    return failure();
  if (getBatchAxis() == getTimeAxis())
    return emitOpError(
               "expected batch_axis other than time_axis, but both are ")
           << getTimeAxis();
  if (failed(verifyVector(*this, getSequenceLens(), "sequence_lens")))
    return failure();
  return verifyRank(*this, getY(), "Y", rank);
}

//===----------------------------------------------------------------------===//
// Folders of layout ops that change nothing
//===----------------------------------------------------------------------===//

/// Whether a reshape to the constant `shape` can only give `type` back, which
/// it starts from: static extents are named, of the others all but one are kept
/// (0), and what that one (-1) is follows from the number of elements.
static bool keepsShape(RankedTensorType type, ArrayRef<int64_t> shape,
                       bool allowZero) {
  if (llvm::count(shape, -1) > 1 || llvm::is_contained(type.getShape(), 0))
    return false;
  return llvm::all_of(llvm::zip_equal(type.getShape(), shape), [&](auto pair) {
    auto [extent, wanted] = pair;
    return wanted == extent || wanted == -1 || (wanted == 0 && !allowZero);
  });
}

/// A reshape to the shape that the data has -> the data. Any other may fail in
/// a run, and stays.
OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  RankedTensorType type = getData().getType();
  if (type != getReshaped().getType())
    return {};
  auto ints = getConstantInts(getShape());
  if (ints && static_cast<int64_t>(ints->size()) == type.getRank() &&
      keepsShape(type, *ints, getAllowzero() != 0))
    return getData();
  auto shape = getShape().getDefiningOp<ShapeOp>();
  if (shape && shape.getData() == getData() && !shape.getEnd() &&
      !shape.getStart())
    return getData();
  return {};
}

/// A transposition by the identity, or back -> the data.
OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  SmallVector<int64_t> permutation = getPermutation();
  auto isIdentity = [](ArrayRef<int64_t> dims) {
    return llvm::all_of(llvm::enumerate(dims), [](auto it) {
      return static_cast<int64_t>(it.index()) == it.value();
    });
  };
  if (isIdentity(permutation) && getData().getType() == getType())
    return getData();
  auto inner = getData().getDefiningOp<TransposeOp>();
  if (!inner || inner.getData().getType() != getType())
    return {};
  SmallVector<int64_t> first = inner.getPermutation(), both;
  for (int64_t dim : permutation)
    both.push_back(first[dim]);
  return isIdentity(both) ? OpFoldResult(inner.getData()) : OpFoldResult();
}

/// onnx.Squeeze (onnx.Unsqueeze %x, %axes), %axes -> %x
OpFoldResult SqueezeOp::fold(FoldAdaptor adaptor) {
  auto inner = getData().getDefiningOp<UnsqueezeOp>();
  if (!inner || inner.getData().getType() != getType() || !getAxes())
    return {};
  if (inner.getAxes() == getAxes())
    return inner.getData();
  auto axes = getConstantInts(getAxes());
  auto added = getConstantInts(inner.getAxes());
  if (!axes || !added)
    return {};
  int64_t rank = getData().getType().getRank();
  for (SmallVector<int64_t> *dims : {&*axes, &*added}) {
    for (int64_t &dim : *dims)
      dim += dim < 0 ? rank : 0;
    llvm::sort(*dims);
  }
  return *axes == *added ? OpFoldResult(inner.getData()) : OpFoldResult();
}
