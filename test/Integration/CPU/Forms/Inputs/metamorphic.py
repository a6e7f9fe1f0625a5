"""Counts raised layers of models before and after rewrites that change nothing."""

import sys
import tempfile
import unittest

import numpy as np
import onnx

from Inputs import spellings
from Inputs.graph import Graph
from Inputs.layers import Layer
from Inputs.models import count_layers, find_models
from Inputs.rewrites import rewrite
from Inputs.running import FolderTest, compile_model, open_reference, run_reference

HIDDEN = 8
LAYERS = [
    ("loop", "mixtral", "swiglu", "none"),
    ("loop", "adamoe", "relu", "copy"),
    ("scatter", "topk_softmax", "halves", "none"),
    ("scatter", "sigmoid_bias", "swiglu", "zero"),
    ("dense", "softmax_topk", "interleaved", "none"),
    ("dense", "adamoe", "swiglu", "zero"),
    ("gather", "groups", "swiglu", "none"),
    ("gather", "adamoe", "halves", "zero"),
    ("bmm", "topk_softmax", "interleaved", "none"),
    ("bmm", "sigmoid_bias", "swiglu", "none"),
    ("sorted", "mixtral", "halves", "none"),
    ("sorted", "sigmoid_bias", "relu", "none"),
    ("loop", "adamoe", "halves", "constant"),
    ("dense", "mixtral", "relu", "constant"),
    ("gather", "sigmoid_bias", "swiglu", "copy"),
    ("bmm", "mixtral", "halves", "zero"),
]


def build_layers():
    """One model of a sample of layers.py."""
    random = np.random.default_rng(3)
    g = Graph()
    x = g.input("x", ["T", HIDDEN])
    for i, choice in enumerate(LAYERS):
        layer = Layer.make(*choice, random)
        scores = g.input(f"scores{i}", ["T", layer.router.columns])
        first = len(g.nodes)
        g.output(layer.build(g, x, scores), f"y{i}", ["T", HIDDEN])
        for node in g.nodes[first:]:
            node.name = f"/layer{i}/{node.output[0]}"
    return load(g)


def load(g):
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
        g.save(file.name)
        return onnx.load(file.name)


def run_model(proto, feeds):
    return run_reference(open_reference(proto.SerializeToString()), feeds)


class MetamorphicTest(FolderTest):
    """GROUPS holds lists of rewrites that are done one after the other."""

    GROUPS: tuple = ()
    root = ""

    def count(self, proto):
        """How many layers are raised and proven, and what is said of all."""
        onnx.save(proto, self.folder / "m.onnx")
        text = self.folder / "m.mlir"
        said = compile_model(self.folder / "m.onnx", text, "--emit=moe-opt")
        self.assertNotIn("undone", said)
        return text.read_text().count(" = moe.experts "), said

    def check(self, name, proto, expected):
        """Each group of rewrites keeps the count."""
        for seed, group in enumerate(self.GROUPS):
            names = "+".join(r.__name__ for r in group)
            with self.subTest(model=name, rewrites=names):
                raised, said = self.count(rewrite(proto, group, seed))
                self.assertEqual(raised, expected, said)

    def test_models(self):
        models = find_models(self.root)
        self.assertEqual(len(models), 21)
        for name, path in models.items():
            self.check(name, onnx.load(path), count_layers(name))

    def test_layers(self):
        self.check("layers", build_layers(), len(LAYERS))

    def test_spellings(self):
        for rank in (2, 3):
            forms = spellings.forms_of_rank(rank)
            self.check(f"rank {rank}", load(spellings.build_model(forms)), len(forms))

    def test_values(self):
        """The rewrites themselves change nothing, says ONNX Runtime."""
        for name in ("mixtral.block.eager-ts", "gpt_oss.block.batched_mm"):
            path = find_models(self.root)[name]
            proto = onnx.load(path)
            (feed,) = (i.name for i in proto.graph.input)
            for array in np.load(path.parent / "inputs.npz").values():
                expected = run_model(proto, {feed: array})
                for seed, group in enumerate(self.GROUPS):
                    got = run_model(rewrite(proto, group, seed), {feed: array})
                    for name in expected:
                        np.testing.assert_allclose(
                            got[name], expected[name], rtol=1e-4, atol=1e-5
                        )


def main():
    MetamorphicTest.root = sys.argv.pop()
    unittest.main("__main__")
