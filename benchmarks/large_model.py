"""What compiling a model of 7 B parameters in bf16 costs: memory, CPU time, and
whether weights are read.

Usage: large_model.py [--form stacked|separate ...] [--layers N] [--scratch DIR]
                      [--output FILE.md]

The model is a decoder of OLMoE-1B-7B's shape (decoder.py), its experts as stacks
that slots gather from, or as matrices of their own in a loop. Needs 29 GB of disk.

Memory is the peak of RssAnon, sampled every 10 ms, of moe-compile and of its child
moe-prove; mapped files are not in it. CPU time is user and system time. Of the
weights' file no page is cached before a deferred compilation; how much is cached
after it was read by somebody.
"""

import argparse
import ctypes
import dataclasses
import mmap
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from decoder import Decoder, Shape
from machine import processor

GIB = 1 << 30
#: By mode of --weights: seconds of CPU time.
LIMITS = {"beside": 90, "deferred": 20}


@dataclasses.dataclass
class Cost:
    cpu: float
    child_cpu: float
    wall: float
    memory: int
    child_memory: int
    #: Bytes of weights in the page cache at the end.
    cached: int


def anonymous_bytes(pid: int) -> int:
    """0 when the process has ended."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return 0


def children_of(pid: int) -> list:
    try:
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def drop_cache(file: pathlib.Path) -> None:
    with open(file, "rb") as opened:
        os.fsync(opened.fileno())
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def cached_bytes(file: pathlib.Path) -> int:
    """How much of a file is in the page cache: mincore(2)."""
    libc = ctypes.CDLL(None, use_errno=True)
    page = mmap.PAGESIZE
    with open(file, "r+b") as opened:
        with mmap.mmap(opened.fileno(), 0) as mapped:
            count = (len(mapped) + page - 1) // page
            resident = (ctypes.c_ubyte * count)()
            start = ctypes.c_ubyte.from_buffer(mapped)
            code = libc.mincore(
                ctypes.c_void_p(ctypes.addressof(start)),
                ctypes.c_size_t(len(mapped)),
                resident,
            )
            del start
    if code != 0:
        raise OSError(ctypes.get_errno(), "mincore")
    return page * sum(byte & 1 for byte in bytes(resident))


def measure(command: list, data: pathlib.Path) -> Cost:
    drop_cache(data)
    left = cached_bytes(data)
    if left:
        sys.exit(f"error: {left} bytes of '{data}' stay cached")
    start = time.perf_counter()
    process = subprocess.Popen(command)
    memory = child_memory = 0
    while not os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
        memory = max(memory, anonymous_bytes(process.pid))
        for child in children_of(process.pid):
            child_memory = max(child_memory, anonymous_bytes(int(child)))
        time.sleep(0.01)
    wall = time.perf_counter() - start
    # Ended, not waited for: its times are still to be read.
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2]
    ticks = [int(field) for field in fields.split()[11:15]]
    own, children = (
        sum(pair) / os.sysconf("SC_CLK_TCK") for pair in (ticks[:2], ticks[2:])
    )
    if process.wait() != 0:
        sys.exit(f"error: {command[0]} failed")
    return Cost(own, children, wall, memory, child_memory, cached_bytes(data))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    forms, modes = ["stacked", "separate"], list(LIMITS)
    parser.add_argument("--form", choices=forms, action="append")
    parser.add_argument("--mode", choices=modes, action="append")
    parser.add_argument("--layers", type=int, default=Shape.layers)
    parser.add_argument("--scratch", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.output is None:
        results = pathlib.Path(__file__).resolve().parent / "results"
        arguments.output = results / "large_model.md"

    shape = Shape(layers=arguments.layers)
    rows, missed = [], []
    parameters = 0
    for form in arguments.form or forms:
        with tempfile.TemporaryDirectory(dir=arguments.scratch) as name:
            model = pathlib.Path(name) / "model.onnx"
            parameters = Decoder(shape, form, model).write()
            data = model.with_suffix(".data")
            for mode in arguments.mode or modes:
                output = model.with_name("model")
                cost = measure(
                    ["moe-compile", model, "-o", output, f"--weights={mode}"], data
                )
                rows.append(
                    f"| {form} | {mode} | {cost.cpu:.1f} | {cost.child_cpu:.1f} "
                    f"| {cost.wall:.1f} | {cost.memory / GIB:.2f} "
                    f"| {cost.child_memory / GIB:.2f} "
                    f"| {'all' if mode == 'beside' else cost.cached} |"
                )
                print(rows[-1], flush=True)
                for file in model.parent.glob("model.safetensors"):
                    file.unlink()
                if cost.cpu + cost.child_cpu > LIMITS[mode]:
                    missed.append(f"{form}, {mode}: more than {LIMITS[mode]} s of CPU")
                if cost.memory > GIB + shape.layer_bytes:
                    missed.append(f"{form}, {mode}: more memory than 1 GiB + a layer")
                if mode == "deferred" and cost.cached:
                    missed.append(f"{form}, {mode}: weights were read")

    lines = [
        f"`benchmarks/large_model.py` on {processor()}: {parameters / 1e9:.2f} B "
        f"parameters in bf16, {shape.layers} layers of {shape.experts} experts, "
        f"{shape.layer_bytes / GIB:.2f} GiB of experts in a layer",
        "",
        "| experts | `--weights` | CPU, s | of moe-prove | wall, s | RssAnon, GiB "
        "| of moe-prove | weights read, bytes |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
        "At least: CPU time of both programs 90 s, 20 s deferred; RssAnon of "
        "moe-compile 1 GiB and a layer; deferred, no byte of the weights is read. "
        + ("Missed: " + "; ".join(missed) + "." if missed else "All are met."),
    ]
    arguments.output.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
