/*===- Context.c - Create, run, destroy ------------------------------------===*
 *
 * The life of a context, and the way into and out of generated code. A run
 * binds the inputs, calls the entry under setjmp, and collects the outputs;
 * whatever fails inside the entry comes back through moe_fail. All memory of a
 * run is the arena's, so the jump loses nothing.
 *
 *===----------------------------------------------------------------------===*/
#include "Internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** More threads than this are taken for a mistake. */
#define MOE_MAX_THREADS 4096
/** DLPack's kDLCPU. */
#define MOE_DEVICE_CPU 1

/** What moe_last_error(NULL) returns. */
static _Thread_local moe_error thread_error;
static _Thread_local moe_thread_state current_thread;

moe_thread_state *moe_current_thread(void) { return &current_thread; }

/*--- Create ----------------------------------------------------------------*/

static moe_status check_abi(const moe_model_desc *model, moe_error *error) {
  if (model->abi_version == MOE_ABI_VERSION &&
      model->struct_size == sizeof(moe_model_desc))
    return MOE_OK;
  return moe_set_error(error, MOE_ABI_MISMATCH,
                       "the model was compiled for runtime ABI %u (descriptor "
                       "of %u bytes) but this runtime has ABI %u (%zu bytes); "
                       "compile the model again with this version",
                       model->abi_version, model->struct_size, MOE_ABI_VERSION,
                       sizeof(moe_model_desc));
}

/** Copies the caller's options, whatever version they have, and checks them. */
static moe_status read_options(const moe_options *given, moe_options *options,
                               moe_error *error) {
  memset(options, 0, sizeof(*options));
  if (given) {
    if (given->struct_size < sizeof(moe_options))
      return moe_set_error(error, MOE_INVALID_ARGUMENT,
                           "moe_options.struct_size is %" PRIu64
                           ", expected at least %zu; set it to "
                           "sizeof(moe_options)",
                           given->struct_size, sizeof(moe_options));
    *options = *given;
  }
  if (options->num_threads < 0 || options->num_threads > MOE_MAX_THREADS)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "num_threads is %d, expected 0 (one per core) to %d",
                         (int)options->num_threads, MOE_MAX_THREADS);
  if (options->device.type != 0 && options->device.type != MOE_DEVICE_CPU)
    return moe_set_error(error, MOE_INVALID_ARGUMENT,
                         "device type %d is not supported: this model was "
                         "compiled for the CPU (device type %d)",
                         (int)options->device.type, MOE_DEVICE_CPU);
  return MOE_OK;
}

/** Allocates the areas that depend on the model only. */
static bool allocate_areas(moe_context *context) {
  const moe_model_desc *model = context->model;
  size_t input_words = 1, result_words = 1, output_dims = 1;
  for (int64_t i = 0; i < model->num_inputs; ++i)
    input_words += (size_t)moe_memref_words(model->inputs[i].rank);
  for (int64_t i = 0; i < model->num_outputs; ++i) {
    result_words += (size_t)moe_memref_words(model->outputs[i].rank);
    output_dims += (size_t)model->outputs[i].rank;
  }
  context->input_area = calloc(input_words, sizeof(int64_t));
  context->input_descs =
      calloc((size_t)model->num_inputs + 1, sizeof(*context->input_descs));
  context->result_area = calloc(result_words, sizeof(int64_t));
  context->output_shapes = calloc(output_dims, sizeof(int64_t));
  context->counters =
      calloc((size_t)model->num_counters + 1, sizeof(*context->counters));
  context->timers =
      calloc((size_t)model->num_timers + 1, sizeof(*context->timers));
  if (!context->input_area || !context->input_descs || !context->result_area ||
      !context->output_shapes || !context->counters || !context->timers)
    return false;
  int64_t *next = context->input_area;
  for (int64_t i = 0; i < model->num_inputs; ++i) {
    context->input_descs[i] = next;
    next += moe_memref_words(model->inputs[i].rank);
  }
  return moe_inputs_init(context);
}

static void free_context(moe_context *context) {
  moe_pool_destroy(context->pool);
  moe_weights_close(&context->weights);
  moe_arena_destroy(&context->arena);
  pthread_mutex_destroy(&context->lock);
  free(context->input_area);
  free(context->input_descs);
  free(context->result_area);
  free(context->output_shapes);
  free(context->dim_ids);
  free(context->input_offsets);
  free(context->dim_extents);
  free(context->dim_inputs);
  free(context->counters);
  free(context->timers);
  free(context);
}

static moe_status create(const moe_model_desc *model,
                         const char *default_folder, const moe_options *given,
                         moe_context **result, moe_error *error) {
  moe_options options;
  moe_status status = check_abi(model, error);
  if (status == MOE_OK)
    status = read_options(given, &options, error);
  if (status == MOE_OK)
    status = moe_check_cpu(model->target_cpu, model->target_features, error);
  if (status != MOE_OK)
    return status;

  moe_context *context = calloc(1, sizeof(*context));
  if (!context)
    return moe_set_error(error, MOE_OUT_OF_MEMORY,
                         "out of memory: no room for a context");
  context->model = model;
  context->options = options;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  pthread_mutex_init(&context->lock, &attributes);
  pthread_mutexattr_destroy(&attributes);
  moe_arena_init(&context->arena, options.memory_limit);

  status = moe_weights_open(&context->weights, model, options.weights_path,
                            default_folder, error);
  if (status == MOE_OK) {
    context->pool = moe_pool_create(options.num_threads, context);
    if (!context->pool || !allocate_areas(context))
      status = moe_set_error(error, MOE_OUT_OF_MEMORY,
                             "out of memory: no room for a context");
  }
  // The caller's string need not outlive the call.
  context->options.weights_path = NULL;
  if (status != MOE_OK) {
    free_context(context);
    return status;
  }
  *result = context;
  return MOE_OK;
}

moe_status moe_rt_create(const moe_model_desc *model,
                         const char *default_folder, const moe_options *options,
                         moe_context **context) {
  if (!context)
    return moe_set_error(&thread_error, MOE_INVALID_ARGUMENT,
                         "moe_create: the pointer to the context is NULL");
  *context = NULL;
  return create(model, default_folder, options, context, &thread_error);
}

/*--- Run -------------------------------------------------------------------*/

_Noreturn void moe_fail(const moe_error *error) {
  moe_thread_state *thread = &current_thread;
  if (!thread->context) {
    // Generated code outside moe_run has nobody to report to.
    fprintf(stderr, "moe runtime: called outside moe_run: %s\n",
            error->message);
    abort();
  }
  if (!atomic_flag_test_and_set(&thread->context->run_failed))
    thread->context->error = *error;
  _longjmp(*thread->failure, 1);
}

/** Calls the compiled function; comes back however it ends. */
static moe_status execute(moe_context *context) {
  const moe_thread_state outer = current_thread;
  jmp_buf failure;
  atomic_flag_clear(&context->run_failed);
  if (_setjmp(failure) != 0) {
    current_thread = outer;
    return context->error.status;
  }
  current_thread = (moe_thread_state){.context = context, .failure = &failure};
  context->model->entry(context->result_area, context->input_descs);
  current_thread = outer;
  return MOE_OK;
}

static moe_status run_locked(moe_context *context, const moe_tensor *inputs,
                             int32_t num_inputs, moe_tensor *outputs,
                             int32_t num_outputs) {
  if (num_outputs != context->model->num_outputs)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "the model has %" PRId64
                         " outputs but moe_run was given %d tensors for them",
                         context->model->num_outputs, (int)num_outputs);
  if (num_outputs > 0 && !outputs)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "moe_run: outputs is NULL, expected %d tensors",
                         (int)num_outputs);
  moe_arena_begin_run(&context->arena);
  moe_status status = moe_inputs_bind(context, inputs, num_inputs);
  if (status == MOE_OK) {
    moe_arena_drop_old_outputs(&context->arena, context);
    memset(context->counters, 0,
           (size_t)context->model->num_counters * sizeof(*context->counters));
    memset(context->timers, 0,
           (size_t)context->model->num_timers * sizeof(*context->timers));
    status = execute(context);
  }
  if (status == MOE_OK)
    status = moe_outputs_collect(context, outputs);
  moe_arena_end_run(&context->arena);
  return status;
}

moe_status moe_run(moe_context *context, const moe_tensor *inputs,
                   int32_t num_inputs, moe_tensor *outputs,
                   int32_t num_outputs) {
  if (!context)
    return moe_set_error(&thread_error, MOE_INVALID_ARGUMENT,
                         "moe_run: the context is NULL");
  if (pthread_mutex_lock(&context->lock) == EDEADLK)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "moe_run was called on a context from inside its own "
                         "output allocator; use another context");
  moe_status status =
      run_locked(context, inputs, num_inputs, outputs, num_outputs);
  pthread_mutex_unlock(&context->lock);
  return status;
}

moe_status moe_lock_to_read(moe_context *context, const char *function,
                            const void *out, const char *name) {
  if (!context || !out)
    return moe_set_error(context ? &context->error : &thread_error,
                         MOE_INVALID_ARGUMENT, "%s: %s is NULL", function,
                         context ? name : "the context");
  if (pthread_mutex_lock(&context->lock) != 0)
    return moe_set_error(&context->error, MOE_INVALID_ARGUMENT,
                         "%s was called on a context from inside its own "
                         "output allocator",
                         function);
  return MOE_OK;
}

void moe_destroy(moe_context *context) {
  if (context)
    free_context(context);
}

const char *moe_last_error(const moe_context *context) {
  return context ? context->error.message : thread_error.message;
}

/*--- What generated code calls ---------------------------------------------*/

void moe_rt_require(_Bool condition, const char *message, const char *where) {
  if (condition)
    return;
  moe_error error;
  moe_set_error(&error, MOE_PRECONDITION_FAILED,
                where && *where ? "%s (at node '%s')" : "%s", message, where);
  moe_fail(&error);
}

const void *moe_rt_weight(int64_t slot) {
  moe_error error;
  if (!current_thread.context) {
    moe_set_error(&error, MOE_INVALID_ARGUMENT, "no model is running");
    moe_fail(&error);
  }
  const void *data =
      moe_weights_get(&current_thread.context->weights, slot, &error);
  if (!data)
    moe_fail(&error);
  return data;
}

void *_mlir_memref_to_llvm_aligned_alloc(uint64_t alignment, uint64_t size) {
  moe_error error;
  if (!current_thread.context) {
    moe_set_error(&error, MOE_INVALID_ARGUMENT, "no model is running");
    moe_fail(&error);
  }
  void *data = moe_arena_allocate(&current_thread.context->arena, alignment,
                                  size, &error);
  if (!data)
    moe_fail(&error);
  return data;
}

void *_mlir_memref_to_llvm_alloc(uint64_t size) {
  return _mlir_memref_to_llvm_aligned_alloc(MOE_ALIGNMENT, size);
}

void _mlir_memref_to_llvm_free(void *pointer) {
  moe_context *context = current_thread.context;
  if (context && moe_arena_free(&context->arena, pointer))
    return;
  moe_error error;
  moe_set_error(&error, MOE_PRECONDITION_FAILED,
                "internal error of the compiled model: it freed memory that "
                "it did not allocate, or twice");
  moe_fail(&error);
}

int64_t moe_rt_num_threads(void) {
  moe_context *context = current_thread.context;
  return context ? moe_pool_num_threads(context->pool) : 1;
}

void moe_rt_parallel(void (*fn)(void *data, int64_t i), void *data, int64_t n) {
  moe_thread_state *thread = &current_thread;
  if (!thread->context || thread->in_parallel || n <= 1) {
    for (int64_t i = 0; i < n; ++i)
      fn(data, i);
    return;
  }
  if (!moe_pool_run(thread->context->pool, fn, data, n))
    _longjmp(*thread->failure, 1);
}
