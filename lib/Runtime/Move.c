/*===- Move.c - Moving elements from one layout to another -----------------===*
 *
 * A nest of loops, each with a step on both sides, says where elements go. Up
 * to four of the loops make a tile: rows, contiguous in the result; columns,
 * contiguous in the source; groups of columns that follow each other in the
 * source but not in the result; and lines, where what one group writes follows
 * what it wrote before. A tile is read into a buffer in the order of the
 * source, converted on the way, and written in the order of the result: so both
 * sides are walked by stretches of cache lines, whichever the layouts are and
 * whatever power of two the strides.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <string.h>

/** Units in the buffer, and rows and lines among them. For panels of 16 columns
 *  that is 16 rows of 128 columns where the source is transposed, else 8 lines
 *  of 16 groups: measured to be best. */
#define MOE_TILE_UNITS 2048
#define MOE_TILE_ROWS 32
#define MOE_TILE_LINES 8
/** Elements converted at a time. */
#define MOE_CONVERT_CHUNK 256

static int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }

/*--- From the buffer to the result -----------------------------------------*/

/** A tile in the buffer, and where it goes. Steps in bytes. Columns follow each
 *  other in the buffer. */
typedef struct block {
  unsigned char *to;
  const unsigned char *from;
  int64_t rows, columns, lines, groups;
  int64_t to_row, to_column, to_line, to_group;
  int64_t from_row, from_line, from_group;
} block;

/** Calls `call` with where each line of each group goes, and where it is. What
 *  is around stays in registers: stores that go elsewhere would take the places
 *  of those that wait for the result's cache lines. */
#define FOR_EACH_LINE(b, call, ...)                                            \
  for (int64_t g = 0; g < (b).groups; ++g)                                     \
    for (int64_t l = 0; l < (b).lines; ++l)                                    \
  call((b).to + g * (b).to_group + l * (b).to_line,                            \
       (b).from + g * (b).from_group + l * (b).from_line, __VA_ARGS__)

/** Lines of `size` bytes that stay as they are: mostly those of panels, which
 *  are worth code of their own. */
static void copy_lines(const block *b, int64_t size) {
  const block copied = *b;
  if (size == 64)
    FOR_EACH_LINE(copied, memcpy, 64);
  else if (size == 32)
    FOR_EACH_LINE(copied, memcpy, 32);
  else
    FOR_EACH_LINE(copied, memcpy, (size_t)size);
}

/** Writes a block of units of one type. `side` of them fill a vector of 16
 *  bytes, and log2(side) times interleaving the first half of as many vectors
 *  with the second half transposes them: LOW and HIGH are the shuffles that
 *  interleave the halves of two vectors. */
#define DEFINE_WRITE_BLOCK(type, side, LOW, HIGH)                              \
  typedef type vector_##type __attribute__((vector_size(16)));                 \
                                                                               \
  static void transpose_##type(unsigned char *to, int64_t to_column,           \
                               const unsigned char *from, int64_t from_row) {  \
    vector_##type lines[side], next[side];                                     \
    for (int i = 0; i < (side); ++i)                                           \
      memcpy(&lines[i], from + i * from_row, 16);                              \
    for (int width = 1; width < (side); width *= 2) {                          \
      for (int i = 0; i < (side) / 2; ++i) {                                   \
        next[2 * i] = LOW(lines[i], lines[i + (side) / 2]);                    \
        next[2 * i + 1] = HIGH(lines[i], lines[i + (side) / 2]);               \
      }                                                                        \
      memcpy(lines, next, sizeof(lines));                                      \
    }                                                                          \
    for (int i = 0; i < (side); ++i)                                           \
      memcpy(to + i * to_column, &lines[i], 16);                               \
  }                                                                            \
                                                                               \
  /* Two rows become pairs. */                                                 \
  static void write_pairs_##type(unsigned char *restrict to,                   \
                                 const unsigned char *restrict from,           \
                                 int64_t from_row, int64_t columns) {          \
    const int64_t size = (int64_t)sizeof(type);                                \
    int64_t c = 0;                                                             \
    for (; c + (side) <= columns; c += (side)) {                               \
      vector_##type first, second;                                             \
      memcpy(&first, from + c * size, 16);                                     \
      memcpy(&second, from + from_row + c * size, 16);                         \
      const vector_##type low = LOW(first, second);                            \
      const vector_##type high = HIGH(first, second);                          \
      memcpy(to + 2 * c * size, &low, 16);                                     \
      memcpy(to + 2 * c * size + 16, &high, 16);                               \
    }                                                                          \
    for (; c < columns; ++c) {                                                 \
      memcpy(to + 2 * c * size, from + c * size, sizeof(type));                \
      memcpy(to + (2 * c + 1) * size, from + from_row + c * size,              \
             sizeof(type));                                                    \
    }                                                                          \
  }                                                                            \
                                                                               \
  static void write_line_##type(unsigned char *to, const unsigned char *from,  \
                                const block *b) {                              \
    const int64_t size = (int64_t)sizeof(type);                                \
    const int64_t rows = b->to_row == size ? b->rows / (side) * (side) : 0;    \
    const int64_t columns = b->columns / (side) * (side);                      \
    for (int64_t c = 0; c < columns; c += (side))                              \
      for (int64_t r = 0; r < rows; r += (side))                               \
        transpose_##type(to + r * size + c * b->to_column, b->to_column,       \
                         from + r * b->from_row + c * size, b->from_row);      \
    for (int64_t c = 0; c < b->columns; ++c)                                   \
      for (int64_t r = c < columns ? rows : 0; r < b->rows; ++r)               \
        memcpy(to + c * b->to_column + r * b->to_row,                          \
               from + r * b->from_row + c * size, sizeof(type));               \
  }                                                                            \
                                                                               \
  static void write_block_##type(const block *b) {                             \
    const int64_t size = (int64_t)sizeof(type);                                \
    const int64_t from_row = b->from_row, columns = b->columns;                \
    const block copied = *b;                                                   \
    if (b->rows == 1 && b->to_column == size) {                                \
      copy_lines(b, columns * size);                                           \
    } else if (b->rows == 2 && b->to_row == size &&                            \
               b->to_column == 2 * size) {                                     \
      FOR_EACH_LINE(copied, write_pairs_##type, from_row, columns);            \
    } else {                                                                   \
      FOR_EACH_LINE(copied, write_line_##type, b);                             \
    }                                                                          \
  }

#define LOW_2(a, b) __builtin_shufflevector(a, b, 0, 2)
#define HIGH_2(a, b) __builtin_shufflevector(a, b, 1, 3)
#define LOW_4(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH_4(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define LOW_8(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH_8(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#define LOW_16(a, b)                                                           \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,   \
                          22, 7, 23)
#define HIGH_16(a, b)                                                          \
  __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29,  \
                          14, 30, 15, 31)

DEFINE_WRITE_BLOCK(uint8_t, 16, LOW_16, HIGH_16)
DEFINE_WRITE_BLOCK(uint16_t, 8, LOW_8, HIGH_8)
DEFINE_WRITE_BLOCK(uint32_t, 4, LOW_4, HIGH_4)
DEFINE_WRITE_BLOCK(uint64_t, 2, LOW_2, HIGH_2)

static void write_block(const block *b, uint64_t unit) {
  switch (unit) {
  case 1:
    write_block_uint8_t(b);
    break;
  case 2:
    write_block_uint16_t(b);
    break;
  case 4:
    write_block_uint32_t(b);
    break;
  default:
    write_block_uint64_t(b);
    break;
  }
}

/*--- From the source to the buffer -----------------------------------------*/

/** What is done to each element on its way. */
typedef struct conversion {
  /** types[0]: of the source; the last: of the result. */
  const moe_type *types;
  int num_types;
  int64_t from_size;
  int64_t to_size;
} conversion;

/** Converts elements that follow each other. `from` may be unaligned. */
static void convert(const conversion *steps, unsigned char *to,
                    const unsigned char *from, int64_t count) {
  if (steps->num_types == 1) {
    memcpy(to, from, (size_t)(count * steps->from_size));
    return;
  }
  _Alignas(64) unsigned char buffers[2][MOE_CONVERT_CHUNK * 8];
  const int last = steps->num_types - 1;
  while (count > 0) {
    const int64_t chunk = min(count, MOE_CONVERT_CHUNK);
    const void *current = from;
    if ((uintptr_t)from % (uint64_t)steps->from_size != 0)
      current = memcpy(buffers[0], from, (size_t)(chunk * steps->from_size));
    for (int i = 1; i <= last; ++i) {
      unsigned char *next = i == last ? to : buffers[i % 2];
      moe_cast(steps->types[i - 1], current, steps->types[i], next, chunk);
      current = next;
    }
    from += chunk * steps->from_size;
    to += chunk * steps->to_size;
    count -= chunk;
  }
}

/*--- Loops -----------------------------------------------------------------*/

static const moe_loop no_loop = {1, 0, 0};

/** Removes loop `i`. */
static moe_loop take_loop(moe_loop *loops, int *num_loops, int i) {
  const moe_loop taken = loops[i];
  memmove(loops + i, loops + i + 1,
          (size_t)(*num_loops - i - 1) * sizeof(moe_loop));
  --*num_loops;
  return taken;
}

/** Removes the innermost loop with this step in the source, or, where that is
 *  0, in the result, if there is one. */
static moe_loop take_step(moe_loop *loops, int *num_loops, int64_t from,
                          int64_t to) {
  for (int i = *num_loops - 1; i >= 0; --i)
    if (from != 0 ? loops[i].from == from : loops[i].to == to)
      return take_loop(loops, num_loops, i);
  return no_loop;
}

/** In the order in which tiles follow each other. */
enum { ROWS, LINES, GROUPS, COLUMNS, NUM_TILE_LOOPS };

typedef struct tile {
  moe_loop loops[NUM_TILE_LOOPS]; /**< steps in bytes */
  int64_t max[NUM_TILE_LOOPS];    /**< so much of a loop is in one tile */
  int64_t unit;                   /**< elements that are moved as one */
  bool is_copy;                   /**< what is read needs no buffer */
} tile;

/** Chooses how much of its loops a tile has, so that it fits the buffer. */
static void limit_tile(tile *t) {
  const moe_loop *loops = t->loops;
  t->max[ROWS] = min(loops[ROWS].extent, MOE_TILE_ROWS);
  t->max[LINES] = min(loops[LINES].extent, MOE_TILE_LINES);
  int64_t capacity = MOE_TILE_UNITS / (t->max[ROWS] * t->max[LINES]);
  if (t->is_copy && loops[GROUPS].extent == 1)
    capacity = INT64_MAX;
  t->max[COLUMNS] = min(loops[COLUMNS].extent, capacity);
  t->max[GROUPS] = min(loops[GROUPS].extent, capacity / t->max[COLUMNS]);
}

/** Removes the tile's loops from `loops`, whose steps become bytes. */
static tile take_tile(const conversion *steps, moe_loop *loops,
                      int *num_loops) {
  for (int i = 0; i < *num_loops; ++i) {
    loops[i].from *= steps->from_size;
    loops[i].to *= steps->to_size;
  }
  tile t = {.loops = {no_loop, no_loop, no_loop, no_loop}, .unit = 1};
  moe_loop last = no_loop;
  if (*num_loops > 0)
    last = take_loop(loops, num_loops, *num_loops - 1);
  // Pairs of elements that stay together are elements of twice the size.
  if (*num_loops > 0 && last.extent == 2 && steps->to_size <= 4 &&
      last.from == steps->from_size && last.to == steps->to_size) {
    t.unit = 2;
    last = take_loop(loops, num_loops, *num_loops - 1);
  }
  const int64_t from_unit = t.unit * steps->from_size;
  const int64_t to_unit = t.unit * steps->to_size;
  if (last.from == from_unit) {
    t.loops[COLUMNS] = last;
  } else {
    t.loops[ROWS] = last;
    t.loops[COLUMNS] = take_step(loops, num_loops, from_unit, 0);
  }
  const int64_t columns = t.loops[COLUMNS].extent;
  if (columns > 1)
    t.loops[GROUPS] = take_step(loops, num_loops, columns * from_unit, 0);
  if (t.loops[GROUPS].extent > 1)
    t.loops[LINES] = take_step(loops, num_loops, 0,
                               t.loops[ROWS].extent * columns * to_unit);
  t.is_copy = t.loops[ROWS].extent == 1 && steps->num_types == 1;
  limit_tile(&t);
  return t;
}

/** Moves a tile that has `counts` of its loops. */
static void move_tile(const conversion *steps, const tile *t,
                      const int64_t *counts, unsigned char *to,
                      const unsigned char *from) {
  _Alignas(64) unsigned char buffer[MOE_TILE_UNITS * 8];
  const moe_loop *loops = t->loops;
  const int64_t unit = t->unit * steps->to_size;
  const int64_t row = counts[GROUPS] * counts[COLUMNS];
  const unsigned char *source = buffer;
  int64_t line_step = counts[ROWS] * row * unit;
  if (t->is_copy) {
    source = from;
    line_step = loops[LINES].from;
  } else {
    for (int64_t l = 0; l < counts[LINES]; ++l)
      for (int64_t r = 0; r < counts[ROWS]; ++r)
        convert(steps, buffer + l * line_step + r * row * unit,
                from + l * loops[LINES].from + r * loops[ROWS].from,
                row * t->unit);
  }
  const block b = {.to = to,
                   .from = source,
                   .rows = counts[ROWS],
                   .columns = counts[COLUMNS],
                   .lines = counts[LINES],
                   .groups = counts[GROUPS],
                   .to_row = loops[ROWS].to,
                   .to_column = loops[COLUMNS].to,
                   .to_line = loops[LINES].to,
                   .to_group = loops[GROUPS].to,
                   .from_row = row * unit,
                   .from_line = line_step,
                   .from_group = counts[COLUMNS] * unit};
  write_block(&b, (uint64_t)unit);
}

void moe_move(const moe_type *types, int num_types, moe_loop *loops,
              int num_loops, void *to, const void *from) {
  const moe_type last = types[num_types - 1];
  const conversion steps = {
      types, num_types, (int64_t)moe_dtype_size(types[0].code, types[0].bits),
      (int64_t)moe_dtype_size(last.code, last.bits)};
  const tile t = take_tile(&steps, loops, &num_loops);
  // Loops around tiles: the other loops, then those of the tile.
  moe_loop around[MOE_MAX_RANK + NUM_TILE_LOOPS];
  memcpy(around, loops, (size_t)num_loops * sizeof(moe_loop));
  for (int i = 0; i < NUM_TILE_LOOPS; ++i)
    around[num_loops + i] =
        (moe_loop){(t.loops[i].extent - 1) / t.max[i] + 1,
                   t.loops[i].from * t.max[i], t.loops[i].to * t.max[i]};
  int64_t position[MOE_MAX_RANK + NUM_TILE_LOOPS] = {0};
  for (bool more = true; more;) {
    int64_t from_start = 0, to_start = 0, counts[NUM_TILE_LOOPS];
    for (int i = 0; i < num_loops + NUM_TILE_LOOPS; ++i) {
      from_start += position[i] * around[i].from;
      to_start += position[i] * around[i].to;
    }
    for (int i = 0; i < NUM_TILE_LOOPS; ++i)
      counts[i] =
          min(t.max[i], t.loops[i].extent - position[num_loops + i] * t.max[i]);
    move_tile(&steps, &t, counts, (unsigned char *)to + to_start,
              (const unsigned char *)from + from_start);
    more = false;
    for (int i = num_loops + NUM_TILE_LOOPS - 1; i >= 0 && !more; --i) {
      more = ++position[i] < around[i].extent;
      if (!more)
        position[i] = 0;
    }
  }
}
