"""What null experts cost: a layer with as many null columns as experts, at load L,
against the same experts without null columns and with L slots."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np

from ..bench import Bench, Goal, Line, Table, failures_into
from ..forms import write_mlir
from ..layers import LAYERS, SMALL, Layer, choose, make_case, read_weights, reference
from ..layers import write_weights
from ..workers import Side, Times, check

RATIO = "with nulls / without"


def write_case(bench: Bench, layer: Layer, ids: np.ndarray, weights: list, side: str):
    """Arrays for one of the sides, and what it must compute of some rows."""
    case = make_case(layer, ids)
    file = bench.scratch / f"{side}.npz"
    np.savez(file, **case)
    rows = np.arange(min(len(ids), 16))
    return file, reference(layer, weights, case, rows), rows


def measure_case(
    bench: Bench, both: dict, weights: list, sides: dict, threads: int, tokens: int
):
    """A line: the sides differ in their scores, so each is checked for itself."""
    slots = both["without"].slots
    nulls = both["with"].slots - slots
    line = Line(f"T = {tokens}, load {slots} of {slots + nulls} slots", threads)
    with bench.workers(sides, threads) as workers:
        for side, layer in both.items():
            ids = choose(layer, tokens, "uniform", nulls if side == "with" else 0)
            file, expected, rows = write_case(bench, layer, ids, weights, side)
            request = {"prepare": str(file), "save": str(file.with_suffix(".npy"))}
            workers.workers[side].ask(request)
            check({side: np.load(file.with_suffix(".npy"))}, expected, rows)
        times: Times = bench.measure(workers)
    line.ms = {side: times.median(side) for side in times.rounds}
    line.values[RATIO] = times.ratio("with", "without")
    return line


def compile_both(
    bench: Bench, folder: pathlib.Path, both: dict, raw: pathlib.Path
) -> dict:
    sides: dict[str, Side] = {}
    for side, layer in both.items():
        write_mlir(layer, raw, folder / f"{side}.mlir")
        sides[side] = bench.compile(folder / f"{side}.mlir")
    return sides


def measure(bench: Bench) -> Table:
    goal = Goal(1.05, 1.01, less_is_better=True)
    table = Table("nulls", "Null experts", {RATIO: goal})
    base = SMALL if bench.quick else LAYERS[0]
    table.note = (
        f"{base.name}'s sizes with {base.experts} zero experts beside as many true "
        "ones; uniform routing to the same true experts on both sides."
    )
    size = base.experts * base.bytes_of_expert
    nulls = base.slots // 2
    both = {
        "with": dataclasses.replace(base, zeros=base.experts),
        "without": dataclasses.replace(base, slots=base.slots - nulls),
    }
    with failures_into(table, base.name), bench.folder("nulls", 3 * size) as folder:
        raw = folder / "weights.bin"
        write_weights(base, raw)
        weights = read_weights(base, raw)
        sides = compile_both(bench, folder, both, raw)
        for threads in bench.threads:
            for tokens in [16] if bench.quick else [1, 16, 256, 1024]:
                if not bench.wants(f"T = {tokens},"):
                    continue
                with failures_into(table, f"T = {tokens}"):
                    table.add(
                        measure_case(bench, both, weights, sides, threads, tokens)
                    )
    return table
