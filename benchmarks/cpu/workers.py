"""Sides in processes of their own, of which only one is not stopped at any time.

A round gives each side one turn, in alternating order, so that what else the
machine does in that second hits all; a turn is the median of its runs. Ratios
are taken within rounds, and their median is the result.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
from typing import Any

import numpy as np

from .isa import ISA, ISAS

PEERS = pathlib.Path(sys.prefix)


class Failed(RuntimeError):
    """A side failed, or computed something else than the others."""


@dataclasses.dataclass(frozen=True)
class Side:
    kind: str
    arguments: dict


#: Variables that libraries read.
PREFIXES = ("OPENBLAS_", "OMP_", "GOMP_", "KMP_", "MKL_", "DNNL_", "ONEDNN_")


def environment(threads: int, isa: ISA) -> dict:
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(PREFIXES)
    }
    return {
        **kept,
        **isa.environment,
        "OMP_NUM_THREADS": str(threads),
        "LD_LIBRARY_PATH": str(PEERS / "lib"),
        "OCL_ICD_FILENAMES": str(PEERS / "lib" / "libintelocl.so"),
    }


class Worker:
    def __init__(
        self, name: str, side: Side, threads: int, isa: ISA = ISAS["native"]
    ) -> None:
        self.name = name
        folder = pathlib.Path(__file__).resolve().parent
        self.process = subprocess.Popen(
            [sys.executable, "-m", f"{folder.name}.worker"],
            cwd=folder.parent,
            env=environment(threads, isa),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.ask({"threads": threads} | dataclasses.asdict(side))
        except Failed:
            self.close()
            raise

    def ask(self, request: dict) -> Any:
        process = self.process
        if process.stdin is None or process.stdout is None:
            raise Failed(f"{self.name}: no pipes")
        process.send_signal(signal.SIGCONT)
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise Failed(f"{self.name}: its process ended ({process.wait()})")
        process.send_signal(signal.SIGSTOP)
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(f"{self.name}: {answer['error']}")
        return answer["result"]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in [self.process.stdin, self.process.stdout]:
            if pipe:
                pipe.close()


class Workers:
    """The sides of a comparison with this many threads, and the machine beside them."""

    def __init__(self, sides: dict, threads: int, isa: ISA) -> None:
        self.threads, self.workers = threads, {}
        machine = Side("machine", {"library": isa.machine})
        try:
            for name, side in {**sides, "machine": machine}.items():
                self.workers[name] = Worker(name, side, threads, isa)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        for worker in self.workers.values():
            worker.close()

    def compute(self, arrays: pathlib.Path) -> dict:
        """Makes the sides ready for a case; returns what each computes for it."""
        results = {}
        for name, worker in self.sides():
            saved = arrays.with_suffix(".npy")
            worker.ask({"prepare": str(arrays), "save": str(saved)})
            results[name] = np.load(saved)
        return results

    def measure(self, rounds: int, seconds: float) -> "Times":
        """Times of the case that `compute` made ready."""
        order = self.sides()
        times: dict = {name: [] for name, _ in order}
        rates = []
        for _ in range(rounds):
            rates.append(self.workers["machine"].ask({"rates": True}))
            for name, worker in order:
                times[name].append(worker.ask({"time": seconds}))
            order.reverse()
        flops, bandwidth = (statistics.median(values) for values in zip(*rates))
        return Times(times, flops, bandwidth)

    def sides(self) -> list:
        return [item for item in self.workers.items() if item[0] != "machine"]


@dataclasses.dataclass
class Times:
    """In ms, by side and round; what the machine could do in the same rounds."""

    rounds: dict
    flops: float
    bandwidth: float

    def median(self, side: str) -> float:
        return statistics.median(self.rounds[side])

    def fastest(self, sides: list) -> str:
        return min(sides, key=self.median)

    def ratio(self, side: str, base: str) -> float:
        """How many times as long `side` takes as `base`."""
        pairs = zip(self.rounds[side], self.rounds[base])
        return statistics.median(left / right for left, right in pairs)


def check(results: dict, reference: np.ndarray, rows: Any = slice(None)) -> None:
    """All sides agree with each other, and in `rows` with the float64 reference."""
    bound = 2e-5 * max(float(np.abs(reference).max()), 1e-30)
    first = next(iter(results.values()))
    for name, result in results.items():
        if result.shape != first.shape:
            raise Failed(f"{name}: computed {result.shape}, not {first.shape}")
        errors = np.abs(result[rows] - reference).max(), np.abs(result - first).max()
        # NaN is no agreement.
        if not max(errors) <= bound or not np.isfinite(result).all():
            raise Failed(f"{name}: wrong by {max(errors):.2g}, allowed is {bound:.2g}")
