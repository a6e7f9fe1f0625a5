"""The trained model in both exported forms against ONNX Runtime on either."""

from __future__ import annotations

import pathlib
import shutil

import numpy as np

from ..bench import Bench, Goal, Line, Table, failures_into
from ..workers import Side, Times

MODELS = pathlib.Path(__file__).resolve().parents[3] / "examples" / "adamoe"
SHAPES = [(1, 1), (1, 64), (4, 64), (8, 128)]
FORMS = ["loop", "batched"]
RATIO = "ONNX Runtime / ours"


def evaluate(line: Line, times: Times, arrays: dict) -> None:
    """Our slower form against the peer's faster one."""
    ours = max((f"ours, {form}" for form in FORMS), key=times.median)
    peer = times.fastest([f"ONNX Runtime, {form}" for form in FORMS])
    line.values[RATIO] = times.ratio(peer, ours)


def measure(bench: Bench) -> Table:
    table = Table("adamoe", "The trained AdaMoE model", {RATIO: Goal(1.5, 4.0, 2.5)})
    table.note = "[batch, sequence]; of ONNX Runtime's faster form and our slower one."
    random = np.random.default_rng(0)
    with failures_into(table, "all"), bench.folder("adamoe") as folder:
        sides = {}
        for form in FORMS:
            model = folder / f"{form}.onnx"
            shutil.copy(MODELS / f"adamoe.{form}.onnx", model)
            sides[f"ours, {form}"] = bench.compile(model)
            sides[f"ONNX Runtime, {form}"] = Side("onnxruntime", {"model": str(model)})
        cases = [
            (
                str(list(shape)),
                {"input_ids": random.integers(0, 256, shape)},
                None,
                None,
            )
            for shape in (SHAPES[:3] if bench.quick else SHAPES)
            if bench.wants(str(list(shape)))
        ]
        for threads in bench.threads:
            bench.compare(table, sides, iter(cases), evaluate, threads)
    return table
