//===- DimExpr.h - Extents as polynomials over symbols ----------*- C++ -*-===//
//
// The normal form of an extent that is not known at compile time: a sum of
// integer coefficients times products of symbols, say 4*batch*sequence + 1.
// Two extents of one normal form are equal in every run.
//
// Expressions are immutable and unique within their DimContext, so that they
// are copied and compared as pointers; the context outlives them. A sum or
// product that overflows, or grows past a limit, is a new symbol.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_DIALECT_ONNX_ANALYSIS_DIMEXPR_H
#define MOE_DIALECT_ONNX_ANALYSIS_DIMEXPR_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/DenseMapInfo.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/raw_ostream.h"

#include <memory>
#include <optional>

namespace moe::onnx {

class DimContext;
struct DimExprStorage;
struct DimSymbol;

/// A coefficient times the product of symbols, which are sorted.
struct DimTerm {
  int64_t coefficient;
  llvm::ArrayRef<unsigned> symbols;
};

/// A polynomial over symbols, or null where nothing is known.
class DimExpr {
public:
  DimExpr() = default;
  explicit DimExpr(const DimExprStorage *storage) : storage(storage) {}

  explicit operator bool() const { return storage; }
  bool operator==(DimExpr other) const { return storage == other.storage; }
  bool operator!=(DimExpr other) const { return storage != other.storage; }

  DimContext &getContext() const;
  /// Nonzero terms, longest products first; the empty sum is 0.
  llvm::ArrayRef<DimTerm> getTerms() const;

  std::optional<int64_t> getConstant() const;
  bool isConstant(int64_t value) const { return getConstant() == value; }
  /// The symbol that this is, or null.
  const DimSymbol *getSymbol() const;

  /// Whether no run makes it negative, as far as signs tell.
  bool isNonNegative() const;
  /// Whether it follows from extents of the function's arguments alone.
  bool isFromArguments() const;

  /// Operands of one context.
  DimExpr operator+(DimExpr other) const;
  DimExpr operator-(DimExpr other) const;
  DimExpr operator*(DimExpr other) const;
  DimExpr operator+(int64_t other) const;
  DimExpr operator-(int64_t other) const { return *this + -other; }
  DimExpr operator*(int64_t other) const;
  /// The quotient where the division of polynomials leaves no rest, else null.
  DimExpr divideExactly(DimExpr divisor) const;

  void print(llvm::raw_ostream &os) const;
  const void *getAsOpaquePointer() const { return storage; }

private:
  const DimExprStorage *storage = nullptr;
};

inline llvm::raw_ostream &operator<<(llvm::raw_ostream &os, DimExpr expr) {
  expr.print(os);
  return os;
}

/// What a symbol stands for.
enum class DimSymbolKind {
  Argument,  ///< an extent of an argument of the function
  Unknown,   ///< an extent or integer that depends on data
  FloorDiv,  ///< lhs / rhs, both not negative, rhs a constant above 0
  Min,       ///< the lesser of lhs and rhs
  Max,       ///< the greater of lhs and rhs
  Broadcast, ///< rhs where lhs is 1, else lhs
};

struct DimSymbol {
  unsigned id;
  DimSymbolKind kind;
  bool isNonNegative;
  bool isFromArguments;
  /// Argument: its name and the first place that has it.
  llvm::StringRef name;
  unsigned argument = 0, dim = 0;
  /// The operands of the last four kinds.
  DimExpr lhs, rhs;
};

/// Owns expressions and symbols.
class DimContext {
public:
  DimContext();
  ~DimContext();
  DimContext(const DimContext &) = delete;
  DimContext &operator=(const DimContext &) = delete;

  DimExpr getConstant(int64_t value);
  /// The extent of an argument's dim; dims of one name are one symbol, unnamed
  /// ones (empty) are all different.
  DimExpr getArgumentDim(unsigned argument, unsigned dim, llvm::StringRef name);
  /// A new symbol, which equals nothing else.
  DimExpr createUnknown(bool isNonNegative);

  /// Simplified where the operands' signs and differences decide.
  DimExpr getMin(DimExpr lhs, DimExpr rhs);
  DimExpr getMax(DimExpr lhs, DimExpr rhs);
  /// The extent that two extents broadcast to.
  DimExpr getBroadcast(DimExpr lhs, DimExpr rhs);
  /// lhs / rhs rounded down; null unless lhs is not negative and rhs > 0.
  DimExpr getFloorDiv(DimExpr lhs, int64_t rhs);

  const DimSymbol &getSymbol(unsigned id) const;

private:
  friend class DimExpr;
  struct Impl;

  DimExpr getSum(llvm::ArrayRef<DimTerm> terms);
  DimExpr getDerived(DimSymbolKind kind, DimExpr lhs, DimExpr rhs,
                     bool isNonNegative);

  std::unique_ptr<Impl> impl;
};

} // namespace moe::onnx

template <> struct llvm::DenseMapInfo<moe::onnx::DimExpr> {
  using Pointer = llvm::DenseMapInfo<const void *>;
  static moe::onnx::DimExpr fromPointer(const void *pointer) {
    return moe::onnx::DimExpr(
        static_cast<const moe::onnx::DimExprStorage *>(pointer));
  }
  static moe::onnx::DimExpr getEmptyKey() {
    return fromPointer(Pointer::getEmptyKey());
  }
  static moe::onnx::DimExpr getTombstoneKey() {
    return fromPointer(Pointer::getTombstoneKey());
  }
  static unsigned getHashValue(moe::onnx::DimExpr expr) {
    return Pointer::getHashValue(expr.getAsOpaquePointer());
  }
  static bool isEqual(moe::onnx::DimExpr lhs, moe::onnx::DimExpr rhs) {
    return lhs == rhs;
  }
};

#endif // MOE_DIALECT_ONNX_ANALYSIS_DIMEXPR_H
