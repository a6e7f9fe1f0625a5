"""Dense f32 matmuls with constant weights against OpenBLAS and oneDNN."""

from __future__ import annotations

import pathlib
from typing import Iterator

import numpy as np

from ..bench import Bench, Goal, Line, Table, failures_into
from ..libraries import ONEDNN
from ..workers import Side, Times

RATIO = "best / ours"
ROWS = [1, 2, 3, 5, 8, 17, 32, 64, 100, 128, 255, 512, 1024, 2048]
WEIGHTS = [(2048, 1536), (2880, 2880), (4096, 1024), (777, 1001)]
QUICK_ROWS, QUICK_WEIGHTS = [1, 8, 33, 128], [(777, 1001), (1024, 1024)]


def write_model(weights: np.ndarray, file: pathlib.Path) -> None:
    import onnx
    from onnx import helper, numpy_helper

    k, n = weights.shape
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["a", "b"], ["y"], name="matmul")],
        "dense",
        [info("a", 1, ["M", k])],
        [info("y", 1, ["M", n])],
        [numpy_helper.from_array(weights, "b")],
    )
    opsets = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), file)


def make_cases(bench: Bench, weights: np.ndarray) -> Iterator:
    k, n = weights.shape
    random = np.random.default_rng(3)
    wide = weights.astype(np.float64)
    for m in QUICK_ROWS if bench.quick else ROWS:
        name = f"{m} x {k} x {n}"
        if bench.wants(name):
            a = random.standard_normal((m, k), np.float32)
            rows = np.sort(random.permutation(m)[:32])
            yield name, {"a": a}, lambda a=a, rows=rows: a[rows] @ wide, rows


def evaluate(line: Line, times: Times, arrays: dict) -> None:
    best = times.fastest([side for side in times.rounds if side != "ours"])
    line.values[RATIO] = times.ratio(best, "ours")


def measure(bench: Bench) -> Table:
    table = Table("dense", "Dense matmul, f32", {RATIO: Goal(0.92, 1.0, 1.08)})
    table.note = (
        "M x K x N; weights constant: oneDNN has them in the layout it asks for at "
        "each M, OpenBLAS (sgemv at M = 1) as they are."
    )
    for k, n in QUICK_WEIGHTS if bench.quick else WEIGHTS:
        with failures_into(table, f"{k} x {n}"), bench.folder("dense") as folder:
            random = np.random.default_rng(0)
            weights = random.standard_normal((k, n), np.float32)
            np.save(folder / "b.npy", weights)
            write_model(weights, folder / "dense.onnx")
            plain = {"weights": str(folder / "b.npy")}
            sides = {
                "ours": bench.compile(folder / "dense.onnx"),
                "OpenBLAS": Side("openblas-dense", plain),
            }
            for name in ONEDNN:
                sides[name] = Side("onednn-dense", plain | {"name": name})
            for threads in bench.threads:
                cases = make_cases(bench, weights)
                bench.compare(table, sides, cases, evaluate, threads)
    return table
