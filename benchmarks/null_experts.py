"""What null experts save: an OLMoE-sized layer, 64 true and 64 zero experts, at
load 8 (no null expert is chosen) and at load 4 (half of the slots are).

Usage: null_experts.py [--rounds N] [--threads N] [--hidden H] [--inner I]
                       [--output FILE.md]

One program runs both: only the scores differ. Rounds alternate between them; the
table shows medians. Weights are random; elimination would see zeros.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import numpy as np

from machine import processor

TRUE, NULL, SLOTS = 64, 64, 8

LAYER = """
rt.weight @gate {{source = [{gate}]}} : tensor<{e}x{h}x{i}xf32>
rt.weight @up {{source = [{up}]}} : tensor<{e}x{h}x{i}xf32>
rt.weight @down {{source = [{down}]}} : tensor<{e}x{i}x{h}xf32>
func.func @main(%x: tensor<?x{h}xf32> {{rt.name = "x", rt.dims = ["T", ""]}},
                %s: tensor<?x{n}xf32> {{rt.name = "scores", rt.dims = ["T", ""]}})
    -> (tensor<?x{h}xf32> {{rt.name = "y", rt.dims = ["T", ""]}}) {{
  %g = rt.weight_ref @gate : tensor<{e}x{h}x{i}xf32>
  %u = rt.weight_ref @up : tensor<{e}x{h}x{i}xf32>
  %d = rt.weight_ref @down : tensor<{e}x{i}x{h}xf32>
  %ids, %w = moe.route scores(%s : tensor<?x{n}xf32>)
    {{select = #moe.topk<{k}>, score = #moe.score<softmax>}}
    -> tensor<?x{k}xi32>, tensor<?x{k}xf32>
  %y = moe.experts %ids, %w rows(%x : tensor<?x{h}xf32>)
      stacked(%g, %u, %d : tensor<{e}x{h}x{i}xf32>, tensor<{e}x{h}x{i}xf32>, tensor<{e}x{i}x{h}xf32>)
      {{experts = #moe.kinds<ffn = {e}, zero = {z}>}}
      : tensor<?x{k}xi32>, tensor<?x{k}xf32> -> tensor<?x{h}xf32> {{
  ^bb0(%r: tensor<?x{h}xf32>, %a: tensor<{h}x{i}xf32>, %b: tensor<{h}x{i}xf32>, %c: tensor<{i}x{h}xf32>):
    %0 = onnx.MatMul %r, %a : (tensor<?x{h}xf32>, tensor<{h}x{i}xf32>) -> tensor<?x{i}xf32>
    %1 = onnx.Sigmoid %0 : (tensor<?x{i}xf32>) -> tensor<?x{i}xf32>
    %2 = onnx.Mul %0, %1 : (tensor<?x{i}xf32>, tensor<?x{i}xf32>) -> tensor<?x{i}xf32>
    %3 = onnx.MatMul %r, %b : (tensor<?x{h}xf32>, tensor<{h}x{i}xf32>) -> tensor<?x{i}xf32>
    %4 = onnx.Mul %2, %3 : (tensor<?x{i}xf32>, tensor<?x{i}xf32>) -> tensor<?x{i}xf32>
    %5 = onnx.MatMul %4, %c : (tensor<?x{i}xf32>, tensor<{i}x{h}xf32>) -> tensor<?x{h}xf32>
    moe.yield %5 : tensor<?x{h}xf32>
  }}
  return %y : tensor<?x{h}xf32>
}}
"""


def build(folder: pathlib.Path, hidden: int, inner: int) -> pathlib.Path:
    """The layer's program; its weights stay in the file that they are made in."""
    random = np.random.default_rng(0)
    spans, offset = {}, 0
    with open(folder / "weights.bin", "wb") as file:
        for name, shape in [
            ("gate", (TRUE, hidden, inner)),
            ("up", (TRUE, hidden, inner)),
            ("down", (TRUE, inner, hidden)),
        ]:
            for _ in range(TRUE):
                matrix = random.standard_normal(shape[1:], dtype=np.float32)
                file.write((matrix * np.float32(shape[1] ** -0.5)).tobytes())
            length = 4 * shape[0] * shape[1] * shape[2]
            spans[name] = (
                f'#rt.span<"weights.bin", offset = {offset}, length = {length}, '
                f"hash = 0, tensor<{shape[0]}x{shape[1]}x{shape[2]}xf32>>"
            )
            offset += length
    text = LAYER.format(
        e=TRUE, z=NULL, n=TRUE + NULL, k=SLOTS, h=hidden, i=inner, **spans
    )
    (folder / "layer.mlir").write_text(text)
    subprocess.run(
        ["moe-compile", folder / "layer.mlir", "-o", folder / "layer"]
        + ["--weights=deferred", "--instrument-load"],
        check=True,
    )
    return folder / "layer"


def run(program: pathlib.Path, inputs: pathlib.Path, threads: int):
    """Median time in ms, and the load."""
    report = program.with_suffix(".json")
    subprocess.run(
        [program, "--inputs", inputs, "--threads", str(threads)]
        + ["--warmup", "1", "--repeat", "3", "--report", report],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    said = json.loads(report.read_text())
    return said["time_ms"]["median"], said["moe_layers"][0]["load"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--hidden", type=int, default=2048)
    parser.add_argument("--inner", type=int, default=1024)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        program = build(folder, arguments.hidden, arguments.inner)
        random = np.random.default_rng(1)
        x = random.standard_normal((arguments.tokens, arguments.hidden), np.float32)
        scores = random.standard_normal((arguments.tokens, TRUE + NULL), np.float32)
        closed = scores.copy()
        closed[:, TRUE:] = -np.inf
        cases = {"no null chosen": closed, "uniform": scores}
        for case, values in cases.items():
            np.savez(folder / f"{case}.npz", x=x, scores=values)
        times: dict = {case: [] for case in cases}
        loads = {}
        for _ in range(arguments.rounds):
            for case in cases:
                time, loads[case] = run(
                    program, folder / f"{case}.npz", arguments.threads
                )
                times[case].append(time)
    medians = {case: statistics.median(values) for case, values in times.items()}
    baseline = medians["no null chosen"]
    lines = [
        f"`benchmarks/null_experts.py --rounds {arguments.rounds} --threads "
        f"{arguments.threads}`, T = {arguments.tokens}, H = {arguments.hidden}, "
        f"I = {arguments.inner}, {TRUE} true and {NULL} zero experts, top-{SLOTS}, on "
        f"{processor()}",
        "",
        "| scores | load | ms | time / time at load 8 |",
        "| --- | --- | --- | --- |",
    ]
    for case, median in medians.items():
        lines.append(
            f"| {case} | {loads[case]:.2f} | {median:.0f} | {median / baseline:.2f} |"
        )
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if arguments.output:
        arguments.output.write_text(text)


if __name__ == "__main__":
    main()
