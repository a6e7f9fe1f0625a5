//===- machine.cpp - What this machine can do at most ---------------------===//
//
// The two constants of the roofline: f32 multiply-adds in registers, and bytes
// read from memory, by `threads` threads at once. Each call takes some tens of
// milliseconds, so that it can be asked between the turns of what is compared.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <sys/mman.h>
#include <thread>
#include <utility>
#include <vector>

namespace {

#ifdef __AVX512F__
constexpr int Lanes = 16, NumSums = 16;
#else
constexpr int Lanes = 8, NumSums = 12;
#endif
using Floats = float __attribute__((vector_size(4 * Lanes)));
using Words = uint32_t __attribute__((vector_size(4 * Lanes)));

double seconds() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// Seconds that `threads` runs of `work`, each in a thread, take.
double timeThreads(int threads, const std::function<void(int)> &work) {
  double start = seconds();
  std::vector<std::thread> others;
  for (int i = 1; i < threads; ++i)
    others.emplace_back(work, i);
  work(0);
  for (std::thread &other : others)
    other.join();
  return seconds() - start;
}

void multiplyAdd(int64_t steps) {
  Floats sums[NumSums] = {}, x = Floats{} + 0.999999f, y = Floats{} + 1e-7f;
  for (int64_t i = 0; i < steps; ++i) {
#pragma clang loop unroll(full)
    for (Floats &sum : sums)
      sum = sum * x + y;
    // Each sum stays in a register of its own.
#pragma clang loop unroll(full)
    for (Floats &sum : sums)
      asm volatile("" : "+v"(sum));
  }
}

/// Reads [data, data + count): `Streams` runs of it in turn, `Unroll` vectors
/// each, asking for what lies `ahead` bytes behind them.
template <int Streams, int Unroll>
void read(const Words *data, size_t count, size_t ahead) {
  Words sums[Unroll] = {};
  size_t run = count / Streams;
  for (size_t i = 0; i + Unroll <= run; i += Unroll)
    for (int stream = 0; stream < Streams; ++stream) {
      const Words *here = data + stream * run + i;
#pragma clang loop unroll(full)
      for (int j = 0; j < Unroll; ++j) {
        if (ahead)
          __builtin_prefetch(reinterpret_cast<const char *>(here + j) + ahead);
        sums[j] ^= here[j];
      }
    }
  for (Words &sum : sums)
    asm volatile("" : "+v"(sum));
}

} // namespace

/// f32 operations per second; a multiply-add is two.
extern "C" double peak_flops(int threads) {
  constexpr int64_t Steps = 4000000;
  double time = timeThreads(threads, [](int) { multiplyAdd(Steps); });
  return 2.0 * Lanes * NumSums * Steps * threads / time;
}

/// Bytes per second read from memory: the best of some ways to read it.
extern "C" double peak_bandwidth(int threads) {
  constexpr size_t Size = size_t(256) << 20;
  static void *memory = [] {
    void *mapped = mmap(nullptr, Size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED)
      abort();
    madvise(mapped, Size, MADV_HUGEPAGE);
    for (size_t i = 0; i < Size; i += 64)
      static_cast<char *>(mapped)[i] = 1;
    return mapped;
  }();
  const Words *data = static_cast<const Words *>(memory);
  size_t each = Size / sizeof(Words) / threads;
  using Read = void (*)(const Words *, size_t, size_t);
  const std::pair<Read, size_t> ways[] = {
      {read<1, 4>, 0}, {read<1, 4>, 4096}, {read<2, 4>, 4096}, {read<4, 1>, 0}};
  double best = 0;
  for (auto [way, ahead] : ways) {
    double time =
        timeThreads(threads, [&, way = way, ahead = ahead](int thread) {
          way(data + thread * each, each, ahead);
        });
    best = std::max(best, double(each) * threads * sizeof(Words) / time);
  }
  return best;
}
