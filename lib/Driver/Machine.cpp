//===- Machine.cpp - What the machine can do ------------------------------===//
//
// Each loop exists for the vectors that the CPU has: one body, inlined into
// functions for each target. Its arrays become registers.
//
//===----------------------------------------------------------------------===//
#include "Machine.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <sched.h>
#include <thread>

using namespace moe;
using Clock = std::chrono::steady_clock;

static double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

namespace {
/// What a CPU of some kind runs.
struct Loops {
  /// Runs `count` rounds of multiply-adds; a round is `flopsPerRound`.
  float (*multiplyAdd)(int64_t count);
  int64_t flopsPerRound;
  /// Reads `bytes`, a multiple of 1 KiB.
  float (*read)(const char *data, int64_t bytes);
};
} // namespace

/// What the loops compute with, so that nothing is known ahead.
static volatile float factorOfLoops = 0.999f, termOfLoops = 0.001f;

namespace {
template <int lanes> struct VectorOf {
  typedef float type __attribute__((vector_size(4 * lanes), may_alias));
};
} // namespace

/// Twelve sums hide the latency of two units, and their sum keeps each of them
/// alive.
template <int lanes>
[[gnu::always_inline]] static inline float multiplyAdd(int64_t count) {
#pragma clang fp contract(fast)
  typename VectorOf<lanes>::type sums[12] = {}, factor = {}, term = {};
  factor += factorOfLoops;
  term += termOfLoops;
  for (int i = 0; i < 12; ++i)
    sums[i] += (float)i;
  for (int64_t round = 0; round < count; ++round)
    for (int i = 0; i < 12; ++i)
      sums[i] = sums[i] * factor + term;
  for (int i = 1; i < 12; ++i)
    sums[0] += sums[i];
  return sums[0][0];
}

template <int lanes>
[[gnu::always_inline]] static inline float read(const char *data,
                                                int64_t bytes) {
  using Vector = typename VectorOf<lanes>::type;
  Vector sums[8] = {};
  for (int64_t at = 0; at < bytes; at += (int64_t)sizeof sums)
    for (int i = 0; i < 8; ++i)
      sums[i] += reinterpret_cast<const Vector *>(data + at)[i];
  for (int i = 1; i < 8; ++i)
    sums[0] += sums[i];
  return sums[0][0];
}

template <int lanes> static constexpr int64_t flopsPerRound = 12 * 2 * lanes;

#if defined(__x86_64__)
#define MOE_AVX512 __attribute__((target("avx512f")))
MOE_AVX512 static float multiplyAdd512(int64_t count) {
  return multiplyAdd<16>(count);
}
MOE_AVX512 static float read512(const char *data, int64_t bytes) {
  return read<16>(data, bytes);
}
static constexpr Loops avx512Loops = {multiplyAdd512, flopsPerRound<16>,
                                      read512};

#define MOE_AVX2 __attribute__((target("avx2,fma")))
MOE_AVX2 static float multiplyAdd256(int64_t count) {
  return multiplyAdd<8>(count);
}
MOE_AVX2 static float read256(const char *data, int64_t bytes) {
  return read<8>(data, bytes);
}
static constexpr Loops avx2Loops = {multiplyAdd256, flopsPerRound<8>, read256};
#endif
static constexpr Loops portableLoops = {multiplyAdd<4>, flopsPerRound<4>,
                                        read<4>};

static const Loops &chooseLoops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return avx512Loops;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return avx2Loops;
#endif
  return portableLoops;
}

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

/// Runs `work(thread)` on each thread, again and again, for some milliseconds
/// at the same time; `work` returns an amount. Returns the sum of the threads'
/// best rates per second.
static double measureRate(int threads, const std::function<double(int)> &work) {
  std::atomic<int> waiting{threads};
  std::vector<double> rates(threads, 0.0);
  auto measure = [&](int thread) {
    --waiting;
    while (waiting > 0)
      std::this_thread::yield();
    auto start = Clock::now();
    do {
      auto begin = Clock::now();
      double amount = 0;
      do
        amount += work(thread);
      while (secondsSince(begin) < 1e-3);
      rates[thread] = std::max(rates[thread], amount / secondsSince(begin));
    } while (secondsSince(start) < 30e-3);
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread)
    others.emplace_back(measure, thread);
  measure(0);
  double sum = rates[0];
  for (int thread = 1; thread < threads; ++thread) {
    others[thread - 1].join();
    sum += rates[thread];
  }
  return sum;
}

MachineLimits moe::measureMachine(int threads) {
  MachineLimits limits;
  cpu_set_t cores;
  if (threads == 0 && sched_getaffinity(0, sizeof(cores), &cores) == 0)
    threads = CPU_COUNT(&cores);
  limits.threads = std::max(threads, 1);
  const Loops &loops = chooseLoops();
  // Nothing else keeps what is computed.
  std::atomic<float> sink{0};
  limits.flopsPerSecond = measureRate(limits.threads, [&](int) {
    constexpr int64_t rounds = 10000;
    sink = loops.multiplyAdd(rounds);
    return (double)rounds * (double)loops.flopsPerRound;
  });

  constexpr int64_t largest = 128 << 20;
  // No read crosses a line of the cache; reading untouched pages would read one
  // page of zeros.
  std::unique_ptr<char, decltype(&std::free)> memory(
      static_cast<char *>(std::aligned_alloc(4096, largest)), std::free);
  if (!memory)
    return limits;
  std::memset(memory.get(), 1, largest);
  for (int64_t bytes :
       {int64_t(32) << 10, int64_t(512) << 10, int64_t(8) << 20, largest}) {
    int64_t part = bytes / limits.threads & ~int64_t(1023);
    if (part == 0)
      continue;
    double rate = measureRate(limits.threads, [&](int thread) {
      // The clock is slower than the first cache.
      int64_t rounds = std::max<int64_t>(1, (1 << 20) / part);
      for (int64_t round = 0; round < rounds; ++round)
        sink = loops.read(memory.get() + part * thread, part);
      return (double)(part * rounds);
    });
    limits.bandwidths.push_back({bytes, rate});
  }
  return limits;
}

//===----------------------------------------------------------------------===//
// Limits
//===----------------------------------------------------------------------===//

std::optional<double> MachineLimits::getLeastSeconds(int64_t flops,
                                                     int64_t bytes) const {
  if (flops < 0 && bytes < 0)
    return std::nullopt;
  double seconds = flops > 0 ? (double)flops / flopsPerSecond : 0;
  if (bytes > 0 && !bandwidths.empty()) {
    double rate = bandwidths.back().bytesPerSecond;
    for (const Bandwidth &level : bandwidths)
      if (bytes <= level.bytes) {
        rate = level.bytesPerSecond;
        break;
      }
    seconds = std::max(seconds, (double)bytes / rate);
  }
  return seconds;
}

std::string MachineLimits::format() const {
  char text[96];
  std::snprintf(text, sizeof text, "%d thread%s: %.1f GFLOP/s of float32",
                threads, threads == 1 ? "" : "s", flopsPerSecond / 1e9);
  std::string line = text;
  const char *separator = "; reads ";
  for (const Bandwidth &level : bandwidths) {
    bool small = level.bytes < (1 << 20);
    std::snprintf(text, sizeof text, "%s%lld %s at %.1f GB/s", separator,
                  (long long)(level.bytes >> (small ? 10 : 20)),
                  small ? "KiB" : "MiB", level.bytesPerSecond / 1e9);
    line += text;
    separator = ", ";
  }
  return line;
}
