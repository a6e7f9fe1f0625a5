# RUN: %model_python -W error %s
"""Experts that need not run by what their weights or the router's bias are: the
layer's line says so, no work is done for them, and outputs stay NumPy's."""

import json
import subprocess
import unittest

import numpy as np

from Inputs.graph import Graph
from Inputs.layers import Layer
from Inputs.running import FolderTest, compile_model


class ByValueTest(FolderTest):
    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(21)

    def check(self, layer, phrase, ids_of):
        """The layer's line has `phrase`; only rows of `ids_of(ids)` run."""
        g = Graph()
        columns = layer.router.columns
        names = g.input("x", ["T", 8]), g.input("scores", ["T", columns])
        g.output(layer.build(g, *names), "y", ["T", 8])
        g.save(self.folder / "m.onnx")
        program = self.folder / "m"
        said = compile_model(self.folder / "m.onnx", program, "--instrument-load")
        self.assertIn(phrase + " cost nothing", said)
        x = self.random.standard_normal((64, 8)).astype(np.float32)
        scores = self.random.standard_normal((64, columns)).astype(np.float32)
        np.savez(self.folder / "inputs.npz", x=x, scores=scores)
        subprocess.run(
            [program, "--inputs", self.folder / "inputs.npz"]
            + ["--output-dir", self.folder, "--report", self.folder / "r.json"],
            check=True,
            capture_output=True,
        )
        y = np.load(self.folder / "y.npy")
        expected, clear = layer.reference(x, scores)
        self.assertTrue(clear.all())
        largest = np.abs(expected).max()
        self.assertLessEqual(np.abs(y - expected).max(), 1e-5 * largest)
        (said,) = json.loads((self.folder / "r.json").read_text())["moe_layers"]
        ids, _, _ = layer.router.reference(scores)
        cost = sum(2 * m.shape[1] * m.shape[2] for m in layer.experts.matrices)
        runs = sum(len(ids_of(row)) for row in ids)
        self.assertEqual(said["expert_flops"], runs * cost)

    def test_zero_experts(self):
        """The last matrix of an expert is zero: so is all that it adds."""
        for form in ("loop", "gather"):
            layer = Layer.make(form, "mixtral", "swiglu", "none", self.random)
            layer.experts.matrices[2][1] = 0
            with self.subTest(form=form):
                self.check(layer, "1 all-zero expert", lambda ids: set(ids) - {1})

    def test_duplicate_experts(self):
        """Two equal experts run once for a token that takes both."""
        for form in ("scatter", "gather", "dense"):
            layer = Layer.make(form, "mixtral", "swiglu", "none", self.random)
            for matrix in layer.experts.matrices:
                matrix[3] = matrix[0]
            with self.subTest(form=form):
                self.check(
                    layer,
                    "1 duplicate expert",
                    lambda ids: {0 if e == 3 else e for e in ids},
                )

    def test_unreachable_experts(self):
        """Scores of sigmoid lie in [0, 1]: a bias of -2 keeps a column out."""
        layer = Layer.make("loop", "sigmoid_bias", "relu", "none", self.random)
        layer.router.bias[:] = [0.1, -2.0, 0.2, 0.0]
        self.check(layer, "1 never selected expert", set)


if __name__ == "__main__":
    unittest.main()
