"""Measures CPU code against the best libraries.

Usage: ./dev bench cpu [ROW ...] [--case REGEX] [--quick] [--rounds N] [--seconds S]
                       [--threads 1,2] [--isa native|avx2] [--scratch FOLDER]
                       [--output FOLDER]

Without rows all are measured. Writes cpu.md, cpu.svg and cpu.json (cpu-avx2.md, ...)
into the output folder: benchmarks/results, or none with --quick, or when rows or
cases are named.
"""

from __future__ import annotations

import argparse
import importlib
import os
import pathlib
import re
import shlex
import sys
import tempfile
import time

from .bench import Bench
from .isa import ISAS
from .report import summarise, write_report

ROWS = ["adamoe", "grouped", "dense", "one_row", "nulls", "overhead", "models"]
#: All that these compare with is ONNX Runtime.
ONNXRUNTIME_ROWS = {"adamoe", "models"}
RESULTS = pathlib.Path(__file__).resolve().parent.parent / "results"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench cpu", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument(
        "--case", default="", help="only cases that this expression is found in"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds")
    parser.add_argument("--rounds", type=int, help="default: 7, or 3 with --quick")
    parser.add_argument("--seconds", type=float, help="of each side's turn in a round")
    parser.add_argument("--threads", default="1,2", help="comma-separated")
    parser.add_argument(
        "--isa", choices=ISAS, default="native", help="what all sides may use"
    )
    parser.add_argument(
        "--scratch", type=pathlib.Path, help="folder for weights (12 GiB)"
    )
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()
    unknown = set(arguments.rows) - set(ROWS)
    if unknown:
        parser.error(
            f"no row {', '.join(sorted(unknown))}: there are {', '.join(ROWS)}"
        )
    isa, rows = ISAS[arguments.isa], arguments.rows or ROWS
    if not isa.compares_onnxruntime:
        if unable := ONNXRUNTIME_ROWS & set(arguments.rows):
            parser.error(
                f"--isa {isa.name}: ONNX Runtime cannot be held to it, and nothing "
                f"else is compared in {', '.join(sorted(unable))}"
            )
        rows = [row for row in rows if row not in ONNXRUNTIME_ROWS]
    output = arguments.output
    if output is None and not (arguments.quick or arguments.rows or arguments.case):
        output = RESULTS

    cores = len(os.sched_getaffinity(0))
    threads = [int(count) for count in arguments.threads.split(",")]
    if max(threads) > cores:
        parser.error(f"--threads: this process may use {cores} cores")
    with tempfile.TemporaryDirectory(dir=arguments.scratch, prefix="bench-") as scratch:
        bench = Bench(
            scratch=pathlib.Path(scratch),
            quick=arguments.quick,
            rounds=arguments.rounds or (3 if arguments.quick else 7),
            seconds=arguments.seconds or (0.05 if arguments.quick else 0.15),
            threads=threads,
            isa=isa,
            wanted=re.compile(arguments.case),
        )
        start, tables = time.time(), []
        for row in rows:
            module = importlib.import_module(f".rows.{row}", __package__)
            tables.append(module.measure(bench))
            # What is measured so far is not lost.
            if output:
                command = shlex.join(["./dev", "bench", "cpu", *sys.argv[1:]])
                write_report(output, command, bench, tables, time.time() - start)
    print("\n" + summarise(tables))
    return 0


if __name__ == "__main__":
    sys.exit(main())
