# RUN: %python %s moe-compile --emit=onnx
# REQUIRES: slow
"""Imports models bigger than memory should need.

usage: memory.py COMPILER [ARGUMENT...]

Writes a 1.9 GB model with its weights inside and one of 8 GB with external
weights (sparse files), imports each, and checks that anonymous memory stays
within 256 MiB and that time grows no faster than size.
"""

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from wire import data, graph, model, node, number, tensor, text, value  # noqa: E402

LIMIT_KIB = 256 * 1024
ROWS = 4096


def write_model(folder, weights, columns, external):
    """A chain of Adds over `weights` tensors of ROWS x columns floats."""
    size = 4 * ROWS * columns
    path = os.path.join(folder, "model.onnx")
    nodes, tensors = b"", []
    last = "x"
    for i in range(weights):
        nodes += node("Add", [last, f"w{i}"], [f"t{i}"], name=f"n{i}")
        last = f"t{i}"
        where = {"location": "w.bin", "offset": i * size, "length": size}
        body = tensor(f"w{i}", [ROWS, columns], external=where if external else None)
        # raw_data is the last field, so that its bytes can be a hole.
        head = body if external else body + number(9 << 3 | 2) + number(size)
        hole = 0 if external else size
        tensors.append((number(5 << 3 | 2) + number(len(head) + hole) + head, hole))
    rest = (text(2, "g") + value(11, "x", [ROWS, columns]) + value(12, last, [ROWS, columns]) + nodes)
    total = len(rest) + sum(len(head) + hole for head, hole in tensors)
    shell = model(b"")
    shell = shell[: -len(data(7, b""))]  # The graph's length is `total`.
    with open(path, "wb") as file:
        file.write(shell + number(7 << 3 | 2) + number(total))
        for head, hole in tensors:
            file.write(head)
            file.seek(hole, os.SEEK_CUR)
        file.write(rest)
    if external:
        with open(os.path.join(folder, "w.bin"), "wb") as file:
            file.truncate(weights * size)
    return path


def import_model(command, path, output):
    """Processor seconds, and the peak of RssAnon in KiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command + [path, "-o", output])
    peak = 0

    def watch():
        nonlocal peak
        while process.poll() is None:
            try:
                with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
                    for line in status:
                        if line.startswith("RssAnon:"):
                            peak = max(peak, int(line.split()[1]))
            except OSError:
                pass
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = process.wait()
    watcher.join()
    if code != 0:
        sys.exit(f"exit code {code} for {path}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, peak


def main():
    command = sys.argv[1:]
    failed = False
    rates = {}
    for name, weights, columns, external in (
        ("embedded, 0.5 GB", 8, 4096, False),
        ("embedded, 1.9 GB", 28, 4096, False),
        ("external, 2 GB", 30, 4096, True),
        ("external, 8 GB", 120, 4096, True),
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = write_model(folder, weights, columns, external)
            seconds, peak = import_model(command, path, os.path.join(folder, "o.mlir"))
        size = weights * 4 * ROWS * columns / 1e9
        print(f"{name}: {size:.2f} GB, {seconds:.1f} s, {seconds / size:.2f} s/GB, "
              f"peak RssAnon {peak // 1024} MiB")
        failed |= peak > LIMIT_KIB
        # Page faults vary; quadratic time would be a factor of 4 at least.
        kind = name.split(",")[0]
        if seconds / size > 3 * rates.setdefault(kind, seconds / size):
            print("FAILED: time is not linear in size")
            failed = True
        if peak > LIMIT_KIB:
            print(f"FAILED: anonymous memory above {LIMIT_KIB // 1024} MiB")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
