//===- MemoryTest.cpp - The memory of runs --------------------------------===//
#include "TestModel.h"

#include <fstream>

using namespace moe::test;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MOE_SANITIZED 1
#endif
#endif
#ifndef MOE_SANITIZED
#define MOE_SANITIZED 0
#endif

/// Peak resident memory of this process in KiB.
static long getPeakMemory() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (word == "VmHWM:") {
      long size = 0;
      status >> size;
      return size;
    }
  return -1;
}

/// The kernel counts pages in batches per core, and malloc may open an arena;
/// a leak of 128 bytes a run would be more than this.
static const long slack = 1024;

TEST(Memory, ten_thousand_runs_keep_their_peak) {
  Context context;
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(context.run(FAKE_LEAK, 1000), MOE_OK);
  long before = getPeakMemory();
  ASSERT_GT(before, 0);
  for (int i = 0; i < 10000; ++i)
    ASSERT_EQ(context.run(FAKE_LEAK, 1000), MOE_OK);
  if (!MOE_SANITIZED)
    EXPECT_LE(getPeakMemory() - before, slack);
}

TEST(Memory, failed_runs_free_what_they_held) {
  Context context;
  int64_t modes[] = {FAKE_REQUIRE, FAKE_ALLOCATE_TOO_MUCH,
                     FAKE_FAIL_IN_PARALLEL, FAKE_LEAK};
  for (int i = 0; i < 100; ++i)
    context.run(modes[i % 4], 1000);
  long before = getPeakMemory();
  for (int i = 0; i < 10000; ++i)
    context.run(modes[i % 4], 1000);
  if (!MOE_SANITIZED)
    EXPECT_LE(getPeakMemory() - before, slack);
}

TEST(Memory, a_large_run_does_not_hold_its_memory_for_ever) {
  Context context;
  const int64_t large = 4 << 20; // 64 MiB in, 64 MiB out
  ASSERT_EQ(context.run(FAKE_ADD, large), MOE_OK);
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(context.run(FAKE_ADD, 10), MOE_OK);
  std::ifstream statm("/proc/self/statm");
  long total = 0, resident = 0;
  statm >> total >> resident;
  if (!MOE_SANITIZED)
    EXPECT_LT(resident * sysconf(_SC_PAGESIZE), 64 << 20);
}

TEST(Memory, the_limit_is_kept) {
  moe_options options = makeOptions();
  options.memory_limit = 100000;
  Context context(moe_model_descriptor, &options);
  EXPECT_EQ(context.run(FAKE_ADD, 100), MOE_OK) << context.error();
  EXPECT_EQ(context.run(FAKE_ADD, 10000), MOE_OUT_OF_MEMORY);
  EXPECT_CONTAINS(context.error(), "memory_limit of 100000 bytes");
  EXPECT_CONTAINS(context.error(), "asked for 161000 bytes with 0 bytes");
  EXPECT_EQ(context.run(FAKE_LEAK, 1), MOE_OUT_OF_MEMORY);
  // What the other sizes left in the cache makes room.
  for (int64_t batch = 1; batch < 1000; batch += 50)
    EXPECT_EQ(context.run(FAKE_ADD, batch), MOE_OK) << context.error();
}
