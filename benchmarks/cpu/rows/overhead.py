"""What a layer spends outside of its experts: routing, dispatch and combine, as
moe-run's profile says."""

from __future__ import annotations

import json
import subprocess

import numpy as np

from ..bench import Bench, Goal, Line, Table, failures_into, has_flag
from ..forms import write_mlir
from ..layers import LAYERS, SMALL, Layer, choose, make_case, write_weights
from ..workers import Failed

SHARE = "share of the layer"
OUTSIDE = ["gate", "dispatch", "combine"]


def profile(bench: Bench, library: str, arrays: str, threads: int) -> list:
    report = bench.scratch / "profile.json"
    command = [
        "moe-run",
        library,
        "--inputs",
        arrays,
        "--threads",
        str(threads),
        "--profile",
    ]
    command += [
        "--warmup",
        "2",
        "--repeat",
        str(3 * bench.rounds),
        "--report",
        str(report),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise Failed(f"moe-run --profile: {done.stderr.strip()[-500:]}")
    return json.loads(report.read_text())["profile"]


def measure_layer(bench: Bench, table: Table, layer: Layer, tokens: int) -> None:
    size = layer.experts * layer.bytes_of_expert
    with bench.folder("overhead", 3 * size) as folder:
        write_weights(layer, folder / "weights.bin")
        write_mlir(layer, folder / "weights.bin", folder / "layer.mlir")
        side = bench.compile(folder / "layer.mlir", "", "--instrument-profile")
        np.savez(
            folder / "case.npz", **make_case(layer, choose(layer, tokens, "uniform"))
        )
        for threads in bench.threads:
            steps = profile(
                bench, side.arguments["library"], str(folder / "case.npz"), threads
            )
            line = Line(f"{layer.name}, T = {tokens}", threads)
            for step in steps:
                kind = step["computation"]
                line.ms[kind] = line.ms.get(kind, 0) + step["time_us"] / 1e3
            outside = sum(line.ms.get(kind, 0) for kind in OUTSIDE)
            line.values[SHARE] = outside / sum(line.ms.values())
            table.add(line)


def measure(bench: Bench) -> Table:
    goal = Goal(0.05, 0.02, less_is_better=True)
    table = Table("overhead", "Routing, dispatch and combine", {SHARE: goal})
    if not has_flag("moe-run", "--profile"):
        table.note = "not measured: moe-run has no --profile"
        return table
    table.note = (
        "Times of steps as `moe-run --profile` says; a layer alone, uniform routing."
    )
    for layer in [SMALL] if bench.quick else LAYERS:
        if not bench.wants(layer.name):
            continue
        with failures_into(table, layer.name):
            measure_layer(bench, table, layer, 64 if bench.quick else 256)
    return table
