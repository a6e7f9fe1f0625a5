"""What tests of bf16 share."""

from pathlib import Path

import numpy as np


def rounded(values):
    """float32 -> the nearest bf16, the even one of two, as float32."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    nearest = bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return (nearest & np.uint32(0xFFFF0000)).view(np.float32)


def has_dot():
    """Whether this CPU has dot products of bf16."""
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.exists() and "avx512_bf16" in cpuinfo.read_text().split()


NO_DOT = "this CPU has no dot product of bf16 (AVX512_BF16)"
