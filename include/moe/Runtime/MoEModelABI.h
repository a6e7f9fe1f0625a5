/*===- MoEModelABI.h - Between generated code and the runtime ------*- C -*-===*
 *
 * What the compiler writes into a model's object file (`moe_model_descriptor`)
 * and what generated code calls. Private to the compiler and the runtime of
 * the same version: MOE_ABI_VERSION changes whenever anything here does.
 *
 *===----------------------------------------------------------------------===*/
#ifndef MOE_RUNTIME_MOEMODELABI_H
#define MOE_RUNTIME_MOEMODELABI_H

#include "moe/Runtime/MoERuntime.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOE_ABI_VERSION 3u

/** An input or output: its static type, as the code was compiled for. A bool
 *  has code MOE_BOOL and 8 bits, and its bytes are 0 or 1. */
typedef struct moe_value_desc {
  const char *name;
  /** moe_dtype_code, bits. */
  int32_t dtype_code;
  int32_t dtype_bits;
  int64_t rank;
  /** `rank` extents; -1: dynamic. */
  const int64_t *dims;
  /** `rank` dim names; NULL or "": unnamed. Equal names must be equal extents
   *  over all inputs of a run. */
  const char *const *dim_names;
} moe_value_desc;

/** Recipe steps: how a weight is made of byte ranges of the model's files. */
typedef enum moe_recipe_kind {
  /** All current tensors, of one type, along a new leading dim. */
  MOE_RECIPE_STACK = 0,
  /** Each current tensor; ints: the permutation (result dim i = source dim
   *  ints[i]). */
  MOE_RECIPE_TRANSPOSE = 1,
  /** Each current tensor; ints: {dtype_code, dtype_bits}. Floats round to
   *  nearest even. */
  MOE_RECIPE_CAST = 2,
  /** Each current tensor, once; ints: {w, r}. [..., K, N] becomes
   *  [..., ceil(N / w), ceil(K / r), w, r], the last dim left out where r is 1:
   *  element [..., p, k, c, i] is [..., k r + i, p w + c], or 0 where that is
   * no row or column. */
  MOE_RECIPE_PACK = 3
} moe_recipe_kind;

typedef struct moe_recipe_step {
  int32_t kind;
  int32_t num_ints;
  const int64_t *ints;
} moe_recipe_step;

/** A range of a file that holds one row-major little-endian tensor. */
typedef struct moe_span_desc {
  /** Relative to the model's folder. */
  const char *file;
  uint64_t offset;
  uint64_t length;
  /** XXH3-64 of the bytes; 0: not recorded. */
  uint64_t hash;
  int32_t dtype_code;
  int32_t dtype_bits;
  int64_t rank;
  const int64_t *dims;
} moe_span_desc;

typedef struct moe_weight_desc {
  const char *name;
  /** Bytes of the finished tensor. */
  uint64_t size;
  /** Where the finished tensor lies in the embedded or beside-lying data. */
  uint64_t offset;
  /** XXH3-64 of the finished bytes; 0: not recorded (deferred). */
  uint64_t hash;
  /** Set for deferred weights only: made at load time from the model's files.
   */
  int64_t num_spans;
  const moe_span_desc *spans;
  int64_t num_steps;
  const moe_recipe_step *steps;
} moe_weight_desc;

typedef enum moe_weights_kind {
  MOE_WEIGHTS_EMBEDDED = 0, /**< `embedded_weights` holds the data */
  MOE_WEIGHTS_BESIDE = 1,   /**< `weights_file` (safetensors) holds the data;
                                 offsets count from the start of the file */
  MOE_WEIGHTS_DEFERRED = 2  /**< spans of the original files */
} moe_weights_kind;

/** An MoE layer. */
typedef struct moe_layer_desc {
  const char *name;
  int64_t num_experts;
  int64_t num_null_experts;
  int64_t num_slots;
  /** Where its counters start among the context's; -1: it is not counted. */
  int64_t first_counter;
} moe_layer_desc;

/** Counters of a layer, from its first one on. */
typedef enum moe_counter {
  MOE_COUNT_TOKENS = 0,
  MOE_COUNT_EXPERT_FLOPS = 1,
  MOE_COUNT_EXPERT_SLOTS = 2 /**< of expert 0; one for each expert follows */
} moe_counter;

/** A step of the model whose time is taken. */
typedef struct moe_timer_desc {
  const char *node;
  const char *computation;
  int64_t layer; /**< -1: none */
} moe_timer_desc;

/** The compiled function. `results` points to one memref descriptor per output,
 *  one after the other; `inputs[i]` points to input i's memref descriptor.
 *  A descriptor of rank r is {void *allocated, void *aligned, int64_t offset,
 *  int64_t sizes[r], int64_t strides[r]}. Results lie in memory of
 *  _mlir_memref_to_llvm_alloc, in an input or in a weight. */
typedef void (*moe_entry_fn)(void *results, void **inputs);

typedef struct moe_model_desc {
  uint32_t abi_version; /**< MOE_ABI_VERSION at compile time */
  uint32_t struct_size; /**< sizeof(moe_model_desc) at compile time */
  const char *json;     /**< what moe_describe returns */
  /** x86 features that the code needs, as "+avx2,+fma": every one is checked
   *  at moe_create. */
  const char *target_cpu;
  const char *target_features;
  moe_entry_fn entry;
  int64_t num_inputs;
  const moe_value_desc *inputs;
  int64_t num_outputs;
  const moe_value_desc *outputs;
  int64_t num_weights;
  const moe_weight_desc *weights;
  int32_t weights_kind;
  /** MOE_WEIGHTS_BESIDE: name of the file, relative to the artefact. */
  const char *weights_file;
  /** Bytes of the embedded data or of the file beside. */
  uint64_t weights_size;
  /** MOE_WEIGHTS_EMBEDDED: the data, 64-byte aligned, as are all offsets in it.
   *  (Anything else works too, but is copied at its first use.) */
  const void *embedded_weights;
  int64_t num_layers;
  const moe_layer_desc *layers;
  /** Of all layers together. */
  int64_t num_counters;
  int64_t num_timers;
  const moe_timer_desc *timers;
} moe_model_desc;

/** Defined by the model's object file. Hidden, so that two models in one
 *  process never see each other's. */
extern __attribute__((visibility("hidden")))
const moe_model_desc moe_model_descriptor;

/*--- Called by generated code, on the thread that runs the model -----------*/

/** Start of finished weight `slot`, 64-byte aligned; checks its hash when first
 *  read. Does not return on failure: the run ends with a status. */
const void *moe_rt_weight(int64_t slot);

/** Ends the run with MOE_PRECONDITION_FAILED and this message unless
 *  `condition`. Never called inside a parallel region. `message` and `where`
 *  are NUL-terminated; `where` is the ONNX node. */
void moe_rt_require(bool condition, const char *message, const char *where);

/** Adds to a counter of the context. */
void moe_rt_count(int64_t counter, int64_t amount);

/** Nanoseconds since a point in the past. */
int64_t moe_rt_clock(void);

/** Adds a call of a step that began at `start` to its timer. `flops` and
 *  `bytes` are negative where they are not known. On the thread that runs the
 *  model only. */
void moe_rt_record(int64_t timer, int64_t start, int64_t flops, int64_t bytes);

/** The run's memory (names fixed by MLIR's finalize-memref-to-llvm). They never
 *  return NULL: without memory the run ends with MOE_OUT_OF_MEMORY. */
void *_mlir_memref_to_llvm_alloc(uint64_t size);
void *_mlir_memref_to_llvm_aligned_alloc(uint64_t alignment, uint64_t size);
void _mlir_memref_to_llvm_free(void *pointer);

/** Threads of the context, at least 1. */
int64_t moe_rt_num_threads(void);

/** Calls fn(data, i) for i in [0, n) on the context's threads; returns when all
 *  are done. Nested calls run on the calling thread. */
void moe_rt_parallel(void (*fn)(void *data, int64_t i), void *data, int64_t n);

/*--- Called by the compiler, which links the same code ---------------------*/

/** Executes a recipe into `out` (`out_size` bytes). `span_data[i]` points to
 *  the bytes of span i. Returns MOE_INVALID_ARGUMENT, with a message in `error`
 *  (at most `error_size` bytes), when the steps do not fit. */
moe_status
moe_rt_execute_recipe(const moe_span_desc *spans, const void *const *span_data,
                      int64_t num_spans, const moe_recipe_step *steps,
                      int64_t num_steps, void *out, uint64_t out_size,
                      char *error, size_t error_size);

/** XXH3-64 of a range. */
uint64_t moe_rt_hash(const void *data, uint64_t size);

/*--- Called by programs that bring their own model -------------------------*/

/** moe_create for a descriptor that is not linked in: code compiled in this
 *  process. `default_folder` stands for the artefact's folder when the options
 *  give no weights_path; NULL: unknown. `model` must outlive the context. Then
 *  moe_run, moe_destroy and moe_last_error work as always. */
moe_status moe_rt_create(const moe_model_desc *model,
                         const char *default_folder, const moe_options *options,
                         moe_context **context);

/** A function that generated code calls. */
typedef struct moe_rt_symbol {
  const char *name;
  void *address;
} moe_rt_symbol;

/** All of them, for a JIT's symbol table; ended by a NULL name. */
const moe_rt_symbol *moe_rt_symbols(void);

#ifdef __cplusplus
}
#endif
#endif /* MOE_RUNTIME_MOEMODELABI_H */
