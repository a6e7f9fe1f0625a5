//===- WeightStorage.h - Types that weights are kept in ---------*- C++ -*-===//
#ifndef MOE_DIALECT_MOE_TRANSFORMS_WEIGHTSTORAGE_H
#define MOE_DIALECT_MOE_TRANSFORMS_WEIGHTSTORAGE_H

#include "llvm/Support/CommandLine.h"

namespace moe {

/// Element types that f32 matrices may be rounded to.
enum class WeightStorage { Unchanged, BF16, F16 };

/// The values of an option that takes one, a modifier like `cl::values`.
struct WeightStorageValues {
  template <typename OptionT> void apply(OptionT &option) const {
    auto &parser = option.getParser();
    parser.addLiteralOption("none", WeightStorage::Unchanged,
                            "as the model has them");
    parser.addLiteralOption("bf16", WeightStorage::BF16,
                            "bfloat16, rounded to nearest even");
    parser.addLiteralOption("f16", WeightStorage::F16,
                            "half precision, rounded to nearest even");
  }
};

} // namespace moe

#endif // MOE_DIALECT_MOE_TRANSFORMS_WEIGHTSTORAGE_H
