//===- Weights.h - Random weights without a model ---------------*- C++ -*-===//
#ifndef MOE_LIB_PROOF_WEIGHTS_H
#define MOE_LIB_PROOF_WEIGHTS_H

#include "moe/Dialect/MoE/Transforms/RaiseEvaluator.h"
#include "moe/Dialect/RT/IR/RT.h"

#include <memory>

namespace moe {

/// The weights of an isolated candidate. Its spans are windows of a few MiB of
/// random numbers, which are mapped again and again where a span is longer;
/// only recipes with steps take memory of their own.
///
/// Floats are normal, times 1 / sqrt(the longer side of the matrix): sums stay
/// near 1. Integers are random bits.
class RandomWeights {
public:
  RandomWeights() = default;
  ~RandomWeights();
  RandomWeights(const RandomWeights &) = delete;
  RandomWeights &operator=(const RandomWeights &) = delete;

  /// Makes windows for the spans of the weights of `module`.
  llvm::Error map(mlir::ModuleOp module);

  /// The bytes of a weight with spans of these windows, aligned to a cache
  /// line. Those of equal sources and recipes are made once.
  llvm::Expected<const void *> get(rt::WeightOp weight);

  /// Bytes of all weights that were mapped.
  uint64_t getSize() const { return size; }

private:
  /// The file of random numbers for a content, made when first asked for.
  llvm::Expected<int> getSource(const SpanContent &content);
  /// The windows in [begin, end), whole pages, show a file.
  llvm::Error mapPages(uint64_t begin, uint64_t end, int file);

  char *windows = nullptr;
  uint64_t windowBytes = 0;
  uint64_t size = 0;
  llvm::DenseMap<std::pair<mlir::Attribute, mlir::Attribute>,
                 std::unique_ptr<char, void (*)(void *)>>
      finished;
  llvm::SmallVector<std::pair<SpanContent, int>> sources;
};

} // namespace moe

#endif // MOE_LIB_PROOF_WEIGHTS_H
