//===- RaceTest.cpp - Contexts side by side, under ThreadSanitizer --------===//
//
// Plain memory goes from thread to thread through the ends of parallel regions
// only: where the pool does not order them, ThreadSanitizer sees a race.
//
//===----------------------------------------------------------------------===//
#include "TestModel.h"

#include <thread>

using namespace moe::test;

namespace {

/// Each task reads what another one wrote in the region before.
struct Relay {
  int64_t *from, *to, size;
  /// This task fails; -1: none.
  int64_t fails;

  static void run(void *data, int64_t i) {
    auto *relay = static_cast<Relay *>(data);
    auto *scratch = static_cast<int64_t *>(
        _mlir_memref_to_llvm_alloc(8 + (uint64_t)(i % 3) * 100));
    *scratch = relay->from[relay->size - 1 - i];
    moe_rt_require(i != relay->fails, "this task fails", "Relay");
    relay->to[i] = *scratch + 1;
    _mlir_memref_to_llvm_free(scratch);
  }
};

/// The batch, the first extent of the first input.
int64_t getBatch(void **inputs) {
  struct Memref {
    void *allocated, *aligned;
    int64_t offset, sizes[2];
  };
  return static_cast<Memref *>(inputs[0])->sizes[0];
}

constexpr int64_t numRounds = 5;

/// Regions of many sizes; where the batch is a multiple of 5, one fails.
void relayEntry(void *results, void **inputs) {
  int64_t batch = getBatch(inputs);
  for (int64_t size : {int64_t(1), int64_t(2), int64_t(3), int64_t(4),
                       int64_t(5), int64_t(33), 10 * batch, int64_t(1000)}) {
    auto bytes = static_cast<uint64_t>(size) * sizeof(int64_t);
    Relay relay{static_cast<int64_t *>(_mlir_memref_to_llvm_alloc(bytes)),
                static_cast<int64_t *>(_mlir_memref_to_llvm_alloc(bytes)), size,
                -1};
    for (int64_t i = 0; i < size; ++i)
      relay.from[i] = size;
    for (int64_t round = 0; round < numRounds; ++round) {
      if (batch % 5 == 0 && size > 5 && round == 2)
        relay.fails = batch % size;
      moe_rt_parallel(Relay::run, &relay, size);
      std::swap(relay.from, relay.to);
    }
    bool right = true;
    for (int64_t i = 0; i < size; ++i)
      right &= relay.from[i] == size + numRounds;
    moe_rt_require(right, "a region began before the last one ended", "Relay");
    _mlir_memref_to_llvm_free(relay.from);
    _mlir_memref_to_llvm_free(relay.to);
  }
  moe_model_descriptor.entry(results, inputs);
}

} // namespace

TEST(Race, four_contexts_of_four_threads) {
  moe_model_desc model = moe_model_descriptor;
  model.entry = relayEntry;
  std::vector<std::thread> callers;
  for (int64_t caller = 0; caller < 4; ++caller)
    callers.emplace_back([&model, caller] {
      moe_options options = makeOptions();
      options.num_threads = 4;
      for (int64_t life = 0; life < 8; ++life) {
        Context context(model, &options);
        // Some contexts end before they ever ran.
        for (int64_t run = 0; run < 4 * (life % 4); ++run) {
          int64_t batch = 1 + (run * 7 + caller + life) % 20;
          moe_status expected =
              batch % 5 == 0 ? MOE_PRECONDITION_FAILED : MOE_OK;
          EXPECT_EQ(context.run(FAKE_ADD, batch), expected) << context.error();
          if (run % 8 == 5)
            usleep(500); // The workers fall asleep.
        }
      }
    });
  for (std::thread &caller : callers)
    caller.join();
}

// All weights of a context are found by whichever thread comes first.
TEST(Race, tasks_ask_for_weights) {
  moe_model_desc model = moe_model_descriptor;
  model.entry = [](void *results, void **inputs) {
    float sums[64] = {};
    moe_rt_parallel(
        [](void *data, int64_t i) {
          static_cast<float *>(data)[i] =
              *static_cast<const float *>(moe_rt_weight(0));
        },
        sums, 64);
    moe_model_descriptor.entry(results, inputs);
  };
  moe_options options = makeOptions();
  options.num_threads = 4;
  for (int life = 0; life < 20; ++life) {
    Context context(model, &options);
    EXPECT_EQ(context.run(FAKE_ADD), MOE_OK) << context.error();
  }
}
