//===- LayerTest.cpp - What the layers of a run did -----------------------===//
#include "TestModel.h"

#include <thread>

using namespace moe::test;

namespace {
moe_layer_load getLoad(Context &context) {
  moe_layer_load load{};
  EXPECT_EQ(moe_get_layer_load(context.get(), 0, &load), MOE_OK)
      << context.error();
  return load;
}
} // namespace

TEST(Layer, tells_of_the_last_run) {
  Context context;
  for (int64_t batch : {5, 3}) {
    ASSERT_EQ(context.run(FAKE_ADD, batch), MOE_OK) << context.error();
    moe_layer_load load = getLoad(context);
    EXPECT_STREQ(load.name, "layers.0.moe");
    EXPECT_EQ(load.num_experts, 2);
    EXPECT_EQ(load.num_null_experts, 1);
    EXPECT_EQ(load.num_slots, 2);
    EXPECT_EQ(load.tokens, batch);
    EXPECT_EQ(load.counts[0], batch);
    EXPECT_EQ(load.counts[1], 1);
    EXPECT_EQ(load.expert_slots, batch + 1);
    EXPECT_EQ(load.null_slots, batch - 1);
    EXPECT_EQ(load.expert_flops, batch * 100);
  }
}

TEST(Layer, is_zero_ahead_of_the_first_run) {
  Context context;
  moe_layer_load load = getLoad(context);
  EXPECT_EQ(load.tokens, 0);
  EXPECT_EQ(load.counts[1], 0);
  EXPECT_EQ(load.null_slots, 0);
}

TEST(Layer, tells_of_the_part_of_a_failed_run) {
  Context context;
  ASSERT_EQ(context.run(FAKE_ADD, 5), MOE_OK);
  ASSERT_EQ(context.run(FAKE_REQUIRE, 3), MOE_PRECONDITION_FAILED);
  EXPECT_EQ(getLoad(context).tokens, 3);
  EXPECT_EQ(getLoad(context).expert_flops, 0);
}

TEST(Layer, refuses_layers_that_are_not_there) {
  Context context;
  moe_layer_load load;
  for (int32_t layer : {-1, 1}) {
    EXPECT_EQ(moe_get_layer_load(context.get(), layer, &load),
              MOE_INVALID_ARGUMENT);
    EXPECT_CONTAINS(context.error(), "the model has 1 MoE layers: there is no");
  }
}

TEST(Layer, refuses_null) {
  Context context;
  moe_layer_load load;
  EXPECT_EQ(moe_get_layer_load(nullptr, 0, &load), MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(moe_last_error(nullptr), "the context is NULL");
  EXPECT_EQ(moe_get_layer_load(context.get(), 0, nullptr),
            MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(context.error(), "load is NULL");
}

TEST(Layer, refuses_layers_that_are_not_counted) {
  moe_layer_desc layer = moe_model_descriptor.layers[0];
  layer.first_counter = -1;
  moe_model_desc model = moe_model_descriptor;
  model.layers = &layer;
  Context context(model);
  moe_layer_load load;
  EXPECT_EQ(moe_get_layer_load(context.get(), 0, &load), MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(context.error(), "layer 'layers.0.moe' is not counted");
  EXPECT_CONTAINS(context.error(), "--instrument-load");
}

TEST(Layer, counts_of_concurrent_contexts_stay_apart) {
  std::thread threads[4];
  for (int64_t i = 0; i < 4; ++i)
    threads[i] = std::thread([i] {
      Context context;
      for (int64_t run = 0; run < 50; ++run) {
        ASSERT_EQ(context.run(FAKE_ADD, i + 2), MOE_OK);
        ASSERT_EQ(getLoad(context).counts[0], i + 2);
        ASSERT_EQ(getLoad(context).expert_flops, (i + 2) * 100);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}
