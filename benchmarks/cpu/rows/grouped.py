"""Grouped SwiGLU layers in f32 against ONNX Runtime's MoE operator, the loop over
experts that oneDNN allows, and the machine."""

from __future__ import annotations

import functools
from typing import Iterator

import numpy as np

from ..bench import Bench, Goal, Line, Table, failures_into
from ..forms import write_mlir, write_onnx
from ..layers import LAYERS, ROUTINGS, SMALL, Layer, choose, make_case, read_weights
from ..layers import reference, write_weights
from ..libraries import ONEDNN
from ..workers import Side, Times

ONNX_RUNTIME, LOOP, ROOF = "ONNX Runtime / ours", "loop / ours", "share of roofline"
GOALS = {
    ONNX_RUNTIME: Goal(1.2, 2.5, 1.7),
    LOOP: Goal(0.95, 1.5, 1.2),
    ROOF: Goal(None, None),
}
# At these numbers of tokens, with uniform routing.
ROOF_LEAST = {1: 0.90, 16: 0.85, 64: 0.70, 256: 0.75}


def name_cases(bench: Bench, layer: Layer) -> list:
    result = []
    for tokens in [1, 16, 64] if bench.quick else [1, 4, 16, 64, 256, 1024]:
        # Alone, every token goes to k experts.
        for routing in ROUTINGS if tokens > 1 else ROUTINGS[:1]:
            name = f"{layer.name}, T = {tokens}, {routing}"
            if bench.wants(name):
                result.append((name, tokens, routing))
    return result


def make_cases(bench: Bench, layer: Layer, weights: list) -> Iterator:
    random = np.random.default_rng(2)
    for name, tokens, routing in name_cases(bench, layer):
        case = make_case(layer, choose(layer, tokens, routing))
        rows = np.sort(random.permutation(tokens)[:24])
        yield name, case, functools.partial(reference, layer, weights, case, rows), rows


def measure_layer(bench: Bench, table: Table, layer: Layer) -> None:
    size = layer.experts * layer.bytes_of_expert

    def evaluate(line: Line, times: Times, arrays: dict) -> None:
        ids = arrays["ids"]
        if "ONNX Runtime" in times.rounds:
            line.values[ONNX_RUNTIME] = times.ratio("ONNX Runtime", "ours")
        line.values[LOOP] = times.ratio(times.fastest(list(ONEDNN)), "ours")
        work = layer.flops(ids.size) / times.flops
        read = len(np.unique(ids)) * layer.bytes_of_expert / times.bandwidth
        line.values[ROOF] = 1e3 * max(work, read) / line.ms["ours"]
        if "uniform" in line.case and len(ids) in ROOF_LEAST:
            line.least[ROOF] = ROOF_LEAST[len(ids)]

    # Each side holds the weights in a layout of its own.
    with bench.folder("layer", 4 * size) as folder:
        raw = folder / "weights.bin"
        write_weights(layer, raw)
        weights = read_weights(layer, raw)
        write_mlir(layer, raw, folder / "layer.mlir")
        write_onnx(layer, weights, folder / "layer.onnx")
        sizes = [layer.experts, layer.hidden, layer.inner]
        sides = {
            "ours": bench.compile(folder / "layer.mlir"),
        }
        if bench.isa.compares_onnxruntime:
            model = {"model": str(folder / "layer.onnx")}
            sides["ONNX Runtime"] = Side("onnxruntime", model)
        for name in ONEDNN:
            arguments = {"name": name, "weights": str(raw), "layer": sizes}
            sides[name] = Side("onednn-layer", arguments)
        for threads in bench.threads:
            cases = make_cases(bench, layer, weights)
            bench.compare(table, sides, cases, evaluate, threads)


def measure(bench: Bench) -> Table:
    goals = dict(GOALS)
    if not bench.isa.compares_onnxruntime:
        del goals[ONNX_RUNTIME]
    table = Table("grouped", "Grouped SwiGLU layer, f32", goals)
    table.note = (
        "Loop: over experts, the faster of two builds of oneDNN, weights laid out "
        "beforehand; its time lacks the routing. Roofline: the larger of the "
        "products at the machine's multiply-adds and the bytes of the experts in "
        "use at its read bandwidth, both measured in the same rounds; judged with "
        "uniform routing: at least 0.90, 0.85, 0.70 and 0.75 at T = 1, 16, 64 and 256, "
        "aim 0.98, 0.95, 0.85 and 0.85."
    )
    for layer in [SMALL] if bench.quick else LAYERS:
        if not name_cases(bench, layer):
            continue
        with failures_into(table, layer.name):
            measure_layer(bench, table, layer)
    return table
