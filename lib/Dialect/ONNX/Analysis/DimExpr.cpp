//===- DimExpr.cpp - Extents as polynomials over symbols ------------------===//
#include "moe/Dialect/ONNX/Analysis/DimExpr.h"

#include "llvm/ADT/FoldingSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Allocator.h"
#include "llvm/Support/MathExtras.h"

#include <deque>
#include <limits>

using namespace llvm;
using namespace moe::onnx;

// What models have is far below; what is above becomes one symbol.
static constexpr size_t maxTerms = 24;
static constexpr size_t maxFactors = 12;

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

struct moe::onnx::DimExprStorage : public FoldingSetNode {
  DimExprStorage(DimContext *context, unsigned id, ArrayRef<DimTerm> terms)
      : context(context), id(id), terms(terms) {}

  static void profile(FoldingSetNodeID &node, ArrayRef<DimTerm> terms) {
    for (const DimTerm &term : terms) {
      node.AddInteger(term.coefficient);
      node.AddInteger(term.symbols.size());
      for (unsigned symbol : term.symbols)
        node.AddInteger(symbol);
    }
  }
  void Profile(FoldingSetNodeID &node) const { profile(node, terms); }

  DimContext *context;
  unsigned id;
  ArrayRef<DimTerm> terms;
};

struct DimContext::Impl {
  /// The one expression of these terms.
  const DimExprStorage *intern(DimContext *owner, ArrayRef<DimTerm> terms) {
    FoldingSetNodeID node;
    DimExprStorage::profile(node, terms);
    void *place = nullptr;
    if (DimExprStorage *known = exprs.FindNodeOrInsertPos(node, place))
      return known;
    MutableArrayRef<DimTerm> kept(allocator.Allocate<DimTerm>(terms.size()),
                                  terms.size());
    for (auto [term, copy] : zip_equal(terms, kept)) {
      ArrayRef<unsigned> factors = term.symbols;
      new (&copy) DimTerm{term.coefficient, factors.copy(allocator)};
    }
    auto *storage = new (allocator.Allocate<DimExprStorage>())
        DimExprStorage(owner, exprs.size(), kept);
    exprs.InsertNode(storage, place);
    return storage;
  }

  BumpPtrAllocator allocator;
  FoldingSet<DimExprStorage> exprs;
  std::deque<DimSymbol> symbols;
  StringMap<DimExpr> named;
  DenseMap<std::pair<std::pair<DimExpr, DimExpr>, int>, DimExpr> derived;
};

DimContext::DimContext() : impl(std::make_unique<Impl>()) {}
DimContext::~DimContext() = default;

const DimSymbol &DimContext::getSymbol(unsigned id) const {
  return impl->symbols[id];
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

/// Longer products first, then by symbols: an order in which the greatest term
/// of a product is the product of the greatest terms.
static bool isBefore(ArrayRef<unsigned> lhs, ArrayRef<unsigned> rhs) {
  if (lhs.size() != rhs.size())
    return lhs.size() > rhs.size();
  return std::lexicographical_compare(lhs.begin(), lhs.end(), rhs.begin(),
                                      rhs.end());
}

/// Equal products are added up and zeros dropped.
DimExpr DimContext::getSum(ArrayRef<DimTerm> terms) {
  SmallVector<DimTerm> sorted(terms);
  llvm::sort(sorted, [](const DimTerm &lhs, const DimTerm &rhs) {
    return isBefore(lhs.symbols, rhs.symbols);
  });
  SmallVector<DimTerm> sum;
  for (const DimTerm &term : sorted) {
    if (sum.empty() || sum.back().symbols != term.symbols) {
      if (!sum.empty() && sum.back().coefficient == 0)
        sum.pop_back();
      sum.push_back(term);
      continue;
    }
    if (AddOverflow(sum.back().coefficient, term.coefficient,
                    sum.back().coefficient))
      return createUnknown(/*isNonNegative=*/false);
  }
  if (!sum.empty() && sum.back().coefficient == 0)
    sum.pop_back();
  bool isTooLong = sum.size() > maxTerms || any_of(sum, [](const DimTerm &t) {
                     return t.symbols.size() > maxFactors;
                   });
  if (isTooLong)
    return createUnknown(/*isNonNegative=*/false);
  return DimExpr(impl->intern(this, sum));
}

DimExpr DimContext::getConstant(int64_t value) {
  return getSum(DimTerm{value, {}});
}

DimExpr DimExpr::operator+(DimExpr other) const {
  SmallVector<DimTerm> terms(getTerms());
  append_range(terms, other.getTerms());
  return getContext().getSum(terms);
}

DimExpr DimExpr::operator-(DimExpr other) const { return *this + other * -1; }

DimExpr DimExpr::operator+(int64_t other) const {
  return *this + getContext().getConstant(other);
}

DimExpr DimExpr::operator*(int64_t other) const {
  return *this * getContext().getConstant(other);
}

DimExpr DimExpr::operator*(DimExpr other) const {
  SmallVector<DimTerm> terms;
  std::deque<SmallVector<unsigned>> products;
  for (const DimTerm &lhs : getTerms()) {
    for (const DimTerm &rhs : other.getTerms()) {
      int64_t coefficient;
      if (MulOverflow(lhs.coefficient, rhs.coefficient, coefficient))
        return getContext().createUnknown(/*isNonNegative=*/false);
      SmallVector<unsigned> &symbols = products.emplace_back(lhs.symbols);
      append_range(symbols, rhs.symbols);
      llvm::sort(symbols);
      terms.push_back({coefficient, symbols});
    }
  }
  return getContext().getSum(terms);
}

/// lhs / rhs, or nothing where rhs does not divide lhs.
static std::optional<int64_t> divideTerms(const DimTerm &lhs,
                                          const DimTerm &rhs,
                                          SmallVectorImpl<unsigned> &symbols) {
  if (rhs.coefficient == -1 &&
      lhs.coefficient == std::numeric_limits<int64_t>::min())
    return std::nullopt;
  if (lhs.coefficient % rhs.coefficient != 0)
    return std::nullopt;
  if (!std::includes(lhs.symbols.begin(), lhs.symbols.end(),
                     rhs.symbols.begin(), rhs.symbols.end()))
    return std::nullopt;
  std::set_difference(lhs.symbols.begin(), lhs.symbols.end(),
                      rhs.symbols.begin(), rhs.symbols.end(),
                      std::back_inserter(symbols));
  return lhs.coefficient / rhs.coefficient;
}

DimExpr DimExpr::divideExactly(DimExpr divisor) const {
  if (divisor.getTerms().empty())
    return DimExpr();
  DimExpr rest = *this, quotient = getContext().getConstant(0);
  // Each step removes the leading term; overflow leaves a symbol that nothing
  // divides.
  for (size_t step = 0; step <= maxTerms; ++step) {
    if (rest.getTerms().empty())
      return quotient;
    SmallVector<unsigned> symbols;
    std::optional<int64_t> coefficient = divideTerms(
        rest.getTerms().front(), divisor.getTerms().front(), symbols);
    if (!coefficient)
      return DimExpr();
    DimExpr part = getContext().getSum(DimTerm{*coefficient, symbols});
    quotient = quotient + part;
    rest = rest - part * divisor;
  }
  return DimExpr();
}

//===----------------------------------------------------------------------===//
// Symbols
//===----------------------------------------------------------------------===//

static DimTerm asTerm(const DimSymbol &symbol) {
  return {1, ArrayRef<unsigned>(symbol.id)};
}

DimExpr DimContext::getArgumentDim(unsigned argument, unsigned dim,
                                   StringRef name) {
  if (!name.empty())
    if (DimExpr known = impl->named.lookup(name))
      return known;
  DimSymbol &symbol = impl->symbols.emplace_back();
  symbol.id = impl->symbols.size() - 1;
  symbol.kind = DimSymbolKind::Argument;
  symbol.isNonNegative = symbol.isFromArguments = true;
  symbol.name = name.copy(impl->allocator);
  symbol.argument = argument;
  symbol.dim = dim;
  DimExpr expr = getSum(asTerm(symbol));
  if (!name.empty())
    impl->named[name] = expr;
  return expr;
}

DimExpr DimContext::createUnknown(bool isNonNegative) {
  DimSymbol &symbol = impl->symbols.emplace_back();
  symbol.id = impl->symbols.size() - 1;
  symbol.kind = DimSymbolKind::Unknown;
  symbol.isNonNegative = isNonNegative;
  symbol.isFromArguments = false;
  return getSum(asTerm(symbol));
}

DimExpr DimContext::getDerived(DimSymbolKind kind, DimExpr lhs, DimExpr rhs,
                               bool isNonNegative) {
  DimExpr &expr = impl->derived[{{lhs, rhs}, static_cast<int>(kind)}];
  if (expr)
    return expr;
  DimSymbol &symbol = impl->symbols.emplace_back();
  symbol.id = impl->symbols.size() - 1;
  symbol.kind = kind;
  symbol.isNonNegative = isNonNegative;
  symbol.isFromArguments = lhs.isFromArguments() && rhs.isFromArguments();
  symbol.lhs = lhs;
  symbol.rhs = rhs;
  return expr = getSum(asTerm(symbol));
}

/// Operands of a commutative function in the order of their making.
static void order(DimExpr &lhs, DimExpr &rhs) {
  auto id = [](DimExpr expr) {
    return static_cast<const DimExprStorage *>(expr.getAsOpaquePointer())->id;
  };
  if (id(rhs) < id(lhs))
    std::swap(lhs, rhs);
}

DimExpr DimContext::getMin(DimExpr lhs, DimExpr rhs) {
  DimExpr difference = lhs - rhs;
  if (difference.isNonNegative())
    return rhs;
  if ((rhs - lhs).isNonNegative())
    return lhs;
  order(lhs, rhs);
  return getDerived(DimSymbolKind::Min, lhs, rhs,
                    lhs.isNonNegative() && rhs.isNonNegative());
}

DimExpr DimContext::getMax(DimExpr lhs, DimExpr rhs) {
  DimExpr difference = lhs - rhs;
  if (difference.isNonNegative())
    return lhs;
  if ((rhs - lhs).isNonNegative())
    return rhs;
  order(lhs, rhs);
  return getDerived(DimSymbolKind::Max, lhs, rhs,
                    lhs.isNonNegative() || rhs.isNonNegative());
}

DimExpr DimContext::getBroadcast(DimExpr lhs, DimExpr rhs) {
  if (lhs == rhs || rhs.isConstant(1))
    return lhs;
  if (lhs.isConstant(1))
    return rhs;
  // The other one is 1 or equal, or the run has ended.
  if (lhs.getConstant())
    return lhs;
  if (rhs.getConstant())
    return rhs;
  auto absorbs = [](DimExpr outer, DimExpr operand) {
    const DimSymbol *symbol = outer.getSymbol();
    return symbol && symbol->kind == DimSymbolKind::Broadcast &&
           (symbol->lhs == operand || symbol->rhs == operand);
  };
  if (absorbs(lhs, rhs))
    return lhs;
  if (absorbs(rhs, lhs))
    return rhs;
  order(lhs, rhs);
  return getDerived(DimSymbolKind::Broadcast, lhs, rhs,
                    lhs.isNonNegative() && rhs.isNonNegative());
}

DimExpr DimContext::getFloorDiv(DimExpr lhs, int64_t rhs) {
  if (rhs <= 0)
    return DimExpr();
  if (DimExpr quotient = lhs.divideExactly(getConstant(rhs)))
    return quotient;
  if (!lhs.isNonNegative())
    return DimExpr();
  if (std::optional<int64_t> constant = lhs.getConstant())
    return getConstant(*constant / rhs);
  return getDerived(DimSymbolKind::FloorDiv, lhs, getConstant(rhs),
                    /*isNonNegative=*/true);
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

DimContext &DimExpr::getContext() const { return *storage->context; }

ArrayRef<DimTerm> DimExpr::getTerms() const { return storage->terms; }

std::optional<int64_t> DimExpr::getConstant() const {
  if (!storage)
    return std::nullopt;
  ArrayRef<DimTerm> terms = getTerms();
  if (terms.empty())
    return 0;
  if (terms.size() > 1 || !terms.front().symbols.empty())
    return std::nullopt;
  return terms.front().coefficient;
}

const DimSymbol *DimExpr::getSymbol() const {
  if (!storage || getTerms().size() != 1)
    return nullptr;
  const DimTerm &term = getTerms().front();
  if (term.coefficient != 1 || term.symbols.size() != 1)
    return nullptr;
  return &getContext().getSymbol(term.symbols.front());
}

bool DimExpr::isNonNegative() const {
  return all_of(getTerms(), [&](const DimTerm &term) {
    return term.coefficient >= 0 && all_of(term.symbols, [&](unsigned id) {
             return getContext().getSymbol(id).isNonNegative;
           });
  });
}

bool DimExpr::isFromArguments() const {
  return all_of(getTerms(), [&](const DimTerm &term) {
    return all_of(term.symbols, [&](unsigned id) {
      return getContext().getSymbol(id).isFromArguments;
    });
  });
}

static void printSymbol(raw_ostream &os, const DimSymbol &symbol) {
  auto call = [&](StringRef function) {
    os << function << '(' << symbol.lhs << ", " << symbol.rhs << ')';
  };
  switch (symbol.kind) {
  case DimSymbolKind::Argument:
    if (symbol.name.empty())
      os << "arg" << symbol.argument << '#' << symbol.dim;
    else
      os << symbol.name;
    return;
  case DimSymbolKind::Unknown:
    os << '?' << symbol.id;
    return;
  case DimSymbolKind::FloorDiv:
    return call("floordiv");
  case DimSymbolKind::Min:
    return call("min");
  case DimSymbolKind::Max:
    return call("max");
  case DimSymbolKind::Broadcast:
    return call("broadcast");
  }
}

void DimExpr::print(raw_ostream &os) const {
  if (!storage) {
    os << "<unknown>";
    return;
  }
  if (getTerms().empty())
    os << '0';
  bool isFirst = true;
  for (const DimTerm &term : getTerms()) {
    bool isNegative = term.coefficient < 0;
    if (!isFirst)
      os << (isNegative ? " - " : " + ");
    else if (isNegative)
      os << '-';
    isFirst = false;
    uint64_t magnitude = isNegative
                             ? 0 - static_cast<uint64_t>(term.coefficient)
                             : static_cast<uint64_t>(term.coefficient);
    ListSeparator star("*");
    if (magnitude != 1 || term.symbols.empty())
      os << star << magnitude;
    for (unsigned id : term.symbols) {
      os << star;
      printSymbol(os, getContext().getSymbol(id));
    }
  }
}
