//===- NullExperts.h - Experts that need not run ----------------*- C++ -*-===//
//
// Shared by the parts of `moe-eliminate-null-experts`.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DIALECT_MOE_TRANSFORMS_ELIMINATENULLEXPERTS_NULLEXPERTS_H
#define MOE_LIB_DIALECT_MOE_TRANSFORMS_ELIMINATENULLEXPERTS_NULLEXPERTS_H

#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/RT/IR/Weights.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"

namespace moe {

/// What becomes of an id of `moe.experts`.
struct IdFate {
  enum class Kind {
    Runs,        ///< an expert with weights that is needed
    Zero,        ///< a zero expert
    Copy,        ///< a copy expert: part of a term
    Constant,    ///< a constant expert: part of a term
    ZeroByValue, ///< an expert whose weights make every output 0
    Duplicate,   ///< an expert with the weights of id `sameAs`, which runs
    Unreachable, ///< never selected from finite scores
    Last = Unreachable
  };
  Kind kind = Kind::Runs;
  int64_t sameAs = -1;
};

/// How the slices of a weight along its leading dim lie in files.
enum class SliceForm {
  None,    ///< otherwise
  Sources, ///< each slice is made of one source
  Parts    ///< equal parts of the one source, in order
};
SliceForm getSliceForm(rt::WeightOp weight);

/// The bytes of the model's weights, as far as they are at hand: spans of files
/// in `folder`, mapped when first asked for. Without a folder there are none,
/// and only the spans' hashes tell.
class WeightBytes {
public:
  WeightBytes(mlir::ModuleOp module, llvm::StringRef folder)
      : table(module), folder(folder) {}

  /// The bytes of a slice along the leading dim of a weight or small constant,
  /// none if they are not at hand. Equal bytes stand for equal slices of one
  /// operand, since a recipe treats all slices alike.
  std::optional<llvm::StringRef> getSlice(mlir::Value stacked,
                                          int64_t slice) const;
  /// A hash in place of the bytes; 0 if it is not recorded.
  uint64_t getSliceHash(mlir::Value stacked, int64_t slice) const;

  rt::WeightTable &getTable() { return table; }

private:
  std::optional<llvm::StringRef> read(rt::SpanAttr span) const;

  rt::WeightTable table;
  std::string folder;
  mutable llvm::StringMap<std::unique_ptr<llvm::MemoryBuffer>> files;
};

/// Marks experts (`ids`, in the order of stacked slices) that are zero or equal
/// to an earlier one by the values of their weights.
void markByValue(ExpertsOp experts, const WeightBytes &bytes,
                 llvm::ArrayRef<int64_t> ids,
                 llvm::MutableArrayRef<IdFate> fate);

/// `stacked` without the slices that `kept` lacks: a weight of fewer sources
/// where it is one, else onnx.Gather at the builder.
mlir::Value keepSlices(mlir::OpBuilder &builder, mlir::Location loc,
                       WeightBytes &bytes, mlir::Value stacked,
                       llvm::ArrayRef<int64_t> kept);

} // namespace moe

#endif // MOE_LIB_DIALECT_MOE_TRANSFORMS_ELIMINATENULLEXPERTS_NULLEXPERTS_H
