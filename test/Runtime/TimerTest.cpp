//===- TimerTest.cpp - What the steps of a run took -----------------------===//
#include "TestModel.h"

#include <chrono>

using namespace moe::test;

namespace {
moe_step_time getTime(Context &context, int32_t step) {
  moe_step_time time{};
  EXPECT_EQ(moe_get_step_time(context.get(), step, &time), MOE_OK)
      << context.error();
  return time;
}
} // namespace

TEST(Timer, tells_of_the_last_run) {
  Context context;
  for (int64_t batch : {5, 3}) {
    auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(context.run(FAKE_ADD, batch), MOE_OK) << context.error();
    std::chrono::nanoseconds run = std::chrono::steady_clock::now() - start;
    moe_step_time add = getTime(context, 0), gate = getTime(context, 1);
    EXPECT_STREQ(add.node, "/bias/Add");
    EXPECT_STREQ(add.computation, "elementwise");
    EXPECT_EQ(add.layer, -1);
    EXPECT_EQ(add.calls, 1);
    EXPECT_EQ(add.flops, -1);
    EXPECT_EQ(add.bytes, batch * 32);
    EXPECT_STREQ(gate.node, "layers.0.moe/gate");
    EXPECT_EQ(gate.layer, 0);
    EXPECT_EQ(gate.calls, 2);
    EXPECT_EQ(gate.flops, batch * 16);
    EXPECT_EQ(gate.bytes, -1);
    EXPECT_GE(add.nanoseconds, 0);
    EXPECT_GE(gate.nanoseconds, 0);
    EXPECT_LE(add.nanoseconds + gate.nanoseconds, run.count());
  }
}

TEST(Timer, is_zero_ahead_of_the_first_run) {
  Context context;
  moe_step_time time = getTime(context, 0);
  EXPECT_EQ(time.calls, 0);
  EXPECT_EQ(time.nanoseconds, 0);
  EXPECT_EQ(time.flops, 0);
}

TEST(Timer, tells_of_the_part_of_a_failed_run) {
  Context context;
  ASSERT_EQ(context.run(FAKE_ADD, 5), MOE_OK);
  ASSERT_EQ(context.run(FAKE_REQUIRE, 3), MOE_PRECONDITION_FAILED);
  EXPECT_EQ(getTime(context, 0).calls, 0);
  EXPECT_EQ(getTime(context, 1).calls, 2);
}

TEST(Timer, refuses_steps_that_are_not_there) {
  Context context;
  moe_step_time time;
  for (int32_t step : {-1, 2}) {
    EXPECT_EQ(moe_get_step_time(context.get(), step, &time),
              MOE_INVALID_ARGUMENT);
    EXPECT_CONTAINS(context.error(),
                    "the model has 2 timed steps: there is no");
  }
}

TEST(Timer, refuses_null) {
  Context context;
  moe_step_time time;
  EXPECT_EQ(moe_get_step_time(nullptr, 0, &time), MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(moe_last_error(nullptr), "the context is NULL");
  EXPECT_EQ(moe_get_step_time(context.get(), 0, nullptr), MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(context.error(), "time is NULL");
}

TEST(Timer, refuses_models_without_timers) {
  moe_model_desc model = moe_model_descriptor;
  model.num_timers = 0;
  Context context(model);
  moe_step_time time;
  EXPECT_EQ(moe_get_step_time(context.get(), 0, &time), MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(context.error(), "--instrument-profile");
}
