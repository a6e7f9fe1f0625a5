"""A process that runs one side: reads requests, answers on its standard output.

Usage: worker.py (the first line on standard input says which side; see workers.py)
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import statistics
import sys
import time
import traceback

import numpy as np

MOST_RUNS = 500


def time_runs(run, seconds: float) -> float:
    """Median time in ms of runs that take `seconds` together, after one to warm up."""
    start = time.perf_counter()
    run()
    first = time.perf_counter() - start
    times: list = []
    least = 1 if first > seconds else 2
    while len(times) < least or (sum(times) < seconds and len(times) < MOST_RUNS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def answer(side, request: dict):
    if "prepare" in request:
        side.prepare(
            {k: np.ascontiguousarray(v) for k, v in np.load(request["prepare"]).items()}
        )
        side.run()
    if "save" in request:
        np.save(request["save"], side.output())
    if "time" in request:
        return time_runs(side.run, request["time"])
    if "rates" in request:
        return side.rates()
    return None


def main() -> None:
    # What libraries print must not come between the answers.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    # A stopped process would outlive a parent that is killed.
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    side = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if side is None:
                cores = sorted(os.sched_getaffinity(0))[: request["threads"]]
                os.sched_setaffinity(0, cores)
                # Libraries read the affinity when they are loaded.
                from .sides import KINDS

                side = KINDS[request["kind"]](
                    request["threads"], **request["arguments"]
                )
                result = None
            else:
                result = answer(side, request)
            print(json.dumps({"result": result}), file=out, flush=True)
        except Exception as error:
            text = "".join(traceback.format_exception_only(error)).strip()
            print(json.dumps({"error": text}), file=out, flush=True)


if __name__ == "__main__":
    main()
