"""One row through a layer whose weights are stored in bf16, against ours in f32."""

from __future__ import annotations

import functools
from typing import Iterator

import numpy as np

from ..bench import Bench, Goal, Line, Table, failures_into, has_flag
from ..forms import write_mlir
from ..layers import LAYERS, SMALL, Layer, choose, make_case, read_weights, reference
from ..layers import write_weights
from ..workers import Times

RATIO = "f32 / bf16"


def round_to_bf16(file) -> None:
    """So that both formats hold the same weights: to nearest, ties to even."""
    bits = np.memmap(file, np.uint32, "r+")
    for part in np.array_split(bits, max(1, len(bits) >> 24)):
        part += 0x7FFF + ((part >> 16) & 1)
        part &= 0xFFFF0000


def make_cases(layer: Layer, weights: list) -> Iterator:
    case = make_case(layer, choose(layer, 1, "uniform"))
    rows = np.arange(1)
    expected = functools.partial(reference, layer, weights, case, rows)
    yield f"{layer.name}, T = 1", case, expected, rows


def evaluate(line: Line, times: Times, arrays: dict) -> None:
    line.values[RATIO] = times.ratio("f32", "bf16")


def measure(bench: Bench) -> Table:
    table = Table("one_row", "One row, bf16 weights", {RATIO: Goal(1.6, 2.0)})
    if not has_flag("moe-compile", "--convert-weights"):
        table.note = "not measured: moe-compile has no --convert-weights"
        return table
    table.note = (
        "The same layer with --convert-weights=bf16 and without; f32 activations."
    )
    for layer in [SMALL] if bench.quick else LAYERS:
        if not bench.wants(f"{layer.name}, T = 1"):
            continue
        size = layer.experts * layer.bytes_of_expert
        with failures_into(table, layer.name), bench.folder(
            "one_row", 3 * size
        ) as folder:
            raw = folder / "weights.bin"
            write_weights(layer, raw)
            round_to_bf16(raw)
            model = folder / "layer.mlir"
            write_mlir(layer, raw, model)
            sides = {
                "f32": bench.compile(model, "f32"),
                "bf16": bench.compile(model, "bf16", "--convert-weights=bf16"),
            }
            for threads in bench.threads:
                cases = make_cases(layer, read_weights(layer, raw))
                bench.compare(table, sides, cases, evaluate, threads)
    return table
