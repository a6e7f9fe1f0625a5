//===- Compare.h - Whether two sides computed the same ----------*- C++ -*-===//
//
// The rule of the proof. For each input that the original accepts, outputs of
// the raised side must have the same shapes, and then, in this order:
//
// 1. Ids of the routing are equal, exactly. Where the raised one is -1, "no
//    slot", the original one must be of a null expert, or of none.
// 2. Weights of slots whose raised id is not -1 are equal as values are (3).
// 3. Values are equal within the rounding of another order of sums: 1e-5
//    (f32, f64), 2^-9 (f16) or 2^-6 (bf16) of the tensor's greatest magnitude.
//    Infinities equal themselves, NaN equals NaN. Integers are equal exactly.
//
// Two exceptions, for rows that are not finite, because of what graphs compute
// for slots that the raised side knows to be empty: 0 times garbage is NaN.
//
// * A row with inf or NaN in it, scores apart: only its routing is compared.
// * A row whose routing weights are not all finite: values that are not finite
//   in the original need only not be finite in the raised one. They may be
//   finite too if every slot with such a weight is of a null expert.
//
// Coverage guards against proofs of nothing: every expert that is not masked
// was selected with finite values, and no result was always zero.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_PROOF_COMPARE_H
#define MOE_LIB_PROOF_COMPARE_H

#include "Array.h"
#include "llvm/ADT/SmallBitVector.h"

#include <optional>
#include <string>

namespace moe {

/// What the outputs of both sides are.
struct OutputsDescription {
  /// Results come first, then pairs of ids and weights.
  size_t numResults = 0;
  size_t numRoutings = 0;
  /// Ids that add nothing. Those past the end are none of the layer's.
  llvm::SmallBitVector isNull;
  /// Ids that must be selected for a proof to say anything.
  llvm::SmallBitVector mustSelect;
};

/// Rows of one input, by what is comparable.
struct RowMask {
  /// Whether values other than scores are all finite.
  llvm::SmallVector<bool> isFinite;

  static RowMask get(llvm::ArrayRef<Array> rows, llvm::ArrayRef<bool> isScores);
};

/// The first difference, as a phrase that names the place and both numbers, or
/// nothing.
std::optional<std::string> findDifference(const OutputsDescription &description,
                                          const RowMask &mask,
                                          llvm::ArrayRef<Array> original,
                                          llvm::ArrayRef<Array> raised);

/// What all comparisons together have seen.
class Coverage {
public:
  explicit Coverage(const OutputsDescription &description);

  /// Call once per input on which both sides agreed.
  void add(const RowMask &mask, llvm::ArrayRef<Array> outputs);

  bool hasAllIds() const { return missing.none(); }
  /// What was not seen, or nothing.
  std::optional<std::string> findGap() const;

private:
  const OutputsDescription &description;
  /// Of those that must be selected.
  llvm::SmallBitVector missing;
  llvm::SmallVector<bool> isNonZero;
};

} // namespace moe

#endif // MOE_LIB_PROOF_COMPARE_H
