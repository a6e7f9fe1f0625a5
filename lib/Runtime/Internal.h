/*===- Internal.h - Shared by the files of the runtime -------------*- C -*-===*
 *
 * The parts of a context and how they fail. One rule carries the design:
 * generated code has no error path, so whatever fails below it calls moe_fail,
 * which records status and message in the context and jumps back to where the
 * thread entered generated code. Nothing between that point and moe_fail may
 * hold a lock or own memory that the arena does not know.
 *
 *===----------------------------------------------------------------------===*/
#ifndef MOE_LIB_RUNTIME_INTERNAL_H
#define MOE_LIB_RUNTIME_INTERNAL_H

#include "moe/Runtime/MoEModelABI.h"
#include "moe/Runtime/MoERuntime.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Alignment of every buffer the runtime hands out. */
#define MOE_ALIGNMENT 64u
/** Longest error message, with its NUL. */
#define MOE_ERROR_SIZE 1024u

/*--- Errors (Error.c) ------------------------------------------------------*/

typedef struct moe_error {
  moe_status status;
  char message[MOE_ERROR_SIZE];
} moe_error;

/** Fills `error` and returns `status`, so that callers can return it. */
moe_status moe_set_error(moe_error *error, moe_status status,
                         const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*--- Types and shapes (Shape.c) --------------------------------------------*/

/** Bytes of one element; 0 if the type is none that the runtime knows. */
uint64_t moe_dtype_size(int32_t code, int32_t bits);

/** "float32", "bool", ...; "unknown type (code 9, 7 bits)" otherwise. The text
 *  goes into `buffer`. */
const char *moe_dtype_name(int32_t code, int32_t bits, char *buffer,
                           size_t size);

/** "float32[batch,sequence,32]": what `value` was compiled for. */
const char *moe_value_type(const moe_value_desc *value, char *buffer,
                           size_t size);

/** "float32[2,7,32]": a concrete tensor type. */
const char *moe_tensor_type(int32_t code, int32_t bits, int64_t rank,
                            const int64_t *dims, char *buffer, size_t size);

/** Multiplies the extents and the element size; false on overflow of the
 *  address space. Extents must not be negative. */
bool moe_byte_size(uint64_t element_size, int64_t rank, const int64_t *dims,
                   uint64_t *size);

/*--- Blocks of memory (Heap.c) ---------------------------------------------*/

/** Marks of a header. Anything else where a block is freed is a wrong or second
 *  free. */
#define MOE_LIVE_BLOCK 0x4d6f4542u
#define MOE_FREE_BLOCK 0x4d6f4546u

/** The header ahead of a block's bytes. */
typedef struct moe_block moe_block;
struct moe_block {
  moe_block *previous; /**< in a list: of live blocks or of free ones */
  moe_block *next;
  uint64_t size;        /**< bytes behind the header */
  uint64_t size_before; /**< of the block ahead of this one */
  uint32_t magic;
  uint32_t use; /**< the arena's */
};

/** Adds a block to the front of a list; removes it. */
void moe_push_block(moe_block **list, moe_block *block);
void moe_unlink_block(moe_block **list, moe_block *block);

/** A range of addresses full of blocks, up to `end`. All zero at first. */
typedef struct moe_heap {
  unsigned char *base;
  uint64_t reserved; /**< bytes of addresses */
  uint64_t usable;   /**< of those, bytes that there is memory for */
  uint64_t end;
  uint64_t peak; /**< largest `end` since its owner set it */
  moe_block *last;
  moe_block *free;
} moe_heap;

/** A block of at least `size` bytes, in no list, or NULL where there is no
 *  memory or blocks would take more than `limit` bytes (0: any). */
moe_block *moe_heap_take(moe_heap *heap, uint64_t alignment, uint64_t size,
                         uint64_t limit);
/** Takes back a block that is in no list. */
void moe_heap_give(moe_heap *heap, moe_block *block);
/** Returns what lies behind the last live block and the first `bytes` bytes to
 *  the system. */
void moe_heap_trim(moe_heap *heap, uint64_t bytes);
void moe_heap_destroy(moe_heap *heap);

/*--- Memory of runs (Arena.c) ----------------------------------------------*/

/** Blocks of a run and outputs of the last one. */
typedef struct moe_arena {
  pthread_mutex_t lock;
  moe_heap heap;
  moe_block *live;
  uint64_t in_use;
  uint64_t peak;       /**< largest in_use of the current run */
  uint64_t high_water; /**< decaying maximum of what runs' blocks reached */
  uint64_t limit;      /**< 0: none */
} moe_arena;

void moe_arena_init(moe_arena *arena, uint64_t limit);
void moe_arena_destroy(moe_arena *arena);

/** The outputs of the last run become old ones. */
void moe_arena_begin_run(moe_arena *arena);
/** Frees the old outputs that are not read by the inputs of `context`: callers
 *  may feed outputs back. */
void moe_arena_drop_old_outputs(moe_arena *arena, const moe_context *context);
/** Frees all blocks but the outputs of this run, and trims the heap. */
void moe_arena_end_run(moe_arena *arena);

/** Memory of at least 64 bytes, or NULL with `error` filled. `alignment` is a
 *  power of two. */
void *moe_arena_allocate(moe_arena *arena, uint64_t alignment, uint64_t size,
                         moe_error *error);
/** NULL is allowed. False if the arena never gave out `pointer`. */
bool moe_arena_free(moe_arena *arena, void *pointer);
/** Makes a live block of this run an output, which lives until the next run
 *  ends. False if `pointer` is not the start of such a block. */
bool moe_arena_keep(moe_arena *arena, const void *pointer);

/*--- Weights (Weights.c) ---------------------------------------------------*/

/** A whole file, mapped read-only. */
typedef struct moe_mapping {
  char *path;
  const char *name; /**< as in the descriptor */
  const unsigned char *data;
  uint64_t size;
} moe_mapping;

typedef struct moe_weights {
  const moe_model_desc *model;
  pthread_mutex_t lock;
  /** Per slot: the checked, finished tensor, or NULL before its first read. */
  _Atomic(const void *) *slots;
  /** Per slot: memory of a tensor that does not lie ready in a file. */
  void **owned;
  moe_mapping *mappings;
  int64_t num_mappings;
} moe_weights;

/** Opens and maps the files and checks that they are long enough.
 *  `default_folder` is where the artefact lies, or NULL. To be closed even on
 *  failure. */
moe_status moe_weights_open(moe_weights *weights, const moe_model_desc *model,
                            const char *path, const char *default_folder,
                            moe_error *error);
void moe_weights_close(moe_weights *weights);

/** Start of weight `slot`, made and checked when first asked for; NULL with
 *  `error` filled. Thread-safe. */
const void *moe_weights_get(moe_weights *weights, int64_t slot,
                            moe_error *error);

/** moe_rt_execute_recipe, with this file's kind of error. */
moe_status moe_execute_recipe(const moe_span_desc *spans,
                              const void *const *span_data, int64_t num_spans,
                              const moe_recipe_step *steps, int64_t num_steps,
                              void *out, uint64_t out_size, moe_error *error);

/*--- Casts (Cast.c) --------------------------------------------------------*/

typedef struct moe_type {
  int32_t code;
  int32_t bits;
} moe_type;

/** Converts `count` contiguous elements. Both types are known ones; `from` and
 *  `to` do not overlap, or the types have the same size and `from == to`. */
void moe_cast(moe_type from_type, const void *from, moe_type to_type, void *to,
              int64_t count);

/*--- Moving elements (Move.c) ----------------------------------------------*/

/** Dims of a weight at most. */
#define MOE_MAX_RANK 32

/** One loop over elements: extent, and steps in elements on both sides. */
typedef struct moe_loop {
  int64_t extent;
  int64_t from;
  int64_t to;
} moe_loop;

/** Moves what the loops, outer ones first, walk over on both sides, converting
 *  each element from types[0] to types[1] and so on. At most MOE_MAX_RANK
 *  loops, each of extent 1 or more, which are used up. The sides do not
 *  overlap; `from` may be unaligned. */
void moe_move(const moe_type *types, int num_types, moe_loop *loops,
              int num_loops, void *to, const void *from);

/*--- Threads (ThreadPool.c) ------------------------------------------------*/

typedef struct moe_pool moe_pool;
struct moe_context;

/** Cores that this process may use, at least 1. */
int32_t moe_available_cores(void);

/** NULL without memory. Threads start at the first parallel call. */
moe_pool *moe_pool_create(int32_t num_threads, struct moe_context *context);
void moe_pool_destroy(moe_pool *pool);
/** With the thread that calls moe_pool_run. */
int64_t moe_pool_num_threads(const moe_pool *pool);
/** False if a call failed: the error is in the context. */
bool moe_pool_run(moe_pool *pool, void (*fn)(void *data, int64_t i), void *data,
                  int64_t n);

/*--- CPU (Cpu.c) -----------------------------------------------------------*/

/** Checks "+avx2,+fma,-x" against this CPU. */
moe_status moe_check_cpu(const char *cpu, const char *features,
                         moe_error *error);

/*--- Context (Context.c, Inputs.c, Outputs.c, Counters.c, Timers.c) --------*/

/** What the calls of a step came to. */
typedef struct moe_timer {
  int64_t calls;
  int64_t nanoseconds;
  /** -1: not known. */
  int64_t flops;
  int64_t bytes;
} moe_timer;

struct moe_context {
  const moe_model_desc *model;
  /** Serialises calls; checks for calls from inside a callback. */
  pthread_mutex_t lock;
  moe_options options;
  moe_arena arena;
  moe_weights weights;
  moe_pool *pool;

  /** Last failure. `run_failed` makes the first of several threads' win. */
  moe_error error;
  atomic_flag run_failed;

  /** Dim names, made unique: id of dim d of input i at
   *  dim_ids[input_offsets[i] + d], or -1. */
  int32_t *dim_ids;
  int64_t *input_offsets;
  int32_t num_dim_ids;
  /** Per id, in a run: extent, and where it was seen first. */
  int64_t *dim_extents;
  int32_t *dim_inputs;

  /** The descriptors that generated code reads and writes, and the shapes of
   *  the last run's outputs. */
  int64_t *input_area;
  void **input_descs;
  int64_t *result_area;
  int64_t *output_shapes;

  /** What the layers of the last run did, and what its steps took. */
  int64_t *counters;
  moe_timer *timers;
};

/** Locks a context for `function`, which reads what a run left and writes it to
 *  `out`, its argument called `name`; or says why that cannot be. */
moe_status moe_lock_to_read(moe_context *context, const char *function,
                            const void *out, const char *name);

/** Copies `count` elements of 1, 2, 4 or 8 bytes between strided places;
 *  strides in elements. */
void moe_copy_strided(unsigned char *to, int64_t to_stride,
                      const unsigned char *from, int64_t from_stride,
                      int64_t count, uint64_t element);

/** A memref descriptor of rank r, seen as int64_t words: {allocated, aligned,
 *  offset, sizes[r], strides[r]}. */
static inline int64_t moe_memref_words(int64_t rank) { return 3 + 2 * rank; }

/** Builds the tables of dim names. False without memory. */
bool moe_inputs_init(moe_context *context);
/** Checks the caller's tensors and fills the input descriptors. */
moe_status moe_inputs_bind(moe_context *context, const moe_tensor *inputs,
                           int32_t num_inputs);
/** Moves the results to output memory and fills the caller's tensors. */
moe_status moe_outputs_collect(moe_context *context, moe_tensor *outputs);

/*--- The thread inside generated code (Context.c) --------------------------*/

/** Which run the calling thread works for, and where it goes on failure. */
typedef struct moe_thread_state {
  moe_context *context;
  jmp_buf *failure;
  bool in_parallel;
} moe_thread_state;

moe_thread_state *moe_current_thread(void);

/** Records the first failure of the run and leaves generated code. */
_Noreturn void moe_fail(const moe_error *error);

#endif /* MOE_LIB_RUNTIME_INTERNAL_H */
