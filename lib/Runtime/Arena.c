/*===- Arena.c - Memory of runs --------------------------------------------===*
 *
 * Each block carries a 64-byte header before its first byte. Live blocks are
 * listed, so that a run which ends early frees all of them; freed blocks are
 * cached by size class, so that the next run of the same model asks the system
 * for nothing. The cache is bounded by what runs really needed: together with
 * the live blocks it never exceeds twice the peak, which decays from run to
 * run, so one long sequence does not hold its memory for ever.
 *
 * Under AddressSanitizer nothing is cached and sizes are not rounded, so that
 * it sees overruns and uses after free of generated code.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define MOE_EXACT_BLOCKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MOE_EXACT_BLOCKS 1
#endif
#endif
#ifndef MOE_EXACT_BLOCKS
#define MOE_EXACT_BLOCKS 0
#endif

/** More than any address space: refused before arithmetic can wrap. */
#define MOE_MAX_REQUEST ((uint64_t)1 << 56)
/** Marks the header of a live block; anything else there is a wrong or second
 *  free. */
#define MOE_BLOCK_MAGIC 0x4d6f4542u
/** Over-aligned blocks belong to no class and are never cached. */
#define MOE_NO_CLASS UINT32_MAX

struct moe_block {
  moe_block *previous;
  moe_block *next;
  void *base; /**< what free() takes */
  uint64_t capacity;
  uint32_t size_class;
  uint32_t magic;
  uint32_t use; /**< a block_use */
};

/** Whose memory a live block is. */
typedef enum block_use {
  BLOCK_OF_RUN,    /**< of the run that goes on; freed when it ends */
  BLOCK_OUTPUT,    /**< an output of the run that goes on or has ended */
  BLOCK_OLD_OUTPUT /**< of the run before: perhaps an input of this one */
} block_use;

_Static_assert(sizeof(moe_block) <= MOE_ALIGNMENT, "the header fits its room");

static void *block_data(moe_block *block) {
  return (unsigned char *)block + MOE_ALIGNMENT;
}

static moe_block *block_of(const void *pointer) {
  return (moe_block *)((uintptr_t)pointer - MOE_ALIGNMENT);
}

/** Smallest class that holds `size` bytes, and the bytes it holds. */
static uint32_t size_class(uint64_t size, uint64_t *capacity) {
  if (size <= 64) {
    *capacity = 64;
    return 0;
  }
  // 2^exponent < size <= 2^(exponent + 1), cut in four.
  unsigned exponent = 63u - (unsigned)__builtin_clzll(size - 1);
  uint64_t low = (uint64_t)1 << exponent;
  uint64_t step = low / 4;
  uint64_t quarter = (size - low + step - 1) / step;
  *capacity = low + quarter * step;
  return (exponent - 6) * 4 + (uint32_t)quarter;
}

void moe_arena_init(moe_arena *arena, uint64_t limit) {
  memset(arena, 0, sizeof(*arena));
  pthread_mutex_init(&arena->lock, NULL);
  arena->limit = limit;
}

static void unlink_block(moe_block **list, moe_block *block) {
  if (block->previous)
    block->previous->next = block->next;
  else
    *list = block->next;
  if (block->next)
    block->next->previous = block->previous;
}

static void push_block(moe_block **list, moe_block *block) {
  block->previous = NULL;
  block->next = *list;
  if (*list)
    (*list)->previous = block;
  *list = block;
}

/** Returns cached blocks to the system, largest first, until at most `bytes`
 *  are cached. */
static void trim_cache(moe_arena *arena, uint64_t bytes) {
  for (int c = MOE_NUM_SIZE_CLASSES - 1; c >= 0; --c) {
    while (arena->cached[c] && arena->cached_bytes > bytes) {
      moe_block *block = arena->cached[c];
      unlink_block(&arena->cached[c], block);
      arena->cached_bytes -= block->capacity;
      free(block->base);
    }
  }
}

/** Bytes the arena may hold, live and cached. */
static uint64_t cache_bound(const moe_arena *arena) {
  uint64_t most =
      arena->peak > arena->high_water ? arena->peak : arena->high_water;
  return 2 * most;
}

static void release_block(moe_arena *arena, moe_block *block) {
  unlink_block(&arena->live, block);
  arena->in_use -= block->capacity;
  block->magic = 0;
  if (MOE_EXACT_BLOCKS || block->size_class == MOE_NO_CLASS ||
      arena->in_use + arena->cached_bytes + block->capacity >
          cache_bound(arena)) {
    free(block->base);
    return;
  }
  push_block(&arena->cached[block->size_class], block);
  arena->cached_bytes += block->capacity;
}

/** A new block from the system; gives it the cache and tries again when the
 *  system refuses. */
static moe_block *new_block(moe_arena *arena, uint64_t alignment,
                            uint64_t capacity, uint32_t class_index) {
  uint64_t lead = alignment > MOE_ALIGNMENT ? alignment : MOE_ALIGNMENT;
  void *base = NULL;
  if (posix_memalign(&base, lead, capacity + lead) != 0) {
    trim_cache(arena, 0);
    if (posix_memalign(&base, lead, capacity + lead) != 0)
      return NULL;
  }
  moe_block *block = block_of((unsigned char *)base + lead);
  block->base = base;
  block->capacity = capacity;
  block->size_class = class_index;
  return block;
}

static moe_status out_of_memory(const moe_arena *arena, uint64_t size,
                                moe_error *error) {
  if (arena->limit > 0)
    return moe_set_error(error, MOE_OUT_OF_MEMORY,
                         "out of memory: the run asked for %" PRIu64
                         " bytes with %" PRIu64
                         " bytes in use and a memory_limit of %" PRIu64
                         " bytes; raise the limit or run smaller inputs",
                         size, arena->in_use, arena->limit);
  return moe_set_error(error, MOE_OUT_OF_MEMORY,
                       "out of memory: the run asked for %" PRIu64
                       " bytes with %" PRIu64
                       " bytes in use, and the system has no more; run "
                       "smaller inputs",
                       size, arena->in_use);
}

/** The locked part of moe_arena_allocate. */
static moe_block *take_block(moe_arena *arena, uint64_t alignment,
                             uint64_t size) {
  if (size > MOE_MAX_REQUEST || alignment > MOE_MAX_REQUEST)
    return NULL;
  uint64_t capacity = 0;
  uint32_t class_index = size_class(size, &capacity);
  if (MOE_EXACT_BLOCKS)
    capacity = size;
  if (alignment > MOE_ALIGNMENT)
    class_index = MOE_NO_CLASS;

  if (arena->limit > 0) {
    if (capacity > arena->limit || arena->in_use > arena->limit - capacity)
      return NULL;
    // What is cached counts too, unless it can be used or given back.
    bool reuses =
        class_index != MOE_NO_CLASS && arena->cached[class_index] != NULL;
    uint64_t room = arena->limit - arena->in_use - capacity;
    if (!reuses && arena->cached_bytes > room)
      trim_cache(arena, room);
  }

  moe_block *block = NULL;
  if (class_index != MOE_NO_CLASS && arena->cached[class_index]) {
    block = arena->cached[class_index];
    unlink_block(&arena->cached[class_index], block);
    arena->cached_bytes -= block->capacity;
  } else {
    block = new_block(arena, alignment, capacity, class_index);
    if (!block)
      return NULL;
  }
  block->magic = MOE_BLOCK_MAGIC;
  block->use = BLOCK_OF_RUN;
  push_block(&arena->live, block);
  arena->in_use += block->capacity;
  if (arena->in_use > arena->peak)
    arena->peak = arena->in_use;
  return block;
}

void *moe_arena_allocate(moe_arena *arena, uint64_t alignment, uint64_t size,
                         moe_error *error) {
  pthread_mutex_lock(&arena->lock);
  moe_block *block = take_block(arena, alignment, size);
  if (!block)
    out_of_memory(arena, size, error);
  pthread_mutex_unlock(&arena->lock);
  return block ? block_data(block) : NULL;
}

bool moe_arena_free(moe_arena *arena, void *pointer) {
  if (!pointer)
    return true;
  moe_block *block = block_of(pointer);
  pthread_mutex_lock(&arena->lock);
  bool ours = block->magic == MOE_BLOCK_MAGIC;
  if (ours)
    release_block(arena, block);
  pthread_mutex_unlock(&arena->lock);
  return ours;
}

/** Looks `pointer` up without trusting it: it may be an input or a weight. */
static moe_block *find_live(moe_arena *arena, const void *pointer) {
  for (moe_block *block = arena->live; block; block = block->next)
    if (block_data(block) == pointer)
      return block;
  return NULL;
}

bool moe_arena_keep(moe_arena *arena, const void *pointer) {
  pthread_mutex_lock(&arena->lock);
  moe_block *block = find_live(arena, pointer);
  bool of_run = block && block->use == BLOCK_OF_RUN;
  if (of_run)
    block->use = BLOCK_OUTPUT;
  pthread_mutex_unlock(&arena->lock);
  return of_run;
}

/** Releases the live blocks that are no outputs; those too if `all`. */
static void release_live(moe_arena *arena, bool all) {
  moe_block *block = arena->live;
  while (block) {
    moe_block *next = block->next;
    if (all || block->use != BLOCK_OUTPUT)
      release_block(arena, block);
    block = next;
  }
}

void moe_arena_begin_run(moe_arena *arena) {
  pthread_mutex_lock(&arena->lock);
  for (moe_block *block = arena->live; block; block = block->next)
    block->use = BLOCK_OLD_OUTPUT;
  pthread_mutex_unlock(&arena->lock);
}

/** Whether the data of an input starts in `block`. */
static bool holds_input(moe_block *block, const moe_context *context) {
  uintptr_t start = (uintptr_t)block_data(block);
  for (int64_t i = 0; i < context->model->num_inputs; ++i) {
    const int64_t *words = context->input_descs[i];
    if ((uintptr_t)words[1] - start < block->capacity)
      return true;
  }
  return false;
}

void moe_arena_drop_old_outputs(moe_arena *arena, const moe_context *context) {
  pthread_mutex_lock(&arena->lock);
  moe_block *block = arena->live;
  while (block) {
    moe_block *next = block->next;
    if (block->use == BLOCK_OLD_OUTPUT && !holds_input(block, context))
      release_block(arena, block);
    block = next;
  }
  arena->peak = arena->in_use;
  pthread_mutex_unlock(&arena->lock);
}

void moe_arena_end_run(moe_arena *arena) {
  pthread_mutex_lock(&arena->lock);
  release_live(arena, /*all=*/false);
  uint64_t decayed = arena->high_water - arena->high_water / 8;
  arena->high_water = arena->peak > decayed ? arena->peak : decayed;
  uint64_t bound = 2 * arena->high_water;
  trim_cache(arena, bound > arena->in_use ? bound - arena->in_use : 0);
  pthread_mutex_unlock(&arena->lock);
}

void moe_arena_destroy(moe_arena *arena) {
  release_live(arena, /*all=*/true);
  trim_cache(arena, 0);
  pthread_mutex_destroy(&arena->lock);
}
