# RUN: %python -W error %s
"""A loop of millions of iterations does not fill the stack, optimised or not."""

import pathlib
import subprocess
import tempfile

import numpy as np
import onnx
from onnx import parser

MODEL = """<ir_version: 10, opset_import: ["" : 20]>
long (int64 n, float[N] x) => (float[N] y) {
  y = Loop (n, "", x) <
    body = step (int64 i, bool go, float[N] a) => (bool go_on, float[N] b) {
      go_on = Identity (go)
      one = Constant <value = float[1] {1.0}> ()
      b = Add (a, one)
    }
  >
}"""
ITERATIONS = 3_000_000


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        onnx.save(parser.parse_model(MODEL), folder / "m.onnx")
        x = np.arange(3, dtype=np.float32)
        np.savez(folder / "in.npz", n=np.int64(ITERATIONS), x=x)
        for level in (0, 3):
            program = folder / f"m{level}"
            subprocess.run(
                ["moe-compile", folder / "m.onnx", f"-O{level}", "-o", program],
                check=True,
            )
            subprocess.run(
                [program, "--inputs", folder / "in.npz", "--output-dir", folder],
                check=True,
            )
            # Exact in f32 up to 2^24.
            np.testing.assert_array_equal(np.load(folder / "y.npy"), x + ITERATIONS)


if __name__ == "__main__":
    main()
