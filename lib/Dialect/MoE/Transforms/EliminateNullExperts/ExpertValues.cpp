//===- ExpertValues.cpp - Zero and duplicate experts by value -------------===//
//
// Two experts are one if all their slices have the same bytes. An expert is
// zero if the slices of it that are all zero make the body's result zero for
// finite rows, whatever the other weights are.
//
//===----------------------------------------------------------------------===//
#include "NullExperts.h"

#include "mlir/IR/Matchers.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace moe;

//===----------------------------------------------------------------------===//
// Bytes of slices
//===----------------------------------------------------------------------===//

SliceForm moe::getSliceForm(rt::WeightOp weight) {
  size_t numSources = weight.getSource().size();
  bool isStacked = false;
  for (Attribute step : weight.getRecipe()) {
    if (isa<rt::StackAttr>(step)) {
      // The first one makes the leading dim, a second one would hide it.
      if (isStacked || numSources == 1)
        return SliceForm::None;
      isStacked = true;
    } else if (auto transpose = dyn_cast<rt::TransposeAttr>(step)) {
      bool hasLeadingDim = isStacked || numSources == 1;
      if (hasLeadingDim && transpose.getPermutation().front() != 0)
        return SliceForm::None;
    } else if (!isa<rt::CastAttr>(step)) {
      return SliceForm::None;
    }
  }
  return isStacked ? SliceForm::Sources : SliceForm::Parts;
}

std::optional<StringRef> WeightBytes::read(rt::SpanAttr span) const {
  if (folder.empty())
    return std::nullopt;
  auto [it, isNew] = files.try_emplace(span.getFile());
  if (isNew) {
    llvm::Expected<std::string> path =
        rt::locateSpanFile(folder, span.getFile());
    if (!path) {
      llvm::consumeError(path.takeError());
      return std::nullopt;
    }
    auto file = llvm::MemoryBuffer::getFile(*path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
    if (file)
      it->second = std::move(*file);
  }
  if (!it->second)
    return std::nullopt;
  StringRef bytes = it->second->getBuffer();
  if (span.getOffset() > bytes.size() ||
      span.getLength() > bytes.size() - span.getOffset())
    return std::nullopt;
  return bytes.substr(span.getOffset(), span.getLength());
}

std::optional<StringRef> WeightBytes::getSlice(Value stacked,
                                               int64_t slice) const {
  int64_t count = cast<RankedTensorType>(stacked.getType()).getDimSize(0);
  auto part = [&](StringRef bytes) {
    size_t length = bytes.size() / count;
    return bytes.substr(slice * length, length);
  };
  DenseElementsAttr constant;
  if (matchPattern(stacked, m_Constant(&constant))) {
    ArrayRef<char> data = constant.getRawData();
    StringRef bytes(data.data(), data.size());
    return constant.isSplat() ? bytes : part(bytes);
  }
  rt::WeightOp weight = table.lookup(stacked);
  if (!weight)
    return std::nullopt;
  SliceForm form = getSliceForm(weight);
  if (form == SliceForm::Sources)
    return read(cast<rt::SpanAttr>(weight.getSource()[slice]));
  if (form == SliceForm::None)
    return std::nullopt;
  auto bytes = read(cast<rt::SpanAttr>(weight.getSource()[0]));
  return bytes ? std::optional(part(*bytes)) : std::nullopt;
}

uint64_t WeightBytes::getSliceHash(Value stacked, int64_t slice) const {
  rt::WeightOp weight = table.lookup(stacked);
  if (weight && getSliceForm(weight) == SliceForm::Sources)
    if (uint64_t hash = cast<rt::SpanAttr>(weight.getSource()[slice]).getHash())
      return hash;
  auto bytes = getSlice(stacked, slice);
  return bytes ? llvm::xxh3_64bits(*bytes) : 0;
}

//===----------------------------------------------------------------------===//
// Zero experts
//===----------------------------------------------------------------------===//

/// All bits are 0: +0 in every element type.
static bool isAllZero(StringRef bytes) {
  return bytes.find_first_not_of('\0') == StringRef::npos;
}

/// Whether an op's results are 0 given which of its operands are, for finite
/// rows.
static bool givesZero(Operation *op, const DenseSet<Value> &zeros) {
  auto isZero = [&](Value value) { return zeros.contains(value); };
  return TypeSwitch<Operation *, bool>(op)
      .Case<onnx::MulOp, onnx::MatMulOp>(
          [&](auto) { return llvm::any_of(op->getOperands(), isZero); })
      .Case([&](onnx::GemmOp gemm) {
        return (isZero(gemm.getA()) || isZero(gemm.getB())) &&
               (!gemm.getC() || isZero(gemm.getC()));
      })
      .Case<onnx::AddOp, onnx::SubOp>(
          [&](auto) { return llvm::all_of(op->getOperands(), isZero); })
      .Case<onnx::TransposeOp, onnx::ReluOp, onnx::NegOp, onnx::AbsOp,
            onnx::TanhOp, onnx::GeluOp, onnx::IdentityOp, onnx::CastOp,
            onnx::ReshapeOp, onnx::SliceOp, onnx::SplitOp, onnx::SqueezeOp,
            onnx::UnsqueezeOp>([&](auto) { return isZero(op->getOperand(0)); })
      .Default(false);
}

/// Whether the body gives 0 where these of its arguments are.
static bool isBodyZero(ExpertsOp experts, DenseSet<Value> zeros) {
  for (Operation &op : experts.getBody().front().without_terminator()) {
    DenseElementsAttr constant;
    bool zero = matchPattern(&op, m_Constant(&constant))
                    ? isAllZero(StringRef(constant.getRawData().data(),
                                          constant.getRawData().size()))
                    : givesZero(&op, zeros);
    if (zero)
      zeros.insert_range(op.getResults());
  }
  return zeros.contains(
      experts.getBody().front().getTerminator()->getOperand(0));
}

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

/// Bytes of a slice that tell most experts apart.
static constexpr size_t keyLength = 4096;

void moe::markByValue(ExpertsOp experts, const WeightBytes &bytes,
                      ArrayRef<int64_t> ids, MutableArrayRef<IdFate> fate) {
  if (experts.getStacked().empty())
    return;
  // Experts with other keys differ; those with equal keys are looked at.
  DenseMap<size_t, SmallVector<size_t, 1>> seen;
  auto isEqual = [&](size_t lhs, size_t rhs) {
    return llvm::all_of(experts.getStacked(), [&](Value stacked) {
      auto left = bytes.getSlice(stacked, lhs);
      auto right = bytes.getSlice(stacked, rhs);
      if (left && right)
        return *left == *right;
      uint64_t hash = bytes.getSliceHash(stacked, lhs);
      return hash && hash == bytes.getSliceHash(stacked, rhs);
    });
  };
  for (size_t slice = 0; slice < ids.size(); ++slice) {
    int64_t id = ids[slice];
    if (fate[id].kind != IdFate::Kind::Runs)
      continue;
    DenseSet<Value> zeros;
    llvm::hash_code key(0);
    bool isKnown = true;
    for (auto [stacked, argument] :
         llvm::zip_equal(experts.getStacked(), experts.getStackedArguments())) {
      auto content = bytes.getSlice(stacked, slice);
      if (content && isAllZero(*content))
        zeros.insert(argument);
      // Most experts differ at once: no need to read all that they have.
      uint64_t sliceKey =
          content ? llvm::xxh3_64bits(content->take_front(keyLength))
                  : bytes.getSliceHash(stacked, slice);
      isKnown &= content || sliceKey != 0;
      key = llvm::hash_combine(key, sliceKey);
    }
    if (!zeros.empty() && isBodyZero(experts, zeros)) {
      fate[id].kind = IdFate::Kind::ZeroByValue;
      continue;
    }
    // Slots of one row scaled differently cannot be merged.
    if (!isKnown || experts.getInputWeights())
      continue;
    SmallVector<size_t, 1> &candidates = seen[key];
    auto same = llvm::find_if(
        candidates, [&](size_t earlier) { return isEqual(earlier, slice); });
    if (same == candidates.end()) {
      candidates.push_back(slice);
      continue;
    }
    fate[id].kind = IdFate::Kind::Duplicate;
    fate[id].sameAs = ids[*same];
  }
}
