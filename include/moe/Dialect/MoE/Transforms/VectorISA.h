//===- VectorISA.h - What CPU kernels are built for -------------*- C++ -*-===//
#ifndef MOE_DIALECT_MOE_TRANSFORMS_VECTORISA_H
#define MOE_DIALECT_MOE_TRANSFORMS_VECTORISA_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace moe {

/// Vector instructions that schedules are chosen for.
enum class VectorISA {
  None, ///< none that kernels are known for: loops stay as they are
  AVX2, ///< with FMA
  AVX512,
  AVX512BF16, ///< with dot products of bf16
};

/// What a schedule needs to know of a CPU.
struct VectorISAInfo {
  VectorISA isa;
  /// As written in pass options.
  llvm::StringLiteral name;
  /// Features of the CPU that it takes, as LLVM names them.
  llvm::ArrayRef<llvm::StringLiteral> features;
  /// f32 elements of a vector register.
  int64_t lanes;
  /// Sums that a tile keeps in registers, beside the weights of its columns and
  /// a broadcast row element: the most that never spills when k is unrolled.
  int64_t tileVectors;
  /// Bytes of the second cache that a core has for itself.
  int64_t cacheBytes;
  /// Products of bf16 that one instruction adds to a sum: 1 where it takes them
  /// in f32.
  int64_t bf16Step;
};

/// All of them, the greatest last.
llvm::ArrayRef<VectorISAInfo> getVectorISAs();
const VectorISAInfo &getVectorISAInfo(VectorISA isa);

/// The values of a pass option that takes one, a modifier like `cl::values`.
struct VectorISAValues {
  template <typename OptionT> void apply(OptionT &option) const {
    for (const VectorISAInfo &info : getVectorISAs())
      option.getParser().addLiteralOption(info.name, info.isa, info.name);
  }
};

} // namespace moe

#endif // MOE_DIALECT_MOE_TRANSFORMS_VECTORISA_H
