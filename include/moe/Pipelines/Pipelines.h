//===- Pipelines.h - The story of the compiler ------------------*- C++ -*-===//
//
// One function per stage: each appends the passes that lead from the stage
// before to it and ends in the check of its contract.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_PIPELINES_PIPELINES_H
#define MOE_PIPELINES_PIPELINES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "moe/Dialect/MoE/Transforms/VectorISA.h"
#include "moe/Dialect/MoE/Transforms/WeightStorage.h"
#include "moe/Pipelines/Stage.h"

namespace moe {

/// What a pipeline needs to know of a model besides its IR.
struct PipelineOptions {
  /// The folder that spans of weights are relative to; empty: values of weights
  /// are not compared, but for their hashes.
  std::string modelFolder;
  /// Layers count their tokens, slots and FLOPs.
  bool instrumentLoad = false;
  /// The time of each step is taken.
  bool instrumentProfile = false;
  /// What f32 matrices are rounded to.
  WeightStorage convertWeights = WeightStorage::Unchanged;
  /// Activations meet bf16 weights in bf16, by the CPU's dot product.
  bool bf16Dot = false;
  /// What kernels are built for; none: every computation is plain loops.
  VectorISA isa = VectorISA::None;
};

/// An imported model -> canonical `onnx` form.
void buildONNXPipeline(mlir::OpPassManager &pm);
/// `onnx` -> layers found and proven.
void buildMoEPipeline(mlir::OpPassManager &pm);
/// Layers -> layers without unnecessary work.
void buildMoEOptPipeline(mlir::OpPassManager &pm,
                         const PipelineOptions &options);
/// `onnx` and layers -> linalg, tensor, arith, math, scf, and layers' kernels.
void buildTensorPipeline(mlir::OpPassManager &pm);
/// Matmuls -> matmuls with schedules.
void buildScheduledPipeline(mlir::OpPassManager &pm,
                            const PipelineOptions &options);
/// Tensors -> memrefs with explicit deallocation.
void buildBuffersPipeline(mlir::OpPassManager &pm);
/// linalg on memrefs -> loops.
void buildKernelsPipeline(mlir::OpPassManager &pm,
                          const PipelineOptions &options);
/// Loops -> the LLVM dialect, with runtime calls.
void buildLLVMPipeline(mlir::OpPassManager &pm);

/// All of the above that lie after `from` (exclusive; none: an imported model)
/// up to `to` (inclusive; artefacts mean up to LLVM).
void buildPipeline(mlir::OpPassManager &pm, std::optional<Stage> from, Stage to,
                   const PipelineOptions &options = {});

#define GEN_PASS_DECL
#include "moe/Pipelines/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "moe/Pipelines/Passes.h.inc"

/// Registers `--moe-<stage>-pipeline` for each text stage.
void registerPipelines();

} // namespace moe

#endif // MOE_PIPELINES_PIPELINES_H
