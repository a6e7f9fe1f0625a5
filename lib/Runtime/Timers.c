/*===- Timers.c - What the steps of a run took -----------------------------===*
 *
 * One cell per step and context. Only the thread that runs the model records:
 * what a step does on all threads lies between its clock and its record.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <inttypes.h>
#include <time.h>

int64_t moe_rt_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/** Adds to a sum that is -1 once it is not known. */
static void add_known(int64_t *sum, int64_t amount) {
  *sum = *sum < 0 || amount < 0 ? -1 : *sum + amount;
}

void moe_rt_record(int64_t timer, int64_t start, int64_t flops, int64_t bytes) {
  int64_t end = moe_rt_clock();
  moe_context *context = moe_current_thread()->context;
  if (!context)
    return;
  moe_timer *cell = &context->timers[timer];
  cell->calls += 1;
  cell->nanoseconds += end - start;
  add_known(&cell->flops, flops);
  add_known(&cell->bytes, bytes);
}

static moe_status read_time(moe_context *context, int32_t step,
                            moe_step_time *time) {
  const moe_model_desc *model = context->model;
  if (model->num_timers == 0)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "the steps of this model are not timed; compile it "
                         "with --instrument-profile");
  if (step < 0 || step >= model->num_timers)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "the model has %" PRId64
                         " timed steps: there is no step %d",
                         model->num_timers, (int)step);
  const moe_timer_desc *desc = &model->timers[step];
  const moe_timer *cell = &context->timers[step];
  *time = (moe_step_time){
      .node = desc->node,
      .computation = desc->computation,
      .layer = (int32_t)desc->layer,
      .calls = cell->calls,
      .nanoseconds = cell->nanoseconds,
      .flops = cell->flops,
      .bytes = cell->bytes,
  };
  return MOE_OK;
}

moe_status moe_get_step_time(moe_context *context, int32_t step,
                             moe_step_time *time) {
  moe_status status =
      moe_lock_to_read(context, "moe_get_step_time", time, "time");
  if (status != MOE_OK)
    return status;
  status = read_time(context, step, time);
  pthread_mutex_unlock(&context->lock);
  return status;
}
