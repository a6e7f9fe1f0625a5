/*===- Recipe.c - Making weights from ranges of files ----------------------===*
 *
 * Steps are not executed one after the other: that would need a copy of the
 * tensor per step. They are composed first, which is exact: transposes and
 * stacks only say where each source element goes, casts only what happens to
 * it on the way. So each span is read once and written once, one span at a
 * time, through a small buffer.
 *
 * All spans have the same dims. Dims of the result are listed with where they
 * come from: a dim of the span, or the number of the span (a stack). A pack
 * splits two of those in an outer and an inner dim each. Where the inner one
 * does not divide the extent, a span is moved in parts: what fills all of it,
 * and the tail.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <inttypes.h>
#include <string.h>

#define MOE_MAX_CASTS 8

/** Where a dim of the result comes from: a dim of the span (>= 0), or */
enum { FROM_SPAN_NUMBER = -1, FROM_NOWHERE = -2 /* extent 1 */ };

/** What a pack made of a dim; bits of a set. */
enum { NOT_SPLIT = 0, SPLIT_COLUMNS = 1, SPLIT_ROWS = 2 };

/** A dim of the result. Index i of the axis is i / width in an outer dim, and
 *  i % width in an inner one. */
typedef struct result_dim {
  int32_t axis;
  int32_t split;
  int64_t width; /**< 1 where not split */
  bool is_inner;
} result_dim;

/** The composed steps. */
typedef struct recipe {
  result_dim dims[MOE_MAX_RANK];
  int64_t rank;
  bool stacked;
  bool packed;
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
  memmove(r->dims + 1, r->dims, (size_t)r->rank * sizeof(r->dims[0]));
  r->dims[0] = (result_dim){
      .axis = r->stacked ? FROM_NOWHERE : FROM_SPAN_NUMBER, .width = 1};
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
  result_dim dims[MOE_MAX_RANK];
  bool seen[MOE_MAX_RANK] = {false};
  for (int64_t d = 0; d < r->rank; ++d) {
    int64_t source = step->ints[d];
    if (source < 0 || source >= r->rank || seen[source])
      return moe_set_error(error, MOE_INVALID_ARGUMENT,
                           "transpose: entry %" PRId64 " (%" PRId64
                           ") makes it no permutation",
                           d, source);
    seen[source] = true;
    dims[d] = r->dims[source];
  }
  memcpy(r->dims, dims, (size_t)r->rank * sizeof(dims[0]));
  return MOE_OK;
}

/** [..., rows, columns] -> [..., panels, groups, width, group]; without the
 *  last dim where a group is one row. */
static moe_status compose_pack(recipe *r, const moe_recipe_step *step,
                               moe_error *error) {
  if (step->num_ints != 2 || step->ints[0] < 1 || step->ints[1] < 1)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "pack: expected a width and a number of rows, both at "
                         "least 1");
  if (r->packed)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "pack: the tensor is packed already");
  if (r->rank < 2)
    return moe_set_error(
        error, MOE_INVALID_ARGUMENT,
        "pack: a tensor of rank %" PRId64 " has no rows and columns", r->rank);
  const int64_t width = step->ints[0], group = step->ints[1];
  if (r->rank + (group > 1 ? 2 : 1) > MOE_MAX_RANK)
    return moe_set_error(error, MOE_INVALID_ARGUMENT, "pack: more than %d dims",
                         MOE_MAX_RANK);
  const int32_t rows = r->dims[r->rank - 2].axis;
  const int32_t columns = r->dims[r->rank - 1].axis;
  result_dim *last = &r->dims[r->rank - 2];
  last[0] = (result_dim){columns, SPLIT_COLUMNS, width, false};
  last[1] = (result_dim){rows, NOT_SPLIT, 1, false};
  last[2] = (result_dim){columns, SPLIT_COLUMNS, width, true};
  ++r->rank;
  if (group > 1) {
    last[1] = (result_dim){rows, SPLIT_ROWS, group, false};
    last[3] = (result_dim){rows, SPLIT_ROWS, group, true};
    ++r->rank;
  }
  r->packed = true;
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
    r->dims[d] = (result_dim){.axis = (int32_t)d, .width = 1};
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
    case MOE_RECIPE_PACK:
      status = compose_pack(r, &steps[i], error);
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

/** The indices of a result dim that a part of a span fills. */
typedef struct range {
  int64_t begin;
  int64_t count;
} range;

/** Those of `dim`, on an axis of `extent`: in the axis' tail, or ahead of it.
 */
static range get_range(const result_dim *dim, int64_t extent, bool is_tail) {
  const int64_t full = extent / dim->width, tail = extent % dim->width;
  if (dim->is_inner)
    return (range){0, is_tail ? tail : dim->width};
  return is_tail ? (range){full, tail > 0} : (range){0, full};
}

static int64_t get_axis_extent(const result_dim *dim, const moe_span_desc *span,
                               int64_t num_spans) {
  if (dim->axis == FROM_SPAN_NUMBER)
    return num_spans;
  return dim->axis == FROM_NOWHERE ? 1 : span->dims[dim->axis];
}

/** Extents of the result. */
static void get_extents(const recipe *r, const moe_span_desc *span,
                        int64_t num_spans, int64_t *extents) {
  for (int64_t d = 0; d < r->rank; ++d) {
    const result_dim *dim = &r->dims[d];
    const int64_t extent = get_axis_extent(dim, span, num_spans);
    extents[d] = dim->is_inner
                     ? dim->width
                     : extent / dim->width + (extent % dim->width > 0);
  }
}

/** A part of a span: its loops in result order, and where both sides start. */
typedef struct part {
  moe_loop loops[MOE_MAX_RANK];
  int num_loops;
  int64_t from;
  int64_t to;
} part;

/** The part of span `number` that is the tail of the splits in the set `tails`
 *  and ahead of that of the others, without loops of one, adjacent loops joined
 *  where they walk both sides alike. False: it has no elements. */
static bool build_part(const recipe *r, const moe_span_desc *span,
                       int64_t number, int64_t num_spans, int tails, part *p) {
  int64_t from_steps[MOE_MAX_RANK], extents[MOE_MAX_RANK];
  int64_t step = 1;
  for (int64_t d = span->rank - 1; d >= 0; --d) {
    from_steps[d] = step;
    step *= span->dims[d];
  }
  get_extents(r, span, num_spans, extents);
  *p = (part){.num_loops = 0}; // innermost first, reversed below
  int64_t to = 1;
  for (int64_t d = r->rank - 1; d >= 0; to *= extents[d--]) {
    const result_dim *dim = &r->dims[d];
    if (dim->axis == FROM_SPAN_NUMBER)
      p->to += to * (dim->is_inner ? number % dim->width : number / dim->width);
    if (dim->axis < 0)
      continue;
    range indices =
        get_range(dim, span->dims[dim->axis], (tails & dim->split) != 0);
    if (indices.count == 0)
      return false;
    const int64_t from =
        from_steps[dim->axis] * (dim->is_inner ? 1 : dim->width);
    p->from += indices.begin * from;
    p->to += indices.begin * to;
    if (indices.count == 1)
      continue;
    moe_loop *inner = p->num_loops > 0 ? &p->loops[p->num_loops - 1] : NULL;
    if (inner && inner->from * inner->extent == from &&
        inner->to * inner->extent == to)
      inner->extent *= indices.count;
    else
      p->loops[p->num_loops++] = (moe_loop){indices.count, from, to};
  }
  for (int i = 0; i < p->num_loops / 2; ++i) {
    moe_loop swapped = p->loops[i];
    p->loops[i] = p->loops[p->num_loops - 1 - i];
    p->loops[p->num_loops - 1 - i] = swapped;
  }
  return true;
}

/** Fills the outer dims' last elements with zeros where inner dims do not fill
 *  them: the padding, and what is written over after. */
static void clear_padding(const recipe *r, const moe_span_desc *span,
                          int64_t num_spans, uint64_t element,
                          unsigned char *out) {
  int64_t extents[MOE_MAX_RANK];
  get_extents(r, span, num_spans, extents);
  uint64_t size = element;
  for (int64_t d = r->rank - 1; d >= 0; size *= (uint64_t)extents[d--]) {
    const result_dim *dim = &r->dims[d];
    if (dim->is_inner ||
        get_axis_extent(dim, span, num_spans) % dim->width == 0)
      continue;
    uint64_t count = 1;
    for (int64_t outer = 0; outer < d; ++outer)
      count *= (uint64_t)extents[outer];
    for (uint64_t i = 1; i <= count; ++i)
      memset(out + (i * (uint64_t)extents[d] - 1) * size, 0, size);
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
  int64_t extents[MOE_MAX_RANK];
  get_extents(&r, &spans[0], num_spans, extents);
  uint64_t total = 0;
  if (!moe_byte_size(to_size, r.rank, extents, &total))
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "the recipe makes a tensor larger than the address "
                         "space");
  if (total != out_size)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "the recipe makes %" PRIu64
                         " bytes but the weight has %" PRIu64,
                         total, out_size);
  if (total == 0)
    return MOE_OK;

  clear_padding(&r, &spans[0], num_spans, to_size, out);
  int splits = NOT_SPLIT;
  for (int64_t d = 0; d < r.rank; ++d)
    if (r.dims[d].axis >= 0)
      splits |= r.dims[d].split;
  for (int64_t i = 0; i < num_spans; ++i) {
    moe_type types[MOE_MAX_CASTS + 1] = {
        {spans[i].dtype_code, spans[i].dtype_bits}};
    int num_types = 1;
    for (int c = 0; c < r.num_casts; ++c)
      if (r.casts[c].code != types[num_types - 1].code ||
          r.casts[c].bits != types[num_types - 1].bits)
        types[num_types++] = r.casts[c];
    for (int tails = 0; tails <= splits; ++tails) {
      part p;
      if ((tails & ~splits) == 0 &&
          build_part(&r, &spans[i], i, num_spans, tails, &p))
        moe_move(types, num_types, p.loops, p.num_loops,
                 (unsigned char *)out + (uint64_t)p.to * to_size,
                 (const unsigned char *)span_data[i] +
                     (uint64_t)p.from *
                         moe_dtype_size(types[0].code, types[0].bits));
    }
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
