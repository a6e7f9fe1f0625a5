/*===- Arena.c - Memory of runs --------------------------------------------===*
 *
 * Live blocks are listed, so that a run which ends early frees all of them. The
 * heap keeps as much memory as the largest of the last runs reached, so that
 * the next run of the same shapes asks the system for nothing; that size decays
 * from run to run, so that one long sequence does not hold its memory for ever.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <inttypes.h>
#include <string.h>

/** More than any address space: refused before arithmetic can wrap. */
#define MOE_MAX_REQUEST ((uint64_t)1 << 56)

/** Whose memory a live block is. */
typedef enum block_use {
  BLOCK_OF_RUN,    /**< of the run that goes on; freed when it ends */
  BLOCK_OUTPUT,    /**< an output of the run that goes on or has ended */
  BLOCK_OLD_OUTPUT /**< of the run before: perhaps an input of this one */
} block_use;

static void *block_data(moe_block *block) {
  return (unsigned char *)block + MOE_ALIGNMENT;
}

static moe_block *block_of(const void *pointer) {
  return (moe_block *)((uintptr_t)pointer - MOE_ALIGNMENT);
}

void moe_arena_init(moe_arena *arena, uint64_t limit) {
  memset(arena, 0, sizeof(*arena));
  pthread_mutex_init(&arena->lock, NULL);
  arena->limit = limit;
}

void moe_unlink_block(moe_block **list, moe_block *block) {
  if (block->previous)
    block->previous->next = block->next;
  else
    *list = block->next;
  if (block->next)
    block->next->previous = block->previous;
}

void moe_push_block(moe_block **list, moe_block *block) {
  block->previous = NULL;
  block->next = *list;
  if (*list)
    (*list)->previous = block;
  *list = block;
}

static void release_block(moe_arena *arena, moe_block *block) {
  moe_unlink_block(&arena->live, block);
  arena->in_use -= block->size;
  moe_heap_give(&arena->heap, block);
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
  if (arena->limit > 0 &&
      (arena->in_use > arena->limit || size > arena->limit - arena->in_use))
    return NULL;
  moe_block *block = moe_heap_take(&arena->heap, alignment, size, arena->limit);
  if (!block)
    return NULL;
  block->magic = MOE_LIVE_BLOCK;
  block->use = BLOCK_OF_RUN;
  moe_push_block(&arena->live, block);
  arena->in_use += block->size;
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
  bool ours = block->magic == MOE_LIVE_BLOCK;
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
    if ((uintptr_t)words[1] - start < block->size)
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
  arena->heap.peak = arena->heap.end;
  pthread_mutex_unlock(&arena->lock);
}

void moe_arena_end_run(moe_arena *arena) {
  pthread_mutex_lock(&arena->lock);
  release_live(arena, /*all=*/false);
  uint64_t decayed = arena->high_water - arena->high_water / 8;
  uint64_t reached = arena->heap.peak;
  arena->high_water = reached > decayed ? reached : decayed;
  moe_heap_trim(&arena->heap, arena->high_water);
  pthread_mutex_unlock(&arena->lock);
}

void moe_arena_destroy(moe_arena *arena) {
  release_live(arena, /*all=*/true);
  moe_heap_destroy(&arena->heap);
  pthread_mutex_destroy(&arena->lock);
}
