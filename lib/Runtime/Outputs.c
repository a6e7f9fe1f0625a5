/*===- Outputs.c - From result memrefs to the caller's tensors -------------===*
 *
 * A result may own a block of the arena, or be a view into one, into an input,
 * into a weight, or into another result. A block that is exactly the result
 * becomes the output itself; everything else is copied, so that an output
 * never aliases anything. What is not kept is freed when the run ends.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <inttypes.h>
#include <string.h>

/** A result memref, read out of its descriptor. */
typedef struct moe_result {
  void *allocated;
  unsigned char *data;
  int64_t offset;
  int64_t rank;
  const int64_t *sizes;
  const int64_t *strides;
  uint64_t element;
  uint64_t bytes;
} moe_result;

static bool result_is_contiguous(const moe_result *result) {
  int64_t stride = 1;
  for (int64_t d = result->rank - 1; d >= 0; --d) {
    if (result->sizes[d] != 1 && result->strides[d] != stride)
      return false;
    stride *= result->sizes[d];
  }
  return true;
}

/** Copies a strided result, row by row, to contiguous memory. */
static void copy_result(unsigned char *to, const moe_result *result) {
  if (result_is_contiguous(result)) {
    memcpy(to, result->data, result->bytes);
    return;
  }
  int64_t rank = result->rank; // at least 1: rank 0 is contiguous
  int64_t columns = result->sizes[rank - 1];
  uint64_t row_bytes = (uint64_t)columns * result->element;
  uint64_t rows = result->bytes / row_bytes;
  for (uint64_t row = 0; row < rows; ++row) {
    // Row number to position: the last of the leading dims varies fastest.
    uint64_t rest = row;
    int64_t start = 0;
    for (int64_t d = rank - 2; d >= 0; --d) {
      start +=
          (int64_t)(rest % (uint64_t)result->sizes[d]) * result->strides[d];
      rest /= (uint64_t)result->sizes[d];
    }
    moe_copy_strided(to + row * row_bytes, 1,
                     result->data + start * (int64_t)result->element,
                     result->strides[rank - 1], columns, result->element);
  }
}

static moe_status read_result(moe_context *context, int64_t index,
                              const int64_t *words, moe_result *result) {
  const moe_value_desc *value = &context->model->outputs[index];
  result->rank = value->rank;
  result->allocated = (void *)(uintptr_t)words[0];
  result->offset = words[2];
  result->sizes = words + 3;
  result->strides = words + 3 + value->rank;
  result->element = moe_dtype_size(value->dtype_code, value->dtype_bits);
  result->data = (unsigned char *)(uintptr_t)words[1] +
                 words[2] * (int64_t)result->element;
  for (int64_t d = 0; d < value->rank; ++d)
    if (result->sizes[d] < 0)
      return moe_set_error(&context->error, MOE_PRECONDITION_FAILED,
                           "output '%s': dim %" PRId64 " would be %" PRId64,
                           value->name, d, result->sizes[d]);
  if (!moe_byte_size(result->element, result->rank, result->sizes,
                     &result->bytes))
    return moe_set_error(&context->error, MOE_OUT_OF_MEMORY,
                         "output '%s' is larger than the address space",
                         value->name);
  return MOE_OK;
}

/** Memory for an output from the caller's allocator. */
static void *call_allocator(moe_context *context, int64_t index,
                            uint64_t bytes) {
  void *data = context->options.allocate_output(
      context->options.allocate_output_user, (int32_t)index, bytes);
  if (!data && bytes > 0)
    moe_set_error(
        &context->error, MOE_OUT_OF_MEMORY,
        "the output allocator gave no memory for output '%s' (%" PRIu64
        " bytes)",
        context->model->outputs[index].name, bytes);
  return data;
}

/** Finds or makes the output's own copy of the result. */
static moe_status place_output(moe_context *context, int64_t index,
                               const moe_result *result, void **data) {
  if (context->options.allocate_output) {
    *data = call_allocator(context, index, result->bytes);
    if (!*data && result->bytes > 0)
      return context->error.status;
  } else if (result->bytes > 0 && result->data == result->allocated &&
             result_is_contiguous(result) &&
             moe_arena_keep(&context->arena, result->allocated)) {
    *data = result->data;
    return MOE_OK;
  } else {
    *data = moe_arena_allocate(&context->arena, MOE_ALIGNMENT, result->bytes,
                               &context->error);
    if (!*data)
      return context->error.status;
    moe_arena_keep(&context->arena, *data);
  }
  if (result->bytes > 0)
    copy_result(*data, result);
  return MOE_OK;
}

moe_status moe_outputs_collect(moe_context *context, moe_tensor *outputs) {
  const moe_model_desc *model = context->model;
  const int64_t *words = context->result_area;
  int64_t *shape = context->output_shapes;
  for (int64_t i = 0; i < model->num_outputs; ++i) {
    const moe_value_desc *value = &model->outputs[i];
    moe_result result;
    void *data = NULL;
    moe_status status = read_result(context, i, words, &result);
    if (status == MOE_OK)
      status = place_output(context, i, &result, &data);
    if (status != MOE_OK)
      return status;
    if (value->rank > 0)
      memcpy(shape, result.sizes, (size_t)value->rank * sizeof(int64_t));
    outputs[i] = (moe_tensor){
        .data = data,
        .device = {.type = 1, .id = 0},
        .ndim = (int32_t)value->rank,
        .dtype = {.code = (uint8_t)value->dtype_code,
                  .bits = (uint8_t)value->dtype_bits,
                  .lanes = 1},
        .shape = shape,
        .strides = NULL,
        .byte_offset = 0,
    };
    shape += value->rank;
    words += moe_memref_words(value->rank);
  }
  return MOE_OK;
}
