"""Language models of three families, widened to 100 M parameters, against ONNX
Runtime on the same model with each layer as its MoE operator."""

from __future__ import annotations

import pathlib

import numpy as np

from ..bench import Bench, Goal, Line, Table, failures_into
from ..widen import Widths, replace_layers, widen
from ..workers import Side, Times

MODELS = pathlib.Path(__file__).resolve().parents[3] / "test" / "models"
FAMILIES = ["mixtral", "qwen3_moe", "gpt_oss"]
RATIO = "ONNX Runtime / ours"
OPERATOR = "ONNX Runtime, MoE operator"


def evaluate(line: Line, times: Times, arrays: dict) -> None:
    line.values[RATIO] = times.ratio(OPERATOR, "ours")


def measure(bench: Bench) -> Table:
    import onnx

    table = Table("models", "Whole models", {RATIO: Goal(1.1, 1.6)})
    widths = Widths(4, 96) if bench.quick else Widths(32, 1792)
    table.note = "[batch, sequence]; random weights; also the widened model as it is."
    random = np.random.default_rng(0)
    for family in filter(bench.wants, FAMILIES):
        with failures_into(table, family), bench.folder(family, 4 << 30) as folder:
            model = onnx.load(MODELS / f"{family}.lm.batched_mm" / "model.onnx")
            parameters = widen(model, widths)
            onnx.save(model, folder / "plain.onnx")
            side = bench.compile(folder / "plain.onnx", "ours", "--require-raise")
            replace_layers(model)
            onnx.save(model, folder / "operator.onnx")
            plain, operator = (
                str(folder / f"{name}.onnx") for name in ["plain", "operator"]
            )
            sides = {
                "ours": side,
                "ONNX Runtime": Side("onnxruntime", {"model": plain}),
                OPERATOR: Side("onnxruntime", {"model": operator}),
            }
            cases = []
            for shape in [(1, 256), (1, 1)]:
                ids = random.integers(0, 96, shape)
                name = f"{family}, {parameters / 1e6:.0f} M, {list(shape)}"
                cases.append((name, {"input_ids": ids}, None, None))
            for threads in bench.threads:
                bench.compare(table, sides, iter(cases), evaluate, threads)
    return table
