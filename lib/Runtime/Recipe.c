/*===- Recipe.c - Making weights from ranges of files ----------------------===*
 *
 * Steps are not executed one after the other: that would need a copy of the
 * tensor per step. They are composed first, which is exact: transposes and
 * stacks only say where each source element goes, casts only what happens to
 * it on the way. So each span is read once and written once, one span at a
 * time, through a buffer of a few hundred elements.
 *
 * All spans have the same dims. Dims of the result are listed with where they
 * come from: a dim of the span, or the number of the span (a stack).
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <inttypes.h>
#include <string.h>

#define MOE_MAX_RANK 32
#define MOE_MAX_CASTS 8
/** Elements moved at a time; also the edge of a transposition's blocks. */
#define MOE_RUN_LENGTH 64

/** Where a dim of the result comes from: a dim of the span (>= 0), or */
enum { FROM_SPAN_NUMBER = -1, FROM_NOWHERE = -2 /* extent 1 */ };

/** The composed steps. */
typedef struct recipe {
  int32_t axes[MOE_MAX_RANK];
  int64_t rank;
  bool stacked;
  moe_type casts[MOE_MAX_CASTS];
  int num_casts;
} recipe;

/*--- Composition -----------------------------------------------------------*/

static moe_status compose_stack(recipe *r, const moe_span_desc *spans,
                                int64_t num_spans, moe_error *error) {
  if (r->rank == MOE_MAX_RANK)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "stack: more than %d dims", MOE_MAX_RANK);
  // After a cast all have its type.
  for (int64_t i = 1; i < num_spans && r->num_casts == 0 && !r->stacked; ++i)
    if (spans[i].dtype_code != spans[0].dtype_code ||
        spans[i].dtype_bits != spans[0].dtype_bits)
      return moe_set_error(
          error, MOE_INVALID_ARGUMENT,
          "stack: span %" PRId64 " has another element type than span 0", i);
  memmove(r->axes + 1, r->axes, (size_t)r->rank * sizeof(r->axes[0]));
  r->axes[0] = r->stacked ? FROM_NOWHERE : FROM_SPAN_NUMBER;
  r->stacked = true;
  ++r->rank;
  return MOE_OK;
}

static moe_status compose_transpose(recipe *r, const moe_recipe_step *step,
                                    moe_error *error) {
  if (step->num_ints != r->rank)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "transpose: permutation of %d dims for a tensor of "
                         "rank %" PRId64,
                         (int)step->num_ints, r->rank);
  int32_t axes[MOE_MAX_RANK];
  bool seen[MOE_MAX_RANK] = {false};
  for (int64_t d = 0; d < r->rank; ++d) {
    int64_t source = step->ints[d];
    if (source < 0 || source >= r->rank || seen[source])
      return moe_set_error(error, MOE_INVALID_ARGUMENT,
                           "transpose: entry %" PRId64 " (%" PRId64
                           ") makes it no permutation",
                           d, source);
    seen[source] = true;
    axes[d] = r->axes[source];
  }
  memcpy(r->axes, axes, (size_t)r->rank * sizeof(axes[0]));
  return MOE_OK;
}

static moe_status compose_cast(recipe *r, const moe_recipe_step *step,
                               moe_error *error) {
  if (step->num_ints != 2 ||
      moe_dtype_size((int32_t)step->ints[0], (int32_t)step->ints[1]) == 0)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "cast: unknown element type");
  if (r->num_casts == MOE_MAX_CASTS)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "more than %d casts in a recipe", MOE_MAX_CASTS);
  r->casts[r->num_casts++] =
      (moe_type){(int32_t)step->ints[0], (int32_t)step->ints[1]};
  return MOE_OK;
}

static moe_status compose(recipe *r, const moe_span_desc *spans,
                          int64_t num_spans, const moe_recipe_step *steps,
                          int64_t num_steps, moe_error *error) {
  r->rank = spans[0].rank;
  for (int64_t d = 0; d < r->rank; ++d)
    r->axes[d] = (int32_t)d;
  for (int64_t i = 0; i < num_steps; ++i) {
    moe_status status;
    switch (steps[i].kind) {
    case MOE_RECIPE_STACK:
      status = compose_stack(r, spans, num_spans, error);
      break;
    case MOE_RECIPE_TRANSPOSE:
      status = compose_transpose(r, &steps[i], error);
      break;
    case MOE_RECIPE_CAST:
      status = compose_cast(r, &steps[i], error);
      break;
    default:
      status = moe_set_error(error, MOE_INVALID_ARGUMENT,
                             "unknown recipe step %d", (int)steps[i].kind);
      break;
    }
    if (status != MOE_OK)
      return status;
  }
  if (!r->stacked && num_spans != 1)
    return moe_set_error(
        error, MOE_INVALID_ARGUMENT,
        "the recipe leaves %" PRId64 " tensors; a stack is missing", num_spans);
  return MOE_OK;
}

static moe_status check_spans(const moe_span_desc *spans, int64_t num_spans,
                              moe_error *error) {
  if (num_spans < 1)
    return moe_set_error(error, MOE_INVALID_ARGUMENT, "no source spans");
  if (spans[0].rank < 0 || spans[0].rank > MOE_MAX_RANK)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "spans of rank %" PRId64 "; at most %d is supported",
                         spans[0].rank, MOE_MAX_RANK);
  for (int64_t i = 0; i < num_spans; ++i) {
    const moe_span_desc *span = &spans[i];
    if (span->rank != spans[0].rank)
      return moe_set_error(error, MOE_INVALID_ARGUMENT,
                           "span %" PRId64 " has rank %" PRId64
                           " but span 0 has rank %" PRId64,
                           i, span->rank, spans[0].rank);
    for (int64_t d = 0; d < span->rank; ++d)
      if (span->dims[d] < 0 || span->dims[d] != spans[0].dims[d])
        return moe_set_error(error, MOE_INVALID_ARGUMENT,
                             "span %" PRId64 " has extent %" PRId64
                             " in dim %" PRId64 " but span 0 has %" PRId64,
                             i, span->dims[d], d, spans[0].dims[d]);
    uint64_t element = moe_dtype_size(span->dtype_code, span->dtype_bits);
    uint64_t bytes = 0;
    if (element == 0 ||
        !moe_byte_size(element, span->rank, span->dims, &bytes) ||
        bytes != span->length)
      return moe_set_error(error, MOE_INVALID_ARGUMENT,
                           "span %" PRId64 " has %" PRIu64
                           " bytes, which its type and dims do not make",
                           i, span->length);
  }
  return MOE_OK;
}

/*--- Execution -------------------------------------------------------------*/

/** One loop over a span: extent, and steps in elements on both sides. */
typedef struct loop {
  int64_t extent;
  int64_t from;
  int64_t to;
} loop;

/** What is done to each element on its way. */
typedef struct conversion {
  const moe_type *types; /**< types[0]: of the span; the last: of the result */
  int num_types;
  uint64_t from_size;
  uint64_t to_size;
} conversion;

/** Moves and converts at most MOE_RUN_LENGTH elements. */
static void move_run(const conversion *convert, unsigned char *to,
                     int64_t to_stride, const unsigned char *from,
                     int64_t from_stride, int64_t count) {
  if (convert->num_types == 1) {
    moe_copy_strided(to, to_stride, from, from_stride, count,
                     convert->from_size);
    return;
  }
  _Alignas(64) unsigned char buffers[2][MOE_RUN_LENGTH * 8];
  int current = 0;
  moe_copy_strided(buffers[0], 1, from, from_stride, count, convert->from_size);
  for (int i = 1; i < convert->num_types; ++i) {
    moe_cast(convert->types[i - 1], buffers[current], convert->types[i],
             buffers[1 - current], count);
    current = 1 - current;
  }
  moe_copy_strided(to, to_stride, buffers[current], 1, count, convert->to_size);
}

/** Turns the composed steps into loops over one span, in result order, without
 *  extents of one, adjacent loops joined where they walk both sides alike.
 *  Sets the step of the span number in the result. */
static int build_loops(const recipe *r, const moe_span_desc *span,
                       int64_t num_spans, loop *loops, int64_t *span_step) {
  int64_t from_steps[MOE_MAX_RANK];
  int64_t step = 1;
  for (int64_t d = span->rank - 1; d >= 0; --d) {
    from_steps[d] = step;
    step *= span->dims[d];
  }
  int num_loops = 0; // innermost first, reversed below
  int64_t to = 1;
  *span_step = 0;
  for (int64_t d = r->rank - 1; d >= 0; --d) {
    int32_t axis = r->axes[d];
    if (axis == FROM_SPAN_NUMBER) {
      *span_step = to;
      to *= num_spans;
      continue;
    }
    int64_t extent = axis >= 0 ? span->dims[axis] : 1;
    if (extent == 1)
      continue;
    loop *inner = num_loops > 0 ? &loops[num_loops - 1] : NULL;
    if (inner && inner->from * inner->extent == from_steps[axis] &&
        inner->to * inner->extent == to)
      inner->extent *= extent;
    else
      loops[num_loops++] = (loop){extent, from_steps[axis], to};
    to *= extent;
  }
  for (int i = 0; i < num_loops / 2; ++i) {
    loop swapped = loops[i];
    loops[i] = loops[num_loops - 1 - i];
    loops[num_loops - 1 - i] = swapped;
  }
  return num_loops;
}

/** Runs the loops of one span. The innermost loop of the result is cut into
 *  runs; right outside of a run goes the loop that is innermost in the span, so
 *  that the cache lines a run touches are used up before they are left. */
static void execute_span(const conversion *convert, loop *loops, int num_loops,
                         unsigned char *to, const unsigned char *from) {
  loop inner = {1, 1, 1};
  if (num_loops > 0)
    inner = loops[--num_loops];
  loop block = {1, 0, 0};
  for (int i = 0; i < num_loops && inner.from != 1; ++i) {
    if (loops[i].from != 1)
      continue;
    block = loops[i];
    memmove(loops + i, loops + i + 1,
            (size_t)(num_loops - i - 1) * sizeof(loop));
    --num_loops;
    break;
  }
  int64_t position[MOE_MAX_RANK] = {0};
  for (bool more = true; more;) {
    int64_t from_start = 0, to_start = 0;
    for (int i = 0; i < num_loops; ++i) {
      from_start += position[i] * loops[i].from;
      to_start += position[i] * loops[i].to;
    }
    for (int64_t run = 0; run < inner.extent; run += MOE_RUN_LENGTH) {
      int64_t rest = inner.extent - run;
      int64_t count = rest < MOE_RUN_LENGTH ? rest : MOE_RUN_LENGTH;
      for (int64_t b = 0; b < block.extent; ++b) {
        int64_t f = from_start + run * inner.from + b * block.from;
        int64_t t = to_start + run * inner.to + b * block.to;
        move_run(convert, to + (uint64_t)t * convert->to_size, inner.to,
                 from + (uint64_t)f * convert->from_size, inner.from, count);
      }
    }
    more = false;
    for (int i = num_loops - 1; i >= 0 && !more; --i) {
      more = ++position[i] < loops[i].extent;
      if (!more)
        position[i] = 0;
    }
  }
}

moe_status moe_execute_recipe(const moe_span_desc *spans,
                              const void *const *span_data, int64_t num_spans,
                              const moe_recipe_step *steps, int64_t num_steps,
                              void *out, uint64_t out_size, moe_error *error) {
  recipe r = {.rank = 0};
  moe_status status = check_spans(spans, num_spans, error);
  if (status == MOE_OK)
    status = compose(&r, spans, num_spans, steps, num_steps, error);
  if (status != MOE_OK)
    return status;

  moe_type last = {spans[0].dtype_code, spans[0].dtype_bits};
  if (r.num_casts > 0)
    last = r.casts[r.num_casts - 1];
  uint64_t to_size = moe_dtype_size(last.code, last.bits);
  uint64_t span_bytes = 0, total = 0;
  if (!moe_byte_size(to_size, spans[0].rank, spans[0].dims, &span_bytes) ||
      __builtin_mul_overflow(span_bytes, (uint64_t)num_spans, &total) ||
      total != out_size)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "the recipe makes %" PRIu64
                         " bytes but the weight has %" PRIu64,
                         total, out_size);
  if (total == 0)
    return MOE_OK;

  for (int64_t i = 0; i < num_spans; ++i) {
    moe_type types[MOE_MAX_CASTS + 1] = {
        {spans[i].dtype_code, spans[i].dtype_bits}};
    int num_types = 1;
    for (int c = 0; c < r.num_casts; ++c)
      if (r.casts[c].code != types[num_types - 1].code ||
          r.casts[c].bits != types[num_types - 1].bits)
        types[num_types++] = r.casts[c];
    conversion convert = {types, num_types,
                          moe_dtype_size(types[0].code, types[0].bits),
                          to_size};
    loop loops[MOE_MAX_RANK];
    int64_t span_step = 0;
    int num_loops = build_loops(&r, &spans[i], num_spans, loops, &span_step);
    execute_span(&convert, loops, num_loops,
                 (unsigned char *)out + (uint64_t)(i * span_step) * to_size,
                 span_data[i]);
  }
  return MOE_OK;
}

moe_status
moe_rt_execute_recipe(const moe_span_desc *spans, const void *const *span_data,
                      int64_t num_spans, const moe_recipe_step *steps,
                      int64_t num_steps, void *out, uint64_t out_size,
                      char *message, size_t message_size) {
  moe_error error;
  moe_status status = moe_execute_recipe(spans, span_data, num_spans, steps,
                                         num_steps, out, out_size, &error);
  if (status != MOE_OK && message_size > 0) {
    size_t length = strnlen(error.message, message_size - 1);
    memcpy(message, error.message, length);
    message[length] = '\0';
  }
  return status;
}
