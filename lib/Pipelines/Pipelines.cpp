//===- Pipelines.cpp - The story of the compiler --------------------------===//
//
// From an imported ONNX model to LLVM, stage by stage. Each function is linear;
// each comment says what form goes in, what comes out, and why here.
//
//===----------------------------------------------------------------------===//
#include "moe/Pipelines/Pipelines.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/Pipelines/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Func/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/Tensor/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "moe/Conversion/Passes.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/ONNX/Transforms/Passes.h"
#include "moe/Transforms/Passes.h"

using namespace mlir;
using namespace moe;

/// Ends a stage: from here on its contract holds.
static void endStage(OpPassManager &pm, Stage stage) {
  VerifyStagePassOptions options;
  options.stage = stage;
  pm.addPass(createVerifyStagePass(options));
}

void moe::buildONNXPipeline(OpPassManager &pm) {
  // Dims that shape arithmetic makes constant -> static types.
  pm.addPass(onnx::createInferShapesPass());
  // The importer's ops, one per node -> the same without dead and equal ones.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  endStage(pm, Stage::ONNX);
}

void moe::buildMoEPipeline(OpPassManager &pm) {
  // Warnings of graphs that compute what nobody meant, while nodes have their
  // names; they compile as they are written.
  pm.addPass(createLintPass());
  // Layers in any spelling -> candidates: the graph beside moe ops.
  pm.addPass(createRaiseONNXPass());
  // Candidates -> the moe ops where both compute the same, else the graph.
  pm.addPass(createVerifyRaisePass());
  // Graphs that came back have [batch, sequence, ...] rows as [1, T, ...].
  pm.addPass(onnx::createInferShapesPass());
  endStage(pm, Stage::MoE);
}

void moe::buildMoEOptPipeline(OpPassManager &pm,
                              const PipelineOptions &options) {
  // Scores that only the route reads -> its projection: no [T, N] in memory.
  pm.addPass(createFuseRoutingPass());
  // Stacks and transposes of weights that raising wrote -> recipes, so that
  // slices of weights are ranges of files.
  pm.addPass(createFoldWeightRecipesPass());
  // Layers, with the experts that the model has -> what descriptions list, and
  // runs count if asked to.
  pm.addPass(createDescribeLayersPass());
  if (options.instrumentLoad)
    pm.addPass(createInstrumentLoadPass());
  // Null experts -> ids of -1 and terms.
  EliminateNullExpertsPassOptions eliminate;
  eliminate.folder = options.modelFolder;
  pm.addPass(createEliminateNullExpertsPass(eliminate));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  endStage(pm, Stage::MoEOpt);
}

void moe::buildTensorPipeline(OpPassManager &pm) {
  // Routes and experts -> gates, dispatches, grouped matmuls, combines.
  pm.addPass(createConvertMoELayersToKernelsPass());
  // onnx ops -> destination-style loops on tensors, scalar shape arithmetic.
  pm.addPass(createConvertONNXToLinalgPass());
  // Chains of tensor.extract and tensor.from_elements -> scalars; tensor.dim of
  // tensor.empty -> the extent itself.
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Preconditions on extents that have become one value -> nothing.
  pm.addPass(createCanonicalizerPass());
  endStage(pm, Stage::Tensor);
}

void moe::buildScheduledPipeline(OpPassManager &pm,
                                 const PipelineOptions &options) {
  // Products with the model's weights -> grouped matmuls.
  if (options.isa != VectorISA::None)
    pm.addPass(createConvertLinalgToMoEPass());
  // Their f32 weights -> narrower ones, where that was asked for.
  ConvertWeightsPassOptions convert;
  convert.type = options.convertWeights;
  pm.addPass(createConvertWeightsPass(convert));
  // Matmuls on the model's weights -> the same with a schedule for the CPU, on
  // weights in panels.
  ScheduleCPUPassOptions schedule;
  schedule.isa = options.isa;
  schedule.bf16Dot = options.bf16Dot;
  pm.addPass(createScheduleCPUPass(schedule));
  if (options.isa != VectorISA::None) {
    // Chains of elementwise loops -> one loop each.
    pm.addPass(createFuseElementwisePass());
    // Maps of the fused loops' indices -> arith.
    pm.addPass(createLowerAffinePass());
    pm.addPass(createCanonicalizerPass());
  }
  endStage(pm, Stage::Scheduled);
}

void moe::buildBuffersPipeline(OpPassManager &pm) {
  // tensor.empty that feeds an insertion -> the slice it is inserted into, so
  // that concatenation writes in place.
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  // The caller's arrays stay as they are.
  pm.addPass(createKeepInputsPass());
  // Tensors -> memrefs, in place where no later reader sees the difference.
  // Arguments and results are contiguous: that is what callers pass.
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  // A loop may carry a tensor that each iteration makes anew (onnx.Loop).
  bufferize.allowReturnAllocsFromLoops = true;
  // The run's memory is aligned anyway: asking for it would pad each
  // allocation, and AddressSanitizer would take the padding for the buffer's.
  bufferize.bufferAlignment = 0;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Allocations -> allocations with one owner each, freed after their last use.
  bufferization::BufferDeallocationPipelineOptions deallocation;
  bufferization::buildBufferDeallocationPipeline(pm, deallocation);
  // Freed at the end of a block -> freed after their last use in it.
  pm.addNestedPass<func::FuncOp>(
      bufferization::createOptimizeAllocationLivenessPass());
  // The clones and copies that ownership asked for -> memref ops.
  pm.addPass(createConvertBufferizationToMemRefPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  endStage(pm, Stage::Buffers);
}

void moe::buildKernelsPipeline(OpPassManager &pm,
                               const PipelineOptions &options) {
  // Copies between strided memrefs -> linalg, so that loops do them.
  pm.addNestedPass<func::FuncOp>(createLowerStridedCopiesPass());
  // One long function -> one function per computation, equal ones merged:
  // LLVM's time is linear in their number, and a profile names them.
  pm.addPass(createOutlineKernelsPass());
  pm.addPass(func::createDuplicateFunctionEliminationPass());
  // Calls of kernels -> the same between clocks, while kernels still say what
  // they compute.
  if (options.instrumentProfile)
    pm.addPass(createInstrumentProfilePass());
  // Matmuls with schedules, gates and combines -> vector code, on the run's
  // threads.
  ConvertMoEToCPUPassOptions kernels;
  kernels.isa = options.isa;
  pm.addPass(createConvertMoEToCPUPass(kernels));
  // The other kernels of MoE layers on memrefs -> scf loops.
  pm.addPass(createConvertMoEToLoopsPass());
  // linalg on memrefs -> loops of vectors, where those pay.
  ConvertLinalgToCPUPassOptions vectors;
  vectors.isa = options.isa;
  pm.addPass(createConvertLinalgToCPUPass(vectors));
  // The rest of linalg on memrefs -> scf loops.
  pm.addNestedPass<func::FuncOp>(createConvertLinalgToLoopsPass());
  // Dims that become several dynamic ones -> casts.
  pm.addNestedPass<func::FuncOp>(createLowerExpandedShapesPass());
  // Affine maps of the loops' indices -> arith.
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // Index arithmetic that no loop variable feeds -> outside of the loop.
  pm.addPass(createLoopInvariantCodeMotionPass());
  endStage(pm, Stage::Kernels);
}

void moe::buildLLVMPipeline(OpPassManager &pm) {
  // Weight references and preconditions -> runtime calls, while memrefs are
  // still memrefs.
  pm.addPass(createConvertRTToLLVMPass());
  pm.addPass(createSCFToControlFlowPass());
  // Float types and ops without a native form -> supported ones.
  // First all on bf16 in f32 but its conversions: x86 would call a library for
  // each rounding.
  arith::ArithEmulateUnsupportedFloatsOptions emulate;
  emulate.sourceTypeStrs = {"bf16"};
  pm.addPass(arith::createArithEmulateUnsupportedFloats(emulate));
  // Those conversions may be folded away -> they round where ONNX does.
  pm.addPass(createKeepRoundingsPass());
  arith::ArithExpandOpsPassOptions expand;
  expand.includeBf16 = true;
  pm.addPass(arith::createArithExpandOpsPass(expand));
  pm.addPass(createConvertMathToLLVMPass());
  pm.addPass(createConvertMathToLibmPass());
  // Vectors, and x86's dot product of bf16 -> LLVM's.
  ConvertVectorToLLVMPassOptions vectors;
  vectors.x86Vector = true;
  pm.addPass(createConvertVectorToLLVMPass(vectors));
  // Allocations -> the run's memory.
  FinalizeMemRefToLLVMConversionPassOptions memory;
  memory.useGenericFunctions = true;
  pm.addPass(createFinalizeMemRefToLLVMConversionPass(memory));
  // Only now: the pass above knows constants of arith. It would put sizes that
  // it takes for dynamic ones on the stack, in each iteration of a loop.
  pm.addPass(createArithToLLVMConversionPass());
  pm.addPass(createConvertIndexToLLVMPass());
  pm.addPass(createConvertControlFlowToLLVMPass());
  pm.addPass(createConvertFuncToLLVMPass());
  pm.addPass(createReconcileUnrealizedCastsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  endStage(pm, Stage::LLVM);
}

void moe::buildPipeline(OpPassManager &pm, std::optional<Stage> from, Stage to,
                        const PipelineOptions &options) {
  auto reaches = [&](Stage stage) {
    return (!from || stage > *from) && stage <= to;
  };
  if (reaches(Stage::ONNX))
    buildONNXPipeline(pm);
  if (reaches(Stage::MoE))
    buildMoEPipeline(pm);
  if (reaches(Stage::MoEOpt))
    buildMoEOptPipeline(pm, options);
  if (reaches(Stage::Tensor))
    buildTensorPipeline(pm);
  if (reaches(Stage::Scheduled))
    buildScheduledPipeline(pm, options);
  if (reaches(Stage::Buffers))
    buildBuffersPipeline(pm);
  if (reaches(Stage::Kernels))
    buildKernelsPipeline(pm, options);
  if (reaches(Stage::LLVM))
    buildLLVMPipeline(pm);
}

void moe::registerPipelines() {
  static PassPipelineRegistration<> onnx(
      "moe-onnx-pipeline", "imported model -> stage onnx", buildONNXPipeline);
  static PassPipelineRegistration<> moe(
      "moe-moe-pipeline", "stage onnx -> stage moe", buildMoEPipeline);
  static PassPipelineRegistration<> moeOpt(
      "moe-moe-opt-pipeline", "stage moe -> stage moe-opt",
      [](OpPassManager &pm) { buildMoEOptPipeline(pm, {}); });
  static PassPipelineRegistration<> tensor("moe-tensor-pipeline",
                                           "stage moe-opt -> stage tensor",
                                           buildTensorPipeline);
  static PassPipelineRegistration<> scheduled(
      "moe-scheduled-pipeline", "stage tensor -> stage scheduled",
      [](OpPassManager &pm) { buildScheduledPipeline(pm, {}); });
  static PassPipelineRegistration<> buffers("moe-buffers-pipeline",
                                            "stage scheduled -> stage buffers",
                                            buildBuffersPipeline);
  static PassPipelineRegistration<> kernels(
      "moe-kernels-pipeline", "stage buffers -> stage kernels",
      [](OpPassManager &pm) { buildKernelsPipeline(pm, {}); });
  static PassPipelineRegistration<> llvm(
      "moe-llvm-pipeline", "stage kernels -> stage llvm", buildLLVMPipeline);
}
