/*===- Counters.c - What the layers of a run did ---------------------------===*
 *
 * One array per context, in which each counted layer has a range: moe_counter
 * numbers its cells.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <inttypes.h>

void moe_rt_count(int64_t counter, int64_t amount) {
  moe_context *context = moe_current_thread()->context;
  if (context)
    __atomic_fetch_add(&context->counters[counter], amount, __ATOMIC_RELAXED);
}

static moe_status read_load(moe_context *context, int32_t layer,
                            moe_layer_load *load) {
  const moe_model_desc *model = context->model;
  if (layer < 0 || layer >= model->num_layers)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "the model has %" PRId64
                         " MoE layers: there is no layer %d",
                         model->num_layers, (int)layer);
  const moe_layer_desc *desc = &model->layers[layer];
  if (desc->first_counter < 0)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "layer '%s' is not counted; compile the model with "
                         "--instrument-load",
                         desc->name);
  const int64_t *cells = context->counters + desc->first_counter;
  *load = (moe_layer_load){
      .name = desc->name,
      .num_experts = desc->num_experts,
      .num_null_experts = desc->num_null_experts,
      .num_slots = desc->num_slots,
      .tokens = cells[MOE_COUNT_TOKENS],
      .expert_flops = cells[MOE_COUNT_EXPERT_FLOPS],
      .counts = cells + MOE_COUNT_EXPERT_SLOTS,
  };
  for (int64_t e = 0; e < desc->num_experts; ++e)
    load->expert_slots += load->counts[e];
  load->null_slots = load->tokens * desc->num_slots - load->expert_slots;
  return MOE_OK;
}

moe_status moe_get_layer_load(moe_context *context, int32_t layer,
                              moe_layer_load *load) {
  moe_status status =
      moe_lock_to_read(context, "moe_get_layer_load", load, "load");
  if (status != MOE_OK)
    return status;
  status = read_load(context, layer, load);
  pthread_mutex_unlock(&context->lock);
  return status;
}
