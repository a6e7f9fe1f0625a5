//===- Array.h - Tensors of a proof -----------------------------*- C++ -*-===//
#ifndef MOE_LIB_PROOF_ARRAY_H
#define MOE_LIB_PROOF_ARRAY_H

#include "mlir/IR/BuiltinTypes.h"

#include <random>

namespace moe {

/// A row-major tensor of an element type that models' interfaces have. Elements
/// are read and written as doubles: every value that a proof makes or compares
/// is one, 64-bit integers above 2^53 apart.
class Array {
public:
  Array(mlir::Type elementType, llvm::ArrayRef<int64_t> shape);
  Array(mlir::Type elementType, llvm::ArrayRef<int64_t> shape,
        const void *data);

  mlir::Type getElementType() const { return elementType; }
  llvm::ArrayRef<int64_t> getShape() const { return shape; }
  int64_t size() const { return numElements; }
  /// Elements of one index of the leading dim.
  int64_t getRowSize() const;
  char *data() { return bytes.data(); }

  double get(int64_t i) const;
  /// Rounds to nearest even.
  void set(int64_t i, double value);

private:
  mlir::Type elementType;
  llvm::SmallVector<int64_t> shape;
  int64_t numElements;
  unsigned elementBytes;
  std::vector<char> bytes;
};

/// Reproducible numbers: the same on every machine.
class Random {
public:
  explicit Random(uint64_t seed) : engine(seed) {}

  uint64_t bits() { return engine(); }
  /// In (0, 1).
  double uniform() { return (double(engine() >> 12) + 0.5) * 0x1p-52; }
  int64_t below(int64_t n) { return int64_t(engine() % uint64_t(n)); }
  double normal();

private:
  std::mt19937_64 engine;
};

} // namespace moe

#endif // MOE_LIB_PROOF_ARRAY_H
