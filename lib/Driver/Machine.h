//===- Machine.h - What the machine can do ----------------------*- C++ -*-===//
//
// Limits that times are compared with, measured where the model runs: how fast
// threads multiply and add, and how fast they read memory of some size again
// and again.
//
//===----------------------------------------------------------------------===//
#ifndef MOE_LIB_DRIVER_MACHINE_H
#define MOE_LIB_DRIVER_MACHINE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moe {

struct MachineLimits {
  struct Bandwidth {
    int64_t bytes; ///< read again and again, by all threads together
    double bytesPerSecond;
  };
  int threads = 1;
  /// float32, a fused multiply-add being two.
  double flopsPerSecond = 0;
  /// By size.
  std::vector<Bandwidth> bandwidths;

  /// What no code can undercut: the time of the FLOPs, or of reading so many
  /// bytes from the smallest memory that holds them, if that is longer. Nothing
  /// if neither is known (negative).
  std::optional<double> getLeastSeconds(int64_t flops, int64_t bytes) const;

  /// "2 threads: 310.2 GFLOP/s; reads 32 KiB at 402.1 GB/s, ...".
  std::string format() const;
};

/// Measures for a tenth of a second or two. 0 threads: one per core that this
/// process may use.
MachineLimits measureMachine(int threads);

} // namespace moe

#endif // MOE_LIB_DRIVER_MACHINE_H
