# RUN: %model_python -W error %s
"""A top-k that picks no experts: nothing is said of it."""

import pathlib
import subprocess
import tempfile
import unittest

import numpy as np
from onnx import TensorProto

from Inputs.graph import Graph

HIDDEN, VOCABULARY = 8, 32


class DenseModel:
    """A dense layer and its logits; a method per use of a top-k."""

    def __init__(self):
        self.g = Graph()
        self.random = np.random.default_rng(2)
        self.x = self.g.input("x", ["T", HIDDEN])

    def weight(self, *shape):
        return self.g.weight(self.random.standard_normal(shape).astype(np.float32))

    def project(self, rows, inner, outer):
        return self.g.op("MatMul", rows, self.weight(inner, outer))

    def layer(self, rows):
        g = self.g
        hidden = g.op("Sigmoid", self.project(rows, HIDDEN, 12))
        gated = g.op("Mul", hidden, self.project(rows, HIDDEN, 12))
        return g.op("Add", rows, self.project(gated, 12, HIDDEN))

    def top(self, scores, k):
        return self.g.op("TopK", scores, self.g.const([k]), outputs=2)

    def logits(self, rows):
        return self.project(rows, HIDDEN, VOCABULARY)

    def sampling(self):
        """The k best tokens, renormalised, and the best of them."""
        g = self.g
        values, ids = self.top(self.logits(self.layer(self.x)), 5)
        p = g.op("Softmax", values, axis=-1)
        best = g.op("ArgMax", p, axis=-1, keepdims=1)
        return g.op("Cast", g.op("GatherElements", ids, best, axis=1), to=1)

    def filtered_logits(self):
        """Logits below the k-th are -inf."""
        g = self.g
        logits = self.logits(self.layer(self.x))
        values, _ = self.top(logits, 5)
        last = g.op("Slice", values, g.const([4]), g.const([5]), g.const([1]))
        keep = g.op("Less", logits, last)
        kept = g.op("Where", keep, g.floats(-np.inf), logits)
        return g.op("Softmax", kept, axis=-1)

    def scattered_logits(self):
        g = self.g
        logits = self.logits(self.layer(self.x))
        values, ids = self.top(logits, 5)
        none = g.op("Expand", g.floats(-1e9), g.op("Shape", logits))
        kept = g.op("ScatterElements", none, ids, values, axis=1)
        return g.op("Softmax", g.op("Mul", kept, g.floats(0.7)), axis=-1)

    def drafted_tokens(self):
        """The best tokens' embeddings go through another model."""
        g = self.g
        _, ids = self.top(self.logits(self.layer(self.x)), 2)
        rows = g.op("Gather", self.weight(VOCABULARY, HIDDEN), ids, axis=0)
        rows = g.op("Reshape", rows, g.const([-1, HIDDEN]))
        return self.logits(self.layer(self.layer(rows)))

    def mixed_embeddings(self):
        """The best tokens' embeddings, weighted by their probabilities."""
        g = self.g
        values, ids = self.top(self.logits(self.layer(self.x)), 3)
        rows = g.op("Gather", self.weight(VOCABULARY, HIDDEN), ids, axis=0)
        p = g.op("Unsqueeze", g.op("Softmax", values, axis=-1), g.const([-1]))
        rows = g.op("ReduceSum", g.op("Mul", rows, p), g.const([1]), keepdims=0)
        return self.logits(self.layer(rows))

    def winning_units(self):
        """Of a hidden layer only the greatest units stay."""
        g = self.g
        hidden = self.project(self.x, HIDDEN, 12)
        values, ids = self.top(hidden, 4)
        none = g.op("Expand", g.floats(0.0), g.op("Shape", hidden))
        kept = g.op("ScatterElements", none, ids, values, axis=1)
        return self.layer(self.project(g.op("Mul", kept, hidden), 12, HIDDEN))

    def beams(self):
        """Rows of the beams that go on."""
        g = self.g
        _, ids = self.top(self.logits(self.layer(self.x)), 2)
        beam = g.op("Reshape", g.op("Div", ids, g.const(VOCABULARY)), g.const([-1]))
        rows = g.op("Gather", self.x, beam, axis=0)
        return self.logits(self.layer(rows))


class NotMoETest(unittest.TestCase):
    def test_nothing_is_said(self):
        uses = [n for n in vars(DenseModel) if n not in vars(object)]
        parts = ("weight", "project", "layer", "top", "logits")
        uses = [n for n in uses if n not in parts and not n.startswith("_")]
        self.assertEqual(len(uses), 7)
        for use in uses:
            with self.subTest(use=use), tempfile.TemporaryDirectory() as folder:
                model = DenseModel()
                y = getattr(model, use)()
                model.g.output(y, "y", ["R", None], TensorProto.FLOAT)
                path = pathlib.Path(folder) / "m.onnx"
                model.g.save(path)
                finished = subprocess.run(
                    ["moe-compile", path, "--emit=moe-opt", "-o", "/dev/null"],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                self.assertEqual(finished.returncode, 0, finished.stderr)
                self.assertNotIn("raised", finished.stderr)


if __name__ == "__main__":
    unittest.main()
