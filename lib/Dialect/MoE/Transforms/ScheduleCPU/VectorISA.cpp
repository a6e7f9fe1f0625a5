//===- VectorISA.cpp - What CPU kernels are built for ---------------------===//
#include "moe/Dialect/MoE/Transforms/VectorISA.h"

#include "llvm/ADT/STLExtras.h"

using namespace moe;

static constexpr llvm::StringLiteral avx2[] = {"avx2", "fma"};
static constexpr llvm::StringLiteral avx512[] = {"avx512f", "avx512vl",
                                                 "avx512bw", "avx512dq"};

static constexpr VectorISAInfo infos[] = {
    {VectorISA::None, "none", {}, 0, 0, 0},
    {VectorISA::AVX2, "avx2", avx2, 8, 12, 512 << 10},
    {VectorISA::AVX512, "avx512", avx512, 16, 24, 1 << 20},
};

llvm::ArrayRef<VectorISAInfo> moe::getVectorISAs() { return infos; }

const VectorISAInfo &moe::getVectorISAInfo(VectorISA isa) {
  return infos[static_cast<size_t>(isa)];
}
