/*===- Symbols.c - The runtime's functions, by name ------------------------===*
 *
 * Generated code that is linked in memory cannot find hidden symbols of the
 * program; it gets them from this table.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#define SYMBOL(name) {#name, (void *)(uintptr_t)(name)}

const moe_rt_symbol *moe_rt_symbols(void) {
  static const moe_rt_symbol symbols[] = {
      SYMBOL(moe_rt_weight),
      SYMBOL(moe_rt_require),
      SYMBOL(moe_rt_count),
      SYMBOL(moe_rt_clock),
      SYMBOL(moe_rt_record),
      SYMBOL(moe_rt_num_threads),
      SYMBOL(moe_rt_parallel),
      SYMBOL(_mlir_memref_to_llvm_alloc),
      SYMBOL(_mlir_memref_to_llvm_aligned_alloc),
      SYMBOL(_mlir_memref_to_llvm_free),
      {NULL, NULL},
  };
  return symbols;
}
