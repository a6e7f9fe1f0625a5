"""Compiles a byte-level language model and compares its logits with PyTorch's.

Usage: check_language_model.py MOE_COMPILE MODEL.onnx IO.npz WORK_DIR

Besides the stored ids it runs an empty batch, an empty sequence and one token,
where only the shape and finite values are known.
"""

import pathlib
import subprocess
import sys

import numpy as np

TOLERANCE = 1e-4


def run(program: pathlib.Path, work: pathlib.Path, ids: np.ndarray) -> np.ndarray:
    np.savez(work / "inputs.npz", input_ids=ids)
    subprocess.run(
        [program, "--inputs", work / "inputs.npz", "--output-dir", work],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return np.load(work / "logits.npy")


def main() -> int:
    compiler, model, io, work = sys.argv[1:]
    work = pathlib.Path(work)
    work.mkdir(parents=True, exist_ok=True)
    program = work / "program"
    subprocess.run([compiler, model, "-o", program], check=True)

    stored = np.load(io)
    logits = run(program, work, stored["input_ids"])
    error = float(np.abs(logits - stored["logits"]).max())
    print(f"largest difference to PyTorch: {error:.2e}")
    good = error <= TOLERANCE
    for shape in [(0, 5), (2, 0), (1, 1)]:
        result = run(program, work, np.zeros(shape, np.int64))
        good &= result.shape == (*shape, logits.shape[-1])
        good &= bool(np.isfinite(result).all())
    # A row alone gives what it gives in a batch.
    alone = run(program, work, stored["input_ids"][:1])
    good &= float(np.abs(alone - logits[:1]).max()) <= TOLERANCE
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
