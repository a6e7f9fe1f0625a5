//===- InitAll.h - Registration for the tools -------------------*- C++ -*-===//
//
// What every tool registers: the project's dialects and passes.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_INITALL_H
#define MOE_INITALL_H

#include "moe/Conversion/Passes.h"
#include "moe/Dialect/MoE/IR/MoE.h"
#include "moe/Dialect/MoE/Transforms/Passes.h"
#include "moe/Dialect/ONNX/IR/ONNX.h"
#include "moe/Dialect/ONNX/Transforms/Passes.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "moe/Pipelines/Pipelines.h"
#include "moe/Proof/Proof.h"
#include "moe/Transforms/Passes.h"

namespace moe {

/// Dialects of the project and their interface models.
inline void registerAllDialects(mlir::DialectRegistry &registry) {
  registry.insert<MoEDialect, onnx::ONNXDialect, rt::RTDialect>();
  registerBufferizableOpInterfaceExternalModels(registry);
  registerTilingInterfaceExternalModels(registry);
  registerRaiseEvaluator(registry);
  rt::registerBufferizableOpInterfaceExternalModels(registry);
}

/// Passes and pipelines of the project.
inline void registerAllPasses() {
  registerConversionPasses();
  registerMoEPasses();
  onnx::registerONNXPasses();
  registerPipelinesPasses();
  registerTransformsPasses();
  registerPipelines();
}

} // namespace moe

#endif // MOE_INITALL_H
