/*===- Inputs.c - Validation and binding of the caller's tensors -----------===*
 *
 * Generated code trusts its inputs entirely, so everything it relies on is
 * checked here: count, type, rank, extents, equal dims, layout, sizes that
 * fit. Data that is only misaligned, or bools that are not 0 or 1, are copied.
 * Inputs are never written.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/** Ranks above this are refused before their shape is read or printed. */
#define MOE_MAX_INPUT_RANK 64
#define MOE_TYPE_SIZE 384

static const char *dim_name(const moe_value_desc *value, int64_t d) {
  const char *name = value->dim_names ? value->dim_names[d] : NULL;
  return name && *name ? name : NULL;
}

/** Id of the first dim of an earlier input, or of this one, with that name. */
static int32_t find_dim_id(const moe_context *context, const char *name,
                           int64_t num_inputs) {
  for (int64_t i = 0; i <= num_inputs; ++i) {
    const moe_value_desc *value = &context->model->inputs[i];
    for (int64_t d = 0; d < value->rank; ++d) {
      int32_t id = context->dim_ids[context->input_offsets[i] + d];
      const char *other = dim_name(value, d);
      if (id >= 0 && other && strcmp(other, name) == 0)
        return id;
    }
  }
  return -1;
}

bool moe_inputs_init(moe_context *context) {
  const moe_model_desc *model = context->model;
  size_t total = 0;
  context->input_offsets =
      calloc((size_t)model->num_inputs + 1, sizeof(int64_t));
  if (!context->input_offsets)
    return false;
  for (int64_t i = 0; i < model->num_inputs; ++i) {
    context->input_offsets[i] = (int64_t)total;
    total += (size_t)model->inputs[i].rank;
  }
  context->dim_ids = calloc(total + 1, sizeof(int32_t));
  context->dim_extents = calloc(total + 1, sizeof(int64_t));
  context->dim_inputs = calloc(total + 1, sizeof(int32_t));
  if (!context->dim_ids || !context->dim_extents || !context->dim_inputs)
    return false;
  memset(context->dim_ids, -1, (total + 1) * sizeof(int32_t));
  for (int64_t i = 0; i < model->num_inputs; ++i) {
    const moe_value_desc *value = &model->inputs[i];
    for (int64_t d = 0; d < value->rank; ++d) {
      const char *name = dim_name(value, d);
      if (!name)
        continue;
      int32_t id = find_dim_id(context, name, i);
      context->dim_ids[context->input_offsets[i] + d] =
          id >= 0 ? id : context->num_dim_ids++;
    }
  }
  return true;
}

/** "input 'x': expected T, got U: " goes before every message about a tensor
 *  whose shape can be read. */
#define REFUSE(reason, ...)                                                    \
  do {                                                                         \
    char expected_[MOE_TYPE_SIZE], got_[MOE_TYPE_SIZE];                        \
    return moe_set_error(                                                      \
        &context->error, MOE_INVALID_ARGUMENT,                                 \
        "input '%s': expected %s, got %s: " reason, value->name,               \
        moe_value_type(value, expected_, sizeof(expected_)),                   \
        moe_tensor_type(tensor->dtype.code, tensor->dtype.bits, tensor->ndim,  \
                        tensor->shape, got_, sizeof(got_)),                    \
        __VA_ARGS__);                                                          \
  } while (0)

/** What must hold before the shape may be read. */
static moe_status check_readable(moe_context *context,
                                 const moe_value_desc *value,
                                 const moe_tensor *tensor) {
  char expected[MOE_TYPE_SIZE];
  moe_value_type(value, expected, sizeof(expected));
  if (tensor->ndim < 0 || tensor->ndim > MOE_MAX_INPUT_RANK)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "input '%s': expected %s, got a tensor of rank %d",
                         value->name, expected, (int)tensor->ndim);
  if (tensor->ndim > 0 && !tensor->shape)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "input '%s': expected %s, got a tensor of rank %d "
                         "whose shape is NULL",
                         value->name, expected, (int)tensor->ndim);
  return MOE_OK;
}

static moe_status check_type(moe_context *context, const moe_value_desc *value,
                             const moe_tensor *tensor) {
  if (tensor->dtype.code != value->dtype_code ||
      tensor->dtype.bits != value->dtype_bits)
    REFUSE("%s", "the element type differs");
  if (tensor->dtype.lanes > 1)
    REFUSE("its elements are vectors of %d lanes", (int)tensor->dtype.lanes);
  if (tensor->device.type > 1)
    REFUSE("it lies on device type %d; copy it to the CPU",
           (int)tensor->device.type);
  if (tensor->ndim != value->rank)
    REFUSE("rank %d instead of %" PRId64, (int)tensor->ndim, value->rank);
  return MOE_OK;
}

static moe_status check_dims(moe_context *context, int64_t index,
                             const moe_tensor *tensor) {
  const moe_model_desc *model = context->model;
  const moe_value_desc *value = &model->inputs[index];
  for (int64_t d = 0; d < value->rank; ++d) {
    int64_t extent = tensor->shape[d];
    if (extent < 0)
      REFUSE("dim %" PRId64 " is negative", d);
    if (value->dims[d] >= 0 && extent != value->dims[d])
      REFUSE("dim %" PRId64 " must be %" PRId64, d, value->dims[d]);
    int32_t id = context->dim_ids[context->input_offsets[index] + d];
    if (id < 0)
      continue;
    if (context->dim_extents[id] < 0) {
      context->dim_extents[id] = extent;
      context->dim_inputs[id] = (int32_t)index;
    } else if (context->dim_extents[id] != extent) {
      REFUSE("dim '%s' is %" PRId64 " here but %" PRId64 " in input '%s'",
             dim_name(value, d), extent, context->dim_extents[id],
             model->inputs[context->dim_inputs[id]].name);
    }
  }
  return MOE_OK;
}

/** Row-major without gaps; extents of one and empty tensors have any strides.
 */
static bool is_contiguous(const moe_tensor *tensor, uint64_t bytes) {
  if (!tensor->strides || bytes == 0)
    return true;
  int64_t stride = 1;
  for (int32_t d = tensor->ndim - 1; d >= 0; --d) {
    if (tensor->shape[d] != 1 && tensor->strides[d] != stride)
      return false;
    stride *= tensor->shape[d];
  }
  return true;
}

/** A copy in the arena, with every nonzero byte of a bool made 1. */
static void *copy_input(moe_context *context, const void *data, uint64_t bytes,
                        bool is_bool) {
  unsigned char *copy = moe_arena_allocate(&context->arena, MOE_ALIGNMENT,
                                           bytes, &context->error);
  if (!copy)
    return NULL;
  memcpy(copy, data, bytes);
  for (uint64_t i = 0; is_bool && i < bytes; ++i)
    copy[i] = copy[i] != 0;
  return copy;
}

static bool has_odd_bool(const unsigned char *data, uint64_t bytes) {
  unsigned char all = 0;
  for (uint64_t i = 0; i < bytes; ++i)
    all |= data[i];
  return all > 1;
}

/** Finds the bytes that generated code will read. */
static moe_status bind_data(moe_context *context, const moe_value_desc *value,
                            const moe_tensor *tensor, void **result) {
  uint64_t element = moe_dtype_size(value->dtype_code, value->dtype_bits);
  uint64_t bytes = 0;
  if (!moe_byte_size(element, value->rank, tensor->shape, &bytes))
    REFUSE("%s", "it is larger than the address space");
  if (!is_contiguous(tensor, bytes))
    REFUSE("%s", "its strides are not row-major; make it contiguous");
  if (!tensor->data && bytes > 0)
    REFUSE("%s", "its data is NULL");

  if (bytes == 0) {
    // Never read, but code may compute with the address.
    static _Alignas(64) unsigned char empty[64];
    *result = empty;
    return MOE_OK;
  }
  unsigned char *data = (unsigned char *)tensor->data + tensor->byte_offset;
  bool is_bool = value->dtype_code == MOE_BOOL;
  if ((uintptr_t)data % element != 0 || (is_bool && has_odd_bool(data, bytes)))
    data = copy_input(context, data, bytes, is_bool);
  *result = data;
  return data ? MOE_OK : context->error.status;
}

static void fill_descriptor(int64_t *words, void *data,
                            const moe_tensor *tensor) {
  int64_t rank = tensor->ndim;
  words[0] = words[1] = (int64_t)(uintptr_t)data;
  words[2] = 0;
  int64_t stride = 1;
  for (int64_t d = rank - 1; d >= 0; --d) {
    words[3 + d] = tensor->shape[d];
    words[3 + rank + d] = stride;
    // Wraps for empty tensors with huge other extents; never used then.
    stride = (int64_t)((uint64_t)stride * (uint64_t)tensor->shape[d]);
  }
}

moe_status moe_inputs_bind(moe_context *context, const moe_tensor *inputs,
                           int32_t num_inputs) {
  const moe_model_desc *model = context->model;
  if (num_inputs != model->num_inputs)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "the model has %" PRId64
                         " inputs but moe_run was given %d",
                         model->num_inputs, (int)num_inputs);
  if (num_inputs > 0 && !inputs)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "moe_run: inputs is NULL, expected %d tensors",
                         (int)num_inputs);
  for (int32_t id = 0; id < context->num_dim_ids; ++id)
    context->dim_extents[id] = -1;
  for (int64_t i = 0; i < model->num_inputs; ++i) {
    const moe_value_desc *value = &model->inputs[i];
    void *data = NULL;
    moe_status status = check_readable(context, value, &inputs[i]);
    if (status == MOE_OK)
      status = check_type(context, value, &inputs[i]);
    if (status == MOE_OK)
      status = check_dims(context, i, &inputs[i]);
    if (status == MOE_OK)
      status = bind_data(context, value, &inputs[i], &data);
    if (status != MOE_OK)
      return status;
    fill_descriptor(context->input_descs[i], data, &inputs[i]);
  }
  return MOE_OK;
}
