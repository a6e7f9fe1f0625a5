//===- VectorISA.cpp - What CPU kernels are built for ---------------------===//
#include "moe/Dialect/MoE/Transforms/VectorISA.h"

#include "llvm/ADT/STLExtras.h"

using namespace moe;

static constexpr llvm::StringLiteral avx2[] = {"avx2", "fma"};
static constexpr llvm::StringLiteral avx512[] = {"avx512f", "avx512vl",
                                                 "avx512bw", "avx512dq"};
static constexpr llvm::StringLiteral avx512BF16[] = {
    "avx512f", "avx512vl", "avx512bw", "avx512dq", "avx512bf16"};

static constexpr VectorISAInfo infos[] = {
    {VectorISA::None, "none", {}, 0, 0, 0, 1},
    {VectorISA::AVX2, "avx2", avx2, 8, 12, 512 << 10, 1},
    {VectorISA::AVX512, "avx512", avx512, 16, 24, 1 << 20, 1},
    {VectorISA::AVX512BF16, "avx512bf16", avx512BF16, 16, 24, 1 << 20, 2},
};

llvm::ArrayRef<VectorISAInfo> moe::getVectorISAs() { return infos; }

const VectorISAInfo &moe::getVectorISAInfo(VectorISA isa) {
  return infos[static_cast<size_t>(isa)];
}
