//===- Weights.h - Random weights without a model ---------------*- C++ -*-===//
//
// A layer's weights may be larger than memory. So a matrix that is large
// repeats itself, by rows and by columns: those of an expert differ from each
// other as far as its share of the memory goes, and those of two experts always
// do. A matrix that repeats by rows is few pages, shown again and again; the
// same matrix transposed repeats by what were columns, and is few pages too. So
// no layout of a weight that a side asks for is ever a whole copy.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_PROOF_WEIGHTS_H
#define MOE_LIB_PROOF_WEIGHTS_H

#include "Array.h"
#include "Pages.h"
#include "moe/Dialect/RT/IR/RT.h"
#include "llvm/Support/MathExtras.h"

#include <list>

namespace moe {

/// The weights of an isolated candidate, windows of its random file.
///
/// Floats are normal, times 1 / sqrt(the longer side of the matrix): sums stay
/// near 1. Integers are random bits.
class RandomWeights {
public:
  /// `memory` bytes are there for the file, and as many for what the recipes of
  /// each side make of it.
  explicit RandomWeights(uint64_t memory) : memory(memory) {}

  /// Makes windows for the spans of the weights of `module`.
  llvm::Error map(mlir::ModuleOp module);

  /// The bytes of a weight with spans of these windows, aligned to a cache
  /// line. Those of equal sources and recipes are made once.
  llvm::Expected<const void *> get(rt::WeightOp weight);

  /// Bytes of all weights that were mapped.
  uint64_t getSize() const { return size; }

private:
  /// Numbers of one type and magnitude.
  struct Pool {
    mlir::Type elementType;
    /// The binary logarithm, rounded up, of the longer side of matrices.
    unsigned logFan;
    Array numbers;
    /// After the last one that a matrix begins with.
    uint64_t next = 0;

    void make(uint64_t seed);
  };

  /// Bytes of the file that spans cover without a hole: matrices, one after
  /// another, of the type of the first span.
  struct Window {
    uint64_t begin, end;
    Pool *pool;
    uint64_t rows, columns, elementBytes;
    /// After how many of them rows and columns repeat.
    uint64_t rowPeriod, columnPeriod;
    /// In the pool.
    uint64_t first;

    uint64_t getMatrixBytes() const { return rows * columns * elementBytes; }
    uint64_t getNumMatrices() const {
      return llvm::divideCeil(end - begin, getMatrixBytes());
    }
    /// So that no more than `share` bytes of a matrix differ, in either order.
    void choosePeriods(uint64_t share);
    /// Writes the upper left corner of a matrix.
    void write(uint64_t matrix, uint64_t numRows, uint64_t numColumns,
               char *out) const;
  };

  void addWindow(uint64_t begin, uint64_t end, mlir::RankedTensorType type);
  Pool &getPool(mlir::RankedTensorType type);
  /// Counts bytes that `share` times the memory is for.
  llvm::Error take(uint64_t &taken, uint64_t bytes, unsigned share);
  llvm::Error fill(const Window &window);
  const Window &find(rt::SpanAttr span) const;
  /// Makes a weight of the corners of its matrices that repeat; false: its
  /// recipe does more than transposing, casting, stacking and packing
  /// matrices.
  llvm::Expected<bool> finishByMatrix(rt::WeightOp weight, Pages &pages);
  llvm::Error finishWhole(rt::WeightOp weight, Pages &pages);

  uint64_t memory;
  uint64_t size = 0;
  Pages file;
  uint64_t fileBytes = 0;
  llvm::SmallVector<Window> windows;
  /// A list: windows point to its elements.
  std::list<Pool> pools;
  llvm::DenseMap<std::pair<mlir::Attribute, mlir::Attribute>, Pages> finished;
  uint64_t finishedBytes = 0;
};

} // namespace moe

#endif // MOE_LIB_PROOF_WEIGHTS_H
