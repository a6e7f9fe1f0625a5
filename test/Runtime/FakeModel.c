/*===- FakeModel.c - A model written by hand -------------------------------===*
 *
 * Stands for the compiler's output in tests of the runtime: the descriptor and
 * an entry that allocates, checks and reads weights as generated code does.
 *
 *   x : float32[batch,4], mode : int64[]  ->  y = x + bias : float32[batch,4],
 *                                             t = transpose view of x,
 *                                             n = batch : int64[]
 *
 * It says to have one MoE layer: a run of `batch`
 * tokens gives expert 0 all, expert 1 one slot, and batch * 100 FLOPs.
 *
 * `mode` picks what the run does besides: see the enum in FakeModel.h.
 *
 *===----------------------------------------------------------------------===*/
#include "FakeModel.h"

#include <stdbool.h>
#include <string.h>

/*--- Memref descriptors, as generated code has them ------------------------*/

typedef struct Memref0 {
  void *allocated, *aligned;
  int64_t offset;
} Memref0;

typedef struct Memref2 {
  void *allocated, *aligned;
  int64_t offset, sizes[2], strides[2];
} Memref2;

typedef struct Results {
  Memref2 y, t;
  Memref0 n;
} Results;

static void countUp(void *data, int64_t i) {
  int64_t *counts = data;
  counts[i] += i;
}

static void failInParallel(void *data, int64_t i) {
  (void)data;
  // Every task allocates; one of them never can.
  void *memory = _mlir_memref_to_llvm_alloc(64);
  if (i == 37)
    _mlir_memref_to_llvm_alloc((uint64_t)1 << 61);
  _mlir_memref_to_llvm_free(memory);
}

static void countFlops(void *data, int64_t i) {
  (void)data;
  (void)i;
  moe_rt_count(MOE_COUNT_EXPERT_FLOPS, 100);
}

static void usePool(void) {
  int64_t n = 1000;
  int64_t *counts = _mlir_memref_to_llvm_alloc((uint64_t)n * sizeof(int64_t));
  memset(counts, 0, (size_t)n * sizeof(int64_t));
  moe_rt_parallel(countUp, counts, n);
  bool right = true;
  for (int64_t i = 0; i < n; ++i)
    right &= counts[i] == i;
  moe_rt_require(right, "parallel tasks ran other than once", "usePool");
  _mlir_memref_to_llvm_free(counts);
}

static void entry(void *resultArea, void **inputs) {
  Results *r = resultArea;
  const Memref2 *x = inputs[0];
  const Memref0 *modeRef = inputs[1];
  int64_t mode = *((int64_t *)modeRef->aligned + modeRef->offset);
  int64_t batch = x->sizes[0];

  // What is known of one call and not of the other is not known of both.
  moe_rt_record(1, moe_rt_clock(), batch * 8, batch);
  moe_rt_record(1, moe_rt_clock(), batch * 8, -1);
  moe_rt_count(MOE_COUNT_TOKENS, batch);
  moe_rt_count(MOE_COUNT_EXPERT_SLOTS + 0, batch);
  moe_rt_require(mode != FAKE_REQUIRE, "mode must not be 1", "/layer/Gather");
  if (mode == FAKE_ALLOCATE_TOO_MUCH)
    _mlir_memref_to_llvm_alloc((uint64_t)1 << 61);
  if (mode == FAKE_FAIL_IN_PARALLEL)
    moe_rt_parallel(failInParallel, NULL, 100);
  if (mode == FAKE_WRONG_FREE)
    _mlir_memref_to_llvm_free((unsigned char *)r + 64);
  if (mode == FAKE_PARALLEL)
    usePool();
  if (mode == FAKE_LEAK)
    (void)_mlir_memref_to_llvm_alloc(1 << 20);

  // A temporary of varying size, and an over-aligned one.
  void *scratch = _mlir_memref_to_llvm_alloc(1000 + (uint64_t)batch * 16);
  void *aligned = _mlir_memref_to_llvm_aligned_alloc(4096, 100);
  _mlir_memref_to_llvm_free(aligned);

  const float *bias = moe_rt_weight(0);
  float *y = _mlir_memref_to_llvm_alloc((uint64_t)batch * 4 * sizeof(float));
  const float *from = (const float *)x->aligned + x->offset;
  int64_t start = moe_rt_clock();
  for (int64_t i = 0; i < batch * 4; ++i)
    y[i] = from[i] + bias[i % 4];
  moe_rt_record(0, start, -1, batch * 32);
  _mlir_memref_to_llvm_free(scratch);

  moe_rt_count(MOE_COUNT_EXPERT_SLOTS + 1, 1);
  moe_rt_parallel(countFlops, NULL, batch);
  r->y = (Memref2){y, y, 0, {batch, 4}, {4, 1}};
  r->t = (Memref2){x->allocated, x->aligned, x->offset, {4, batch}, {1, 4}};
  if (mode == FAKE_ALIAS)
    r->t = (Memref2){y, y, 0, {4, batch}, {1, 4}};
  int64_t *n = _mlir_memref_to_llvm_alloc(sizeof(int64_t));
  *n = batch;
  r->n = (Memref0){n, n, 0};
}

/*--- Descriptor ------------------------------------------------------------*/

static const int64_t xDims[] = {-1, 4}, tDims[] = {4, -1};
static const char *const xNames[] = {"batch", ""};
static const char *const tNames[] = {"", "batch"};

const moe_value_desc fakeInputs[] = {
    {"x", MOE_FLOAT, 32, 2, xDims, xNames},
    {"mode", MOE_INT, 64, 0, NULL, NULL},
};

const moe_value_desc fakeOutputs[] = {
    {"y", MOE_FLOAT, 32, 2, xDims, xNames},
    {"t", MOE_FLOAT, 32, 2, tDims, tNames},
    {"n", MOE_INT, 64, 0, NULL, NULL},
};

static const _Alignas(64) float bias[4] = {0.5f, 1.5f, 2.5f, 3.5f};

static const moe_weight_desc weights[] = {
    {"bias", sizeof(bias), 0, 0, 0, NULL, 0, NULL},
};

static const moe_layer_desc layers[] = {
    {"layers.0.moe", 2, 1, 2, 0},
};

static const moe_timer_desc timers[] = {
    {"/bias/Add", "elementwise", -1},
    {"layers.0.moe/gate", "gate", 0},
};

const moe_model_desc moe_model_descriptor = {
    .abi_version = MOE_ABI_VERSION,
    .struct_size = sizeof(moe_model_desc),
    .json = "{\"name\": \"fake\", \"inputs\": [{\"name\": \"x\", \"dtype\": "
            "\"float32\", \"dims\": [\"batch\", 4]}, {\"name\": \"mode\", "
            "\"dtype\": \"int64\", \"dims\": []}], \"outputs\": [{\"name\": "
            "\"y\", \"dtype\": \"float32\", \"dims\": [\"batch\", 4]}, "
            "{\"name\": \"t\", \"dtype\": \"float32\", \"dims\": [4, "
            "\"batch\"]}, {\"name\": \"n\", \"dtype\": \"int64\", \"dims\": "
            "[]}], \"moe_layers\": [{\"name\": \"layers.0.moe\", "
            "\"experts\": 2, \"null_experts\": 1, \"slots\": 2, \"counted\": "
            "true}], \"timed_steps\": 2, \"target_cpu\": \"x86-64\", "
            "\"weights\": {\"kind\": \"embedded\", \"bytes\": 16}}",
    .target_cpu = "x86-64",
    .target_features = "+sse2,+cx8,-avx512f,+tuning",
    .entry = entry,
    .num_inputs = 2,
    .inputs = fakeInputs,
    .num_outputs = 3,
    .outputs = fakeOutputs,
    .num_weights = 1,
    .weights = weights,
    .weights_kind = MOE_WEIGHTS_EMBEDDED,
    .weights_size = sizeof(bias),
    .embedded_weights = bias,
    .num_layers = 1,
    .layers = layers,
    .num_counters = MOE_COUNT_EXPERT_SLOTS + 2,
    .num_timers = 2,
    .timers = timers,
};
