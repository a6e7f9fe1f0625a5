/*===- Heap.c - Blocks of one range of addresses ---------------------------===*
 *
 * The range is reserved once and backed by memory as far as blocks reach. They
 * follow each other without gaps: a header, then its bytes. A request takes the
 * smallest free block that holds it, and the range grows when there is none;
 * free neighbours are joined. So runs of one shape find each block where the
 * first one found it, and the holes between live blocks stay few: language
 * models' blocks reach 1.12 to 1.17 times as far as the live ones are large.
 *
 * Under AddressSanitizer each block is malloc's, of the size that was asked
 * for, so that it sees overruns and uses after free of generated code.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

/** Of a block's header; keeps the bytes behind it aligned. */
#define MOE_HEADER ((uint64_t)MOE_ALIGNMENT)
/** A reservation below this is none. */
#define MOE_LEAST_RESERVE ((uint64_t)1 << 20)
/** Memory is asked for in such steps. */
#define MOE_GROWTH ((uint64_t)1 << 20)

_Static_assert(sizeof(moe_block) <= MOE_ALIGNMENT, "the header fits its room");

#if MOE_EXACT_BLOCKS

moe_block *moe_heap_take(moe_heap *heap, uint64_t alignment, uint64_t size,
                         uint64_t limit) {
  (void)heap;
  (void)limit;
  void *base = NULL;
  uint64_t lead = alignment > MOE_HEADER ? alignment : MOE_HEADER;
  if (posix_memalign(&base, lead, size + lead) != 0)
    return NULL;
  moe_block *block = (moe_block *)((unsigned char *)base + lead - MOE_HEADER);
  block->size = size;
  block->size_before = lead - MOE_HEADER;
  return block;
}

void moe_heap_give(moe_heap *heap, moe_block *block) {
  (void)heap;
  block->magic = 0;
  free((unsigned char *)block - block->size_before);
}

void moe_heap_trim(moe_heap *heap, uint64_t bytes) {
  (void)heap;
  (void)bytes;
}

void moe_heap_destroy(moe_heap *heap) { (void)heap; }

#else

static uint64_t round_up(uint64_t size, uint64_t multiple) {
  return (size + multiple - 1) / multiple * multiple;
}

/** Bytes from the start of a block's data to the first that is aligned to a
 *  power of two. */
static inline uint64_t get_lead(uintptr_t header, uint64_t alignment) {
  return -(header + MOE_HEADER) & (alignment - 1);
}

/*--- Blocks ----------------------------------------------------------------*/

static bool is_free(const moe_block *block) {
  return block->magic == MOE_FREE_BLOCK;
}

static uint64_t offset_of(const moe_heap *heap, const moe_block *block) {
  return (uint64_t)((const unsigned char *)block - heap->base);
}

static moe_block *block_at(const moe_heap *heap, uint64_t offset) {
  return (moe_block *)(heap->base + offset);
}

/** The block behind this one, or NULL. */
static moe_block *get_next(const moe_heap *heap, const moe_block *block) {
  const uint64_t end = offset_of(heap, block) + MOE_HEADER + block->size;
  return end < heap->end ? block_at(heap, end) : NULL;
}

/** The block ahead of this one, or NULL. */
static moe_block *get_before(const moe_heap *heap, const moe_block *block) {
  const uint64_t start = offset_of(heap, block);
  if (start == 0)
    return NULL;
  return block_at(heap, start - MOE_HEADER - block->size_before);
}

/** Sets the size and tells the block behind. */
static void set_size(moe_heap *heap, moe_block *block, uint64_t size) {
  block->size = size;
  moe_block *next = get_next(heap, block);
  if (next)
    next->size_before = size;
  else
    heap->last = block;
}

static void add_free(moe_heap *heap, moe_block *block) {
  block->magic = MOE_FREE_BLOCK;
  moe_push_block(&heap->free, block);
}

/** Cuts a block that is in no list; returns what is behind its first bytes. */
static moe_block *split(moe_heap *heap, moe_block *block, uint64_t size) {
  const uint64_t rest = block->size - size - MOE_HEADER;
  moe_block *second =
      block_at(heap, offset_of(heap, block) + MOE_HEADER + size);
  *second = (moe_block){.size_before = size};
  block->size = size;
  set_size(heap, second, rest);
  return second;
}

/** Makes one block of two neighbours that are in no list. */
static moe_block *join(moe_heap *heap, moe_block *first, moe_block *second) {
  second->magic = 0;
  set_size(heap, first, first->size + MOE_HEADER + second->size);
  return first;
}

/*--- Addresses and memory --------------------------------------------------*/

/** Addresses cost nothing: several times what the machine has, or what a limit
 *  on them leaves. */
static bool reserve(moe_heap *heap) {
  const uint64_t memory =
      (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
  const uint64_t most = 4 * memory;
  for (uint64_t size = most; size >= MOE_LEAST_RESERVE; size /= 2) {
    void *base = mmap(NULL, (size_t)size, PROT_NONE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
      continue;
    heap->base = base;
    heap->reserved = size;
    if (size != most) {
      // Others need addresses too.
      heap->reserved = round_up(size / 2, MOE_GROWTH);
      munmap(heap->base + heap->reserved, (size_t)(size - heap->reserved));
    }
    return true;
  }
  return false;
}

/** Backs the range up to `end`. */
static bool make_usable(moe_heap *heap, uint64_t end) {
  if (end <= heap->usable)
    return true;
  uint64_t target = round_up(end, MOE_GROWTH);
  if (target > heap->reserved ||
      mprotect(heap->base + heap->usable, (size_t)(target - heap->usable),
               PROT_READ | PROT_WRITE) != 0)
    return false;
  heap->usable = target;
  return true;
}

/** A block that fits, made at the end of the range, or NULL. */
static moe_block *grow(moe_heap *heap, uint64_t alignment, uint64_t size,
                       uint64_t limit) {
  if (!heap->base && !reserve(heap))
    return NULL;
  moe_block *block = block_at(heap, heap->end);
  const uint64_t bytes = get_lead((uintptr_t)block, alignment) + size;
  const uint64_t end = heap->end + MOE_HEADER + bytes;
  if (end > heap->reserved || (limit > 0 && end > limit) ||
      !make_usable(heap, end))
    return NULL;
  *block = (moe_block){.size = bytes,
                       .size_before = heap->last ? heap->last->size : 0};
  heap->last = block;
  heap->end = end;
  if (end > heap->peak)
    heap->peak = end;
  return block;
}

/*--- Interface -------------------------------------------------------------*/

/** The smallest free block that fits, or NULL. */
static moe_block *find(const moe_heap *heap, uint64_t alignment,
                       uint64_t size) {
  moe_block *best = NULL;
  for (moe_block *block = heap->free; block; block = block->next) {
    if (block->size < size || (best && block->size >= best->size) ||
        (alignment > MOE_ALIGNMENT &&
         block->size < size + get_lead((uintptr_t)block, alignment)))
      continue;
    best = block;
    if (block->size == size)
      break;
  }
  return best;
}

moe_block *moe_heap_take(moe_heap *heap, uint64_t alignment, uint64_t size,
                         uint64_t limit) {
  size = round_up(size > 0 ? size : 1, MOE_ALIGNMENT);
  if (alignment < MOE_ALIGNMENT)
    alignment = MOE_ALIGNMENT;
  moe_block *block = find(heap, alignment, size);
  if (block)
    moe_unlink_block(&heap->free, block);
  else
    block = grow(heap, alignment, size, limit);
  if (!block)
    return NULL;
  const uint64_t lead = get_lead((uintptr_t)block, alignment);
  if (lead > 0) {
    moe_block *aligned = split(heap, block, lead - MOE_HEADER);
    add_free(heap, block);
    block = aligned;
  }
  if (block->size >= size + 2 * MOE_HEADER)
    add_free(heap, split(heap, block, size));
  return block;
}

void moe_heap_give(moe_heap *heap, moe_block *block) {
  moe_block *next = get_next(heap, block);
  if (next && is_free(next)) {
    moe_unlink_block(&heap->free, next);
    join(heap, block, next);
  }
  moe_block *before = get_before(heap, block);
  if (before && is_free(before)) {
    moe_unlink_block(&heap->free, before);
    block = join(heap, before, block);
  }
  if (block != heap->last) {
    add_free(heap, block);
    return;
  }
  heap->last = get_before(heap, block);
  heap->end = offset_of(heap, block);
  block->magic = 0;
}

void moe_heap_trim(moe_heap *heap, uint64_t bytes) {
  const uint64_t kept =
      round_up(heap->end > bytes ? heap->end : bytes, MOE_GROWTH);
  if (kept < heap->usable &&
      mmap(heap->base + kept, (size_t)(heap->usable - kept), PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
           0) != MAP_FAILED)
    heap->usable = kept;
}

void moe_heap_destroy(moe_heap *heap) {
  if (heap->base)
    munmap(heap->base, (size_t)heap->reserved);
}

#endif
