//===- Kernels.h - Kernels that schedules ask for ---------------*- C++ -*-===//
#ifndef MOE_LIB_CONVERSION_MOETOCPU_KERNELS_H
#define MOE_LIB_CONVERSION_MOETOCPU_KERNELS_H

#include "MicroKernel.h"

namespace moe::cpu {

/// Each writes the kernel of an op on memrefs ahead of it.
void buildGroupedMatmul(GroupedMatmulOp op, MicroKernels &microKernels);
void buildPack(PackOp op);
void buildCombine(CombineOp op, int64_t lanes);
/// `symbols` takes the gate's table.
void buildGate(GateOp op, mlir::SymbolTable &symbols, int64_t lanes);
/// Why a gate has no vector form; empty where it has one.
llvm::StringRef whyNoVectorGate(GateOp op);

/// Applies a scalar epilogue to vectors: `arguments` take the place of its
/// arguments, values from outside are splat. Returns what it yields.
mlir::Value applyEpilogue(KernelBuilder &b, mlir::Block &epilogue,
                          mlir::ValueRange arguments, int64_t lanes);

} // namespace moe::cpu

#endif // MOE_LIB_CONVERSION_MOETOCPU_KERNELS_H
