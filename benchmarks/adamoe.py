"""The trained AdaMoE model against ONNX Runtime on the same file.

Usage: adamoe.py [--rounds N] [--threads N] [--output FILE.md]

Each round runs both sides once, in processes of their own, and takes the median
of their timed runs; the table shows the median over the rounds.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

import numpy as np

from machine import processor

MODELS = pathlib.Path(__file__).resolve().parent.parent / "examples" / "adamoe"
SHAPES = [(1, 1), (1, 64), (4, 64), (8, 128)]

PEER = """
import statistics, sys, time
import numpy, onnxruntime
model, inputs, threads, repeat = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = int(threads)
session = onnxruntime.InferenceSession(
    model, options, providers=["CPUExecutionProvider"])
arrays = dict(numpy.load(inputs))
times = []
for _ in range(3 + int(repeat)):
    start = time.perf_counter()
    session.run(None, arrays)
    times.append(1e3 * (time.perf_counter() - start))
print(statistics.median(times[3:]))
"""


def time_ours(program, inputs, threads: int, repeat: int, work) -> float:
    report = work / "report.json"
    subprocess.run(
        [program, "--inputs", inputs, "--threads", str(threads), "--warmup", "3"]
        + ["--repeat", str(repeat), "--report", report],
        check=True,
        stdout=subprocess.DEVNULL,
        # That loads are not counted is no news here.
        stderr=subprocess.DEVNULL,
    )
    return json.loads(report.read_text())["time_ms"]["median"]


def time_peer(model, inputs, threads: int, repeat: int) -> float:
    finished = subprocess.run(
        [sys.executable, "-c", PEER, model, inputs, str(threads), str(repeat)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(finished.stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=pathlib.Path)
    arguments = parser.parse_args()

    lines = [
        f"`benchmarks/adamoe.py --rounds {arguments.rounds} --threads "
        f"{arguments.threads}` on {processor()}",
        "",
        "| model | shape | ours, ms | ONNX Runtime, ms | ONNX Runtime / ours |",
        "| --- | --- | --- | --- | --- |",
    ]
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        for form in ["loop", "batched"]:
            model, program = MODELS / f"adamoe.{form}.onnx", work / form
            subprocess.run(["moe-compile", model, "-o", program], check=True)
            for shape in SHAPES:
                inputs = work / "inputs.npz"
                np.savez(inputs, input_ids=random.integers(0, 256, shape))
                repeat = 20 if shape[0] * shape[1] <= 64 else 5
                ours, peer = [], []
                for _ in range(arguments.rounds):
                    threads = arguments.threads
                    ours.append(time_ours(program, inputs, threads, repeat, work))
                    peer.append(time_peer(model, inputs, threads, repeat))
                left, right = statistics.median(ours), statistics.median(peer)
                lines.append(
                    f"| adamoe.{form} | {list(shape)} | {left:.2f} | {right:.2f} "
                    f"| {right / left:.2f} |"
                )
                print(lines[-1], flush=True)
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
