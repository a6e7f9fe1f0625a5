//===- Inputs.h - Random and adversarial rows -------------------*- C++ -*-===//
#ifndef MOE_LIB_PROOF_INPUTS_H
#define MOE_LIB_PROOF_INPUTS_H

#include "Array.h"

namespace moe {

/// What the rows of a candidate are.
struct RowsDescription {
  /// One per row operand; dim 0 may be dynamic, no other.
  llvm::SmallVector<mlir::RankedTensorType> types;
  /// Whether routing depends on it.
  llvm::SmallVector<bool> isScores;
  /// Slots per token, for families that favour so many columns.
  int64_t numSlots = 1;
};

/// Kinds of inputs. All but the last few are about scores, with normal numbers
/// in the other rows.
enum class InputFamily {
  EachInTurn,
  Normal,
  WideNormal,
  ExactTies,
  AllEqual,
  OneForAll,
  LastForAll,
  OneNever,
  Huge,
  Tiny,
  NegativeInfinity,
  PositiveInfinity,
  NaN,
  ZeroRows,
  LargeRows,
  NonFiniteRows,
};

/// All of them, in the order in which they show most.
llvm::ArrayRef<InputFamily> getInputFamilies();

/// "exact ties", for messages.
llvm::StringRef getName(InputFamily family);

/// Rows for `numTokens` tokens. `round` counts calls for one family: each makes
/// other numbers, and `EachInTurn` goes on with the columns that the last one
/// ended at.
std::vector<Array> makeRows(const RowsDescription &description,
                            InputFamily family, int64_t numTokens,
                            int64_t round);

} // namespace moe

#endif // MOE_LIB_PROOF_INPUTS_H
