"""What the rows share: options, results, programs, a folder for weights."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import pathlib
import re
import shutil
import subprocess
import traceback
from typing import Iterator, Optional

import numpy as np

from .isa import ISA
from .workers import Failed, Side, Times, Workers, check

MIB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Goal:
    """What a value of a table should reach: by each line, and by all together."""

    least: Optional[float]
    aim: Optional[float]
    geomean: Optional[float] = None
    less_is_better: bool = False

    def holds(self, value: float, least: Optional[float]) -> bool:
        bound = self.least if least is None else least
        return bound is None or (
            value <= bound if self.less_is_better else value >= bound
        )


@dataclasses.dataclass
class Line:
    case: str
    threads: int
    ms: dict = dataclasses.field(default_factory=dict)
    values: dict = dataclasses.field(default_factory=dict)
    #: Bounds of this line that differ from its table's.
    least: dict = dataclasses.field(default_factory=dict)
    failed: str = ""


@dataclasses.dataclass
class Table:
    name: str
    title: str
    goals: dict
    lines: list = dataclasses.field(default_factory=list)
    note: str = ""

    def add(self, line: Line) -> None:
        self.lines.append(line)
        ms = ", ".join(f"{side} {time:.3g} ms" for side, time in line.ms.items())
        values = ", ".join(f"{name} {value:.2f}" for name, value in line.values.items())
        said = line.failed or f"{ms}: {values}"
        print(f"{self.name}, {line.case}, {line.threads} threads: {said}", flush=True)

    def geomean(self, value: str) -> Optional[float]:
        values = [line.values[value] for line in self.lines if value in line.values]
        return math.exp(sum(map(math.log, values)) / len(values)) if values else None


@dataclasses.dataclass
class Bench:
    scratch: pathlib.Path
    quick: bool
    rounds: int
    seconds: float
    threads: list
    isa: ISA
    #: Cases whose name it is found in.
    wanted: re.Pattern
    #: Threads, f32 operations and bytes per second: of each case's rounds.
    machine: list = dataclasses.field(default_factory=list)

    def wants(self, case: str) -> bool:
        return bool(self.wanted.search(case))

    @contextlib.contextmanager
    def folder(self, name: str, needs: int = 0) -> Iterator[pathlib.Path]:
        """A folder for weights, removed afterwards; `needs` bytes of memory."""
        free = available_memory()
        if needs > free:
            raise Failed(
                f"needs {needs / MIB:.0f} MiB of memory, {free / MIB:.0f} are free"
            )
        path = self.scratch / name
        path.mkdir()
        try:
            yield path
        finally:
            shutil.rmtree(path)

    def compile(self, model: pathlib.Path, name: str = "", *flags: str) -> Side:
        library = model.with_name((name or model.stem) + ".so")
        command = ["moe-compile", model, "-o", library, "--emit=lib"]
        command += [*self.isa.flags, *flags]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = [
                line for line in done.stderr.splitlines() if ": raised:" not in line
            ]
            raise Failed(
                f"moe-compile ended with {done.returncode}: " + " ".join(lines)[:500]
            )
        return Side("ours", {"library": str(library)})

    def workers(self, sides: dict, threads: int) -> Workers:
        return Workers(sides, threads, self.isa)

    def measure(self, workers: Workers) -> Times:
        times = workers.measure(self.rounds, self.seconds)
        self.machine.append((workers.threads, times.flops, times.bandwidth))
        return times

    def compare(
        self,
        table: Table,
        sides: dict,
        cases: Iterator,
        evaluate,
        threads: int,
    ) -> None:
        """Times the sides on each case: (name, arrays, reference, rows of it).

        The reference is a function, or None: then the first side's result is it.
        `evaluate(line, times, arrays)` fills the line's values. A side that fails
        or differs is a line that says so.
        """
        with self.workers(sides, threads) as workers:
            for name, arrays, expected, rows in cases:
                line = Line(name, threads)
                try:
                    file = self.scratch / "case.npz"
                    np.savez(file, **arrays)
                    results = workers.compute(file)
                    if expected is None:
                        check(results, next(iter(results.values())))
                    else:
                        check(results, expected(), rows)
                    times = self.measure(workers)
                    line.ms = {side: times.median(side) for side in times.rounds}
                    evaluate(line, times, arrays)
                except Failed as failure:
                    line.failed = str(failure)
                table.add(line)


def available_memory() -> int:
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable"):
            return 1024 * int(line.split()[1])
    return 0


def has_flag(program: str, flag: str) -> bool:
    done = subprocess.run([program, "--help"], capture_output=True, text=True)
    return flag in done.stdout


@contextlib.contextmanager
def failures_into(table: Table, case: str) -> Iterator[None]:
    """What cannot even start is a line that says so; the next ones go on."""
    try:
        yield
    except Failed as failure:
        table.add(Line(case, 0, failed=str(failure)))
    except Exception as error:
        traceback.print_exc()
        text = "".join(traceback.format_exception_only(error)).strip()
        table.add(Line(case, 0, failed=text[:500]))
