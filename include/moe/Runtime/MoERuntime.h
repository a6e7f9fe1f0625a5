/*===- MoERuntime.h - How a program runs a compiled model ----------*- C -*-===*
 *
 * The C interface of a compiled model: every shared library that the compiler
 * writes exports these seven functions, and every executable is built on them.
 * They depend on libc only.
 *
 *   moe_context *ctx;
 *   if (moe_create(NULL, &ctx) != MOE_OK) die(moe_last_error(NULL));
 *   moe_tensor in = {...}, out = {0};
 *   if (moe_run(ctx, &in, 1, &out, 1) != MOE_OK) die(moe_last_error(ctx));
 *   ... use out.data, valid until the next run or moe_destroy ...
 *   moe_destroy(ctx);
 *
 * No function aborts the process on bad input: each returns a status, and
 * moe_last_error says what was wrong, where, and what was expected.
 *
 * Thread safety: contexts are independent and may run concurrently. Calls on
 * one context are serialised by a lock inside it.
 *
 *===----------------------------------------------------------------------===*/
#ifndef MOE_RUNTIME_MOERUNTIME_H
#define MOE_RUNTIME_MOERUNTIME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(MOE_BUILDING_MODEL)
#define MOE_API __attribute__((visibility("default")))
#else
#define MOE_API
#endif

/** Outcome of a call. Anything but MOE_OK comes with a message. */
typedef enum moe_status {
  MOE_OK = 0,
  /** The caller's mistake: a tensor of the wrong type, rank, strides or dims,
   *  dims of one name that differ between inputs, or a bad option. The message
   *  names the input, what it was compiled for, and what came. */
  MOE_INVALID_ARGUMENT = 1,
  /** The model itself refused its data: an index out of range, a reshape that
   *  does not fit. The message names the ONNX node. */
  MOE_PRECONDITION_FAILED = 2,
  /** The system or the memory limit had no more; the message has the numbers.
   */
  MOE_OUT_OF_MEMORY = 3,
  /** A weights file is missing, truncated or unreadable. */
  MOE_IO_ERROR = 4,
  /** The weights are not those the code was built with (hash differs). */
  MOE_WEIGHTS_MISMATCH = 5,
  /** This CPU lacks an instruction set that the code was built for. */
  MOE_UNSUPPORTED_CPU = 6,
  /** The model object was built for another version of this runtime. */
  MOE_ABI_MISMATCH = 7
} moe_status;

/** Element types: DLPack's codes and widths. A bool is a byte; any other value
 *  than 0 is read as true. */
typedef enum moe_dtype_code {
  MOE_INT = 0,
  MOE_UINT = 1,
  MOE_FLOAT = 2,
  MOE_BFLOAT = 4,
  MOE_BOOL = 6
} moe_dtype_code;

typedef struct moe_dtype {
  uint8_t code; /**< a moe_dtype_code */
  uint8_t bits;
  uint16_t lanes; /**< always 1 */
} moe_dtype;

typedef struct moe_device {
  int32_t type; /**< 1 = CPU (DLPack's kDLCPU), 2 = CUDA */
  int32_t id;
} moe_device;

/** A tensor, laid out as DLPack's DLTensor: row-major, `strides` in elements or
 *  NULL for contiguous. */
typedef struct moe_tensor {
  void *data;
  moe_device device;
  int32_t ndim;
  moe_dtype dtype;
  int64_t *shape;
  int64_t *strides;
  uint64_t byte_offset;
} moe_tensor;

/** Gives memory for output `index` of `size` bytes, aligned for its element
 *  type, or NULL when there is none (or `size` is 0). `user` is the pointer
 *  given in the options. Called once per output, in order, on the thread that
 *  called moe_run, after the model ran; it must not use the context. */
typedef void *(*moe_output_allocator)(void *user, int32_t index, uint64_t size);

typedef struct moe_options {
  /** sizeof(moe_options): lets later versions add fields. All other fields may
   *  be zero. */
  uint64_t struct_size;
  /** Folder of the weights, or the file if there is one; NULL: beside the
   *  executable or library. Not used where the weights are inside it. */
  const char *weights_path;
  /** Threads that a run uses, the caller's included; 0: one per core this
   *  process may use. They start when a run first needs them. */
  int32_t num_threads;
  /** Where the model runs; a type of 0 or 1 is the CPU. */
  moe_device device;
  /** Upper bound in bytes on the context's memory besides weights, outputs of
   *  the last run included; 0: none. */
  uint64_t memory_limit;
  /** NULL: outputs live in the context until the next run. */
  moe_output_allocator allocate_output;
  void *allocate_output_user;
} moe_options;

typedef struct moe_context moe_context;

/** The model in JSON: name, inputs and outputs (name, dtype, dims: numbers or
 *  dim names), MoE layers, target CPU, weights. Never NULL, never freed. */
MOE_API const char *moe_describe(void);

/** Makes a context: checks the CPU, and that the weights are there and long
 *  enough. `options` may be NULL and need not outlive the call. On failure
 *  `*context` is NULL. */
MOE_API moe_status moe_create(const moe_options *options,
                              moe_context **context);

/** Runs the model once. `inputs` are in the order of moe_describe, contiguous
 *  (`strides` NULL or row-major), and only read; outputs of the last run may be
 *  among them. For each of `outputs` the call fills data, shape, dtype and
 *  device; they are contiguous and alias nothing. shape points into the context
 *  and is valid until the next run; data is the context's, valid equally long
 *  and 64-byte aligned, or the output allocator's. After a failure `outputs` is
 *  unspecified and the context can run again.
 *
 *  A weight's hash is checked when a run first reads it, so a wrong weights
 * file is reported here. */
MOE_API moe_status moe_run(moe_context *context, const moe_tensor *inputs,
                           int32_t num_inputs, moe_tensor *outputs,
                           int32_t num_outputs);

/** What an MoE layer did in the last run of a context. The load of the layer,
 *  the mean number of experts per token, is expert_slots / tokens. */
typedef struct moe_layer_load {
  const char *name;
  int64_t num_experts;      /**< experts with weights */
  int64_t num_null_experts; /**< ids that stand for no work, or a copy */
  int64_t num_slots;        /**< selections per token */
  int64_t tokens;
  int64_t expert_slots; /**< slots that went to experts */
  int64_t null_slots;   /**< the other ones, tokens * num_slots in all */
  /** Two per product of the experts' matrix products, as far as they ran. */
  int64_t expert_flops;
  /** Slots of each expert; the context's, valid until its next run. */
  const int64_t *counts;
} moe_layer_load;

/** Fills `load` for the layer at this place of moe_describe's list. Fails with
 *  MOE_INVALID_ARGUMENT where there is none, or where the model was compiled
 *  without counters. After a run that failed the numbers tell of its part; all
 *  are 0 ahead of the first run. */
MOE_API moe_status moe_get_layer_load(moe_context *context, int32_t layer,
                                      moe_layer_load *load);

/** What a step of the model took in the last run of a context, and what it
 *  computed: all of its calls together. */
typedef struct moe_step_time {
  const char *node;        /**< the ONNX node, or a part of an MoE layer */
  const char *computation; /**< "matmul", "elementwise", "gate", ... */
  int32_t layer;           /**< place in moe_describe's list; -1: none */
  int64_t calls;
  int64_t nanoseconds;
  /** Two per product of matrix products; -1: not known. */
  int64_t flops;
  /** Memory that it had to read or write, each byte once; -1: not known. */
  int64_t bytes;
} moe_step_time;

/** Fills `time` for a step, numbered from 0 in the order of the model;
 *  moe_describe has their number as `timed_steps`. Fails with
 *  MOE_INVALID_ARGUMENT where there is none, or where the model was compiled
 *  without timers. After a run that failed the numbers tell of its part; all
 *  are 0 ahead of the first run. */
MOE_API moe_status moe_get_step_time(moe_context *context, int32_t step,
                                     moe_step_time *time);

/** Joins the threads and frees all memory of the context, outputs included. No
 *  other call may be using it. NULL is allowed. */
MOE_API void moe_destroy(moe_context *context);

/** What went wrong in the last failed call on `context`, or, for NULL, in the
 *  calling thread's last failed moe_create. Never NULL; valid until the next
 *  call on the context, or the thread's next moe_create. */
MOE_API const char *moe_last_error(const moe_context *context);

#ifdef __cplusplus
}
#endif
#endif /* MOE_RUNTIME_MOERUNTIME_H */
