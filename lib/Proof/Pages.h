//===- Pages.h - Address ranges with little memory behind them --*- C++ -*-===//
#ifndef MOE_LIB_PROOF_PAGES_H
#define MOE_LIB_PROOF_PAGES_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace moe {

/// A range of addresses. Parts of it that repeat themselves show the same pages
/// of memory again and again.
class Pages {
public:
  static constexpr uint64_t pageSize = 4096;

  Pages() = default;
  Pages(Pages &&other) noexcept { *this = std::move(other); }
  Pages &operator=(Pages &&other) noexcept;
  ~Pages();

  /// Addresses without memory.
  static llvm::Expected<Pages> reserve(uint64_t bytes);

  /// Gives [begin, end) memory, which `write` fills: all of it, or, where
  /// `period` is less, the first `period` bytes, which the others repeat.
  /// Begins and periods are at pages; so are ends of what repeats.
  llvm::Error fill(uint64_t begin, uint64_t end, uint64_t period,
                   llvm::function_ref<llvm::Error(char *)> write);

  char *data() const { return place; }

private:
  char *place = nullptr;
  uint64_t size = 0;
};

} // namespace moe

#endif // MOE_LIB_PROOF_PAGES_H
