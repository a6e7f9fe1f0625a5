//===- Stage.cpp - The stages of the compiler -----------------------------===//
#include "moe/Pipelines/Stage.h"

#include "llvm/ADT/STLExtras.h"

using namespace moe;

static constexpr StageInfo stages[] = {
    {Stage::ONNX, "onnx", "onnx, rt, func",
     "canonical newest-opset form; every value is a ranked tensor; weights are "
     "symbols"},
    {Stage::MoE, "moe", "onnx, moe (layers), rt, func",
     "layers are raised and proven, or left as they were"},
    {Stage::MoEOpt, "moe-opt", "onnx, moe (layers), rt, func",
     "null experts cost nothing; weights are stacked by their recipes"},
    {Stage::Tensor, "tensor",
     "linalg, tensor, moe (kernels), math, arith, scf, rt, func",
     "no onnx; layers are kernels; integer shape arithmetic is scalar"},
    {Stage::Scheduled, "scheduled",
     "linalg, tensor, moe (kernels), math, arith, scf, rt, func",
     "matmuls worth it have schedules, and weights the layout that those read"},
    {Stage::Buffers, "buffers",
     "memref, scf, linalg, moe (kernels), math, arith, rt, func",
     "no tensors; every buffer that a run allocates is freed"},
    {Stage::Kernels, "kernels",
     "scf, memref, vector, x86vector, math, arith, rt, func",
     "no linalg: every computation is a loop"},
    {Stage::LLVM, "llvm", "llvm, rt.weight", "translatable to LLVM IR"},
    {Stage::Obj, "obj", "", "a relocatable object"},
    {Stage::Lib, "lib", "", "a shared library with a C header"},
    {Stage::Exe, "exe", "", "an executable"},
};

llvm::ArrayRef<StageInfo> moe::getStages() { return stages; }

const StageInfo &moe::getStageInfo(Stage stage) {
  return stages[static_cast<size_t>(stage)];
}

std::optional<Stage> moe::parseStage(llvm::StringRef name) {
  for (const StageInfo &info : stages)
    if (info.name == name)
      return info.stage;
  return std::nullopt;
}
