# RUN: %model_python -W error %s
"""MoE layers in many spellings, routers, experts and null kinds: raised, and equal
to NumPy on adversarial scores."""

import itertools
import unittest

import numpy as np

import moe_mlir
from Inputs.graph import Graph
from Inputs.layers import Layer
from Inputs.running import FolderTest, compile_model

FORMS = ["loop", "scatter", "dense", "gather", "bmm", "sorted"]
ROUTERS = ["softmax_topk", "mixtral", "topk_softmax", "sigmoid_bias", "adamoe", "groups"]
EXPERTS = ["relu", "swiglu", "halves", "interleaved"]
NULLS = ["none", "zero", "copy", "constant"]
TOKENS = [0, 1, 2, 7, 33]
HIDDEN = 8


def exists(form, router, null):
    """Combinations that no exporter writes are left out."""
    if form == "sorted" and null != "none":
        return False
    if router == "adamoe" and null == "none":
        return False
    return True


def combinations():
    """Each pair of choices occurs; 120 of the product."""
    product = [
        (f, r, e, n)
        for f, r, e, n in itertools.product(FORMS, ROUTERS, EXPERTS, NULLS)
        if exists(f, r, n)
    ]
    step = len(product) / 120
    return [product[int(i * step)] for i in range(120)]


def adversarial_scores(tokens, columns, true, random):
    """Score matrices by name."""
    normal = random.standard_normal((tokens, columns)).astype(np.float32)
    one = normal.copy()
    one[:, 1] += 20
    empty = normal.copy()
    empty[:, 2] -= 20
    minus = normal.copy()
    minus[::2, 0] = -np.inf
    special = normal.copy()
    special[1::3] = np.nan
    special[2::3] = -np.inf
    scores = {
        "normal": normal,
        "ties": np.round(normal).astype(np.float32),
        "all equal": np.zeros_like(normal),
        "all to one": one,
        "one empty": empty,
        "-inf": minus,
        "nan": special,
    }
    if columns > true:
        null = normal.copy()
        null[:, true:] += 20
        scores["all null"] = null
    return scores


class FormsTest(FolderTest):
    def compile(self, layers):
        """One model of all layers; what moe-compile says of them."""
        g = Graph()
        x = g.input("x", ["T", HIDDEN])
        for i, layer in enumerate(layers):
            columns = layer.router.columns
            scores = g.input(f"scores{i}", ["T", columns])
            g.output(layer.build(g, x, scores), f"y{i}", ["T", HIDDEN])
        g.save(self.folder / "m.onnx")
        library = self.folder / "m.so"
        return library, compile_model(self.folder / "m.onnx", library, "--emit=lib")

    def check(self, model, layers, random):
        for tokens in TOKENS:
            x = random.standard_normal((tokens, HIDDEN)).astype(np.float32)
            families = [
                adversarial_scores(tokens, l.router.columns, l.router.true, random)
                for l in layers
            ]
            for family in sorted(set().union(*families)):
                scores = [f.get(family, f["normal"]) for f in families]
                inputs = {f"scores{i}": s for i, s in enumerate(scores)}
                outputs = model.run({"x": x, **inputs})
                for i, layer in enumerate(layers):
                    with self.subTest(layer=str(layer), T=tokens, scores=family):
                        self.compare(layer, x, scores[i], outputs[f"y{i}"])

    def compare(self, layer, x, scores, y):
        expected, clear = layer.reference(x, scores)
        self.assertEqual(y.shape, expected.shape)
        rows = clear & np.isfinite(expected).all(axis=-1)
        # Rows of NaN or of -inf alone have no selection to speak of.
        rows &= ~np.isnan(scores).any(axis=-1) & np.isfinite(scores).any(axis=-1)
        if not rows.any():
            return
        largest = np.abs(expected[rows]).max()
        difference = np.abs(y[rows] - expected[rows]).max()
        self.assertLessEqual(difference, 1e-5 * max(largest, 1e-6))

    def test_all(self):
        random = np.random.default_rng(11)
        chosen = combinations()
        self.assertGreaterEqual(len(set(chosen)), 100)
        missed = []
        for begin in range(0, len(chosen), 12):
            layers = [Layer.make(*c, random) for c in chosen[begin : begin + 12]]
            library, said = self.compile(layers)
            with moe_mlir.load(library) as model:
                self.check(model, layers, random)
            raised = said.count("is proven")
            if raised < len(layers):
                missed.append((raised, [str(l) for l in layers], said))
        for raised, names, said in missed:
            print(f"{raised} of {len(names)} raised: {names}\n{said}")
        self.assertEqual(missed, [])


if __name__ == "__main__":
    unittest.main()
