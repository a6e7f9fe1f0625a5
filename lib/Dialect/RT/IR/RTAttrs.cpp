//===- RTAttrs.cpp - Sources and recipe steps of weights ------------------===//
#include "moe/Dialect/RT/IR/RT.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace moe::rt;

bool moe::rt::isElementType(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return llvm::is_contained({1u, 8u, 16u, 32u, 64u}, integer.getWidth());
  return type.isF16() || type.isBF16() || type.isF32() || type.isF64();
}

std::optional<uint64_t> moe::rt::getStorageSize(RankedTensorType type) {
  uint64_t bytes = (type.getElementTypeBitWidth() + 7) / 8;
  for (int64_t dim : type.getShape()) {
    bool overflowed = false;
    bytes = llvm::SaturatingMultiply<uint64_t>(bytes, dim, &overflowed);
    if (overflowed)
      return std::nullopt;
  }
  return bytes;
}

LogicalResult SpanAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               StringRef file, uint64_t offset, uint64_t length,
                               uint64_t hash, RankedTensorType type) {
  // A model, text or not, reads nothing outside of its folder.
  if (llvm::Error error = normalizeSpanFile(file).takeError())
    return emitError() << "expected a file below the model's folder, but '"
                       << file << "' " << llvm::toString(std::move(error));
  if (!type.hasStaticShape() || !isElementType(type.getElementType()))
    return emitError() << "expected a static tensor of numbers, but got "
                       << type;
  std::optional<uint64_t> size = getStorageSize(type);
  if (!size || *size != length) // weight_c1
    return emitError() << "expected length to be the size of " << type << ", "
                       << size.value_or(~uint64_t(0)) << " bytes, but got "
                       << length;
  if (offset + length < offset)
    return emitError() << "offset " << offset << " plus length " << length
                       << " overflows";
  return success();
}

FailureOr<SmallVector<RankedTensorType>>
StackAttr::inferTypes(ArrayRef<RankedTensorType> before,
                      function_ref<InFlightDiagnostic()> emitError) const {
  if (!llvm::all_equal(before)) {
    emitError() << "#rt.stack expects tensors of one type";
    return failure();
  }
  SmallVector<int64_t> shape{static_cast<int64_t>(before.size())};
  llvm::append_range(shape, before.front().getShape());
  return SmallVector<RankedTensorType>{
      RankedTensorType::get(shape, before.front().getElementType())};
}

FailureOr<SmallVector<RankedTensorType>>
TransposeAttr::inferTypes(ArrayRef<RankedTensorType> before,
                          function_ref<InFlightDiagnostic()> emitError) const {
  SmallVector<RankedTensorType> after;
  for (RankedTensorType type : before) {
    if (type.getRank() != static_cast<int64_t>(getPermutation().size()) ||
        !isPermutationVector(getPermutation())) {
      emitError() << "#rt.transpose expects a permutation of the "
                  << type.getRank() << " dims of " << type;
      return failure();
    }
    after.push_back(RankedTensorType::get(
        applyPermutation(type.getShape(), getPermutation()),
        type.getElementType()));
  }
  return after;
}

FailureOr<SmallVector<RankedTensorType>>
CastAttr::inferTypes(ArrayRef<RankedTensorType> before,
                     function_ref<InFlightDiagnostic()> emitError) const {
  if (!isElementType(getElementType())) {
    emitError() << "#rt.cast expects bool, an integer of 8 to 64 bits, f16, "
                   "bf16, f32 or f64, but got "
                << getElementType();
    return failure();
  }
  SmallVector<RankedTensorType> after;
  for (RankedTensorType type : before)
    after.push_back(type.clone(getElementType()));
  return after;
}

LogicalResult PackAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t width, int64_t pairs) {
  if (width < 1)
    return emitError() << "expected panels of at least one column, but got "
                       << width;
  if (pairs < 1)
    return emitError() << "expected groups of at least one row, but got "
                       << pairs;
  return success();
}

FailureOr<SmallVector<RankedTensorType>>
PackAttr::inferTypes(ArrayRef<RankedTensorType> before,
                     function_ref<InFlightDiagnostic()> emitError) const {
  SmallVector<RankedTensorType> after;
  for (RankedTensorType type : before) {
    if (type.getRank() < 2) {
      emitError() << "#rt.pack expects rows and columns, but got " << type;
      return failure();
    }
    SmallVector<int64_t> shape(type.getShape());
    int64_t columns = shape.pop_back_val(), rows = shape.pop_back_val();
    shape.append({llvm::divideCeilSigned(columns, getWidth()),
                  llvm::divideCeilSigned(rows, getPairs()), getWidth()});
    if (getPairs() > 1)
      shape.push_back(getPairs());
    after.push_back(RankedTensorType::get(shape, type.getElementType()));
  }
  return after;
}

LogicalResult ValueAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                StringRef valueName, RankedTensorType type,
                                ArrayAttr dimNames) {
  if (!isElementType(type.getElementType()))
    return emitError() << "expected a tensor of numbers, but got " << type;
  if (static_cast<int64_t>(dimNames.size()) != type.getRank() ||
      !llvm::all_of(dimNames, llvm::IsaPred<StringAttr>))
    return emitError() << "expected one dim name per dim of " << type
                       << ", but got " << dimNames;
  return success();
}
