//===- CreateTest.cpp - What moe_create refuses ---------------------------===//
#include "TestModel.h"

using namespace moe::test;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
/// A run that asks for too much must fail, not the sanitizer's allocator.
extern "C" const char *__asan_default_options() {
  return "allocator_may_return_null=1";
}
extern "C" const char *__tsan_default_options() {
  return "allocator_may_return_null=1";
}
#endif
#endif

TEST(Create, describes_the_model) {
  EXPECT_CONTAINS(moe_describe(), "\"name\": \"fake\"");
}

TEST(Create, takes_no_options) {
  moe_context *context = nullptr;
  ASSERT_EQ(moe_create(nullptr, &context), MOE_OK);
  moe_destroy(context);
}

TEST(Create, refuses_a_null_result) {
  EXPECT_EQ(moe_create(nullptr, nullptr), MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(moe_last_error(nullptr), "NULL");
}

TEST(Create, refuses_options_without_a_size) {
  moe_options options{};
  Context context(moe_model_descriptor, &options);
  EXPECT_EQ(context.status, MOE_INVALID_ARGUMENT);
  EXPECT_EQ(context.get(), nullptr);
  EXPECT_CONTAINS(moe_last_error(nullptr), "struct_size is 0");
}

TEST(Create, refuses_impossible_thread_counts) {
  moe_options options = makeOptions();
  for (int32_t threads : {-1, 1 << 20}) {
    options.num_threads = threads;
    Context context(moe_model_descriptor, &options);
    EXPECT_EQ(context.status, MOE_INVALID_ARGUMENT);
    EXPECT_CONTAINS(moe_last_error(nullptr), "num_threads");
  }
}

TEST(Create, refuses_other_devices) {
  moe_options options = makeOptions();
  options.device.type = 2;
  Context context(moe_model_descriptor, &options);
  EXPECT_EQ(context.status, MOE_INVALID_ARGUMENT);
  EXPECT_CONTAINS(moe_last_error(nullptr), "device type 2");
}

TEST(Create, refuses_another_abi) {
  moe_model_desc model = moe_model_descriptor;
  model.abi_version = MOE_ABI_VERSION + 1;
  Context newer(model);
  EXPECT_EQ(newer.status, MOE_ABI_MISMATCH);
  EXPECT_CONTAINS(moe_last_error(nullptr), "compile the model again");
  model = moe_model_descriptor;
  model.struct_size -= 8;
  Context smaller(model);
  EXPECT_EQ(smaller.status, MOE_ABI_MISMATCH);
}

TEST(Create, refuses_a_cpu_without_the_features) {
  moe_model_desc model = moe_model_descriptor;
  // AMD's old and Intel's new extensions: no CPU has both.
  model.target_features = "+sse2,+tbm,+egpr,+avx10.1";
  model.target_cpu = "chimera";
  Context context(model);
  EXPECT_EQ(context.status, MOE_UNSUPPORTED_CPU);
  EXPECT_CONTAINS(moe_last_error(nullptr), "lacks the instruction set");
  EXPECT_CONTAINS(moe_last_error(nullptr), "chimera");
}

TEST(Create, refuses_features_it_cannot_check) {
  moe_model_desc model = moe_model_descriptor;
  model.target_features = "+sse2,+frobnicate";
  Context context(model);
  EXPECT_EQ(context.status, MOE_UNSUPPORTED_CPU);
  EXPECT_CONTAINS(moe_last_error(nullptr), "'frobnicate'");
}

TEST(Create, skips_tuning_flags_and_disabled_features) {
  moe_model_desc model = moe_model_descriptor;
  for (const char *features :
       {"", "+prefer-256-bit,+fast-gather,-tbm,-egpr", "+64bit,+sse2,",
        "+idivq-to-divl,+slow-3ops-lea,+vzeroupper,+false-deps-popcnt"}) {
    model.target_features = features;
    Context context(model);
    EXPECT_EQ(context.status, MOE_OK) << moe_last_error(nullptr);
  }
  model.target_features = nullptr;
  EXPECT_EQ(Context(model).status, MOE_OK);
}

TEST(Create, destroy_takes_null) { moe_destroy(nullptr); }
