//===- MemoryTest.cpp - The memory of runs --------------------------------===//
#include "TestModel.h"

#include <fstream>
#include <sstream>
#include <sys/resource.h>

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
  // What other sizes left behind makes room.
  for (int64_t batch = 1; batch < 1000; batch += 50)
    EXPECT_EQ(context.run(FAKE_ADD, batch), MOE_OK) << context.error();
}

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

namespace {

/// Takes and returns blocks of many sizes in an order that the batch seeds, and
/// checks that none was written over.
struct Blocks {
  struct Block {
    unsigned char *data;
    uint64_t size;
    unsigned char mark;
  };

  void take() {
    uint64_t size = random() % (1u << (4 + random() % 14));
    uint64_t alignment = random() % 8 ? 64 : 1u << (random() % 15);
    auto *data = static_cast<unsigned char *>(
        alignment == 64 ? _mlir_memref_to_llvm_alloc(size)
                        : _mlir_memref_to_llvm_aligned_alloc(alignment, size));
    moe_rt_require(reinterpret_cast<uintptr_t>(data) %
                           std::max<uint64_t>(alignment, 64) ==
                       0,
                   "a block is not aligned", "Blocks");
    auto mark = static_cast<unsigned char>(random());
    memset(data, mark, size);
    blocks.push_back({data, size, mark});
  }

  void give(size_t i) {
    Block block = blocks[i];
    blocks[i] = blocks.back();
    blocks.pop_back();
    for (uint64_t at = 0; at < block.size; ++at)
      if (block.data[at] != block.mark)
        moe_rt_require(false, "a block was written over", "Blocks");
    _mlir_memref_to_llvm_free(block.data);
  }

  uint32_t random() { return (state = state * 1664525 + 1013904223) >> 8; }

  uint32_t state = 0;
  std::vector<Block> blocks;
};

void blocksEntry(void *results, void **inputs) {
  // Not on the stack: a requirement that fails jumps over destructors.
  static Blocks all;
  all.blocks.clear();
  struct Memref {
    void *allocated, *aligned;
    int64_t offset, sizes[2];
  };
  all.state = (uint32_t)static_cast<Memref *>(inputs[0])->sizes[0];
  for (int step = 0; step < 2000; ++step) {
    if (all.blocks.size() < 50 && (all.random() % 5 || step < 40))
      all.take();
    else if (!all.blocks.empty())
      all.give(all.random() % all.blocks.size());
  }
  // Some are left for the end of the run.
  while (all.blocks.size() > 5)
    all.give(0);
  moe_model_descriptor.entry(results, inputs);
}

std::string getMaps() {
  std::stringstream text;
  text << std::ifstream("/proc/self/maps").rdbuf();
  return text.str();
}

long getPageFaults() {
  struct rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_minflt;
}

} // namespace

TEST(Memory, blocks_do_not_overlap) {
  moe_model_desc model = moe_model_descriptor;
  model.entry = blocksEntry;
  Context context(model);
  for (int64_t batch = 1; batch < 100; ++batch)
    ASSERT_EQ(context.run(FAKE_ADD, batch), MOE_OK) << context.error();
}

TEST(Memory, runs_of_one_shape_ask_the_system_for_nothing) {
  moe_model_desc model = moe_model_descriptor;
  model.entry = blocksEntry;
  Context context(model);
  ASSERT_EQ(context.run(FAKE_ADD, 7), MOE_OK) << context.error();
  ASSERT_EQ(context.run(FAKE_ADD, 7), MOE_OK) << context.error();
  std::string maps = getMaps();
  long faults = getPageFaults();
  for (int run = 0; run < 20; ++run)
    ASSERT_EQ(context.run(FAKE_ADD, 7), MOE_OK) << context.error();
  if (MOE_SANITIZED)
    return;
  EXPECT_LE(getPageFaults() - faults, 20);
  EXPECT_EQ(getMaps(), maps);
}
