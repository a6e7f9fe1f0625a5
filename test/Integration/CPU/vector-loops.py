# RUN: %model_python -W error %s
"""Loops of vectors against plain loops, NumPy in float64, and themselves.

One program of elementwise chains, norms, softmaxes, sums, copies and transposes,
on dynamic shapes. What vector code of each target gives must be close to float64,
and equal to the plain loops (of a CPU without AVX2) where the order of additions
is free of choice. A row's bits must not depend on the other rows or on threads."""

import itertools
import tempfile
import unittest
from pathlib import Path

import moe_mlir
import numpy as np
from Inputs.moe_text import Program

F, I, B, V = "tensor<?x?xf32>", "tensor<?x?xi64>", "tensor<?x?xi1>", "tensor<?xf32>"


def chain(p):
    """Of unary and binary ops, with operands that repeat along rows or columns."""
    scaled = p.op("Mul", "%x", "%column", to=F)
    shifted = p.op("Add", scaled, "%row", to=F)
    return p.op("Sub", p.op("Sigmoid", shifted, to=F), "%x", to=F)


def norm(p):
    square = p.op("Mul", "%x", "%x", to=F)
    mean = p.op("ReduceMean", square, p.ints(-1), to="tensor<?x1xf32>", keepdims=1)
    epsilon = p.constant("1.0e-5", "tensor<f32>")
    shifted = p.op("Add", mean, epsilon, to="tensor<?x1xf32>")
    root = p.op("Sqrt", shifted, to="tensor<?x1xf32>")
    return p.op("Mul", p.op("Div", "%x", root, to=F), "%row", to=F)


def reduce(kind, axis, keep=0):
    shape = {None: "tensor<f32>"}.get(axis, V)

    def emit(p):
        axes = p.ints(0, 1) if axis is None else p.ints(axis)
        return p.op(kind, "%x", axes, to=shape, keepdims=keep)

    return emit


def transpose(p):
    return p.emit(f"onnx.Transpose %x {{perm = array<i64: 1, 0>}} : ({F}) -> {F}", F)


def unary(name):
    return lambda p: p.op(name, "%x", to=F)


def casts(p):
    half = p.op("Cast", "%x", to="tensor<?x?xf16>")
    brain = p.op("Cast", half, to="tensor<?x?xbf16>")
    return p.op("Cast", brain, to=F)


def compares(p):
    less = p.op("Less", "%x", "%row", to=B)
    return p.op("Where", less, "%x", "%column", to=F)


def divides(p):
    whole = p.op("Cast", p.op("Mul", "%x", "%x", to=F), to=I)
    one = p.constant("3", "tensor<i64>")
    return p.op("Div", one, p.op("Add", whole, one, to=I), to=I)


def grid(p):
    """An operand that repeats along a dim, which only a run knows."""
    less = p.op("Not", p.op("Less", "%x", "%grid", to=B), to=B)
    return p.op("Where", less, p.op("Add", "%x", "%grid", to=F), "%grid", to=F)


def softmax(axis):
    return lambda p: p.op("Softmax", "%x", to=F, axis=axis)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax64(x, axis):
    if x.size == 0:
        return x
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def erf(x):
    from math import erf

    return np.vectorize(erf, otypes=[float])(x) if x.size else x


# Name: how it is written, what it is in float64, whether plain loops give the same
# bits, whether a row depends on that row alone.
CASES = {
    "chain": (chain, lambda x, r, c, g: sigmoid(x * c + r) - x, False, True),
    "norm": (
        norm,
        lambda x, r, c, g: x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * r,
        False,
        True,
    ),
    "softmax": (softmax(-1), lambda x, r, c, g: softmax64(x, -1), False, True),
    "softmax of columns": (softmax(0), lambda x, r, c, g: softmax64(x, 0), False, False),
    "sum": (reduce("ReduceSum", -1), lambda x, r, c, g: x.sum(-1), False, True),
    "sum of columns": (reduce("ReduceSum", 0), lambda x, r, c, g: x.sum(0), True, False),
    "sum of all": (reduce("ReduceSum", None), lambda x, r, c, g: x.sum(), False, False),
    "max": (
        reduce("ReduceMax", -1),
        lambda x, r, c, g: x.max(-1, initial=-np.inf),
        True,
        True,
    ),
    "min of columns": (
        reduce("ReduceMin", 0),
        lambda x, r, c, g: x.min(0, initial=np.inf),
        True,
        False,
    ),
    "transpose": (transpose, lambda x, r, c, g: x.T, True, False),
    "exp": (unary("Exp"), lambda x, r, c, g: np.exp(x), False, True),
    "tanh": (unary("Tanh"), lambda x, r, c, g: np.tanh(x), False, True),
    "erf": (unary("Erf"), lambda x, r, c, g: erf(x), False, True),
    "sin": (unary("Sin"), lambda x, r, c, g: np.sin(x), False, True),
    "sqrt": (
        lambda p: p.op("Sqrt", p.op("Abs", "%x", to=F), to=F),
        lambda x, r, c, g: np.sqrt(abs(x)),
        True,
        True,
    ),
    "casts": (casts, None, True, True),
    "compares": (compares, lambda x, r, c, g: np.where(x < r, x, c), True, True),
    "grid": (grid, lambda x, r, c, g: np.where(~(x < g), x + g, g), True, True),
    "divides": (divides, None, True, True),
}

EXTENTS = (0, 1, 7, 17, 33, 130)


def same(a, b):
    """The same bits, but for those of NaN."""
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    return np.array_equal(a, b, equal_nan=True) and np.array_equal(
        np.signbit(a) | np.isnan(a), np.signbit(b) | np.isnan(b)
    )


class VectorLoops(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = Path(cls.folder.name)
        program = Program(x=F, row=V, column="tensor<?x1xf32>", grid=F)
        for emit, *_ in CASES.values():
            program.give(emit(program))
        (path / "m.mlir").write_text(str(program))
        cls.libraries = {}
        for cpu in ("x86-64-v2", "x86-64-v3", "native"):
            try:
                moe_mlir.compile(path / "m.mlir", path / f"{cpu}.so", target_cpu=cpu)
                moe_mlir.load(path / f"{cpu}.so")
            except moe_mlir.Error:
                continue  # not on this CPU
            cls.libraries[cpu] = path / f"{cpu}.so"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def run_all(self, cpu, inputs, threads=1):
        model = moe_mlir.load(self.libraries[cpu], threads=threads)
        return dict(zip(CASES, model.run(inputs).values()))

    @staticmethod
    def inputs(rows, columns, special=False):
        rng = np.random.default_rng(rows * 1000 + columns)
        x = rng.normal(size=(rows, columns)).astype(np.float32) * 3
        if special and x.size:
            x.flat[::5] = rng.choice(
                np.float32([0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e18]),
                x.flat[::5].shape,
            )
        return {
            "x": x,
            "row": rng.normal(size=columns).astype(np.float32),
            "column": rng.normal(size=(rows, 1)).astype(np.float32),
            "grid": rng.normal(
                size=((rows, columns), (1, columns), (rows, 1))[(rows + columns) % 3]
            ).astype(np.float32),
        }

    def test_float64(self):
        for cpu in self.libraries:
            for rows, columns in itertools.product(EXTENTS, EXTENTS):
                inputs = self.inputs(rows, columns)
                wide = [a.astype(np.float64) for a in inputs.values()]
                results = self.run_all(cpu, inputs)
                for name, (_, reference, _, _) in CASES.items():
                    if reference is None or (name == "norm" and columns == 0):
                        continue
                    with self.subTest(cpu=cpu, rows=rows, columns=columns, case=name):
                        np.testing.assert_allclose(
                            results[name], reference(*wide), rtol=2e-5, atol=2e-5
                        )

    def test_plain_loops(self):
        for cpu in self.libraries:
            for rows, columns in itertools.product(EXTENTS, EXTENTS):
                inputs = self.inputs(rows, columns, special=True)
                plain = self.run_all("x86-64-v2", inputs)
                results = self.run_all(cpu, inputs)
                for name, (_, _, exact, _) in CASES.items():
                    if name == "divides":
                        continue  # NaN and infinity are no integers
                    with self.subTest(cpu=cpu, rows=rows, columns=columns, case=name):
                        if exact:
                            self.assertTrue(same(plain[name], results[name]))
                        else:
                            np.testing.assert_allclose(
                                results[name], plain[name], rtol=2e-5, atol=2e-5
                            )

    def test_rows_alone(self):
        for cpu, columns in itertools.product(self.libraries, (1, 7, 17, 130, 1030)):
            inputs = self.inputs(33, columns, special=True)
            inputs["x"][::2] = self.inputs(17, columns)["x"]
            together = self.run_all(cpu, inputs)
            for row in (0, 5, 32):
                alone = self.run_all(
                    cpu,
                    {
                        "x": inputs["x"][row : row + 1],
                        "row": inputs["row"],
                        "column": inputs["column"][row : row + 1],
                        "grid": inputs["grid"][row : row + 1]
                        if len(inputs["grid"]) == 33
                        else inputs["grid"],
                    },
                )
                for name, (_, _, _, by_row) in CASES.items():
                    if by_row and name != "divides":
                        with self.subTest(cpu=cpu, columns=columns, case=name):
                            self.assertTrue(
                                same(together[name][row : row + 1], alone[name])
                            )

    def test_threads(self):
        for cpu in self.libraries:
            for rows, columns in ((700, 1030), (1, 700_003), (300_001, 2)):
                inputs = self.inputs(rows, columns)
                one = self.run_all(cpu, inputs)
                two = self.run_all(cpu, inputs, threads=2)
                for name in CASES:
                    with self.subTest(cpu=cpu, rows=rows, columns=columns, case=name):
                        self.assertTrue(same(one[name], two[name]))


if __name__ == "__main__":
    unittest.main()
