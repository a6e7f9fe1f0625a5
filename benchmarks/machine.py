"""What results say of the machine they were taken on."""

import pathlib
import platform


def processor() -> str:
    """The CPU's name and its widest vector instructions."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = next(
        (line.split(":")[1].strip() for line in text.splitlines() if "model name" in line),
        platform.machine(),
    )
    return f"{name}, {'AVX-512' if 'avx512f' in text else 'AVX2' if 'avx2' in text else 'SSE'}"
