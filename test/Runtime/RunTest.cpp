//===- RunTest.cpp - Runs, their outputs, and runs that end early ---------===//
#include "TestModel.h"

#include <thread>

using namespace moe::test;

static const float *floats(const moe_tensor &tensor) {
  return static_cast<const float *>(tensor.data);
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

TEST(Run, fills_the_outputs) {
  Context context;
  ASSERT_EQ(context.run(FAKE_ADD), MOE_OK) << context.error();
  const moe_tensor &y = context.outputs[0], &t = context.outputs[1],
                   &n = context.outputs[2];
  EXPECT_EQ(y.ndim, 2);
  EXPECT_EQ(y.shape[0], 3);
  EXPECT_EQ(y.shape[1], 4);
  EXPECT_EQ(y.strides, nullptr);
  EXPECT_EQ(y.dtype.code, MOE_FLOAT);
  EXPECT_EQ(y.dtype.bits, 32);
  EXPECT_EQ(y.device.type, 1);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(y.data) % 64, 0u);
  for (int i = 0; i < 12; ++i)
    EXPECT_EQ(floats(y)[i], (float)i + 0.5f + (float)(i % 4));
  // A transposed view of the input comes out row-major.
  EXPECT_EQ(t.shape[0], 4);
  EXPECT_EQ(t.shape[1], 3);
  for (int row = 0; row < 4; ++row)
    for (int column = 0; column < 3; ++column)
      EXPECT_EQ(floats(t)[row * 3 + column], (float)(column * 4 + row));
  EXPECT_EQ(n.ndim, 0);
  EXPECT_EQ(*static_cast<int64_t *>(n.data), 3);
}

TEST(Run, outputs_never_alias) {
  Context context;
  ASSERT_EQ(context.run(FAKE_ALIAS), MOE_OK) << context.error();
  EXPECT_NE(context.outputs[0].data, context.outputs[1].data);
  EXPECT_EQ(floats(context.outputs[1])[1], floats(context.outputs[0])[4]);
}

TEST(Run, outputs_live_until_the_next_run) {
  Context context;
  ASSERT_EQ(context.run(FAKE_ADD), MOE_OK);
  EXPECT_EQ(floats(context.outputs[0])[0], 0.5f);
  ASSERT_EQ(context.run(FAKE_ADD, 100), MOE_OK);
  EXPECT_EQ(context.outputs[0].shape[0], 100);
  EXPECT_EQ(floats(context.outputs[0])[399], 399 + 3.5f);
}

// As a decoder does with its cache.
TEST(Run, outputs_may_be_inputs_of_the_next_run) {
  Context context;
  ASSERT_EQ(context.run(FAKE_ADD, 1000), MOE_OK);
  for (int i = 2; i <= 20; ++i) {
    ASSERT_EQ(context.run(context.outputs[0], FAKE_ADD), MOE_OK)
        << context.error();
    for (int j = 0; j < 4000; ++j)
      ASSERT_EQ(floats(context.outputs[0])[j],
                (float)j + (float)i * (0.5f + (float)(j % 4)));
  }
}

namespace {

/// Gives memory of its own for outputs, or none.
struct Allocator {
  static void *allocate(void *user, int32_t index, uint64_t size) {
    auto *self = static_cast<Allocator *>(user);
    if (index == self->refuses)
      return nullptr;
    self->memory[index].resize(size + 1);
    return self->memory[index].data();
  }

  moe_options options() {
    moe_options options = makeOptions();
    options.allocate_output = allocate;
    options.allocate_output_user = this;
    return options;
  }

  int32_t refuses = -1;
  std::vector<char> memory[3];
};

} // namespace

TEST(Run, writes_to_the_callers_memory) {
  Allocator allocator;
  moe_options options = allocator.options();
  Context context(moe_model_descriptor, &options);
  ASSERT_EQ(context.run(FAKE_ADD), MOE_OK) << context.error();
  EXPECT_EQ(context.outputs[0].data, allocator.memory[0].data());
  EXPECT_EQ(floats(context.outputs[0])[11], 14.5f);
  EXPECT_EQ(floats(context.outputs[1])[1], 4.0f);
}

TEST(Run, reports_an_allocator_without_memory) {
  Allocator allocator;
  allocator.refuses = 1;
  moe_options options = allocator.options();
  Context context(moe_model_descriptor, &options);
  EXPECT_EQ(context.run(FAKE_ADD), MOE_OUT_OF_MEMORY);
  EXPECT_CONTAINS(context.error(), "no memory for output 't' (48 bytes)");
  allocator.refuses = -1;
  EXPECT_EQ(context.run(FAKE_ADD), MOE_OK);
}

TEST(Run, refuses_to_run_inside_its_own_allocator) {
  struct State {
    moe_context *context = nullptr;
    moe_status inner = MOE_OK;
    char memory[1024];
  } state;
  moe_options options = makeOptions();
  options.allocate_output_user = &state;
  options.allocate_output = [](void *user, int32_t, uint64_t) -> void * {
    auto *state = static_cast<State *>(user);
    state->inner = moe_run(state->context, nullptr, 0, nullptr, 0);
    return state->memory;
  };
  Context context(moe_model_descriptor, &options);
  state.context = context.get();
  EXPECT_EQ(context.run(FAKE_ADD), MOE_OK) << context.error();
  EXPECT_EQ(state.inner, MOE_INVALID_ARGUMENT);
}

//===----------------------------------------------------------------------===//
// Runs that end early
//===----------------------------------------------------------------------===//

TEST(Run, a_failed_requirement_names_its_node) {
  Context context;
  EXPECT_EQ(context.run(FAKE_REQUIRE), MOE_PRECONDITION_FAILED);
  EXPECT_EQ(context.error(), "mode must not be 1 (at node '/layer/Gather')");
  EXPECT_EQ(context.run(FAKE_ADD), MOE_OK);
}

TEST(Run, out_of_memory_has_numbers) {
  Context context;
  EXPECT_EQ(context.run(FAKE_ALLOCATE_TOO_MUCH), MOE_OUT_OF_MEMORY);
  EXPECT_CONTAINS(context.error(), "asked for 2305843009213693952 bytes");
  EXPECT_EQ(context.run(FAKE_ADD), MOE_OK);
}

TEST(Run, a_failure_in_a_parallel_task_ends_the_run) {
  for (int32_t threads : {1, 2, 8}) {
    moe_options options = makeOptions();
    options.num_threads = threads;
    Context context(moe_model_descriptor, &options);
    for (int repeat = 0; repeat < 20; ++repeat) {
      EXPECT_EQ(context.run(FAKE_FAIL_IN_PARALLEL), MOE_OUT_OF_MEMORY);
      EXPECT_CONTAINS(context.error(), "asked for 2305843009213693952 bytes");
      EXPECT_EQ(context.run(FAKE_PARALLEL), MOE_OK) << context.error();
    }
  }
}

TEST(Run, a_wrong_free_is_reported) {
  Context context;
  EXPECT_EQ(context.run(FAKE_WRONG_FREE), MOE_PRECONDITION_FAILED);
  EXPECT_CONTAINS(context.error(), "did not allocate");
}

TEST(Run, long_messages_are_cut) {
  static std::string text;
  text.assign(5000, 'x');
  moe_model_desc model = moe_model_descriptor;
  model.entry = [](void *, void **) {
    moe_rt_require(false, text.c_str(), "node");
  };
  Context context(model);
  EXPECT_EQ(context.run(FAKE_ADD), MOE_PRECONDITION_FAILED);
  EXPECT_EQ(context.error().size(), 1023u);
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

TEST(Threads, tasks_run_once_each) {
  for (int32_t threads : {0, 1, 2, 3, 16}) {
    moe_options options = makeOptions();
    options.num_threads = threads;
    Context context(moe_model_descriptor, &options);
    for (int i = 0; i < 200; ++i)
      ASSERT_EQ(context.run(FAKE_PARALLEL), MOE_OK) << context.error();
  }
}

TEST(Threads, sleeping_workers_wake_up) {
  moe_options options = makeOptions();
  options.num_threads = 4;
  Context context(moe_model_descriptor, &options);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(context.run(FAKE_PARALLEL), MOE_OK) << context.error();
    usleep(2000);
  }
}

TEST(Threads, nested_regions_run_on_the_calling_thread) {
  moe_model_desc model = moe_model_descriptor;
  model.entry = [](void *results, void **inputs) {
    auto outer = [](void *data, int64_t) {
      auto inner = [](void *counter, int64_t) {
        __atomic_fetch_add(static_cast<int64_t *>(counter), 1,
                           __ATOMIC_RELAXED);
      };
      moe_rt_parallel(inner, data, 10);
    };
    int64_t count = 0;
    moe_rt_parallel(outer, &count, 50);
    moe_rt_require(count == 500, "nested tasks", "entry");
    moe_model_descriptor.entry(results, inputs);
  };
  moe_options options = makeOptions();
  options.num_threads = 4;
  Context context(model, &options);
  EXPECT_EQ(context.run(FAKE_ADD), MOE_OK) << context.error();
}

TEST(Threads, contexts_run_concurrently) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      moe_options options = makeOptions();
      options.num_threads = 1 + t % 2;
      Context context(moe_model_descriptor, &options);
      for (int i = 0; i < 200; ++i) {
        int64_t batch = 1 + (i * 7 + t) % 50;
        EXPECT_EQ(context.run(FAKE_PARALLEL, batch), MOE_OK);
        EXPECT_EQ(floats(context.outputs[0])[batch * 4 - 1],
                  (float)(batch * 4 - 1) + 3.5f);
        EXPECT_EQ(context.run(FAKE_REQUIRE), MOE_PRECONDITION_FAILED);
        EXPECT_EQ(context.run(FAKE_ALLOCATE_TOO_MUCH), MOE_OUT_OF_MEMORY);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}

TEST(Threads, one_context_serialises_its_callers) {
  Context context;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&context] {
      Tensor<float> x(f32, {5, 4}, std::vector<float>(20, 1));
      Tensor<int64_t> mode(i64, {}, {FAKE_PARALLEL});
      moe_tensor inputs[] = {x.tensor, mode.tensor}, outputs[3] = {};
      for (int i = 0; i < 200; ++i)
        EXPECT_EQ(moe_run(context.get(), inputs, 2, outputs, 3), MOE_OK);
    });
  for (std::thread &thread : threads)
    thread.join();
}
