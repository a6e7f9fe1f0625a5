//===- Between.h - What a loop over experts does between matmuls ----------===//
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>

/// A second thread for what is between matmuls, asleep while those run.
class Pair {
public:
  explicit Pair(int threads) {
    if (threads > 1)
      other = std::thread([this] { serve(); });
  }
  ~Pair() {
    if (!other.joinable())
      return;
    post(nullptr);
    other.join();
  }
  /// Calls work(0, n) or work(0, n/2) and work(n/2, n) at once.
  void run(int64_t n, int64_t cost,
           const std::function<void(int64_t, int64_t)> &work) {
    if (!other.joinable() || cost < (1 << 18))
      return work(0, n);
    std::function<void()> half = [&] { work(n / 2, n); };
    post(&half);
    work(0, n / 2);
    while (done.load(std::memory_order_acquire) != turn.load())
      __builtin_ia32_pause();
  }

private:
  void post(std::function<void()> *next) {
    task = next;
    turn.fetch_add(1);
    turn.notify_one();
  }
  void serve() {
    for (int last = 0;; ++last) {
      turn.wait(last);
      if (!task)
        return;
      (*task)();
      done.store(last + 1, std::memory_order_release);
    }
  }
  std::function<void()> *task = nullptr;
  std::atomic<int> turn{0}, done{0};
  std::thread other;
};

/// x to e, to 1e-7 of it: by vectors, unlike expf.
inline float exponential(float x) {
  x = x < -87 ? -87 : x > 87 ? 87 : x;
  float n = __builtin_roundevenf(x * 1.44269504f);
  float r = x - n * 0.693145752f - n * 1.42860677e-6f, p = 1.f / 5040;
  for (float c : {1.f / 720, 1.f / 120, 1.f / 24, 1.f / 6, .5f, 1.f, 1.f})
    p = p * r + c;
  int32_t bits;
  memcpy(&bits, &p, 4);
  bits += int32_t(n) << 23;
  memcpy(&p, &bits, 4);
  return p;
}

inline void swiglu(const float *gateUp, float *to, int64_t inner) {
#pragma clang loop vectorize(enable)
  for (int64_t i = 0; i < inner; ++i)
    to[i] = gateUp[i] / (1 + exponential(-gateUp[i])) * gateUp[inner + i];
}
