"""Compiles the trained AdaMoE language model, runs it and judges the result.

Usage: demo.py --compiler BIN/moe-compile [--form loop|batched] [--repeat N]

Prints the largest difference to PyTorch's logits, the bits per byte of both, and
the time of one run beside ONNX Runtime's on the same file. Exits with 1 when the
difference exceeds 1e-4 or the bits per byte differ by more than 1e-4.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime

HERE = pathlib.Path(__file__).resolve().parent
TOLERANCE = 1e-4


def bits_per_byte(logits: np.ndarray, ids: np.ndarray) -> float:
    """Mean cost in bits of each next byte: logits [B,S,256], ids [B,S]."""
    scores = logits[:, :-1].astype(np.float64)
    scores -= scores.max(axis=-1, keepdims=True)
    log_prob = scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    chosen = np.take_along_axis(log_prob, ids[:, 1:, None], axis=-1)
    return float(-chosen.mean() / np.log(2))


def shared_libraries(program: pathlib.Path) -> list[str]:
    """What `ldd` shows, without addresses."""
    lines = subprocess.run(
        ["ldd", program], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [line.split()[0] for line in lines]


def run_onnxruntime(model: pathlib.Path, ids: np.ndarray, threads: int, repeat: int):
    """Outputs and the median time in ms of one run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        str(model), options, providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(None, {"input_ids": ids})
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        session.run(None, {"input_ids": ids})
        times.append(1e3 * (time.perf_counter() - start))
    return logits, statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compiler", required=True, type=pathlib.Path)
    parser.add_argument("--form", choices=["loop", "batched"], default="loop")
    parser.add_argument("--repeat", type=int, default=20)
    arguments = parser.parse_args()

    model = HERE / f"adamoe.{arguments.form}.onnx"
    stored = np.load(HERE / "adamoe.io.npz")
    ids = stored["input_ids"]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        program = work / "adamoe"
        start = time.perf_counter()
        subprocess.run([arguments.compiler, model, "-o", program], check=True)
        print(f"compiled {model.name} in {time.perf_counter() - start:.1f} s")
        print("needs " + ", ".join(shared_libraries(program)))
        np.savez(work / "inputs.npz", input_ids=ids)
        subprocess.run(
            [program, "--inputs", work / "inputs.npz", "--output-dir", work]
            + ["--threads", "1", "--warmup", "2", "--repeat", str(arguments.repeat)]
            + ["--report", work / "report.json"],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        logits = np.load(work / "logits.npy")
        report = json.loads((work / "report.json").read_text())

    reference, reference_ms = run_onnxruntime(model, ids, 1, arguments.repeat)
    difference = float(np.abs(logits - stored["logits"]).max())
    ours = bits_per_byte(logits, ids)
    theirs = bits_per_byte(reference, ids)
    print(f"largest difference to PyTorch   {difference:.2e}")
    print(f"bits per byte                   {ours:.4f}")
    print(f"bits per byte, ONNX Runtime     {theirs:.4f}")
    print(f"one run of {list(ids.shape)}, 1 thread")
    print(f"  this program                  {report['time_ms']['median']:.2f} ms")
    print(f"  ONNX Runtime                  {reference_ms:.2f} ms")
    good = difference <= TOLERANCE and abs(ours - theirs) <= TOLERANCE
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
