# RUN: %model_python -W error %s
# UNSUPPORTED: asan
"""com.microsoft::MoE against ONNX Runtime's CPU provider, and against NumPy in
float64 where that has no kernel or a wrong one.

Each case is computed twice: raised, and in a branch of an If, which is not
raised and takes the reference lowering."""

import dataclasses
import itertools
import re
import unittest

import moe_mlir
import numpy as np
import onnx
from Inputs.running import (
    FolderTest,
    compile_model,
    difference,
    open_reference,
    run_reference,
)
from onnx import TensorProto, helper, numpy_helper

E, H, I = 4, 8, 6
TOKENS = (0, 1, 2, 7, 33)
FAMILIES = (
    "normal",
    "ties",
    "all equal",
    "all to one",
    "one empty",
    "-inf",
    "one sure",
)
NAMES = ("w1", "b1", "w2", "b2", "w3", "b3")


@dataclasses.dataclass
class Case:
    k: int = 1
    activation_type: str = "relu"
    normalize_routing_weights: int = 0
    use_sparse_mixer: int = 0
    swiglu_fusion: int = 0
    activation_alpha: float = 1.0
    activation_beta: float = 0.0
    swiglu_limit: float | None = None
    biases: str = "b1 b2"
    has_fc3: bool = False
    #: Rows as [B, S, H].
    is_batched: bool = False

    def attributes(self):
        fields = dataclasses.asdict(self)
        for other in ("biases", "has_fc3", "is_batched"):
            del fields[other]
        return {name: value for name, value in fields.items() if value is not None}

    def weights(self, random):
        width = 2 * I if self.swiglu_fusion else I
        shapes = [(E, width, H), (E, width), (E, H, I), (E, H), (E, I, H), (E, I)]
        names = {"w1", "w2", *self.biases.split()}
        names |= {"w3"} if self.has_fc3 else set()
        for name, shape in zip(NAMES, shapes):
            if name in names:
                yield name, random.uniform(-0.6, 0.6, shape)


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def swiglu(case, gate, linear):
    limit = np.inf if case.swiglu_limit is None else case.swiglu_limit
    gate, linear = np.minimum(gate, limit), np.clip(linear, -limit, limit)
    silu = gate * sigmoid(case.activation_alpha * gate)
    return silu * (linear + case.activation_beta)


def gelu(v):
    return v / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (v + 0.044715 * v**3)))


ACTIVATIONS = {
    "relu": lambda v: np.maximum(v, 0),
    "gelu": gelu,
    "silu": lambda v: v * sigmoid(v),
    "identity": lambda v: v,
}


def softmax(z):
    e = np.exp(z - z.max())
    return e / e.sum()


def route(case, z):
    """Ids and weights of one row of logits."""
    if case.use_sparse_mixer:
        left = z.copy()
        for _ in range(2):
            best = int(np.argmax(left))
            with np.errstate(invalid="ignore", divide="ignore"):
                far = (left[best] - z) / np.maximum(np.abs(z), left[best]) > 0.02
            yield best, softmax(np.where(far, -np.inf, left))[best]
            left[best] = -np.inf
        return
    p = softmax(z)
    ids = sorted(range(E), key=lambda e: (-p[e], -e))[: case.k]
    total = p[ids].sum() if case.normalize_routing_weights else 1
    yield from ((e, p[e] / total) for e in ids)


def compute_expert(case, w, e, x):
    """One expert on one row."""

    def linear(v, matrix, bias):
        return w[matrix][e] @ v + (w[bias][e] if bias in w else 0)

    h = linear(x, "w1", "b1")
    h3 = linear(x, "w3", "b3") if "w3" in w else 1
    if case.activation_type != "swiglu":
        h = ACTIVATIONS[case.activation_type](h) * h3
    elif case.swiglu_fusion == 1:
        h = swiglu(case, h[0::2], h[1::2])
    elif case.swiglu_fusion == 2:
        h = swiglu(case, h[:I], h[I:])
    else:
        h = swiglu(case, h, h3)
    return linear(h, "w2", "b2")


def compute(case, w, x, logits):
    """The layer in float64, row by row."""
    w = {name: value.astype(np.float64) for name, value in w.items()}
    rows = x.astype(np.float64).reshape(-1, H)
    y = np.zeros_like(rows)
    for t, z in enumerate(logits.astype(np.float64)):
        for e, weight in route(case, z):
            y[t] += weight * compute_expert(case, w, e, rows[t])
    return y.reshape(x.shape)


class Model:
    """Cases as one graph: y<i> raised, r<i> in a branch."""

    def __init__(self, cases, dtype=np.float32, fields=("y", "r"), scored="T"):
        self.cases, self.dtype = cases, np.dtype(dtype)
        random = np.random.default_rng(1)
        self.weights = [
            {n: v.astype(dtype) for n, v in case.weights(random)} for case in cases
        ]
        self.element = helper.np_dtype_to_tensor_dtype(self.dtype)
        info = helper.make_tensor_value_info
        self.inputs = [
            info("c", TensorProto.BOOL, []),
            info("x", self.element, ["T", H]),
            info("x3", self.element, ["B", "S", H]),
            # The same again for branches: equal nodes would become one.
            info("u", self.element, ["T", H]),
            info("u3", self.element, ["B", "S", H]),
        ]
        self.nodes, self.outputs, self.initializers = [], [], []
        for i, case in enumerate(cases):
            x, u = ("x3", "u3") if case.is_batched else ("x", "u")
            self.inputs.append(info(f"z{i}", self.element, [scored, E]))
            operands = [x, f"z{i}"]
            for name in NAMES:
                value = self.weights[i].get(name)
                operands.append("" if value is None else f"{name}_{i}")
                if value is not None:
                    self.initializers.append(
                        numpy_helper.from_array(value, f"{name}_{i}")
                    )
            dims = ["B", "S", H] if case.is_batched else ["T", H]
            self.nodes.append(self.node(case, i, operands, f"y{i}"))
            then = helper.make_graph(
                [self.node(case, i, [u, *operands[1:]], f"t{i}")],
                "then",
                [],
                [info(f"t{i}", self.element, dims)],
            )
            other = helper.make_graph(
                [helper.make_node("Identity", [u], [f"e{i}"])],
                "else",
                [],
                [info(f"e{i}", self.element, dims)],
            )
            self.nodes.append(
                helper.make_node(
                    "If", ["c"], [f"r{i}"], then_branch=then, else_branch=other
                )
            )
            self.outputs += [info(f"{f}{i}", self.element, dims) for f in fields]

    @staticmethod
    def node(case, i, operands, result):
        return helper.make_node(
            "MoE",
            operands,
            [result],
            # y<i>: the layer case<i>, in a branch t<i>: branch<i>.
            f"/{'case' if result[0] == 'y' else 'branch'}{i}/{result}",
            domain="com.microsoft",
            **case.attributes(),
        )

    def save(self, path):
        graph = helper.make_graph(
            self.nodes, "g", self.inputs, self.outputs, self.initializers
        )
        opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
        onnx.save(
            helper.make_model(graph, opset_imports=opsets, ir_version=10), str(path)
        )

    def feeds(self, tokens, family, random):
        batch = next(b for b in (3, 7, 2, 1) if tokens % b == 0)
        feeds = {
            "x": random.standard_normal((tokens, H)),
            "x3": random.standard_normal((batch, tokens // batch, H)),
        }
        for i in range(len(self.cases)):
            # Steps of 1/64: no selection hangs on rounding.
            z = np.round(random.standard_normal((tokens, E)) * 64) / 64
            if family == "ties":
                z = np.round(z)
            if family == "all equal":
                z[:] = 0
            if family == "all to one":
                z[:, 1] += 20
            if family == "one empty":
                z[:, 2] -= 20
            if family == "-inf":
                z[::2, 0] = -np.inf
            if family == "one sure":
                z[:, 2] += 500
            feeds[f"z{i}"] = z
        feeds = {name: value.astype(self.dtype) for name, value in feeds.items()}
        same = {"c": np.array(True), "u": feeds["x"], "u3": feeds["x3"]}
        return feeds | same


def list_cases():
    """What the CPU provider computes."""
    biases = itertools.cycle(["b1 b2", "", "b1", "b2"])
    for activation, norm, k in itertools.product(
        ["relu", "gelu", "silu", "identity", "swiglu"], (0, 1), (1, 2, 4)
    ):
        yield Case(
            k,
            activation,
            norm,
            swiglu_fusion=int(activation == "swiglu"),
            biases=next(biases),
        )
    fused = {"k": 2, "activation_type": "swiglu", "swiglu_fusion": 1}
    yield Case(activation_alpha=1.702, activation_beta=1.0, swiglu_limit=7.0, **fused)
    yield Case(activation_alpha=1.702, activation_beta=1.0, swiglu_limit=0.3, **fused)
    yield Case(activation_alpha=0.5, biases="", **fused)
    yield Case(swiglu_limit=0.0, activation_beta=-0.5, **fused)
    yield Case(2, is_batched=True)
    yield Case(is_batched=True, normalize_routing_weights=1, **(fused | {"k": 3}))
    # Means nothing without swiglu.
    yield Case(2, "silu", activation_alpha=2.0, activation_beta=1.0, swiglu_limit=0.1)
    yield Case(2, "relu", swiglu_fusion=0, biases="b2", is_batched=True)


# What it does not.
WITHOUT_KERNEL = [
    Case(2, "silu", has_fc3=True),
    Case(2, "relu", 1, has_fc3=True, biases="b1 b2 b3"),
    Case(2, "swiglu", has_fc3=True, biases="b3", swiglu_limit=0.5),
    Case(2, "swiglu", 1, swiglu_fusion=2, activation_alpha=1.702, activation_beta=1.0),
    Case(2, "silu", use_sparse_mixer=1),
]


class MicrosoftMoETest(FolderTest):
    def setUp(self):
        super().setUp()
        self.libraries = 0

    def compile(self, model):
        model.save(self.folder / "m.onnx")
        # A name of its own: one that is open would be found again.
        self.libraries += 1
        library = self.folder / f"m{self.libraries}.so"
        self.said = compile_model(self.folder / "m.onnx", library)
        return self.enterContext(moe_mlir.load(library))

    def check_proven(self, count):
        """One line per case, and one per branch."""
        for i in range(count):
            self.assertIn(f"branch{i}: not raised: ", self.said)
            self.assertRegex(
                self.said, rf"(?m)^case{i}\b.* 4 experts, .* is proven: ", self.said
            )
        self.assertEqual(len(re.findall("is proven: ", self.said)), count)
        self.assertNotIn("undone", self.said)

    def check(self, model, compiled, expect, tolerance):
        """Both results of all cases equal those of `expect`."""
        random = np.random.default_rng(2)
        for tokens, family in itertools.product(TOKENS, FAMILIES):
            feeds = model.feeds(tokens, family, random)
            got, expected = compiled.run(feeds), expect(feeds)
            for i, case in enumerate(model.cases):
                for name in (f"y{i}", f"r{i}"):
                    with self.subTest(case=case, T=tokens, scores=family, of=name):
                        error = difference(got[name], expected[name])
                        self.assertLessEqual(error, tolerance)

    def expect_by_numpy(self, model):
        def expect(feeds):
            results = {}
            for i, (case, w) in enumerate(zip(model.cases, model.weights)):
                x = feeds["x3" if case.is_batched else "x"]
                results[f"y{i}"] = results[f"r{i}"] = compute(
                    case, w, x, feeds[f"z{i}"]
                )
            return results

        return expect

    def test_as_onnxruntime(self):
        model = Model(list(list_cases()))
        compiled = self.compile(model)
        self.check_proven(len(model.cases))
        reference = open_reference(self.folder / "m.onnx")
        self.check(model, compiled, lambda f: run_reference(reference, f), 1e-5)
        self.check(model, compiled, self.expect_by_numpy(model), 1e-5)

    def test_without_kernel(self):
        model = Model(WITHOUT_KERNEL)
        compiled = self.compile(model)
        self.check_proven(len(model.cases))
        self.assertEqual(self.said.count("provider-dependent node"), 2, self.said)
        self.check(model, compiled, self.expect_by_numpy(model), 1e-5)

    def test_half(self):
        """The CPU provider is wrong on f16 without normalisation."""
        every = [Case(2, *c) for c in itertools.product(ACTIVATIONS, (0, 1))]
        every.append(Case(2, "swiglu", 1, swiglu_fusion=1, swiglu_limit=1.0))
        right = [case for case in every if case.normalize_routing_weights]
        for cases in (every, right):
            model = Model(cases, np.float16)
            compiled = self.compile(model)
            self.check_proven(len(cases))
            self.check(model, compiled, self.expect_by_numpy(model), 4e-3)
        reference = open_reference(self.folder / "m.onnx")
        self.check(model, compiled, lambda f: run_reference(reference, f), 4e-3)

    def test_nan(self):
        """A row whose softmax is NaN is NaN, as no other one."""
        model = Model([Case(2), Case(2, normalize_routing_weights=1)])
        compiled = self.compile(model)
        feeds = model.feeds(7, "normal", np.random.default_rng(3))
        clean = compiled.run(feeds)
        for i in range(2):
            feeds[f"z{i}"][2, 1] = np.nan
            feeds[f"z{i}"][4] = -np.inf
        got = compiled.run(feeds)
        for name, value in got.items():
            self.assertTrue(np.isnan(value[[2, 4]]).all(), name)
            rest = [0, 1, 3, 5, 6]
            np.testing.assert_array_equal(value[rest], clean[name][rest])

    def test_rows_differ(self):
        """Rows and logits of different numbers of tokens end the run."""
        for result, is_batched in itertools.product("yr", (False, True)):
            case = Case(2, is_batched=is_batched)
            compiled = self.compile(Model([case], fields=result, scored="Z"))
            x = np.zeros((6, H), np.float32)
            feeds = {"c": np.array(True), "x": x, "u": x}
            feeds |= {n: x.reshape(2, 3, H) for n in ("x3", "u3")}
            what = "number of elements" if result == "y" else "a row for each token"
            for rows in (0, 5, 7):
                feeds["z0"] = np.zeros((rows, E), np.float32)
                with self.subTest(result, batched=is_batched, rows=rows):
                    with self.assertRaisesRegex(moe_mlir.Error, what):
                        compiled.run(feeds)
            feeds["z0"] = np.zeros((6, E), np.float32)
            self.assertEqual(compiled.run(feeds)[f"{result}0"].size, 6 * H)


if __name__ == "__main__":
    unittest.main()
